//! One worker: one connection, one letter at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, mpsc, watch};

use crate::compose::{Composer, Mark};
use crate::domain::{Letter, Member, Outcome};
use crate::ledger::{LedgerError, WriterHandle};
use crate::relay::{After, Delivered, Relay, Session};

use super::{End, Event, Job, SendError};

pub(super) struct Worker {
    pub members: Arc<Mutex<mpsc::Receiver<Result<Member, LedgerError>>>>,
    pub composer: Arc<Composer>,
    pub relay: Arc<Relay>,
    pub job: Arc<Job>,
    pub ledger: WriterHandle,
    pub events: mpsc::Sender<Event>,
    /// Set by Ctrl-C.
    pub stop: watch::Receiver<bool>,
    /// Set by a worker after whose news no other should go on.
    pub halt: Arc<watch::Sender<bool>>,
    pub halted: watch::Receiver<bool>,
    pub tally: Arc<Tally>,
}

/// What the run has met so far, over all workers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Letters in doubt since the last one that was accepted.
    doubtful: AtomicU64,
}

/// So many refusals and nobody accepted: it is not about the recipients.
const TOO_MANY_REFUSALS: u64 = 20;
/// So many broken connections after the final dot in a row.
const TOO_MANY_DOUBTS: u64 = 5;

impl Tally {
    /// Counts an outcome; true where the run must not burn more members.
    fn is_hopeless(&self, outcome: &Outcome) -> bool {
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed) + 1;
        match outcome {
            Outcome::Accepted(_) => {
                self.doubtful.store(0, Ordering::Relaxed);
                add(&self.accepted) == 0
            }
            Outcome::Rejected(_) => {
                add(&self.refused) >= TOO_MANY_REFUSALS && self.accepted.load(Ordering::Relaxed) == 0
            }
            Outcome::InDoubt(_) => add(&self.doubtful) >= TOO_MANY_DOUBTS,
            Outcome::Deferred(_) => false,
        }
    }
}

impl Worker {
    pub async fn run(self) -> Result<End, SendError> {
        let ended = self.work().await;
        if matches!(ended, Err(_) | Ok(End::RefusedUs(_))) {
            self.halt.send_replace(true);
        }
        ended
    }

    async fn work(&self) -> Result<End, SendError> {
        let mut session: Option<Session<'_>> = None;
        let end = loop {
            if *self.stop.borrow() || *self.halted.borrow() {
                break End::Interrupted;
            }
            // The connection comes first: a member that was taken is tried.
            let open = match session.take() {
                Some(open) => open,
                None => match self.relay.connect().await {
                    Ok(open) => open,
                    Err(error) => break End::RelayGone(error),
                },
            };
            let Some(member) = self.members.lock().await.recv().await.transpose()? else {
                session = Some(open);
                break End::Done;
            };
            match self.deliver(open, member).await? {
                Next::GoOn(open) => session = Some(open),
                Next::Reconnect => {}
                Next::Stop(end) => break end,
            }
        };
        if let Some(session) = session {
            session.close().await;
        }
        Ok(end)
    }

    /// Composes, claims, delivers, settles: in this order, so that nothing goes out without a durable record.
    async fn deliver<'a>(&self, mut session: Session<'a>, member: Member) -> Result<Next<'a>, SendError> {
        let letter = self.composer.letter(&member, Mark::None, (self.job.clock)())?;
        if !self.ledger.claim(&self.job.issue, &letter, (self.job.clock)()).await? {
            return Ok(Next::GoOn(session));
        }
        let Delivered { outcome, after } = session.deliver(&letter).await;
        let at = (self.job.clock)();
        let after = if self.tally.is_hopeless(&outcome) { After::Stop } else { after };
        let settled = self.ledger.settle(&self.job.issue, letter.member, outcome.clone(), at).await;
        let reply = outcome.reply().clone();
        let Letter { sender, message_id, bytes, .. } = letter;
        let event = Event { at, member, sender: sender.to_string(), message_id, bytes: bytes.len(), outcome };
        // Nobody listens only if the whole run was dropped.
        let _ended = self.events.send(event).await;
        settled?;
        Ok(match after {
            After::GoOn => Next::GoOn(session),
            After::Reconnect => {
                session.close().await;
                Next::Reconnect
            }
            After::Stop => {
                session.close().await;
                Next::Stop(End::RefusedUs(reply))
            }
        })
    }
}

enum Next<'a> {
    GoOn(Session<'a>),
    Reconnect,
    Stop(End),
}
