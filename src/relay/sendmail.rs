//! A sendmail program on this machine: one call a letter.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::domain::{Letter, Outcome, Reply};

use super::{After, Delivered, RelayError};

/// The program, as sendmail, Postfix, Exim and msmtp bring it.
#[derive(Debug)]
pub struct Sendmail {
    program: PathBuf,
}

/// Exit codes of `sysexits.h` that are worth another try; every other one is a refusal.
const UNAVAILABLE: i32 = 69;
const OS_ERROR: i32 = 71;
const IO_ERROR: i32 = 74;
const TEMPORARY_FAILURE: i32 = 75;

impl Sendmail {
    /// Calls `program`.
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    pub(super) fn open(&self) -> Result<(), RelayError> {
        if self.program.is_file() {
            return Ok(());
        }
        Err(RelayError::NoProgram { path: self.program.clone() })
    }

    pub(super) async fn deliver(&self, letter: &Letter) -> Delivered {
        let child = Command::new(&self.program)
            .arg("-i")
            .args(["-f", letter.sender.as_str(), "--", letter.recipient.as_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Ctrl-C is for this program, which lets letters on their way finish.
            .process_group(0)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                let reply = Reply::local(format!("can't start {}: {error}", self.program.display()));
                return Delivered { outcome: Outcome::Deferred(reply), after: After::Stop };
            }
        };
        // Programs on this machine end lines by LF.
        let message = without_carriage_returns(&letter.bytes);
        let fed = match child.stdin.take() {
            Some(mut stdin) => stdin.write_all(&message).await.is_ok(),
            None => false,
        };
        let output = child.wait_with_output().await;
        Delivered::go_on(match output {
            Ok(output) => outcome(output.status, fed, &String::from_utf8_lossy(&output.stderr)),
            Err(error) => Outcome::InDoubt(Reply::local(format!("lost sight of the program: {error}"))),
        })
    }
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != b'\r').collect()
}

fn outcome(status: ExitStatus, fed: bool, stderr: &str) -> Outcome {
    let code = status.code();
    let reply = Reply::local(match stderr.trim() {
        "" => status.to_string(),
        words => format!("{status}: {words}"),
    });
    match code {
        Some(0) if fed => Outcome::Accepted(Reply::local("taken by the local mail system")),
        Some(0) => Outcome::InDoubt(Reply::local("the program ended well without reading the whole letter")),
        Some(UNAVAILABLE | OS_ERROR | IO_ERROR | TEMPORARY_FAILURE) => Outcome::Deferred(reply),
        Some(_) => Outcome::Rejected(reply),
        None => Outcome::InDoubt(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Address, MemberId, State};

    fn letter() -> Letter {
        Letter {
            member: MemberId(1),
            sender: Address::parse("a@example.se").unwrap(),
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
