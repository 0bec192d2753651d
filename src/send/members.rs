//! The members whose letters wait for a worker.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::Receiver;

use crate::domain::Household;
use crate::ledger::LedgerError;

/// The feeder's members, and those that a worker could not deliver to and gave back.
#[derive(Debug)]
pub(super) struct MemberQueue {
    fed: tokio::sync::Mutex<Receiver<Result<Household, LedgerError>>>,
    returned: Mutex<Vec<Household>>,
}

impl MemberQueue {
    pub fn new(fed: Receiver<Result<Household, LedgerError>>) -> Self {
        Self { fed: tokio::sync::Mutex::new(fed), returned: Mutex::default() }
    }

    /// Waits for the next member; `None` after the last.
    pub async fn next(&self) -> Result<Option<Household>, LedgerError> {
        match self.take_returned() {
            Some(household) => Ok(Some(household)),
            None => self.fed.lock().await.recv().await.transpose(),
        }
    }

    /// The next member, if one is available at once and `is_wanted` agrees.
    pub fn next_at_once(&self, is_wanted: impl FnOnce() -> bool) -> Result<Option<Household>, LedgerError> {
        let Ok(mut fed) = self.fed.try_lock() else { return Ok(None) };
        if fed.is_empty() || !is_wanted() {
            return Ok(None);
        }
        fed.try_recv().ok().transpose()
    }

    /// Gives back a member whose letter was not tried.
    pub fn give_back(&self, household: Household) {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner).push(household);
    }

    /// Whether a letter was given back that nobody has taken.
    pub fn has_returned(&self) -> bool {
        !self.returned.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take_returned(&self) -> Option<Household> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
