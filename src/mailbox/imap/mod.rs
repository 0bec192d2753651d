//! A folder of an IMAP server (RFC 9051) as a source of messages.
//!
//! Each message is handed over first, and marked or moved only when whoever takes it says that it is kept. So a
//! connection or a program that ends in between costs one more look at the message, and no message is passed over.
//! `imap-proto` parses the responses; lines, literals and limits are ours, so that nothing a server sends grows the
//! memory and nothing that is odd in its answers ends the run.

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
/// Of a bigger message the beginning is read: notices stand there.
const LARGEST: usize = 24 * 1024 * 1024;
/// This many bytes are asked for at once, or one message.
const BATCH: usize = 4 * 1024 * 1024;
/// This many messages are asked for at once.
const WINDOW: usize = 100;
/// How often a connection that broke is opened again, without any message handled in between.
const RETRIES: usize = 4;

/// A folder of a server and how to get there.
#[derive(Debug)]
pub struct ImapServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// A certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    pub login: Login,
    pub folder: String,
    /// The folder for processed messages (default: they stay and get the keyword [`DONE`]).
    pub move_to: Option<String>,
    /// How long the server may be silent.
    pub timeout: Duration,
    /// Where the conversation is printed, if anywhere.
    pub transcript: Option<Transcript>,
}

/// What may happen to the messages of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Look,
    /// Handled ones are marked or moved.
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
    /// Tells whether it may go away by itself.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Server(error) => error.is_temporary(),
            Self::Lost { .. } => true,
            _ => false,
        }
    }
}

impl ImapServer {
    /// The server for messages: `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A message's name (RFC 5092 §2.2).
    fn message_name(&self, uid: u32) -> String {
        format!("imap://{}/{}/;UID={uid}", self.host, self.folder)
    }

    /// Logs in and opens the folder, to see whether that can be done.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn look(&self) -> Result<(), ImapError> {
        ImapSession::open(self, Access::Look).await?.close().await;
        Ok(())
    }

    /// Reads the messages that were not handled yet, each once; `each` makes what they say durable.
    ///
    /// # Errors
    /// Those of `each`, which end the reading at once, and the server's, after some tries where they may pass.
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
            // Somebody may have taken them away meanwhile.
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

/// What was handed over by the connections of this run.
#[derive(Debug, Default)]
struct HandedOver {
    validity: u32,
    seen: BTreeSet<u32>,
    /// Those of them that stay as they are.
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

/// Why one connection's reading ended early.
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

/// Parts messages so that each part stays below [`BATCH`], or is a single message.
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
