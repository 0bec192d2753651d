//! Plain HTTP, one request per connection, so that a test can set every header itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server's answer.
pub struct Answer {
    pub code: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.code, self.body))
    }
}

/// Sends a request with exactly these header lines.
pub fn raw(port: u16, request: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = open(port, request, headers, body);
    read_head(&mut stream).map_or_else(
        || Answer { code: 0, headers: Vec::new(), body: String::new() },
        |(code, headers)| {
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(u64::MAX);
            let mut body = Vec::new();
            let _closed = stream.take(length).read_to_end(&mut body);
            Answer { code, headers, body: String::from_utf8_lossy(&body).into_owned() }
        },
    )
}

/// Requests a path like a browser that has the URL.
pub fn get(port: u16, path: &str) -> Answer {
    raw(port, &format!("GET {path} HTTP/1.1"), &[&format!("Host: 127.0.0.1:{port}"), "Connection: close"], "")
}

/// Sends JSON, or nothing with GET and DELETE.
pub fn send(port: u16, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string).unwrap_or_default();
    let (host, length) = (format!("Host: 127.0.0.1:{port}"), format!("Content-Length: {}", body.len()));
    let headers = [host.as_str(), "Content-Type: application/json", length.as_str(), "Connection: close"];
    raw(port, &format!("{method} {path} HTTP/1.1"), &headers, &body)
}

/// Server-sent events; only the newest counts, since quick ones are combined.
pub struct Events {
    stream: BufReader<TcpStream>,
    newest: Value,
}

impl Events {
    pub fn follow(port: u16, path: &str) -> Self {
        let mut stream =
            open(port, &format!("GET {path} HTTP/1.1"), &[&format!("Host: 127.0.0.1:{port}")], "");
        let (code, headers) = read_head(&mut stream).unwrap();
        assert_eq!(code, 200);
        assert!(headers.iter().any(|(_, value)| value == "text/event-stream"), "{headers:?}");
        let mut events = Self { stream, newest: Value::Null };
        events.next();
        events
    }

    /// Waits for the next event.
    #[track_caller]
    pub fn next(&mut self) -> &Value {
        let start = Instant::now();
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the events ended");
            // Comments that keep the connection open are not events.
            assert!(start.elapsed() < Duration::from_secs(30), "no event came after {}", self.newest);
            if let Some(data) = line.strip_prefix("data: ") {
                self.newest = serde_json::from_str(data).unwrap();
                return &self.newest;
            }
        }
    }

    /// Waits until the newest event satisfies the condition.
    #[track_caller]
    pub fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Value {
        while !holds(&self.newest) {
            self.next();
        }
        self.newest.clone()
    }
}

fn open(port: u16, request: &str, headers: &[&str], body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    stream.write_all(format!("{request}\r\n{head}\r\n{body}").as_bytes()).unwrap();
    BufReader::new(stream)
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(u16, Vec<(String, String)>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let code = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => return Some((code, headers)),
        }
    }
}
