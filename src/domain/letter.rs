//! The letter for one member.

use super::{Address, MemberId};

/// An envelope and a message, ready for a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The member whose token and Message-ID the letter has.
    pub member: MemberId,
    /// The other members who share the address.
    pub others: Vec<MemberId>,
    /// Envelope sender (RFC 5321 `MAIL FROM`), with the member's token if VERP is on; `None` is the null sender `<>`.
    pub sender: Option<Address>,
    /// The one envelope recipient.
    pub recipient: Address,
    /// `Message-ID` without its angle brackets.
    pub message_id: String,
    /// The RFC 5322 message; lines end in CRLF.
    pub bytes: Vec<u8>,
}

impl Letter {
    /// The message for people to read; lines end in LF.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n")
    }
}
