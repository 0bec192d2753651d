//! Decides whom a returned message or a refusal concerns, and what follows for the member.

mod attribution;
mod refusal;

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::BounceRecord;

pub use attribution::BounceAttribution;
pub use refusal::RefusalJudge;

/// One line of the bounce log.
#[derive(Debug, Serialize)]
pub struct BounceLogLine<'a> {
    pub time: Timestamp,
    /// `read` for a message, `refused` for a mail server's reply.
    pub event: &'static str,
    #[serde(flatten)]
    pub record: &'a BounceRecord,
}
