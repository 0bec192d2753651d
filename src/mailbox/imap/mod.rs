//! A folder on an IMAP server (RFC 9051) as a source of messages.
//!
//! Each message is passed on first, and marked or moved only once it is durably recorded. So if the connection or the
//! program breaks in between, the message is read again, and none is lost. `imap-proto` parses the responses; lines,
//! literals and limits are ours, so that nothing a server sends exhausts the memory and no odd response ends the run.

mod name;
mod session;
mod wire;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::Handling;
use crate::net::{Login, Security, ServerError, Transcript};

use session::ImapSession;
use wire::ImapFault;

/// The keyword of handled messages.
pub const DONE: &str = "$MedlemsbrevDone";
/// Only the beginning of a larger message is read; notices are at the beginning.
const LARGEST: usize = 24 * 1024 * 1024;
/// How many bytes to fetch at once, unless a single message is larger.
const BATCH: usize = 4 * 1024 * 1024;
/// How many messages to fetch at once.
const WINDOW: usize = 100;
/// How often to reopen a broken connection if no message was handled in between.
const RETRIES: usize = 4;

/// A folder on a server, and how to connect.
#[derive(Debug)]
pub struct ImapServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// A certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    pub login: Login,
    pub folder: String,
    /// The folder for handled messages (default: they stay and get the keyword [`DONE`]).
    pub move_to: Option<String>,
    /// How long the server may stay silent.
    pub timeout: Duration,
    /// Where to print the conversation, if anywhere.
    pub transcript: Option<Transcript>,
}

/// What may be done with the folder's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Look,
    /// Handled messages are marked or moved.
    Handle,
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("the connection to {server} broke while reading `{folder}`: {reason}")]
    Lost { server: String, folder: String, reason: String },
    #[error("{server} is not an IMAP server that expects a login: its greeting is `{greeting}`")]
    NoImap { server: String, greeting: String },
    #[error("{server} cannot open the folder `{folder}`: {reply}")]
    Folder { server: String, folder: String, reply: String },
    #[error(
        "{server} does not support keywords in the folder `{folder}`, so processed messages cannot be marked"
    )]
    NoKeywords { server: String, folder: String },
    #[error("{server} does not return these messages of `{folder}` (UIDs): {uids}")]
    NotGiven { server: String, folder: String, uids: String },
    #[error("{server} refused `{command}` in the folder `{folder}`: {reply}")]
    Refused { server: String, folder: String, command: String, reply: String },
}

impl ImapError {
    /// Tells whether retrying later may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Server(error) => error.is_temporary(),
            Self::Lost { .. } => true,
            _ => false,
        }
    }
}

impl ImapServer {
    /// The server's name in messages: `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A message's name (RFC 5092 §2.2).
    fn message_name(&self, uid: u32) -> String {
        format!("imap://{}/{}/;UID={uid}", self.host, self.folder)
    }

    /// Logs in and opens the folder as a test.
    ///
    /// # Errors
    /// If the server refuses or cannot be reached.
    pub async fn look(&self) -> Result<(), ImapError> {
        ImapSession::open(self, Access::Look).await?.close().await;
        Ok(())
    }

    /// Reads the unhandled messages, each once; `each` must record them durably.
    ///
    /// # Errors
    /// Those of `each`, which end the reading at once, and the server's, after some retries if they may be temporary.
    pub async fn read<E: From<ImapError>>(
        &self,
        access: Access,
        mut each: impl FnMut(&str, &[u8]) -> Result<Handling, E>,
        mut waiting: impl FnMut(&ImapError, Duration),
    ) -> Result<(), E> {
        let mut progress = HandedOver::default();
        let mut delays = delays();
        loop {
            let before = progress.seen.len();
            let end = self.read_once(access, &mut progress, &mut each).await;
            let error = match end {
                Err(ReadStop::Server(error)) if error.is_temporary() => error,
                Err(ReadStop::Server(error)) => return Err(error.into()),
                Err(ReadStop::Caller(error)) => return Err(error),
                Ok(()) => return Ok(()),
            };
            if progress.seen.len() > before {
                delays = self::delays();
            }
            let Some(delay) = delays.next() else { return Err(error.into()) };
            waiting(&error, delay);
            tokio::time::sleep(delay).await;
        }
    }

