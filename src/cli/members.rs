//! `members`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::Address;

use super::examples;

/// WHO is an e-mail address, a member number, or id:N as shown by `members list --columns id`.
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// List members whose identity is uncertain, with the members they may be.
    #[command(after_help = examples::MEMBERS_HELD)]
    Held,
    /// Decide who a held member is.
    #[command(after_help = examples::MEMBERS_CONFIRM)]
    Confirm(ConfirmMember),
    /// List members.
    #[command(after_help = examples::MEMBERS_LIST)]
    List(ListMembers),
    /// Show a member: fields, letters, bounces and changes.
    #[command(after_help = examples::MEMBERS_SHOW)]
    Show {
        /// E-mail address, member number, name or id:N.
        who: String,
    },
    /// Add a member, or a non-member who agreed to receive the letter.
    #[command(after_help = examples::MEMBERS_ADD)]
    Add(AddMember),
    /// Set fields of a member: name=…, email=…, number=… or any other.
    #[command(after_help = examples::MEMBERS_SET)]
    Set {
        /// E-mail address, member number, name or id:N.
        who: String,
        /// The new values; an empty value deletes the field.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        values: Vec<FieldValue>,
    },
    /// Stop sending letters to a member.
    #[command(after_help = examples::MEMBERS_UNSUBSCRIBE)]
    Unsubscribe {
        /// E-mail address, member number, name or id:N.
        who: String,
        /// The reason, which is recorded.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Send letters to a suppressed member again.
    #[command(after_help = examples::MEMBERS_RESUBSCRIBE)]
    Resubscribe {
        /// E-mail address, member number, name or id:N.
        who: String,
        /// The reason, which is recorded.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Erase everything stored about a person; no import brings them back.
    #[command(after_help = examples::MEMBERS_FORGET)]
    Forget {
        /// E-mail address, member number, name or id:N.
        who: String,
        /// Skip the confirmation prompt.
        #[arg(short, long)]
        yes: bool,
    },
    /// Print everything stored about a person.
    #[command(after_help = examples::MEMBERS_EXTRACT)]
    Extract {
        /// E-mail address, member number, name or id:N.
        who: String,
    },
    /// Write the register as CSV for Excel.
    #[command(after_help = examples::MEMBERS_EXPORT)]
    Export(ExportMembers),
}

#[derive(Debug, Args)]
pub struct ConfirmMember {
    /// The held member: e-mail address, member number, name or id:N.
    pub who: String,
    /// The existing member, who gets the new values and keeps the history.
    #[arg(
        long,
        value_name = "OTHER",
        required_unless_present = "someone_else",
        conflicts_with = "someone_else"
    )]
    pub same_as: Option<String>,
    /// This is a new member, who is mailed from now on.
    #[arg(long)]
    pub someone_else: bool,
}

#[derive(Debug, Default, Args)]
pub struct ListMembers {
    /// Only members who match an expression or a name from `[segments]`.
    #[arg(value_name = "EXPR")]
    pub expression: Option<String>,
    /// Only members who cannot be reached by e-mail: no address, or one that bounced.
    #[arg(long)]
    pub without_email: bool,
    /// Include former members.
    #[arg(long)]
    pub all: bool,
    /// The columns to show: fields of the member list, id or standing.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Print CSV instead of a table.
    #[arg(long)]
    pub csv: bool,
}

#[derive(Debug, Args)]
pub struct ExportMembers {
    /// Only members who match an expression or a name from `[segments]`.
    #[arg(value_name = "EXPR")]
    pub expression: Option<String>,
    /// The output file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AddMember {
    /// The name of the person or organisation.
    #[arg(long)]
    pub name: String,
    /// The e-mail address; omit it for a member who gets the letter on paper.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<Address>,
    /// The member number.
    #[arg(long)]
    pub number: Option<String>,
    /// Set another field.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<FieldValue>,
    /// How a non-member agreed to receive the letter.
    #[arg(long, value_name = "TEXT")]
    pub consent_source: Option<String>,
    /// When the non-member agreed.
    #[arg(long, value_name = "DATE")]
    pub consent_date: Option<String>,
}

/// A field and its new value; an empty value deletes the field.
#[derive(Debug, Clone)]
pub struct FieldValue {
    pub field: String,
    pub value: String,
}

impl std::str::FromStr for FieldValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (field, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not FIELD=VALUE"))?;
        Ok(Self { field: field.to_owned(), value: value.to_owned() })
    }
}
