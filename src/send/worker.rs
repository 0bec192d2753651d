//! One worker: one connection, one letter at a time, and the next one's envelope ahead.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};

use crate::compose::{Composer, Mark};
use crate::domain::{Letter, Member};
use crate::ledger::{LedgerError, Settling, WriterHandle};
use crate::relay::{After, Relay, RelayError, Session};

use super::pace::{Pace, Turn};
use super::tally::Tally;
use super::{End, Event, Job, SendError, wait_for_stop};

pub(super) struct Worker {
    pub members: Arc<Mutex<mpsc::Receiver<Result<Member, LedgerError>>>>,
    pub composer: Arc<Composer>,
    pub relay: Arc<Relay>,
    pub job: Arc<Job>,
    pub ledger: WriterHandle,
    pub events: mpsc::Sender<Event>,
    /// Set by Ctrl-C.
    pub stop: watch::Receiver<bool>,
    /// Set by a worker after whose news no other should continue.
    pub halt: Arc<watch::Sender<bool>>,
    pub halted: watch::Receiver<bool>,
    pub tally: Arc<Tally>,
    pub pace: Arc<Pace>,
}

/// A letter that has its turn.
struct Ready {
    member: Member,
    letter: Letter,
}

/// A letter whose end is on its way to the ledger.
struct Unsettled {
    settling: Settling,
    event: Event,
}

/// How a worker ended.
pub(super) struct Ended {
    pub end: End,
    /// A letter that it had taken was not tried.
    pub left_one: bool,
}

impl Worker {
    pub async fn run(self) -> Result<Ended, SendError> {
        let mut last = None;
        let ended = self.work(&mut last).await;
        let settled = self.settled(last).await;
        let ended = ended.and_then(|ended| settled.map(|()| ended));
        if matches!(ended, Err(_) | Ok(Ended { end: End::RefusedUs(_) | End::QuotaUsed { .. }, .. })) {
            self.halt.send_replace(true);
        }
        ended
    }

    async fn work(&self, last: &mut Option<Unsettled>) -> Result<Ended, SendError> {
        let mut session: Option<Session<'_>> = None;
        let mut ready: Option<Ready> = None;
        let end = loop {
            // The connection comes first: a member that was taken is tried.
            let open = match session.take() {
                Some(open) => open,
                None if self.is_over() => break End::Interrupted,
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
            // A letter whose envelope is on the wire is finished.
            if self.is_over() && !open.is_ahead() {
                session = Some(open);
                break End::Interrupted;
            }
            let current = match ready.take() {
                Some(letter) => letter,
                None => match self.next().await? {
                    Ok(letter) => letter,
                    Err(end) => {
                        session = Some(open);
                        break end;
                    }
                },
            };
            ready = self.next_at_once(&open)?;
            match self.deliver(open, current, ready.as_ref(), last).await? {
                Next::GoOn(open) => session = Some(open),
                Next::Reconnect => {}
                Next::Stop(end) => break end,
            }
        };
        if let Some(session) = session {
            session.close().await;
        }
        Ok(Ended { end, left_one: ready.is_some() })
    }

    /// Whether the run is to end.
    fn is_over(&self) -> bool {
        *self.stop.borrow() || *self.halted.borrow()
    }

    /// Waits for a member and its turn; returns the run's end if there is none.
    async fn next(&self) -> Result<Result<Ready, End>, SendError> {
        let Some(member) = self.members.lock().await.recv().await.transpose()? else {
            return Ok(Err(End::Done));
        };
        match self.turn().await {
            Some(end) => Ok(Err(end)),
            None => Ok(Ok(self.compose(member)?)),
        }
    }

    /// The letter after the one that is to be delivered if the session can use it and it needs no waiting for.
    fn next_at_once(&self, session: &Session<'_>) -> Result<Option<Ready>, SendError> {
        if self.is_over() || !session.can_look_ahead() {
            return Ok(None);
        }
        let Ok(mut members) = self.members.try_lock() else { return Ok(None) };
        if members.is_empty() || self.pace.turn((self.job.clock)()) != Turn::Go {
            return Ok(None);
        }
        let Ok(member) = members.try_recv() else { return Ok(None) };
        drop(members);
        Ok(Some(self.compose(member?)?))
    }

    fn compose(&self, member: Member) -> Result<Ready, SendError> {
        let letter = self.composer.letter(&member, Mark::None, (self.job.clock)())?;
        Ok(Ready { member, letter })
    }

    /// Waits until a letter may leave; returns the run's end if none may.
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
                () = wait_for_stop(&mut stop) => return Some(End::Interrupted),
                () = wait_for_stop(&mut halted) => return Some(End::Interrupted),
            }
        }
    }

    /// Claims, delivers, settles: in this order, so that nothing goes out without a durable record. Where the next letter's
    /// envelope went ahead, this one's end waits in `last`: it becomes durable in one go with the next one's claim.
    async fn deliver<'a>(
        &self,
        mut session: Session<'a>,
        Ready { member, letter }: Ready,
        next: Option<&Ready>,
        last: &mut Option<Unsettled>,
    ) -> Result<Next<'a>, SendError> {
        let claimed = self.ledger.claim(&self.job.issue, &letter, (self.job.clock)()).await;
        self.settled(last.take()).await?;
        let Some(attempt) = claimed? else {
            // An envelope that went ahead cannot be taken back but with the connection.
            return Ok(if session.is_ahead() { Next::Reconnect } else { Next::GoOn(session) });
        };
        let delivered = session.deliver(&letter, next.map(|next| &next.letter)).await;
        let at = (self.job.clock)();
        let Letter { sender, message_id, bytes, .. } = letter;
        let sender = sender.as_ref().map_or_else(String::new, ToString::to_string);
        let (event, after) = self.tally.judge(delivered, attempt, |outcome| Event {
            at,
            member,
            sender,
            message_id,
            bytes: bytes.len(),
            outcome,
        });
        self.pace.adapt_to(&event.outcome);
        let settling = self.ledger.settle(&self.job.issue, event.member.id, event.outcome.clone(), at);
        let reply = event.outcome.reply().clone();
        *last = Some(Unsettled { settling, event });
        if after != After::GoOn || !session.is_ahead() {
            self.settled(last.take()).await?;
        }
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

    /// Waits until a letter's end is durable, and tells of it.
    async fn settled(&self, letter: Option<Unsettled>) -> Result<(), SendError> {
        let Some(Unsettled { settling, event }) = letter else { return Ok(()) };
        let settled = settling.done().await;
        // Nobody listens only if the whole run was dropped.
        let _ended = self.events.send(event).await;
        Ok(settled?)
    }
}

enum Next<'a> {
    GoOn(Session<'a>),
    Reconnect,
    Stop(End),
}
