//! Members who are held: they are listed, but not mailed until a person has confirmed who they are.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr};

/// Why a member's identity is uncertain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HeldReason {
    /// The number belonged to another member, and both name and address are new.
    NumberReused,
    /// A member of this name left or opted out, and had another address.
    ResemblesMember,
    /// The number or the name belongs to somebody who asked to be forgotten.
    ResemblesForgotten,
}

impl HeldReason {
    /// The name in the ledger and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NumberReused => "the number was another member's; name and address are new",
            Self::ResemblesMember => "a member of this name, with another address, left or opted out",
            Self::ResemblesForgotten => "the number or name belongs to somebody who asked to be forgotten",
        }
    }
}

/// How the rows of a member list are matched with the register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityKey {
    /// By member number, if the row has one.
    #[default]
    Number,
    /// By address, whatever the number is.
    Email,
}
