//! `log`: the three logs, readable.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::{Log, LogKind};
use crate::error::Error;
use crate::report::{JsonLines, Terminal};

use super::Project;

/// Runs the command.
pub fn run(project: &Project, arguments: &Log, terminal: Terminal) -> Result<ExitCode, Error> {
    let name = match arguments.kind {
        LogKind::DryRun => "dry-run",
        LogKind::Send => "send",
        LogKind::Bounce => "bounce",
    };
    let mut shown = 0;
    JsonLines::read(&project.log_path(name), |event| {
        let issue = event.get("issue").and_then(Value::as_str);
        if arguments.issue.as_ref().is_some_and(|wanted| issue != Some(wanted.as_str())) {
            return;
        }
        shown += 1;
        if terminal.json {
            terminal.data(event.to_string());
        } else {
            terminal.data(line(project, &event));
        }
    })?;
    if shown == 0 {
        terminal.say(format!("The {name} log has nothing on this."));
    }
    Ok(ExitCode::SUCCESS)
}

/// One event in one line: time, issue, what, to whom, and the words behind it.
fn line(project: &Project, event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time =
        text("/time").parse::<Timestamp>().map_or_else(|_| text("/time"), |time| project.clock_time(time));
    let words = [text("/letter/reply"), text("/reason"), text("/diagnostic")].join(" ");
    let counts = event.get("counts").map(ToString::to_string).unwrap_or_default();
    let what = [text("/event"), text("/kind"), text("/action")].join(" ");
    let line =
        [time, text("/issue"), what.trim().to_owned(), text("/address"), words.trim().to_owned(), counts];
    line.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}
