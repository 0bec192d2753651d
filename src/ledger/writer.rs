//! The one writer of deliveries while letters are on their way: durable in groups.
//!
//! Workers hand in "about to send" and "outcome" records; the writer commits all that are waiting in one durable
//! transaction and only then answers. While one group is being synced to the disk the next one gathers.

use std::sync::mpsc;
use std::thread::JoinHandle;

use jiff::Timestamp;
use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;

use crate::domain::{IssueName, Letter, MemberId, Outcome};

use super::{Ledger, LedgerError, deliveries};

/// The writer's thread; it ends when all handles are dropped.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<Ledger>,
}

/// What a worker talks to.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    work: Work,
    now: Timestamp,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<u32, String>;

/// A record that is on its way to the disk.
#[derive(Debug)]
pub struct Settling(oneshot::Receiver<Answer>);

#[derive(Debug)]
enum Work {
    Claim { issue: IssueName, member: MemberId, address: crate::domain::Address, message_id: String },
    Settle { issue: IssueName, member: MemberId, outcome: Outcome },
}

impl Writer {
    /// Starts the writer on an open ledger.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(ledger: Ledger) -> std::io::Result<(Self, WriterHandle)> {
        let (requests, inbox) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("ledger".to_owned()).spawn(move || run(ledger, &inbox))?;
        Ok((Self { thread }, WriterHandle { requests }))
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
    /// Takes the delivery of `letter` and returns the number of this attempt; then the record is durable and the letter
    /// may go out. `None` if the delivery is not open any more.
    ///
    /// # Errors
    /// If the ledger cannot be written; then the letter must not go out.
    pub async fn claim(
        &self,
        issue: &IssueName,
        letter: &Letter,
        now: Timestamp,
    ) -> Result<Option<u32>, LedgerError> {
        let work = Work::Claim {
            issue: issue.clone(),
            member: letter.member,
            address: letter.recipient.clone(),
            message_id: letter.message_id.clone(),
        };
        let attempt = answered(self.ask(work, now)).await?;
        Ok(Some(attempt).filter(|attempt| *attempt > 0))
    }

    /// Hands in how a claimed delivery ended. What is asked for after it is recorded with it or later, never before it.
    pub fn settle(&self, issue: &IssueName, member: MemberId, outcome: Outcome, now: Timestamp) -> Settling {
        Settling(self.ask(Work::Settle { issue: issue.clone(), member, outcome }, now))
    }

    fn ask(&self, work: Work, now: Timestamp) -> oneshot::Receiver<Answer> {
        let (answer, result) = oneshot::channel();
        // A writer that has stopped returns no answer, and that is found out when one is waited for.
        let _stopped = self.requests.send(Request { work, now, answer });
        result
    }
}

impl Settling {
    /// Waits until the record is durable.
    ///
    /// # Errors
    /// If the ledger cannot be written; the delivery is then in doubt for the next run.
    pub async fn done(self) -> Result<(), LedgerError> {
        answered(self.0).await.map(drop)
    }
}

async fn answered(answer: oneshot::Receiver<Answer>) -> Result<u32, LedgerError> {
    answer.await.map_err(|_| LedgerError::WriterStopped)?.map_err(LedgerError::Commit)
}

fn run(mut ledger: Ledger, inbox: &mpsc::Receiver<Request>) -> Ledger {
    while let Ok(first) = inbox.recv() {
        let group: Vec<Request> = std::iter::once(first).chain(inbox.try_iter()).collect();
        let results = commit(&mut ledger, &group);
        for (index, request) in group.into_iter().enumerate() {
            let result = match &results {
                Ok(done) => Ok(done.get(index).copied().unwrap_or(0)),
                Err(error) => Err(error.to_string()),
            };
            // A worker that no longer waits has been told to stop.
            let _gone = request.answer.send(result);
        }
    }
    ledger
}

fn commit(ledger: &mut Ledger, group: &[Request]) -> rusqlite::Result<Vec<u32>> {
    let transaction = ledger.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: Vec<u32> = group
        .iter()
        .map(|request| match &request.work {
            Work::Claim { issue, member, address, message_id } => {
                deliveries::claim(&transaction, issue, *member, address, message_id, request.now)
            }
            Work::Settle { issue, member, outcome } => {
                deliveries::settle(&transaction, issue, *member, outcome, request.now).map(|()| 0)
            }
        })
        .collect::<rusqlite::Result<_>>()?;
    transaction.commit()?;
    Ok(done)
}
