//! The Postfix and the Dovecot started by `.ci/postfix start` and `.ci/dovecot start`, and their Maildirs.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The first of the servers' ports.
pub fn first_port() -> u16 {
    std::env::var("MEDLEMSBREV_POSTFIX_PORT").map_or(10025, |port| port.parse().unwrap())
}

/// The folder of a server's files, from `variable`; `None`, with a notice, if the server was not started.
pub fn root(name: &str, variable: &str, port: u16) -> Option<PathBuf> {
    let root = std::env::var(variable).unwrap_or(format!("/tmp/medlemsbrev-{name}"));
    let root = PathBuf::from(root);
    if root.join("mail").is_dir() && TcpStream::connect(("127.0.0.1", port)).is_ok() {
        return Some(root);
    }
    assert!(
        std::env::var_os("MEDLEMSBREV_SERVERS").is_none(),
        "MEDLEMSBREV_SERVERS asks for a server: .ci/{name} start"
    );
    eprintln!("\n*** SKIPPED: nothing listens on port {port}; start it with `.ci/{name} start` ***\n");
    None
}

/// The messages of a Maildir, both new and read.
pub fn messages(maildir: &Path) -> Vec<PathBuf> {
    let folders = ["new", "cur"].map(|folder| maildir.join(folder));
    folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|e| e.path())
        .collect()
}

/// Waits until the condition holds, since the queue manager needs a moment.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}
