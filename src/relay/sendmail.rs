//! A sendmail program on this machine, called once per letter.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};

use crate::domain::{Address, Letter, Outcome, Reply};

use super::{After, Delivered, RelayError};

/// The sendmail program of Sendmail, Postfix, Exim or msmtp.
#[derive(Debug)]
pub struct Sendmail {
    program: PathBuf,
}

/// Exit codes of `sysexits.h` for problems with the letter or its recipient; other codes are about the program.
const BAD_DATA: i32 = 65;
const NO_USER: i32 = 67;
/// Worth a retry: msmtp says "no host" when the network is down.
const NO_HOST: i32 = 68;
const TEMPORARY_FAILURE: i32 = 75;
/// A program that takes longer is stuck, and it is uncertain what it has done with the letter.
const PATIENCE: Duration = Duration::from_secs(300);

impl Sendmail {
    /// Calls `program`.
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn open(&self) -> Result<(), RelayError> {
        if self.program.is_file() {
            return Ok(());
        }
        Err(RelayError::NoProgram { path: self.program.clone() })
    }

    fn start(&self, letter: &Letter, stdin: Stdio) -> io::Result<Child> {
        let sender = letter.sender.as_ref().map_or("<>", Address::as_str);
        Command::new(&self.program)
            .args(["-i", "-f", sender, "--", letter.recipient.as_str()])
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for us only: we let letters in transit finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    pub(super) async fn deliver(&self, letter: &Letter) -> Delivered {
        // A file, not a pipe: if we are killed, the program still has the whole letter.
        let message = match message_file(&letter.bytes) {
            Ok(message) => message,
            Err(error) => {
                let reply = Reply::local(format!("cannot write the letter to a temporary file: {error}"));
                return Delivered { outcome: Outcome::Deferred(reply), after: After::Stop };
            }
        };
        let child = message.try_clone().map(Stdio::from).and_then(|stdin| self.start(letter, stdin));
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                let reply = Reply::local(format!("cannot start {}: {error}", self.program.display()));
                return Delivered { outcome: Outcome::Deferred(reply), after: After::Stop };
            }
        };
        let words = tokio::spawn(last_words(child.stderr.take()));
        match tokio::time::timeout(PATIENCE, child.wait()).await {
            Ok(Ok(status)) => {
                // A child of the program may keep its stderr open.
                let words = tokio::time::timeout(Duration::from_millis(200), words).await;
                outcome(status, is_read(message), words.ok().and_then(Result::ok).unwrap_or_default().trim())
            }
            Ok(Err(error)) => in_doubt(format!("lost track of the program: {error}")),
            Err(_) => in_doubt(format!("the program did not end within {} seconds", PATIENCE.as_secs())),
        }
    }
}

/// The letter in an unnamed file, with LF line ends as usual for programs on this machine.
fn message_file(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let message: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
    file.write_all(&message)?;
    file.rewind()?;
    Ok(file)
}

/// Tells whether the program has read the file to its end; both share one read position.
fn is_read(mut message: File) -> bool {
    let at = message.stream_position().unwrap_or_default();
    message.metadata().is_ok_and(|file| at >= file.len())
}

fn in_doubt(words: String) -> Delivered {
    Delivered::go_on(Outcome::InDoubt(Reply::local(words)))
}

/// The program's stderr, up to 4 kB; it is read to its end, so that the program is never blocked.
async fn last_words(stderr: Option<ChildStderr>) -> String {
    let mut words = Vec::new();
    if let Some(mut stderr) = stderr {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            words.extend(buffer.iter().take(count.min(4096 - words.len().min(4096))));
        }
    }
    String::from_utf8_lossy(&words).into_owned()
}

fn outcome(status: ExitStatus, is_read: bool, stderr: &str) -> Delivered {
    let code = status.code();
    let reply = Reply::local(match stderr.trim() {
        "" => status.to_string(),
        words => format!("{status}: {words}"),
    });
    match code {
        Some(0) if is_read => {
            Delivered::go_on(Outcome::Accepted(Reply::local("accepted by the local mail system")))
        }
        Some(0) => in_doubt("the program exited with 0 without reading the whole letter".to_owned()),
        Some(BAD_DATA | NO_USER) => Delivered::go_on(Outcome::Rejected(reply)),
        Some(NO_HOST | TEMPORARY_FAILURE) => Delivered::go_on(Outcome::Deferred(reply)),
        Some(_) => Delivered { outcome: Outcome::Deferred(reply), after: After::Stop },
        None => Delivered::go_on(Outcome::InDoubt(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Address, MemberId, State};

    fn letter() -> Letter {
        Letter {
            member: MemberId(1),
            others: Vec::new(),
            sender: Some(Address::parse("a@example.se").unwrap()),
            recipient: Address::parse("b@example.se").unwrap(),
            message_id: "x@example.se".to_owned(),
            bytes: b"Subject: x\r\n\r\nhej\r\n".to_vec(),
        }
    }

    #[tokio::test]
    async fn exit_codes_become_outcomes() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (script, want) in [
            ("cat > /dev/null", State::Accepted),
            ("cat > /dev/null; exit 67", State::Rejected),
            ("cat > /dev/null; exit 75", State::Deferred),
            ("cat > /dev/null; exit 127", State::Deferred),
            ("head -c 300000 /dev/zero >&2; cat > /dev/null; exit 67", State::Rejected),
            ("cat > /dev/null; sleep 30 &", State::Accepted),
            ("exit 0", State::InDoubt),
            ("cat > /dev/null; kill -9 $$", State::InDoubt),
        ] {
            let program = dir.path().join(format!("s{}", script.len()));
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
            let delivered = Sendmail::new(program).deliver(&letter()).await;
            assert_eq!(State::from(&delivered.outcome), want, "{script}: {:?}", delivered.outcome);
        }
    }
}
