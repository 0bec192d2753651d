//! `report --notice`: the proof that a notice was sent, for the minutes.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::{Context, postal};
use crate::compose::{BoardReport, BoardRow, BoardTable, Texts};
use crate::domain::bounce::Reason;
use crate::domain::{IssueKind, IssueName, Member, MemberId, State};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{DeliveryRow, Ledger, NotReached, Reached, Skip};
use crate::report::spreadsheet_csv;
use crate::send::skip;

use super::board::ReportWords;
use super::{chosen, json, save, text};

/// The proof, as JSON.
#[derive(Debug, Serialize)]
struct Proof {
    issue: IssueName,
    title: String,
    first_letter: Option<Timestamp>,
    last_letter: Option<Timestamp>,
    by_mail: u64,
    on_paper: u64,
    not_reached: u64,
    members: Vec<NoticeProof>,
}

/// The result of the notice for one member.
#[derive(Debug, Serialize)]
struct NoticeProof {
    number: Option<String>,
    name: String,
    /// When the letter was sent by e-mail, and to which address.
    mailed: Option<(Timestamp, String)>,
    /// The reason of a bounce or refusal.
    returned: Option<&'static str>,
    /// Whether the letter on paper was posted (else only printed), and when.
    paper: Option<(bool, Timestamp)>,
    postal_address: Option<String>,
    suppressed: bool,
    /// Why the member was not reached.
    not_reached: Option<&'static str>,
}

/// Prints the proof or writes it to a file.
pub(super) fn run(
    context: Context<'_>,
    ledger: &Ledger,
    texts: &Texts,
    arguments: &ReportArgs,
) -> Result<Exit, Error> {
    let issue = chosen(context.project, ledger, arguments.issue.as_ref())?;
    if ledger.kind(&issue)? != IssueKind::Notice {
        return Err(Error::new(ErrorKind::Data, format!("{issue} is not a notice"))
            .hint(format!("report on a newsletter with: medlemsbrev report {issue}")));
    }
    let proof = Proof::new(context, ledger, &issue)?;
    let words = ReportWords { project: context.project, texts };
    let report = proof.report(&words);
    let name = format!("{issue}-notice");
    match arguments.format {
        ReportFormat::Text => context.terminal.text(text::shown(&report)),
        ReportFormat::Json => return json(context, &proof, &name, arguments),
        ReportFormat::Csv => return save(context, &name, &csv(&report)?, arguments),
        ReportFormat::Html | ReportFormat::Pdf => {
            return super::file(context, &report, texts, &name, arguments);
        }
    }
    context.terminal.json(&proof);
    Ok(Exit::Done)
}

/// The ledger's records of the letters.
struct LetterRecords {
    deliveries: HashMap<MemberId, DeliveryRow>,
    bounced: HashMap<MemberId, Option<Reason>>,
    refused: HashMap<MemberId, Reason>,
    paper: BTreeMap<MemberId, (bool, Timestamp)>,
    suppressed: HashSet<MemberId>,
}

impl LetterRecords {
    fn of(ledger: &Ledger, issue: &IssueName) -> Result<Self, Error> {
        let mut deliveries = HashMap::new();
        for state in [State::Accepted, State::Rejected, State::InDoubt, State::Sending] {
            deliveries.extend(ledger.deliveries(issue, state)?.into_iter().map(|row| (row.member, row)));
        }
        let mut suppressed = HashSet::new();
        ledger.for_each_member_of(issue, |row| {
            suppressed.extend(row.suppressed.map(|_| row.member.id));
            Ok::<_, Error>(())
        })?;
        Ok(Self {
            deliveries,
            bounced: ledger.bounced_members(issue)?,
            refused: ledger.refusal_reasons(issue)?,
            paper: ledger.paper_letters(issue)?,
            suppressed,
        })
    }

    fn entry(&self, member: &Member, reached: Reached) -> NoticeProof {
        let id = &member.id;
        let delivery = self.deliveries.get(id);
        let reason = match delivery.map(|delivery| delivery.state) {
            Some(State::Rejected) => Some(self.refused.get(id).copied()),
            _ => self.bounced.get(id).copied(),
        };
        NoticeProof {
            number: member.number.clone(),
            name: member.name.clone(),
            mailed: delivery.map(|row| (row.since, row.address.clone().unwrap_or_default())),
            returned: reason.map(|reason| reason.map_or("other", <&str>::from)),
            paper: self.paper.get(id).copied(),
            postal_address: postal::lines(member).ok().map(|lines| lines.join(", ")),
            suppressed: self.suppressed.contains(id),
            not_reached: match reached {
                Reached::Not(why) => Some(NotReached::as_str(why)),
                Reached::ByMail | Reached::OnPaper => None,
            },
        }
    }
}

