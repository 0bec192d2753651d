//! The only writer of deliveries while letters are in transit; it commits in groups.
//!
//! Workers submit "about to send" and "outcome" records; the writer commits all waiting ones in one durable
//! transaction and only then answers. While one group is being synced to disk, the next one gathers.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::{IssueName, Letter, Outcome, Quota, Reply};

use super::claims::{self, Attempt, Claim, Claimed, Refusal, RunId, Settled, Settlement, Taken};
use super::{Durable, Ledger, LedgerError};

/// How long an outcome waits for a ledger held by another program before it is spooled.
const SETTLE_PATIENCE: Duration = Duration::from_mins(3);
/// How often a host among several gives a sign of life.
const LIFE_EVERY: Duration = Duration::from_secs(5);

/// The writer's thread; it ends when all handles are dropped.
#[derive(Debug)]
pub struct LedgerWriter {
    thread: JoinHandle<Ledger>,
}

/// A worker's handle to the writer.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    inbox: mpsc::Sender<WriterMessage>,
    /// Whether other hosts may send too.
    is_shared: bool,
}

#[derive(Debug)]
enum WriterMessage {
    Record(Request),
    /// Whether the session lives that holds the host's lock.
    Look(oneshot::Sender<bool>),
}

#[derive(Debug)]
enum Request {
    Claim { issue: IssueName, letter: Letter, now: Timestamp, answer: ReplyChannel<Claimed> },
    Settle { settlement: Box<Settlement>, answer: ReplyChannel<Settled> },
}

type ReplyChannel<T> = oneshot::Sender<Result<T, LedgerError>>;

/// The outcome of a letter on its way to the disk.
#[derive(Debug)]
pub struct Settling(oneshot::Receiver<Result<Settled, LedgerError>>);

impl LedgerWriter {
    /// Starts the writer of a run on an open ledger. `quotas` are those that several hosts share.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(ledger: Ledger, run: RunId, quotas: Vec<Quota>) -> std::io::Result<(Self, WriterHandle)> {
        let (sender, inbox) = mpsc::channel();
        let is_shared = ledger.is_shared();
        let work = move || serve(WriterThread { ledger, run, quotas, seen: Instant::now() }, &inbox);
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(work)?;
        Ok((Self { thread }, WriterHandle { inbox: sender, is_shared }))
    }

    /// Waits for the writer to end and returns the ledger.
    ///
    /// # Errors
    /// If the writer's thread panicked.
    pub fn finish(self) -> Result<Ledger, LedgerError> {
        self.thread.join().map_err(|_| LedgerError::WriterStopped)
    }
}

impl WriterHandle {
    /// Claims the delivery of a letter; when this returns, the record is durable and the letter may be sent.
    ///
    /// # Errors
    /// If the ledger cannot be written, or another run has started; then the letter must not be sent.
    pub async fn claim(
        &self,
        issue: &IssueName,
        letter: Letter,
        now: Timestamp,
    ) -> Result<Claimed, LedgerError> {
        let (answer, claimed) = oneshot::channel();
        self.ask_to_record(Request::Claim { issue: issue.clone(), letter, now, answer });
        answered(claimed).await
    }

    /// Tells whether letters that were claimed are still this host's to send: no other host can have found it dead. A ledger in
    /// a file has one host, and needs no look.
    pub async fn still_claims(&self) -> bool {
        if !self.is_shared {
            return true;
        }
        let (answer, is_alive) = oneshot::channel();
        self.ask(WriterMessage::Look(answer));
        is_alive.await.unwrap_or(false)
    }

    /// Submits the outcome of a claimed letter. Later requests are recorded with it or after it, never before it.
    pub fn settle(
        &self,
        claim: Claim,
        outcome: Outcome,
        refusal: Option<Refusal>,
        at: Timestamp,
    ) -> Settling {
        let (answer, settled) = oneshot::channel();
        let (attempt, others) = claim.into_parts();
        let settlement = Box::new(Settlement { attempt, others, outcome, refusal, at });
        self.ask_to_record(Request::Settle { settlement, answer });
        Settling(settled)
    }

