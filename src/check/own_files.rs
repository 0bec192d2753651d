//! Files that are one member's own (`member_attachment`): whether every member has one that can be sent.

use std::collections::BTreeMap;

use crate::compose::{Composer, IssueSource, MemberAttachment};
use crate::domain::Member;

use super::attachments::{HEAVY, TOO_HEAVY, danger, in_megabytes, total_size};
use super::readers::{NAMED, name_of};
use super::{CheckedLetters, Finding};

const KEY: &str = "member_attachment";

/// The members who are to get a file of their own.
#[derive(Debug, Default)]
pub(super) struct OwnFiles {
    /// Bytes of the files that all get.
    common: Option<u64>,
    /// Bytes of the heaviest letter's attachments.
    heaviest: u64,
    /// By address: its members, each with what is wrong with the file.
    members: BTreeMap<String, Vec<(String, Option<String>)>>,
}

impl OwnFiles {
    /// Looks at a member's file, if the issue has such files.
    pub fn add(&mut self, source: &IssueSource, composer: &Composer, member: &Member) {
        let Some(own) = composer.member_attachment().filter(|_| composer.is_entitled(member)) else { return };
        let Some(address) = &member.address else { return };
        let common = *self.common.get_or_insert_with(|| total_size(&source.attachments));
        let problem = match Self::size(own, common, member) {
            Ok(size) => {
                self.heaviest = self.heaviest.max(size);
                None
            }
            Err(problem) => Some(problem),
        };
        self.members.entry(address.key()).or_default().push((name_of(member).to_owned(), problem));
    }

    /// Bytes of a letter's attachments, or why the member's own cannot be sent.
    fn size(own: &MemberAttachment, common: u64, member: &Member) -> Result<u64, String> {
        let (file, size) = own.usable(member)?;
        if let Some(danger) = danger(&file.path, &file.name) {
            return Err(danger);
        }
        let total = common.saturating_add(size);
        if total > TOO_HEAVY {
            let name = own.inside(&file.path);
            return Err(format!(
                "`{name}` is too large: the attachments are {} in total",
                in_megabytes(total)
            ));
        }
        Ok(total)
    }

    fn problems(&self) -> Vec<String> {
        let single = self.members.values().filter(|members| members.len() == 1).flatten();
        single.filter_map(|(name, problem)| Some(format!("{name}: {}", problem.as_ref()?))).collect()
    }

    /// The names of members who share an address.
    fn households(&self) -> Vec<String> {
        let shared = self.members.iter().filter(|(_, members)| members.len() > 1);
        let named = shared.map(|(address, members)| {
            let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            format!("{} ({address})", names.join(" and "))
        });
        named.collect()
    }
}

/// Members without a file that can be sent; each is named.
pub(super) fn missing(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let problems = letters.readers.own_files().problems();
    if problems.is_empty() {
        return Vec::new();
    }
    let members = match problems.len() {
        1 => "1 member has".to_owned(),
        number => format!("{number} members have"),
    };
    let message = format!("{members} no attachment that can be sent: {}", problems.join("; "));
    let advice = "add or correct the files, or the fields that name them";
    vec![Finding::error("member-attachment", message, advice).at(letters.issue_file.key("", KEY))]
}

/// Members who get no file because others would see it.
pub(super) fn shared(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let households = letters.readers.own_files().households();
    if households.is_empty() {
        return Vec::new();
    }
    let named = households.get(..NAMED).unwrap_or(&households).join(", ");
    let more = if households.len() > NAMED { " …" } else { "" };
    let message =
        format!("members who share an address get their letter without their attachment: {named}{more}");
    let advice = "give them an address each in the member list, or hand the file to them in another way";
    vec![Finding::warning("member-attachment-shared", message, advice).at(letters.issue_file.key("", KEY))]
}

/// Attachments that are heavy together only for some.
pub(super) fn sizes(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let OwnFiles { common, heaviest, .. } = letters.readers.own_files();
    // If those that all get are heavy, that is said of them.
    if common.is_none_or(|common| common > HEAVY) || *heaviest <= HEAVY {
        return Vec::new();
    }
    let message = format!("a member's attachments are up to {} in total", in_megabytes(*heaviest));
    let advice = "save PDF files for the web, or put them on your website and link to them";
    vec![Finding::warning("attachments-heavy", message, advice).at(letters.issue_file.key("", KEY))]
}
