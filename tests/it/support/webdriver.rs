//! Debian's Chromium, driven through the `WebDriver` protocol.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http;

/// A browser without a window; it is closed at the end.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: TempDir,
    /// Only one browser runs at a time, since two would slow each other down.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

impl Browser {
    /// Starts the browser; `None`, with a notice, if Debian's chromium and chromium-driver are missing.
    pub fn start() -> Option<Self> {
        let (driver, chromium) = (program("chromedriver"), program("chromium"));
        let (Some(driver), Some(chromium)) = (driver, chromium) else {
            assert!(
                std::env::var_os("MEDLEMSBREV_SERVERS").is_none(),
                "MEDLEMSBREV_SERVERS asks for chromium and chromium-driver"
            );
            eprintln!("\n*** SKIPPED: no browser (Debian: chromium chromium-driver) ***\n");
            return None;
        };
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let driver = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), profile, _turn: turn };
        wait_until("chromedriver", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        browser.open(&chromium);
        Some(browser)
    }

    fn open(&mut self, chromium: &Path) {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let options = json!({ "binary": chromium, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = http::send(self.port, "POST", "/session", Some(&wanted)).json();
        let session = answer["value"]["sessionId"].as_str();
        session.unwrap_or_else(|| panic!("{answer}")).clone_into(&mut self.session);
    }

    /// Opens a URL.
    pub fn go(&self, url: &str) {
        self.tell("url", &json!({ "url": url }));
    }

    /// Sets the size of the viewport, in CSS pixels.
    pub fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.emulate("setDeviceMetricsOverride", &size);
    }

    /// Sets the system's preference, `light` or `dark`.
    pub fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.emulate("setEmulatedMedia", &json!({ "features": [feature] }));
    }

    fn emulate(&self, command: &str, parameters: &Value) {
        let command = format!("Emulation.{command}");
        self.tell("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Evaluates a script in the page.
    pub fn evaluate(&self, script: &str) -> Value {
        self.tell("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script's condition holds, and returns how long that took.
    #[track_caller]
    pub fn until(&self, condition: &str) -> Duration {
        let start = Instant::now();
        while self.evaluate(&format!("return Boolean({condition})")) != json!(true) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "never: {condition}\n{}",
                self.evaluate(SHOWN)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }

    /// Saves a picture if `MEDLEMSBREV_SCREENSHOTS` names a folder for them.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("MEDLEMSBREV_SCREENSHOTS") else { return };
        let answer = http::send(self.port, "GET", &self.path("screenshot"), None).json();
        let bytes = data_encoding::BASE64.decode(answer["value"].as_str().unwrap().as_bytes()).unwrap();
        std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), bytes).unwrap();
    }

    #[track_caller]
    fn tell(&self, command: &str, parameters: &Value) -> Value {
        let answer = http::send(self.port, "POST", &self.path(command), Some(parameters));
        assert_eq!(answer.code, 200, "{command}: {}", answer.body);
        answer.json()["value"].clone()
    }

    fn path(&self, command: &str) -> String {
        format!("/session/{}/{command}", self.session)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _closed = http::send(self.port, "DELETE", &format!("/session/{}", self.session), None);
        }
        let _ended = self.driver.kill();
        let _ended = self.driver.wait();
    }
}

const SHOWN: &str = "return document.body.innerText";

fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&folders).chain([PathBuf::from("/usr/bin")]);
    places.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
}