    async fn read_once<E>(
        &self,
        access: Access,
        progress: &mut HandedOver,
        each: &mut impl FnMut(&str, &[u8]) -> Result<Handling, E>,
    ) -> Result<(), ReadStop<E>> {
        let mut session = ImapSession::open(self, access).await?;
        progress.begin(session.validity);
        let uids = session.unhandled().await?;
        let (seen, new): (Vec<u32>, Vec<u32>) = uids.iter().partition(|uid| progress.seen.contains(uid));
        if access == Access::Handle {
            let done: Vec<u32> = seen.into_iter().filter(|uid| !progress.staying.contains(uid)).collect();
            for seen in done.chunks(WINDOW) {
                session.put_away(seen).await?;
            }
        }
        for window in new.chunks(WINDOW) {
            for batch in batches(&session.sizes(window).await?) {
                let mut handled = Vec::new();
                for message in session.fetch(&batch).await? {
                    let handling =
                        each(&self.message_name(message.uid), &message.bytes).map_err(ReadStop::Caller)?;
                    progress.seen.insert(message.uid);
                    match handling {
                        Handling::PutAway => handled.push(message.uid),
                        Handling::Stays => {
                            progress.staying.insert(message.uid);
                        }
                    }
                }
                if access == Access::Handle && !handled.is_empty() {
                    session.put_away(&handled).await?;
                }
            }
        }
        let mut left = new;
        left.retain(|uid| !progress.seen.contains(uid));
        if !left.is_empty() {
            // Another program may have removed messages meanwhile.
            let there = session.unhandled().await?;
            left.retain(|uid| there.contains(uid));
        }
        session.close().await;
        if left.is_empty() { Ok(()) } else { Err(ReadStop::Server(self.not_given(&left))) }
    }

    fn fault(&self, command: &str, fault: ImapFault) -> ImapError {
        match fault {
            ImapFault::Lost(reason) => self.lost(reason),
            ImapFault::Refused(refusal) => ImapError::Refused {
                server: self.name(),
                folder: self.folder.clone(),
                command: command.split(['"', '(']).next().unwrap_or_default().trim().to_owned(),
                reply: refusal.reply,
            },
        }
    }

    fn not_given(&self, uids: &[u32]) -> ImapError {
        let uids: Vec<String> = uids.iter().map(u32::to_string).collect();
        ImapError::NotGiven { server: self.name(), folder: self.folder.clone(), uids: uids.join(", ") }
    }

    fn lost(&self, reason: String) -> ImapError {
        ImapError::Lost { server: self.name(), folder: self.folder.clone(), reason }
    }

    fn bad_folder(&self, folder: &str, reply: String) -> ImapError {
        ImapError::Folder { server: self.name(), folder: folder.to_owned(), reply }
    }
}

/// The messages passed on by the connections of this run.
#[derive(Debug, Default)]
struct HandedOver {
    validity: u32,
    seen: BTreeSet<u32>,
    /// Those that stay unmarked.
    staying: BTreeSet<u32>,
}

impl HandedOver {
    fn begin(&mut self, validity: u32) {
        if self.validity != validity {
            self.seen.clear();
            self.staying.clear();
            self.validity = validity;
        }
    }
}

/// Why reading from one connection ended early.
enum ReadStop<E> {
    Server(ImapError),
    Caller(E),
}

impl<E> From<ImapError> for ReadStop<E> {
    fn from(error: ImapError) -> Self {
        Self::Server(error)
    }
}

fn delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_jitter()
        .with_max_times(RETRIES)
        .build()
}

/// Groups messages so that each group is smaller than [`BATCH`], or is a single message.
fn batches(sizes: &[(u32, usize)]) -> Vec<Vec<u32>> {
    let mut batches: Vec<Vec<u32>> = Vec::new();
    let mut room = 0;
    for (uid, size) in sizes {
        match batches.last_mut().filter(|_| *size <= room) {
            Some(batch) => {
                batch.push(*uid);
                room -= size;
            }
            None => {
                batches.push(vec![*uid]);
                room = BATCH.saturating_sub(*size);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded() {
        let half = BATCH / 2;
        let sizes = [(1, half), (2, half), (3, 1), (4, BATCH * 9), (5, 0), (6, 1)];
        assert_eq!(batches(&sizes), [vec![1, 2], vec![3], vec![4, 5], vec![6]]);
        assert!(batches(&[]).is_empty());
    }
}
