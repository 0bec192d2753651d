//! An address that must never be mailed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// Why an address is not mailed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SuppressionReason {
    HardBounce,
    SoftBounces,
    Complaint,
    Unsubscribed,
    ByHand,
}

impl SuppressionReason {
    /// The name in the ledger and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Tells whether the reason applies to newsletters only: the address still gets notices.
    pub fn is_for_newsletters(self) -> bool {
        matches!(self, Self::Complaint | Self::Unsubscribed)
    }

    /// Tells whether somebody asked for the suppression; otherwise the address is dead.
    pub fn is_wish(self) -> bool {
        matches!(self, Self::Complaint | Self::Unsubscribed | Self::ByHand)
    }
}

/// A suppressed address with its reason and date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub address: String,
    pub reason: SuppressionReason,
    pub since: Timestamp,
    /// Its source: a bounce's status and words, or a command.
    pub note: String,
}