    fn ask_to_record(&self, request: Request) {
        self.ask(WriterMessage::Record(request));
    }

    fn ask(&self, asked: WriterMessage) {
        // A writer that has stopped returns no answer, and that is found out when one is waited for.
        let _stopped = self.inbox.send(asked);
    }
}

impl Settling {
    /// Waits until the record is durable, in the ledger or in the spool.
    ///
    /// # Errors
    /// If it could not be written anywhere; then the next run finds the delivery in doubt.
    pub async fn done(self) -> Result<Settled, LedgerError> {
        answered(self.0).await
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, LedgerError>>) -> Result<T, LedgerError> {
    answer.await.map_err(|_| LedgerError::WriterStopped)?
}

/// The record made for one request.
#[derive(Debug)]
enum Recorded {
    Taken(Taken),
    Settled(Settled),
}

/// Why a group was not recorded.
struct Uncommitted {
    error: LedgerError,
    /// The records of the group if only the answer to the commit is missing, so that they may be in the ledger.
    unanswered: Vec<Recorded>,
}

impl From<LedgerError> for Uncommitted {
    fn from(error: LedgerError) -> Self {
        Self { error, unanswered: Vec::new() }
    }
}

/// The state of the writer's thread.
struct WriterThread {
    ledger: Ledger,
    run: RunId,
    quotas: Vec<Quota>,
    /// The host's last sign of life, and the number of letters claimed since.
    seen: Instant,
}

fn serve(mut desk: WriterThread, inbox: &mpsc::Receiver<WriterMessage>) -> Ledger {
    while let Ok(first) = inbox.recv() {
        let (mut group, mut looks) = (Vec::new(), Vec::new());
        for asked in std::iter::once(first).chain(inbox.try_iter()) {
            match asked {
                WriterMessage::Record(request) => group.push(request),
                WriterMessage::Look(answer) => looks.push(answer),
            }
        }
        // A commit that is answered shows that the session lives.
        let is_alive = desk.record(group) || (!looks.is_empty() && desk.is_alive());
        for answer in looks {
            let _gone = answer.send(is_alive);
        }
    }
    desk.show_life(Duration::ZERO);
    desk.ledger
}

impl WriterThread {
    /// Records a group and answers it; false if nothing was committed.
    fn record(&mut self, group: Vec<Request>) -> bool {
        if group.is_empty() {
            return false;
        }
        match self.commit(&group) {
            Ok(done) => {
                group.into_iter().zip(done).for_each(|(request, done)| request.answer(done));
                self.show_life(LIFE_EVERY);
                true
            }
            Err(uncommitted) => {
                self.fail(group, uncommitted);
                false
            }
        }
    }

    /// Asks the server by the session that holds the host's lock.
    fn is_alive(&self) -> bool {
        self.ledger.db.is_alive().unwrap_or(false)
    }

    fn commit(&self, group: &[Request]) -> Result<Vec<Recorded>, Uncommitted> {
        let transaction = self.ledger.db.begin_beside()?;
        let record = |request: &Request| match request {
            Request::Claim { issue, letter, now, .. } => {
                claims::claim(&transaction, self.run, issue, letter, &self.quotas, *now).map(Recorded::Taken)
            }
            Request::Settle { settlement, .. } => {
                claims::settle(&transaction, settlement).map(Recorded::Settled)
            }
        };
        let done: Vec<Recorded> = group.iter().map(record).collect::<Result<_, LedgerError>>()?;
        if let Err(error) = transaction.commit() {
            return Err(Uncommitted { error, unanswered: done });
        }
        Ok(done)
    }

    /// Records that this host lives.
    fn show_life(&mut self, every: Duration) {
        if self.ledger.db.host().is_some() && self.seen.elapsed() >= every {
            // Only `status` shows it.
            let _next_time = self.ledger.db.seen();
            self.seen = Instant::now();
        }
    }

