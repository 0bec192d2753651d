//! One worker: one connection, one letter at a time.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};

use crate::compose::{Composer, Mark};
use crate::domain::{Letter, Member};
use crate::ledger::{LedgerError, WriterHandle};
use crate::relay::{After, Delivered, Relay, RelayError, Session};

use super::pace::{Pace, Turn};
use super::tally::Tally;
use super::{End, Event, Job, SendError, raised};

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
    pub pace: Arc<Pace>,
}

impl Worker {
    pub async fn run(self) -> Result<End, SendError> {
        let ended = self.work().await;
        if matches!(ended, Err(_) | Ok(End::RefusedUs(_) | End::QuotaUsed { .. })) {
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
                    Err(error) => {
                        if matches!(error, RelayError::TurnedAway { .. }) {
                            self.pace.slow_down();
                        }
                        break End::RelayGone(error);
                    }
                },
            };
            let Some(member) = self.members.lock().await.recv().await.transpose()? else {
                session = Some(open);
                break End::Done;
            };
            if let Some(end) = self.turn().await {
                session = Some(open);
                break end;
            }
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

    /// Waits until a letter may leave; gives the run's end where none may any more.
    async fn turn(&self) -> Option<End> {
        loop {
            let wait = match self.pace.turn((self.job.clock)()) {
                Turn::Go => return None,
                Turn::Used { quota, until } => return Some(End::QuotaUsed { quota, until }),
                Turn::Wait(wait) => wait,
            };
            let (mut stop, mut halted) = (self.stop.clone(), self.halted.clone());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = raised(&mut stop) => return Some(End::Interrupted),
                () = raised(&mut halted) => return Some(End::Interrupted),
            }
        }
    }

    /// Composes, claims, delivers, settles: in this order, so that nothing goes out without a durable record.
    async fn deliver<'a>(&self, mut session: Session<'a>, member: Member) -> Result<Next<'a>, SendError> {
        let letter = self.composer.letter(&member, Mark::None, (self.job.clock)())?;
        let claimed = self.ledger.claim(&self.job.issue, &letter, (self.job.clock)()).await?;
        let Some(attempt) = claimed else { return Ok(Next::GoOn(session)) };
        let Delivered { outcome, after } = self.tally.judge(session.deliver(&letter).await, attempt);
        self.pace.heed(&outcome);
        let at = (self.job.clock)();
        let settled = self.ledger.settle(&self.job.issue, letter.member, outcome.clone(), at).await;
        let reply = outcome.reply().clone();
        let Letter { sender, message_id, bytes, .. } = letter;
        let sender = sender.as_ref().map_or_else(String::new, ToString::to_string);
        let event = Event { at, member, sender, message_id, bytes: bytes.len(), outcome };
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
