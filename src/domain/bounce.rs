//! What a returned message says about an address.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// The kind of a message in the inbox.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MessageKind {
    /// Delivery to at least one recipient was given up.
    Bounce,
    /// Delivery is still being tried.
    Delayed,
    /// A vacation notice, a receipt or a challenge (RFC 3834).
    AutoReply,
    /// A recipient reported the letter as spam (RFC 5965).
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
    /// Nothing will ever arrive at the address.
    Hard,
    /// This letter did not arrive; the next one may.
    Soft,
    /// This letter may still arrive.
    Delayed,
}

/// Why a letter came back, in standard terms.
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
    /// An automatic answer says that the member has left the organisation.
    Left,
    /// An automatic answer says that the member has died.
    Deceased,
    Undefined,
}

impl Reason {
    /// How to treat the address if delivery was given up for this reason.
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
    /// Enhanced status code (RFC 3463); the most specific one in the message.
    pub status: Option<String>,
    pub reason: Reason,
    /// The refusing host's words, on one line.
    pub diagnostic: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_same_name_everywhere() {
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