    /// Refuses the claims of a group that could not be recorded; outcomes are retried, and finally spooled.
    fn fail(&mut self, group: Vec<Request>, Uncommitted { error, unanswered }: Uncommitted) {
        spool_unsent(&self.ledger, &group, &unanswered);
        let (claims, settles): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|request| matches!(request, Request::Claim { .. }));
        claims.into_iter().for_each(|claim| claim.refuse(&error));
        if settles.is_empty() {
            return;
        }
        let began = Instant::now();
        let mut last = self.commit(&settles);
        while last.as_ref().is_err_and(|last| last.error.is_busy()) && began.elapsed() < SETTLE_PATIENCE {
            last = self.commit(&settles);
        }
        match last {
            Ok(done) => settles.into_iter().zip(done).for_each(|(request, done)| request.answer(done)),
            Err(uncommitted) => spool(&self.ledger, settles, &uncommitted.error),
        }
    }
}

/// Notes letters that are not sent although a server may have recorded their claims without an answer: they are open
/// again once it can be reached.
fn spool_unsent(ledger: &Ledger, group: &[Request], unanswered: &[Recorded]) {
    if ledger.place.server().is_none() {
        return;
    }
    let unsent = group.iter().zip(unanswered).filter_map(|(request, done)| match (request, done) {
        (Request::Claim { issue, letter, now, .. }, Recorded::Taken(Taken::Attempt(number))) => {
            Some(Settlement {
                attempt: Attempt { issue: issue.clone(), member: letter.member, number: *number },
                others: letter.others.clone(),
                outcome: Outcome::Deferred(Reply::local("not sent: the ledger's server did not answer")),
                refusal: None,
                at: *now,
            })
        }
        _ => None,
    });
    let unsent: Vec<Settlement> = unsent.collect();
    if !unsent.is_empty() {
        // Without the note the letters are in doubt.
        let _unknown = ledger.spool(&unsent.iter().collect::<Vec<_>>());
    }
}

fn spool(ledger: &Ledger, settles: Vec<Request>, error: &LedgerError) {
    let settlements: Vec<&Settlement> = settles.iter().filter_map(Request::settlement).collect();
    let is_kept = ledger.durable == Durable::Yes && ledger.spool(&settlements).is_ok();
    for request in settles {
        if is_kept {
            request.answer(Recorded::Settled(Settled { is_recorded: true, bounce: None }));
        } else {
            request.refuse(error);
        }
    }
}

impl Request {
    fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settle { settlement, .. } => Some(settlement),
            Self::Claim { .. } => None,
        }
    }

    /// Answers; if no worker is waiting any more, it was told to stop.
    fn answer(self, done: Recorded) {
        match (self, done) {
            (Self::Claim { issue, letter, answer, .. }, Recorded::Taken(taken)) => {
                let claimed = match taken {
                    Taken::Attempt(number) => {
                        let attempt = Attempt { issue, member: letter.member, number };
                        Claimed::Letter(Claim::new(attempt, letter))
                    }
                    Taken::Closed => Claimed::Closed,
                    Taken::Cancelled => Claimed::Cancelled,
                    Taken::Full(quota, until) => Claimed::Full(quota, until),
                };
                let _gone = answer.send(Ok(claimed));
            }
            (Self::Settle { answer, .. }, Recorded::Settled(settled)) => {
                let _gone = answer.send(Ok(settled));
            }
            (request, _) => request.refuse(&LedgerError::WriterStopped),
        }
    }

    fn refuse(self, error: &LedgerError) {
        let error = match error {
            LedgerError::OtherRun => LedgerError::OtherRun,
            LedgerError::Database(gone) if gone.is_gone() => LedgerError::Gone(gone.to_string()),
            other => LedgerError::Commit(other.to_string()),
        };
        match self {
            Self::Claim { answer, .. } => drop(answer.send(Err(error))),
            Self::Settle { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}
