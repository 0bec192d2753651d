//! One worker: one connection, one letter at a time, with the next one's envelope sent ahead.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::compose::{Composer, LetterMark};
use crate::domain::{Household, Letter, Outcome, Quota, Reply};
use crate::feedback::RefusalJudge;
use crate::ledger::{Claim, Claimed, Settling, WriterHandle};
use crate::relay::{After, Delivered, Relay, RelayError, RelaySession};

use super::members::MemberQueue;
use super::pace::{Pace, Turn};
use super::tally::Tally;
use super::{Job, RunEnd, SendError, SettledLetter, wait_for_stop};

pub(super) struct Worker {
    pub members: Arc<MemberQueue>,
    pub composer: Arc<Composer>,
    pub relay: Arc<Relay>,
    pub job: Arc<Job>,
    pub ledger: WriterHandle,
    pub judge: Arc<RefusalJudge>,
    pub events: mpsc::Sender<SettledLetter>,
    /// Set by Ctrl-C.
    pub stop: watch::Receiver<bool>,
    /// Set by a worker if no other should continue.
    pub halt: Arc<watch::Sender<bool>>,
    pub halted: watch::Receiver<bool>,
    pub tally: Arc<Tally>,
    pub pace: Arc<Pace>,
}

/// A letter that has its turn.
struct Ready {
    household: Household,
    letter: Letter,
}

/// A letter whose outcome is on its way to the ledger.
struct Unsettled {
    settling: Settling,
    event: SettledLetter,
}

/// What a worker does after a letter.
enum Next<'a> {
    GoOn(RelaySession<'a>),
    Reconnect,
    Stop(RunEnd),
}

impl Worker {
    pub async fn run(self) -> Result<RunEnd, SendError> {
        let mut last = None;
        let end = self.work(&mut last).await;
        let settled = self.settled(last).await;
        let end = end.and_then(|end| settled.map(|()| end));
        if matches!(end, Err(_) | Ok(RunEnd::RefusedUs(_) | RunEnd::Cancelled)) {
            self.halt.send_replace(true);
        }
        end
    }

