//! Names of delivery states for people, in tables and sentences.

use crate::domain::State;
use crate::ledger::{DeliveryRow, MemberCounts};
use crate::report::{Table, TextRole, count, plural};

use super::Project;

/// A table whose total shows that every member is in exactly one row.
pub(super) fn table(counts: &MemberCounts) -> Table {
    let mut table = Table::bare().right(1);
    for state in State::ALL {
        let number = counts.in_state(state);
        let always = matches!(state, State::Accepted | State::Rejected | State::Deferred | State::InDoubt);
        if number > 0 || always {
            let cells = [words(state.as_str()), count(number)];
            match state {
                State::Rejected | State::InDoubt if number > 0 => table.painted(TextRole::Error, cells),
                State::Deferred if number > 0 => table.painted(TextRole::Warning, cells),
                State::Accepted if number > 0 => table.painted(TextRole::Good, cells),
                _ => table.row(cells),
            }
        }
    }
    for (reason, number) in &counts.skipped {
        table.row([format!("skipped: {}", words(reason)), count(*number)]);
    }
    if counts.sharing > 0 {
        let sharing = plural(counts.sharing, "member shares", "members share");
        table.row([format!("{sharing} another member's letter"), String::new()]);
    }
    table.painted(TextRole::Strong, ["members".to_owned(), count(counts.total())]);
    table
}

/// The display name of a state or a reason.
pub(super) fn words(name: &str) -> String {
    match name {
        "queued" => "to be sent".to_owned(),
        "no_address" => "no e-mail address".to_owned(),
        "outside_segment" => "not in the segment".to_owned(),
        "not_voting" => "not a voting member".to_owned(),
        "no_section" => "no section for the member".to_owned(),
        "held" => "held (medlemsbrev members held)".to_owned(),
        "later" => "joined or became reachable later".to_owned(),
        "shares_letter" => "the address already has the letter".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Letters that are not accepted, one per row, with times in the association's time zone.
pub(super) fn deliveries(project: &Project, first: &str, rows: &[DeliveryRow]) -> Table {
    let mut table = Table::new([first, "name", "since", "last reply"]).whole(2);
    for row in rows {
        let since = project.clock_time(row.since);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        table.row([text(&row.address), row.name.clone(), since, text(&row.reply)]);
    }
    table
}
