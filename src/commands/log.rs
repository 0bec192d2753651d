//! `log`: shows the three logs in readable form.

use std::io::IsTerminal;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::{LogArgs, LogKind};
use crate::error::{Error, ErrorKind, Exit};
use crate::report::{JsonLines, masked};

use super::{Context, Project};

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &LogArgs) -> Result<Exit, Error> {
    let is_masked = !arguments.show_addresses && std::io::stdout().is_terminal();
    if arguments.diff {
        if arguments.kind != LogKind::DryRun {
            return Err(Error::new(ErrorKind::Usage, "--diff compares dry runs").hint("add --kind dry-run"));
        }
        // An issue still has its log if its folder is deleted.
        let issue = arguments.issue.clone().map_or_else(|| context.project.issue(None), Ok)?;
        return super::send::compare::run(context, &issue, is_masked);
    }
    let name = arguments.kind.name();
    let mut shown = 0;
    let mut events = Vec::new();
    JsonLines::read(&context.project.log_path(name), |event| {
        let event = if is_masked { masked(event) } else { event };
        let issue = event.get("issue").and_then(Value::as_str);
        if arguments.issue.as_ref().is_some_and(|wanted| issue != Some(wanted.as_str())) {
            return;
        }
        shown += 1;
        if context.terminal.json {
            events.push(event);
        } else {
            context.terminal.text(line(context.project, &event));
        }
    })?;
    if let Some(issue) = &arguments.issue
        && shown == 0
        && !context.project.issues().contains(issue)
    {
        return Err(context.project.no_issue(issue));
    }
    if context.terminal.json {
        context.terminal.json(&events);
    }
    if shown == 0 {
        context.terminal.say(format!("The {name} log has no matching entries."));
    }
    Ok(Exit::Done)
}

/// The counts of a run in words: `52 accepted, 7 skipped: no e-mail address`.
fn counted(counts: &Value) -> String {
    let numbers = |object: &Value, before: &str| -> Vec<String> {
        let fields = object.as_object().into_iter().flatten();
        let numbers = fields.filter_map(|(name, number)| Some((name, number.as_u64()?)));
        let said = numbers.filter(|(_, number)| *number > 0);
        said.map(|(name, number)| format!("{number} {before}{}", super::states::words(name))).collect()
    };
    let skipped = counts.get("skipped").map(|skipped| numbers(skipped, "skipped: ")).unwrap_or_default();
    [numbers(counts, ""), skipped].concat().join(", ")
}

/// One event on one line: time, issue, event, member, and details.
fn line(project: &Project, event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time =
        text("/time").parse::<Timestamp>().map_or_else(|_| text("/time"), |time| project.clock_time(time));
    let reason = super::states::words(&text("/reason"));
    let words = [text("/letter/reply"), reason, text("/diagnostic")].join(" ");
    let counts = event.get("counts").map(counted).unwrap_or_default();
    let what = [text("/event"), text("/kind"), text("/action")].join(" ");
    let member = event.get("member").filter(|_| text("/address").is_empty());
    let who = member.map_or_else(|| text("/address"), |member| format!("id:{member}"));
    let line = [time, text("/issue"), what.trim().to_owned(), who, words.trim().to_owned(), counts];
    line.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}
