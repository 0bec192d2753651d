//! The letter for one member.

use super::{Address, MemberId};

/// An envelope and a message, ready for a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The member by whom it goes.
    pub member: MemberId,
    /// Members who share its address, and for whom it is too.
    pub others: Vec<MemberId>,
    /// Envelope sender (RFC 5321 `MAIL FROM`), with the member's token if VERP is on; `<>` when there is none.
    pub sender: Option<Address>,
    /// The one envelope recipient.
    pub recipient: Address,
    /// `Message-ID` without its angle brackets.
    pub message_id: String,
    /// The RFC 5322 message, lines ended by CRLF.
    pub bytes: Vec<u8>,
}

impl Letter {
    /// The message for people to read, lines ended by LF.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n")
    }
}
