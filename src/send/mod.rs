//! The send loop: one issue, many members, several connections.
//!
//! A feeder reads the open deliveries page by page; workers compose, claim, deliver and settle. A letter is sent only
//! after its claim is durable, so a crash leaves at most one letter per connection in doubt. The loop does not know
//! about dry runs: then the relay is an outbox and the ledger a copy.

mod comeback;
mod feed;
mod members;
mod pace;
mod tally;
mod watchman;
mod worker;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::compose::{ComposeError, Composer};
use crate::diagnosis::{self, About, RulesError};
use crate::domain::{Address, Household, IssueName, Member, MemberId, Outcome, Quota, Reply, Segment, State};
use crate::feedback::RefusalJudge;
use crate::ledger::{BounceRecord, Ledger, LedgerError, LedgerWriter, RunId, Skip};
use crate::relay::{Relay, RelayError};

use comeback::after_round;
use members::MemberQueue;
pub use pace::Forecast;
use pace::Pace;
use tally::{StateCorrection, Tally};
use watchman::Watchman;
use worker::Worker;

/// The first pause before letters are retried; shorter if patience is short.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The letters to send.
#[derive(Debug, Clone)]
pub struct Job {
    pub issue: IssueName,
    /// Only these members (default: all).
    pub segment: Option<Segment>,
    /// The maximum number of letters in this run.
    pub limit: Option<u64>,
    /// Only these members (default: all).
    pub only: Option<HashSet<MemberId>>,
    pub connections: usize,
    /// How long to retry deferred letters.
    pub patience: Duration,
    /// No letter is sent after this time.
    pub until: Option<Timestamp>,
    /// How many letters may be sent in a period, over all runs.
    pub quotas: Vec<Quota>,
    /// The clock, read for each letter.
    pub clock: fn() -> Timestamp,
}

/// The result of one letter, for logs and progress.
#[derive(Debug, Clone)]
pub struct SettledLetter {
    pub at: Timestamp,
    /// The members who get the letter.
    pub household: Household,
    pub sender: String,
    pub message_id: String,
    pub bytes: usize,
    pub outcome: Outcome,
    /// The record of a permanent refusal.
    pub bounce: Option<BounceRecord>,
    /// Whether this event corrects an earlier one of the same letter.
    pub is_correction: bool,
}

/// Events during a run.
#[derive(Debug)]
pub enum RunNews<'a> {
    Letter(&'a SettledLetter),
    /// No letter is sent for this time.
    Pause(Duration, Pause<'a>),
}

/// Why a run pauses.
#[derive(Debug)]
pub enum Pause<'a> {
    /// This many letters were deferred.
    Deferred(u64),
    /// The server's limit is reached, which passes with time.
    Refused(&'a Reply),
    RelayGone(&'a RelayError),
    /// The ledger's server cannot be reached any more; no letter is on the wire.
    LedgerGone(&'a LedgerError),
}

/// Why a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// Every open letter was tried, or the limit was reached.
    Done,
    /// Stopped by a signal; letters in transit were finished.
    Interrupted,
    /// The relay cannot be reached any more; the rest stays queued.
    RelayGone(RelayError),
    /// The relay's refusal is about us; the rest stays queued.
    RefusedUs(Reply),
    /// The issue was cancelled; letters in transit were finished.
    Cancelled,
    /// The time in which the issue may be sent is over; the rest stays queued.
    WindowClosed,
    /// The server accepted letters so slowly that patience ran out; the rest stays queued.
    TooSlow,
    /// The quota allows no letter before `until`; the rest stays queued.
    QuotaUsed { quota: Quota, until: Timestamp },
}

impl RunEnd {
    /// A fixed name, independent of numbers and replies.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Interrupted => "interrupted",
            Self::RelayGone(_) => "relay gone",
            Self::RefusedUs(_) => "refused us",
            Self::Cancelled => "cancelled",
            Self::WindowClosed => "window closed",
            Self::TooSlow => "too slow",
            Self::QuotaUsed { .. } => "quota used",
        }
    }
}

/// Why a run could not continue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("a worker task panicked")]
    Worker,
}

impl Job {
    /// Tells whether the job is for this member: it matches the segment and gets a section.
    pub fn is_for(&self, composer: &Composer, member: &Member) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&member.id))
            && skip(composer, self.segment.as_ref(), member).is_none()
    }
}

/// Why the issue is not for a member who could be mailed; `None` if it is.
pub fn skip(composer: &Composer, segment: Option<&Segment>, member: &Member) -> Option<Skip> {
    if segment.is_some_and(|segment| !segment.matches(member)) {
        return Some(Skip::OutsideSegment);
    }
    if !composer.is_entitled(member) {
        return Some(Skip::NotVoting);
    }
    (!composer.has_section_for(member)).then_some(Skip::NoSection)
}

/// Groups members who share an address, so that they get one letter.
#[derive(Debug)]
pub struct Grouping {
    shared: HashSet<String>,
    waiting: BTreeMap<String, Household>,
}

