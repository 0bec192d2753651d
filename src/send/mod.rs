//! The send loop: one issue, many members, several connections.
//!
//! A feeder reads the open deliveries page by page; workers compose, claim, deliver and settle. A letter goes out only
//! after its claim is durable, so a crash leaves at most one letter per connection in doubt. The loop does not know
//! whether it is a dry run: then the relay is an outbox and the ledger a copy.

mod feed;
mod worker;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

use crate::compose::{ComposeError, Composer};
use crate::domain::{IssueName, Member, Outcome, Reply, Segment};
use crate::ledger::{Ledger, LedgerError, Writer};
use crate::relay::{Relay, RelayError};

use worker::Worker;

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Job {
    pub issue: IssueName,
    /// Only these members; all when left out.
    pub segment: Option<Segment>,
    /// At most this many letters in this run.
    pub limit: Option<u64>,
    pub connections: usize,
    /// The time, asked for at each letter.
    pub clock: fn() -> Timestamp,
}

/// One letter's end, for logs and progress.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: Timestamp,
    pub member: Member,
    pub sender: String,
    pub message_id: String,
    pub bytes: usize,
    pub outcome: Outcome,
}

/// Why a run ended.
#[derive(Debug)]
pub enum End {
    /// Every open letter was tried, or the limit was reached.
    Done,
    /// Asked to stop; letters on the wire were finished.
    Interrupted,
    /// The relay can't be reached any more; the rest stays queued.
    RelayGone(RelayError),
    /// The relay's answer speaks of us; the rest stays queued.
    RefusedUs(Reply),
}

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("a worker died")]
    Worker,
}

impl Job {
    /// Tells whether the job is for this member: it matches the segment and has a section to read.
    pub fn is_for(&self, composer: &Composer, member: &Member) -> bool {
        self.segment.as_ref().is_none_or(|segment| segment.matches(member))
            && composer.sections_for(member).next().is_some()
    }
}

/// Sends the queued letters; `report` hears of each.
///
/// # Errors
/// When the ledger can't be written or a letter can't be composed; what is recorded stays true.
pub async fn run(
    ledger: Ledger,
    composer: Arc<Composer>,
    relay: Arc<Relay>,
    job: Job,
    stop: watch::Receiver<bool>,
    mut report: impl FnMut(&Event),
) -> Result<(Ledger, End), SendError> {
    let job = Arc::new(job);
    let (halt, halted) = watch::channel(false);
    let halt = Arc::new(halt);
    let members = feed::start(ledger.path(), Arc::clone(&composer), Arc::clone(&job))?;
    let members = Arc::new(Mutex::new(members));
    let (writer, handle) = Writer::start(ledger)?;
    let (events, mut heard) = mpsc::channel(64);
    let tally = Arc::default();
    let mut workers = JoinSet::new();
    for _ in 0..job.connections {
        let worker = Worker {
            members: Arc::clone(&members),
            composer: Arc::clone(&composer),
            relay: Arc::clone(&relay),
            job: Arc::clone(&job),
            ledger: handle.clone(),
            events: events.clone(),
            stop: stop.clone(),
            halt: Arc::clone(&halt),
            halted: halted.clone(),
            tally: Arc::clone(&tally),
        };
        workers.spawn(worker.run());
    }
    drop((events, handle, members));
    while let Some(event) = heard.recv().await {
        report(&event);
    }
    let end = gather(&mut workers).await;
    let ledger = tokio::task::block_in_place(|| writer.finish())?;
    let end = end?;
    Ok((ledger, if *stop.borrow() { End::Interrupted } else { end }))
}

/// The run's end is its worst worker's; a connection that could not be opened matters only if none could.
async fn gather(workers: &mut JoinSet<Result<End, SendError>>) -> Result<End, SendError> {
    let mut ends = Vec::new();
    while let Some(joined) = workers.join_next().await {
        ends.push(joined.map_err(|_| SendError::Worker)?);
    }
    let ends = ends.into_iter().collect::<Result<Vec<End>, SendError>>()?;
    let some_finished = ends.iter().any(|end| matches!(end, End::Done));
    let refused = |end: &End| matches!(end, End::RefusedUs(_));
    let gone = |end: &End| matches!(end, End::RelayGone(_)) && !some_finished;
    let position = ends.iter().position(refused).or_else(|| ends.iter().position(gone));
    Ok(position.and_then(|at| ends.into_iter().nth(at)).unwrap_or(End::Done))
}
