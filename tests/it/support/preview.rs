//! `preview --serve`, running in a sandbox.

use serde_json::Value;

use super::http::{self, Answer, Events};
use super::sandbox::{Run, Running, Sandbox};

/// The running command, and where its page is.
pub struct Preview {
    running: Option<Running>,
    pub port: u16,
    /// `/TOKEN/`.
    pub path: String,
    /// The printed URL.
    pub url: String,
}

impl Preview {
    /// Starts the command with these arguments and waits for its URL.
    pub fn start(club: &Sandbox, arguments: &str) -> Self {
        let mut running = club.start(&format!("preview --serve {arguments}"));
        let url = running.line();
        let Some((port, path)) = url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split_once('/'))
        else {
            panic!("no address: {url:?}\n{}", running.wait().stderr());
        };
        let path = format!("/{}", path.split('#').next().unwrap());
        Self { port: port.parse().unwrap(), path, url: url.clone(), running: Some(running) }
    }

    pub fn get(&self, file: &str) -> Answer {
        http::get(self.port, &format!("{}{file}", self.path))
    }

    pub fn json(&self, file: &str) -> Value {
        let answer = self.get(file);
        assert_eq!(answer.code, 200, "{file}: {}", answer.body);
        answer.json()
    }

    pub fn events(&self) -> Events {
        Events::follow(self.port, &format!("{}events", self.path))
    }

    /// Ends the command with a signal.
    pub fn end(mut self, signal: &str) -> Run {
        let running = self.running.take().unwrap();
        running.signal(signal);
        running.wait()
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal("KILL");
            drop(running.wait());
        }
    }
}
