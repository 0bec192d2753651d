//! The send and dry-run logs: a line for every member, and one at the end.

use jiff::Timestamp;
use serde::Serialize;

use crate::compose::{Composer, LetterContent};
use crate::domain::{Address, IssueName, Member, MemberId, State};
use crate::ledger::MemberCounts;
use crate::report::{JsonLines, Terminal};
use crate::send::SettledLetter;

/// One line.
#[derive(Debug, Serialize)]
struct LogLine<'a> {
    time: Timestamp,
    run: &'a str,
    issue: &'a IssueName,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    /// The member's own field.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    /// The member whose letter this member shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<MemberId>,
    /// Why a member is skipped, or what an earlier run did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LoggedLetter<'a>>,
    /// The run's selection of members, if it was not for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    selection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<&'a MemberCounts>,
}

#[derive(Debug, Serialize)]
struct LoggedLetter<'a> {
    sender: &'a str,
    message_id: &'a str,
    bytes: usize,
    /// The letter's language, as in `Content-Language`.
    language: &'a str,
    sections: Vec<&'a str>,
    /// Only in dry runs.
    #[serde(flatten)]
    content: Option<&'a LetterContent>,
    code: Option<u16>,
    status: Option<&'a str>,
    reply: &'a str,
}

/// The log of one run.
#[derive(Debug)]
pub(in crate::commands) struct RunLog {
    file: JsonLines,
    terminal: Terminal,
    run: String,
    issue: IssueName,
    /// The members that the run is for (default: all).
    selection: Option<String>,
}

impl RunLog {
    /// Starts the log of a run.
    pub fn new(file: JsonLines, issue: &IssueName, selection: Option<String>, terminal: Terminal) -> Self {
        let run = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        Self { file, terminal, run, issue: issue.clone(), selection }
    }

    /// The run's name in the log.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Adds the result of a letter, and the members who share it.
    pub fn letter(&mut self, event: &SettledLetter, composer: &Composer, content: Option<&LetterContent>) {
        let reply = event.outcome.reply();
        let letter = LoggedLetter {
            sender: &event.sender,
            message_id: &event.message_id,
            bytes: event.bytes,
            language: &composer.issue().language,
            sections: composer.sections_for(&event.household).collect(),
            content,
            code: reply.code,
            status: reply.status.as_deref(),
            reply: &reply.text,
        };
        self.add(|line| LogLine {
            time: event.at,
            event: State::from(&event.outcome).as_str(),
            letter: Some(letter),
            ..line.of(&event.household.lead)
        });
        let lead = event.household.lead.id;
        for member in &event.household.others {
            self.add(|line| LogLine { event: "shares_letter", with: Some(lead), ..line.of(member) });
        }
    }

    /// Adds the reason why a member gets no letter in this run.
    pub fn member(&mut self, member: &Member, event: &'static str, reason: Option<&'static str>) {
        self.add(|line| LogLine { event, reason, ..line.of(member) });
    }

    /// Adds the counts at the end.
    pub fn finished(&mut self, counts: &MemberCounts) {
        let selection = self.selection.clone();
        self.add(|line| LogLine {
            event: "finished",
            counts: Some(counts),
            selection: selection.as_deref(),
            ..line
        });
    }

    /// The ledger decides: if the log cannot be written, each failure is reported and the run continues.
    fn add<'a>(&'a mut self, make: impl FnOnce(LogLine<'a>) -> LogLine<'a>) {
        let Self { file, terminal, run, issue, .. } = self;
        let line = LogLine {
            time: Timestamp::now(),
            run,
            issue,
            event: "",
            member: None,
            address: None,
            language: None,
            with: None,
            reason: None,
            letter: None,
            selection: None,
            counts: None,
        };
        if let Err(error) = file.add(&make(line)) {
            terminal.say(error.to_string());
        }
    }
}

impl<'a> LogLine<'a> {
    fn of(self, member: &'a Member) -> Self {
        Self {
            member: Some(member.id),
            address: member.address.as_ref().map(Address::as_str),
            language: member.field("language"),
            ..self
        }
    }
}
