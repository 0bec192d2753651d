//! What a mail that came back says about an address.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// What a message in the inbox is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MessageKind {
    /// Delivery was given up for at least one recipient.
    Bounce,
    /// Delivery is still being tried.
    Delayed,
    /// A vacation notice, a receipt or a challenge (RFC 3834).
    AutoReply,
    /// A recipient called the letter spam (RFC 5965).
    Complaint,
    /// A member asks to leave the list.
    Unsubscribe,
    /// Left for a person to read.
    Other,
}

/// How to treat an address.
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
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Class {
    /// Nothing will ever arrive there.
    Hard,
    /// This letter did not arrive; the next one may.
    Soft,
    /// This letter may still arrive.
    Delayed,
}

/// Why a letter came back, in the names of the trade.
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
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Reason {
    UserUnknown,
    HostUnknown,
    Moved,
    NotAccepting,
    Complaint,
    MailboxFull,
    Suspended,
    Filtered,
    SpamPolicy,
    Blocked,
    AuthFailure,
    SenderRejected,
    Policy,
    RateLimited,
    TooBig,
    BadContent,
    BadCommand,
    Expired,
    Network,
    SystemError,
    SystemFull,
    /// In an automatic answer: has left the organisation.
    Left,
    /// In an automatic answer: has died.
    Deceased,
    Undefined,
}

impl Reason {
    /// Tells whether the address is dead, if delivery was given up for this reason.
    pub fn class(self) -> Class {
        match self {
            Self::UserUnknown | Self::HostUnknown | Self::Moved | Self::NotAccepting | Self::Complaint => {
                Class::Hard
            }
            _ => Class::Soft,
        }
    }
}

/// What a message says about one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub address: String,
    pub class: Class,
    /// Enhanced status code (RFC 3463), the most telling one of the message.
    pub status: Option<String>,
    pub reason: Reason,
    /// The words of the refusing host, one line.
    pub diagnostic: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_called_the_same_everywhere() {
        for (reason, name, class) in [
            (Reason::UserUnknown, "user-unknown", Class::Hard),
            (Reason::Moved, "moved", Class::Hard),
            (Reason::MailboxFull, "mailbox-full", Class::Soft),
            (Reason::SpamPolicy, "spam-policy", Class::Soft),
            (Reason::Undefined, "undefined", Class::Soft),
        ] {
            assert_eq!(reason.to_string(), name);
            assert_eq!(name.parse(), Ok(reason));
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{name}\""));
            assert_eq!(reason.class(), class);
        }
    }
}
