//! One issue for one member.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::Outcome;

/// How far a delivery has come.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// To be sent.
    Queued,
    /// Claimed by a worker; after a crash it is uncertain whether the relay has the letter.
    Sending,
    /// The relay took responsibility for the letter (RFC 5321 §4.2.5).
    Accepted,
    /// Temporarily refused; the next run tries again.
    Deferred,
    /// Permanently refused.
    Rejected,
    /// The connection broke after the final dot; only a person may decide to send the letter again.
    InDoubt,
}

impl State {
    /// All states, in the order in which they are reported.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Rejected, Self::Deferred, Self::InDoubt, Self::Queued, Self::Sending];

    /// The name in the ledger, the logs and JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Tells whether a run may send the letter.
    pub fn may_be_claimed(self) -> bool {
        matches!(self, Self::Queued | Self::Deferred)
    }
}

impl From<&Outcome> for State {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted(_) => Self::Accepted,
            Outcome::Deferred(_) => Self::Deferred,
            Outcome::Rejected(_) => Self::Rejected,
            Outcome::InDoubt(_) => Self::InDoubt,
        }
    }
}