impl Grouping {
    /// Starts a grouping; `shared` are the shared addresses, in lower case.
    pub fn new(shared: HashSet<String>) -> Self {
        Self { shared, waiting: BTreeMap::new() }
    }

    /// Adds a member; returns it at once if it shares its address with nobody.
    pub fn add(&mut self, member: Member) -> Option<Household> {
        let key = member.address.as_ref().map(Address::key).filter(|key| self.shared.contains(key));
        let Some(key) = key else { return Some(member.into()) };
        match self.waiting.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(member.into())),
            Entry::Occupied(mut entry) => entry.get_mut().others.push(member),
        }
        None
    }

    /// The groups, once all members are added.
    pub fn households(self) -> impl Iterator<Item = Household> {
        self.waiting.into_values()
    }
}

/// Sends the queued letters; `report` gets each result and pause. Deferred letters and an unreachable relay are
/// retried until the job's patience is over.
///
/// # Errors
/// If the ledger cannot be written or a letter cannot be composed; everything recorded stays true.
pub async fn run(
    mut ledger: Ledger,
    composer: Arc<Composer>,
    relay: Arc<Relay>,
    mut job: Job,
    stop: watch::Receiver<bool>,
    mut report: impl FnMut(RunNews<'_>),
) -> Result<(Ledger, RunEnd), SendError> {
    let mut watchman = Watchman::start(ledger.place(), &job, stop)?;
    let run = ledger.begin_run(&job.issue, (job.clock)())?;
    let judge = Arc::new(RefusalJudge::new()?);
    let now = (job.clock)();
    let gone = ledger.handed_over(counted_since(now), now)?;
    let pace = Arc::new(Pace::new(&job.quotas, &gone, job.patience, now));
    let tally = Arc::new(Tally::new(ledger.has_in(&job.issue, &[State::Accepted])?));
    recall(&ledger, &job, &tally)?;
    let rounds = Rounds { run, composer, relay, judge, pace, tally, stop: watchman.over() };
    let began = Instant::now();
    let mut delays = delays(job.patience);
    loop {
        let mut open = 0_u64;
        let mut settled = 0;
        let part = ledger.part();
        let done = rounds
            .round(ledger, job.clone(), |event| {
                match event.outcome {
                    Outcome::Deferred(_) => open += 1,
                    _ => settled += 1,
                }
                report(RunNews::Letter(event));
            })
            .await;
        let (back, end) = after_round(done, part, &job, &mut watchman, &mut report).await?;
        ledger = back;
        let now_final = rounds.correct_all(&ledger, &job, &mut report)?;
        open = open.saturating_sub(now_final);
        settled += now_final;
        if let Some(end) = watchman.end() {
            return Ok((ledger, end));
        }
        job.limit = job.limit.map(|limit| limit.saturating_sub(settled));
        job.connections = rounds.pace.connections(job.connections);
        // The ledger's server was waited for already.
        let Some(end) = end else { continue };
        let why = match &end {
            RunEnd::Done if open > 0 => Pause::Deferred(open),
            RunEnd::RelayGone(error) if error.is_temporary() => Pause::RelayGone(error),
            RunEnd::RefusedUs(reply) if passes(reply) => Pause::Refused(reply),
            _ => return Ok((ledger, end)),
        };
        let delay = delays.next().filter(|delay| began.elapsed() + *delay <= job.patience);
        let Some(delay) = delay else { return Ok((ledger, end)) };
        report(RunNews::Pause(delay, why));
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            end = watchman.ended() => return Ok((ledger, end)),
        }
    }
}

/// Tells the tally about refusals in earlier runs since the server last accepted a letter of the issue.
fn recall(ledger: &Ledger, job: &Job, tally: &Tally) -> Result<(), LedgerError> {
    for row in ledger.refused_since_acceptance(&job.issue)? {
        let Some(found) = ledger.member(row.member)? else { continue };
        let attempt = row.attempt(&job.issue);
        let reply = Reply { code: row.code, status: row.status, text: row.reply.unwrap_or_default() };
        let is_rejected = row.state == State::Rejected;
        let event = SettledLetter {
            at: row.since,
            household: found.member.into(),
            sender: String::new(),
            message_id: row.message_id.unwrap_or_default(),
            bytes: 0,
            outcome: if is_rejected { Outcome::Rejected(reply) } else { Outcome::Deferred(reply) },
            bounce: None,
            is_correction: true,
        };
        tally.recall(&event, &attempt);
    }
    Ok(())
}

/// Tells whether a refusal about us passes with time.
fn passes(reply: &Reply) -> bool {
    matches!(diagnosis::about(reply), About::Us(fault) if fault.passes())
}

/// Letters before this time do not count for any quota.
pub fn counted_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(Quota::LONGEST_SPAN).unwrap_or(Timestamp::MIN)
}