    async fn work(&self, last: &mut Option<Unsettled>) -> Result<RunEnd, SendError> {
        let mut session: Option<RelaySession<'_>> = None;
        let mut ready: Option<Ready> = None;
        let end = loop {
            // A letter whose envelope was sent must be finished.
            if self.is_over() && !session.as_ref().is_some_and(RelaySession::is_ahead) {
                break RunEnd::Interrupted;
            }
            let current = match ready.take() {
                Some(letter) => letter,
                None => match self.next().await? {
                    Ok(letter) => letter,
                    Err(end) => break end,
                },
            };
            // The turn comes before the connection, because servers close idle ones.
            let open = match session.take() {
                Some(open) => open,
                None => match self.connect().await {
                    Ok(open) => open,
                    Err(end) => {
                        self.give_back(current);
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
        if let Some(letter) = ready {
            self.give_back(letter);
        }
        if let Some(session) = session {
            session.close().await;
        }
        Ok(end)
    }

    /// Whether the run must end.
    fn is_over(&self) -> bool {
        *self.stop.borrow() || *self.halted.borrow()
    }

    /// Waits until the run must end.
    async fn over(&self) {
        let (mut stop, mut halted) = (self.stop.clone(), self.halted.clone());
        tokio::select! {
            () = wait_for_stop(&mut stop) => {}
            () = wait_for_stop(&mut halted) => {}
        }
    }

    async fn connect(&self) -> Result<RelaySession<'_>, RunEnd> {
        let connected = tokio::select! {
            connected = self.relay.connect() => connected,
            () = self.over() => return Err(RunEnd::Interrupted),
        };
        match connected {
            Ok(session) => {
                self.pace.let_in();
                Ok(session)
            }
            Err(error) => {
                if matches!(error, RelayError::TurnedAway { .. }) {
                    self.pace.turned_away();
                }
                Err(RunEnd::RelayGone(error))
            }
        }
    }

    fn give_back(&self, letter: Ready) {
        self.pace.give_back();
        self.members.give_back(letter.household);
    }

    /// Waits for a member and its turn; returns the run's end if there is none.
    async fn next(&self) -> Result<Result<Ready, RunEnd>, SendError> {
        let Some(household) = self.members.next().await? else { return Ok(Err(RunEnd::Done)) };
        match self.turn().await {
            Some(end) => {
                self.members.give_back(household);
                Ok(Err(end))
            }
            None => Ok(Ok(self.compose(household)?)),
        }
    }

    /// The letter after the current one, if the session can use it and it is available at once.
    fn next_at_once(&self, session: &RelaySession<'_>) -> Result<Option<Ready>, SendError> {
        if self.is_over() || !session.can_look_ahead() {
            return Ok(None);
        }
        let has_turn = || self.pace.turn(Instant::now()) == Turn::Go;
        let household = self.members.next_at_once(has_turn)?;
        household.map(|household| self.compose(household)).transpose()
    }

    fn compose(&self, household: Household) -> Result<Ready, SendError> {
        let letter = self.composer.letter(&household, LetterMark::None, (self.job.clock)())?;
        Ok(Ready { household, letter })
    }

    /// Waits until a letter may be sent; returns the run's end if none may.
    async fn turn(&self) -> Option<RunEnd> {
        loop {
            let wait = match self.pace.turn(Instant::now()) {
                Turn::Go => return None,
                Turn::Used { quota, until } => return Some(RunEnd::QuotaUsed { quota, until }),
                Turn::TooSlow => return Some(RunEnd::TooSlow),
                Turn::Wait(wait) => wait,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.over() => return Some(RunEnd::Interrupted),
            }
        }
    }

    /// Claims, delivers, settles: in this order, so that nothing is sent without a durable record. If the next
    /// letter's envelope was sent ahead, this one's outcome waits in `last` and is committed together with the next
    /// one's claim.
    async fn deliver<'a>(
        &'a self,
        mut session: RelaySession<'a>,
        Ready { household, letter }: Ready,
        next: Option<&Ready>,
        last: &mut Option<Unsettled>,
    ) -> Result<Next<'a>, SendError> {
        let claimed = self.ledger.claim(&self.job.issue, letter, (self.job.clock)()).await;
        self.settled(last.take()).await?;
        let claim = match claimed? {
            Claimed::Letter(claim) => claim,
            Claimed::Cancelled => return Ok(Next::Stop(RunEnd::Cancelled)),
            Claimed::Full(quota, until) => {
                self.members.give_back(household);
                return Ok(self.wait_for_others(session, quota, until).await);
            }
            // Only closing the connection takes back an envelope that was sent ahead.
            Claimed::Closed if session.is_ahead() => return Ok(Next::Reconnect),
            Claimed::Closed => return Ok(Next::GoOn(session)),
        };
        let delivered = self.deliver_claimed(&mut session, &claim, next).await;
        let (reply, after) = self.settle(claim, household, delivered, last);
        if after != After::GoOn || !session.is_ahead() {
            self.settled(last.take()).await?;
        }
        Ok(match after {
            After::GoOn => Next::GoOn(session),
            After::Reconnect | After::Again => {
                session.close().await;
                Next::Reconnect
            }
            After::Stop => {
                session.close().await;
                Next::Stop(RunEnd::RefusedUs(reply))
            }
        })
    }

    /// Waits until a quota used up by other hosts allows a letter again, or ends the run.
    async fn wait_for_others<'a>(
        &'a self,
        session: RelaySession<'a>,
        quota: Quota,
        until: Timestamp,
    ) -> Next<'a> {
        // The server would close a waiting connection, and an envelope may have been sent ahead.
        session.close().await;
        if !quota.is_waited_for() {
            return Next::Stop(RunEnd::QuotaUsed { quota, until });
        }
        let wait = until.duration_since((self.job.clock)()).try_into().unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(wait) => Next::Reconnect,
            () = self.over() => Next::Stop(RunEnd::Interrupted),
        }
    }

    /// Delivers a claimed letter. If the server certainly did not accept it, for example because it had closed an
    /// idle connection, the letter is sent again over another connection.
    async fn deliver_claimed<'a>(
        &'a self,
        session: &mut RelaySession<'a>,
        claim: &Claim,
        next: Option<&Ready>,
    ) -> Delivered {
        let next = next.map(|next| &next.letter);
        let delivered = session.deliver_if(self.ledger.still_claims(), claim.letter(), next).await;
        if delivered.after != After::Again {
            return delivered;
        }
        match self.relay.connect().await {
            Ok(open) => {
                std::mem::replace(session, open).close().await;
                session.deliver_if(self.ledger.still_claims(), claim.letter(), next).await
            }
            Err(_) => delivered,
        }
    }

    /// Judges a letter's outcome and passes it to the ledger; returns the reply.
    fn settle(
        &self,
        claim: Claim,
        household: Household,
        delivered: Delivered,
        last: &mut Option<Unsettled>,
    ) -> (Reply, After) {
        let at = (self.job.clock)();
        let Letter { sender, message_id, bytes, .. } = claim.letter();
        let sender = sender.as_ref().map_or_else(String::new, ToString::to_string);
        let (message_id, bytes) = (message_id.clone(), bytes.len());
        let (event, after) = self.tally.judge(delivered, claim.attempt(), |outcome| SettledLetter {
            at,
            household,
            sender,
            message_id,
            bytes,
            outcome,
            bounce: None,
            is_correction: false,
        });
        self.pace.adapt_to(&event.outcome);
        let refusal = match &event.outcome {
            Outcome::Rejected(reply) if reply.code.is_some() => {
                Some(self.judge.refusal(claim.attempt(), &claim.letter().recipient, reply, at))
            }
            _ => None,
        };
        let settling = self.ledger.settle(claim, event.outcome.clone(), refusal, at);
        let reply = event.outcome.reply().clone();
        *last = Some(Unsettled { settling, event });
        (reply, after)
    }

    /// Waits until a letter's outcome is durable, and reports it.
    async fn settled(&self, letter: Option<Unsettled>) -> Result<(), SendError> {
        let Some(Unsettled { settling, mut event }) = letter else { return Ok(()) };
        let settled = settling.done().await;
        event.bounce = settled.as_ref().ok().and_then(|settled| settled.bounce.clone());
        // Nobody is listening only if the whole run was dropped.
        let _ended = self.events.send(event).await;
        settled?;
        Ok(())
    }
}
