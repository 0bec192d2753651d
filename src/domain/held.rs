//! Members who are held: listed, but not mailed until a person has decided who they are.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

/// Why it is not certain who a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HeldReason {
    /// The number was another member's, and name and address are both new.
    NumberReused,
    /// A member of this name, with another address, left or opted out.
    ResemblesMember,
    /// The number or the name is that of somebody who asked to be forgotten.
    ResemblesForgotten,
}

impl HeldReason {
    /// The name in the ledger and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::NumberReused => "the number was another member's; name and address are new",
            Self::ResemblesMember => "a member of this name, with another address, left or opted out",
            Self::ResemblesForgotten => "the number or name is that of somebody who asked to be forgotten",
        }
    }
}

/// By what a row of a member list is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKey {
    /// The member number, where a row has one.
    #[default]
    Number,
    /// The address, whatever the number.
    Email,
}