/// The pauses between rounds: increasing, with a random part.
fn delays(patience: Duration) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE.min(patience / 10))
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Waits until the flag is set; forever if nobody can set it any more.
pub async fn wait_for_stop(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|on| *on).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Shared by all rounds of a run.
struct Rounds {
    run: RunId,
    composer: Arc<Composer>,
    relay: Arc<Relay>,
    judge: Arc<RefusalJudge>,
    pace: Arc<Pace>,
    tally: Arc<Tally>,
    stop: watch::Receiver<bool>,
}

impl Rounds {
    /// Corrects the states of letters whose refusals turned out to mean something else; returns how many are now final.
    fn correct_all(
        &self,
        ledger: &Ledger,
        job: &Job,
        report: &mut impl FnMut(RunNews<'_>),
    ) -> Result<u64, LedgerError> {
        let mut now_final = 0;
        for mut correction in self.tally.corrections() {
            if self.correct(ledger, job, &mut correction)? {
                now_final += u64::from(matches!(correction.event.outcome, Outcome::Rejected(_)));
                report(RunNews::Letter(&correction.event));
            }
        }
        Ok(now_final)
    }

    /// Corrects the state of a letter; false if it has changed meanwhile.
    fn correct(
        &self,
        ledger: &Ledger,
        job: &Job,
        StateCorrection { event, attempt }: &mut StateCorrection,
    ) -> Result<bool, LedgerError> {
        let now = (job.clock)();
        let refusal = match (&event.outcome, &event.household.lead.address) {
            (Outcome::Rejected(reply), Some(address)) => {
                Some(self.judge.refusal(attempt, address, reply, now))
            }
            _ => None,
        };
        let Some(settled) = ledger.correct(attempt, &event.outcome, refusal.as_ref(), now)? else {
            return Ok(false);
        };
        event.bounce = settled.bounce;
        event.is_correction = true;
        Ok(true)
    }

    /// Tries every open letter once.
    async fn round(
        &self,
        ledger: Ledger,
        job: Job,
        mut report: impl FnMut(&SettledLetter),
    ) -> Result<(Ledger, RunEnd), SendError> {
        let job = Arc::new(job);
        let (halt, halted) = watch::channel(false);
        let halt = Arc::new(halt);
        let members = feed::start(&ledger, Arc::clone(&self.composer), Arc::clone(&job))?;
        let members = Arc::new(MemberQueue::new(members));
        let (writer, handle) = LedgerWriter::start(ledger, self.run, job.quotas.clone())?;
        let (events, mut heard) = mpsc::channel(64);
        let mut workers = JoinSet::new();
        for _ in 0..job.connections {
            let worker = Worker {
                members: Arc::clone(&members),
                composer: Arc::clone(&self.composer),
                relay: Arc::clone(&self.relay),
                job: Arc::clone(&job),
                ledger: handle.clone(),
                judge: Arc::clone(&self.judge),
                events: events.clone(),
                stop: self.stop.clone(),
                halt: Arc::clone(&halt),
                halted: halted.clone(),
                tally: Arc::clone(&self.tally),
                pace: Arc::clone(&self.pace),
            };
            workers.spawn(worker.run());
        }
        drop((events, handle));
        while let Some(event) = heard.recv().await {
            report(&event);
        }
        let end = gather(&mut workers, &members).await;
        let ledger = tokio::task::block_in_place(|| writer.finish())?;
        let end = end?;
        Ok((ledger, end))
    }
}

/// The run ends like its worst worker; a connection that could not be opened matters only if none could, or if it
/// leaves a letter behind.
async fn gather(
    workers: &mut JoinSet<Result<RunEnd, SendError>>,
    members: &MemberQueue,
) -> Result<RunEnd, SendError> {
    let mut ends = Vec::new();
    while let Some(joined) = workers.join_next().await {
        ends.push(joined.map_err(|_| SendError::Worker)?);
    }
    let ends = ends.into_iter().collect::<Result<Vec<RunEnd>, SendError>>()?;
    let some_finished = ends.iter().any(|end| matches!(end, RunEnd::Done)) && !members.has_returned();
    let rank = |end: &RunEnd| match end {
        RunEnd::Cancelled => 0,
        RunEnd::RefusedUs(_) => 1,
        RunEnd::QuotaUsed { .. } => 2,
        RunEnd::RelayGone(_) if !some_finished => 3,
        RunEnd::TooSlow => 4,
        RunEnd::Interrupted | RunEnd::WindowClosed => 5,
        RunEnd::RelayGone(_) | RunEnd::Done => 6,
    };
    Ok(ends.into_iter().min_by_key(rank).map_or(RunEnd::Done, |end| match end {
        // Another worker has sent the letters of this one, or no worker was told to stop.
        RunEnd::RelayGone(_) if some_finished => RunEnd::Done,
        RunEnd::Interrupted => RunEnd::Done,
        end => end,
    }))
}
