//! An address that is never to be mailed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why an address is not mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    HardBounce,
    SoftBounces,
    Complaint,
    Unsubscribed,
    ByHand,
}

impl SuppressionReason {
    const ALL: [Self; 5] =
        [Self::HardBounce, Self::SoftBounces, Self::Complaint, Self::Unsubscribed, Self::ByHand];

    /// The name in the ledger and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::SoftBounces => "soft_bounces",
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
            Self::ByHand => "by_hand",
        }
    }

    /// The reason with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A suppressed address with its reason and date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppression {
    pub address: String,
    pub reason: SuppressionReason,
    pub since: Timestamp,
    /// Where it came from: a bounce's status and words, or a command.
    pub note: String,
}