impl Proof {
    fn new(context: Context<'_>, ledger: &Ledger, issue: &IssueName) -> Result<Self, Error> {
        let composer = context.project.composer(issue, ledger.fields()?).ok();
        let letters = LetterRecords::of(ledger, issue)?;
        let skip = |member: &Member| -> Option<Skip> {
            composer.as_ref().and_then(|composer| skip(composer, None, member))
        };
        let (mut members, mut by_mail, mut on_paper) = (Vec::new(), 0, 0);
        ledger.for_each_reached(issue, skip, |member, reached| {
            by_mail += u64::from(reached == Reached::ByMail);
            on_paper += u64::from(reached == Reached::OnPaper);
            members.push(letters.entry(member, reached));
            Ok::<_, Error>(())
        })?;
        members.sort_by_cached_key(|entry| entry.name.to_lowercase());
        let times = members.iter().flat_map(|entry| {
            let posted = entry.paper.filter(|(is_posted, _)| *is_posted).map(|(_, at)| at);
            entry.mailed.iter().map(|(at, _)| *at).chain(posted)
        });
        Ok(Self {
            issue: issue.clone(),
            title: composer.as_ref().map_or_else(String::new, |composer| composer.issue().title.clone()),
            first_letter: times.clone().min(),
            last_letter: times.max(),
            by_mail,
            on_paper,
            not_reached: members.len() as u64 - by_mail - on_paper,
            members,
        })
    }

    fn report(&self, words: &ReportWords<'_>) -> BoardReport {
        let date = |time: Option<Timestamp>| time.map(|time| words.date(time)).unwrap_or_default();
        let association = words.project.config.association.name.as_str();
        let numbers = [self.members.len() as u64, self.by_mail, self.on_paper, self.not_reached];
        let [members, by_mail, on_paper, not_reached] = numbers.map(|number| words.number(number));
        let lead = [
            ("association", association),
            ("first", &date(self.first_letter)),
            ("last", &date(self.last_letter)),
            ("members", &members),
            ("by_mail", &by_mail),
            ("on_paper", &on_paper),
            ("not_reached", &not_reached),
        ];
        let keys = ["name", "member_number", "channel", "when", "where", "returned", "done"];
        let table = BoardTable {
            header: keys.map(|key| words.of(key).to_owned()).into(),
            rows: self.members.iter().map(|entry| entry.row(words)).collect(),
            notes: vec![words.of("reached_note").to_owned()],
            ..BoardTable::default()
        };
        let title = [("issue", self.issue.as_str()), ("title", self.title.as_str())];
        BoardReport {
            language: words.texts.language.code.clone(),
            title: words.filled("proof_title", &title),
            lead: words.filled("proof_lead", &lead),
            tables: vec![table],
            ..BoardReport::default()
        }
    }
}

impl NoticeProof {
    fn row(&self, words: &ReportWords<'_>) -> BoardRow {
        let posted = self.paper.filter(|(is_posted, _)| *is_posted);
        let clock = |time: &Timestamp| words.project.clock_date(*time);
        let (channel, when, place) = match (&self.mailed, posted) {
            (Some((at, address)), _) => (words.of("mail"), clock(at), address.clone()),
            (None, Some((_, at))) => {
                (words.of("paper"), clock(&at), self.postal_address.clone().unwrap_or_default())
            }
            (None, None) => (words.of("none"), String::new(), String::new()),
        };
        let cells = vec![
            self.number.clone().unwrap_or_default(),
            channel.to_owned(),
            when,
            place,
            self.what_happened(words),
            self.what_was_done(words),
        ];
        BoardRow { label: self.name.clone(), cells, ..BoardRow::default() }
    }

    fn what_happened(&self, words: &ReportWords<'_>) -> String {
        match (self.returned, self.not_reached, &self.mailed) {
            (Some(reason), ..) => words.returned(reason).0,
            (None, Some(why), _) if why != "to_print" => words.of(&format!("not_{why}")).to_owned(),
            (None, None, Some(_)) => words.of("accepted").to_owned(),
            _ => String::new(),
        }
    }

    fn what_was_done(&self, words: &ReportWords<'_>) -> String {
        let paper = self.paper.map(|(is_posted, at)| {
            let date = words.project.clock_date(at);
            if is_posted {
                words.filled("paper_posted", &[("date", &date)])
            } else {
                words.of("paper_waits").to_owned()
            }
        });
        let suppressed =
            (self.suppressed && self.returned.is_some()).then(|| words.of("suppressed").to_owned());
        paper.into_iter().chain(suppressed).collect::<Vec<_>>().join("; ")
    }
}

/// The table as a CSV file that spreadsheet programs open correctly.
fn csv(report: &BoardReport) -> Result<Vec<u8>, Error> {
    let rows = report.tables.iter().flat_map(|table| {
        let rows = table.rows.iter().map(|row| {
            std::iter::once(row.label.clone()).chain(row.cells.iter().cloned()).collect::<Vec<_>>()
        });
        std::iter::once(table.header.clone()).chain(rows)
    });
    let text = spreadsheet_csv(rows)
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot write CSV: {error}")))?;
    // The BOM tells Excel that it is UTF-8.
    Ok(format!("\u{feff}{text}").into_bytes())
}
