//! Several hosts that send one issue: which hosts take part, which letters each one gets, and what happens to the
//! letters of a dead one. A ledger in a file has one host, which needs none of this.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{IssueName, Member, MemberId};

use super::types::Stamp;
use super::{Ledger, LedgerError, LedgerPlace};

/// A host that takes or took part in sending an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostRow {
    pub name: String,
    /// Letters that it was the last to claim.
    pub letters: u64,
    pub per_minute: u64,
    pub is_alive: bool,
    /// The last sign of life.
    pub seen: Timestamp,
}

/// How a host takes part in sending an issue, so that it can do so again after it has lost its session.
#[derive(Debug, Clone)]
pub struct Part {
    place: LedgerPlace,
    issue: IssueName,
    name: String,
    content: BTreeMap<String, String>,
    /// Its number, by which letters are claimed.
    host: Option<i64>,
}

impl Part {
    /// Takes part again, as a new host with a new session: outcomes that could not be recorded are, and the letters of the old
    /// one that are still on their way are in doubt. Only for a run that has no letter on the wire.
    ///
    /// # Errors
    /// If the server is still gone, or another command has begun meanwhile.
    pub fn come_back(&self, now: Timestamp) -> Result<Ledger, LedgerError> {
        let mut ledger = Ledger::open(&self.place)?;
        ledger.db.end_session(self.host)?;
        ledger.recover(now)?;
        ledger.take_part(&self.issue, &self.name, &self.content)?;
        Ok(ledger)
    }
}

impl Ledger {
    /// Tells whether several hosts may use the ledger.
    pub fn is_shared(&self) -> bool {
        self.db.is_shared()
    }

    /// Joins the sending of an issue; the host lives as long as this ledger's session. `content` has digests of
    /// everything that must be the same on all hosts.
    ///
    /// # Errors
    /// Names the differences from the hosts that take part already.
    pub fn take_part(
        &mut self,
        issue: &IssueName,
        name: &str,
        content: &BTreeMap<String, String>,
    ) -> Result<(), LedgerError> {
        for other in self.db.contents(issue)? {
            let other: BTreeMap<String, String> =
                serde_json::from_str(&other).map_err(super::members::corrupt)?;
            let differs = |name: &&String| other.get(*name) != content.get(*name);
            let names: std::collections::BTreeSet<&String> =
                other.keys().chain(content.keys()).filter(differs).collect();
            if !names.is_empty() {
                let what = names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(LedgerError::HostsDiffer { what });
            }
        }
        let digests = serde_json::to_string(content).map_err(super::members::corrupt)?;
        self.db.register(name, issue, &digests)?;
        self.part = Some(Part {
            place: self.place.clone(),
            issue: issue.clone(),
            name: name.to_owned(),
            content: content.clone(),
            host: self.db.host(),
        });
        Ok(())
    }

    /// How this host takes part in sending an issue; `None` if it is the only one that can.
    pub fn part(&self) -> Option<Part> {
        self.part.clone()
    }

    /// Tells whether the session lives that holds the host's lock.
    pub fn still_claims(&self) -> bool {
        self.db.is_alive().unwrap_or(false)
    }

    /// Another session of the same host.
    ///
    /// # Errors
    /// If the ledger cannot be opened.
    pub fn another(&self) -> Result<Self, LedgerError> {
        let other = Self::open(&self.place)?;
        other.db.set_host(self.db.host());
        Ok(other)
    }

    /// Ends hosts that are found dead; returns the number of their letters, which are in doubt, by issue.
    ///
    /// # Errors
    /// If the ledger cannot be written; hosts that were already ended stay so.
    pub fn bury_dead_hosts(&self, now: Timestamp) -> Result<BTreeMap<IssueName, u64>, LedgerError> {
        let doubted = self.db.bury(&Stamp(now).to_string())?;
        let corrupt = super::members::corrupt;
        let named =
            doubted.into_iter().map(|(issue, letters)| Ok((issue.parse().map_err(corrupt)?, letters)));
        named.collect()
    }

    /// Reserves the next members, by id, whose letters were never tried and may be sent.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn reserve(&self, issue: &IssueName, limit: usize) -> Result<Vec<Member>, LedgerError> {
        let mut members = Vec::new();
        for id in self.db.reserve(&super::deliveries::untried_members(), issue, limit)? {
            members.extend(self.member_of(issue, MemberId(id))?.map(|row| row.member));
        }
        Ok(members)
    }

    /// Reserves a letter that was tried before; false if another host has it.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn reserve_again(&self, issue: &IssueName, member: MemberId) -> Result<bool, LedgerError> {
        self.db.reserve_one(issue, member)
    }

    /// Releases a letter that this host does not send.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn give_back(&self, issue: &IssueName, member: MemberId) -> Result<(), LedgerError> {
        self.db.free(issue, member)
    }

    /// Tells whether open letters of an issue are reserved for other hosts.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn others_have_work(&self, issue: &IssueName) -> Result<bool, LedgerError> {
        self.db.others_have_work(issue)
    }

    /// The hosts that take or took part in sending an issue; none for a ledger in a file.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn hosts(&self, issue: &IssueName) -> Result<Vec<HostRow>, LedgerError> {
        self.db.hosts(issue)
    }
}
