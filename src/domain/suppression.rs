//! An address that is never to be mailed.

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

    /// Tells whether it holds for newsletters only: a notice goes to the address all the same.
    pub fn is_for_newsletters(self) -> bool {
        matches!(self, Self::Complaint | Self::Unsubscribed)
    }

    /// Tells whether somebody asked for it, rather than the address being dead.
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
    /// Where it came from: a bounce's status and words, or a command.
    pub note: String,
}
