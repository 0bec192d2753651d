//! `members`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::Address;

use super::examples;

/// WHO is an e-mail address, the association's member number, or id:N as `members list --columns id` shows it.
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// Show members: all, or those that match.
    #[command(after_help = examples::MEMBERS_LIST)]
    List(ListMembers),
    /// Show what is known of a member: fields, letters, bounces, changes.
    #[command(after_help = examples::MEMBERS_SHOW)]
    Show {
        /// An e-mail address, a member number, or id:N.
        who: String,
    },
    /// Add a member, or somebody who is none and agreed to get the letter.
    #[command(after_help = examples::MEMBERS_ADD)]
    Add(AddMember),
    /// Change fields of a member: name=…, email=…, number=… or any other.
    #[command(after_help = examples::MEMBERS_SET)]
    Set {
        /// An e-mail address, a member number, or id:N.
        who: String,
        /// What the fields become; an empty value takes a field away.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        values: Vec<FieldValue>,
    },
    /// Send no more letters to a member.
    #[command(after_help = examples::MEMBERS_UNSUBSCRIBE)]
    Unsubscribe {
        /// An e-mail address, a member number, or id:N.
        who: String,
        /// Why; it is kept.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Send letters again to a member who was unsubscribed or whose address bounced.
    #[command(after_help = examples::MEMBERS_RESUBSCRIBE)]
    Resubscribe {
        /// An e-mail address, a member number, or id:N.
        who: String,
        /// Why this is right; it is kept.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Erase all that is stored of a person; no import brings them back.
    #[command(after_help = examples::MEMBERS_FORGET)]
    Forget {
        /// An e-mail address, a member number, or id:N.
        who: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Print all that is stored of a person, for whoever asks what is known of them.
    #[command(after_help = examples::MEMBERS_EXTRACT)]
    Extract {
        /// An e-mail address, a member number, or id:N.
        who: String,
    },
    /// Write the register as CSV that Excel opens.
    #[command(after_help = examples::MEMBERS_EXPORT)]
    Export(ExportMembers),
}

#[derive(Debug, Default, Args)]
pub struct ListMembers {
    /// Only members that match, as an expression or a name from [segments].
    #[arg(value_name = "EXPR")]
    pub expression: Option<String>,
    /// Only members who get the letter on paper: without an address, or with one that bounced.
    #[arg(long)]
    pub without_email: bool,
    /// Departed members too.
    #[arg(long)]
    pub all: bool,
    /// Which columns: fields of the member list, id or standing.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Print CSV.
    #[arg(long)]
    pub csv: bool,
}

#[derive(Debug, Args)]
pub struct ExportMembers {
    /// Only members that match, as an expression or a name from [segments].
    #[arg(value_name = "EXPR")]
    pub expression: Option<String>,
    /// The file; the terminal when left out.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AddMember {
    /// The person's or the organisation's name.
    #[arg(long)]
    pub name: String,
    /// Left out for who gets the letter on paper.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<Address>,
    /// The association's member number.
    #[arg(long)]
    pub number: Option<String>,
    /// Another field.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<FieldValue>,
    /// How somebody who is no member agreed to get the letter.
    #[arg(long, value_name = "TEXT")]
    pub consent_source: Option<String>,
    /// When they agreed.
    #[arg(long, value_name = "DATE")]
    pub consent_date: Option<String>,
}

/// A field and the value it gets; an empty one takes the old away.
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
