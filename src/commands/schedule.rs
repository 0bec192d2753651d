//! `schedule`: prints lines for cron or units for systemd.

pub(super) mod due;
pub(super) mod remind;
pub(super) mod year;

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::ScheduleArgs;
use crate::error::{Error, ErrorKind, Exit};

use super::Context;
use crate::config::URL_VARIABLE;

/// A line of the crontab: the command, and its time in the syntax of cron and of systemd.
#[derive(Debug, Serialize)]
struct CrontabLine {
    name: &'static str,
    cron: &'static str,
    #[serde(rename = "on_calendar")]
    calendar: &'static str,
    command: String,
}

/// Runs the command, which only prints.
pub fn run(context: Context<'_>, arguments: &ScheduleArgs) -> Result<Exit, Error> {
    let absolute = |path: &std::path::Path| {
        let found = std::fs::canonicalize(path).map_err(|error| {
            Error::new(ErrorKind::TryAgain, format!("cannot find `{}`: {error}", path.display()))
        })?;
        let name = found.display().to_string();
        if name.contains(['\'', '"', '\\', '\n']) {
            let message = format!(
                "`{name}` contains a quotation mark or backslash, which cron and systemd read differently"
            );
            return Err(Error::new(ErrorKind::Config, message).hint("rename the folder"));
        }
        Ok(name)
    };
    let program = std::env::current_exe()
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot find this program: {error}")))?;
    let (program, dir) = (absolute(&program)?, absolute(&context.project.dir)?);
    let schedule = &context.project.config.schedule;
    let command = |rest: &str| format!("\"{program}\" -C \"{dir}\" {rest}");
    let mut entries = vec![CrontabLine {
        name: "send",
        cron: "*/15 7-20 * * *",
        calendar: "*-*-* 07..20:00/15",
        command: command("send --due --quiet"),
    }];
    if context.project.config.inbox.has_source() {
        entries.push(CrontabLine {
            name: "bounces",
            cron: "30 6 * * *",
            calendar: "*-*-* 06:30",
            command: command("bounces --quiet"),
        });
    }
    if !schedule.due.is_empty() && !schedule.editors.is_empty() {
        entries.push(CrontabLine {
            name: "remind",
            cron: "0 8 * * *",
            calendar: "*-*-* 08:00",
            command: command("remind"),
        });
    }
    if !context.project.config.report.to.is_empty() {
        entries.push(CrontabLine {
            name: "report",
            cron: "0 9 * * *",
            calendar: "*-*-* 09:00",
            command: command("report --due --quiet"),
        });
    }
    context.terminal.json(&entries);
    context.terminal.data(if arguments.systemd { systemd(&entries) } else { crontab(&entries) });
    say_what_is_missing(context);
    Ok(Exit::Done)
}

/// Says what the lines alone do not do.
fn say_what_is_missing(context: Context<'_>) {
    if !context.project.config.inbox.has_source() {
        context.terminal.say("No bounces are read: set sources = [\"/home/you/Maildir\"] in [inbox], or configure [inbox.imap].");
    }
    if context.project.config.ledger.is_from_environment() {
        context.terminal.say(format!(
            "{URL_VARIABLE} is not set for cron and systemd: set url in [ledger], or add the variable to their environment."
        ));
    }
}

fn crontab(entries: &[CrontabLine]) -> String {
    let mut text = "# Add these lines with `crontab -e`. Cron mails what a command prints.\n".to_owned();
    for entry in entries {
        // Cron treats a percent sign as the end of the command.
        let _infallible = writeln!(text, "{}   {}", entry.cron, entry.command.replace('%', "\\%"));
    }
    text
}

fn systemd(entries: &[CrontabLine]) -> String {
    let mut text = String::new();
    for CrontabLine { name, calendar, command, .. } in entries {
        let command = command.replace('%', "%%").replace('$', "$$");
        let _infallible = write!(
            text,
            "# ~/.config/systemd/user/medlemsbrev-{name}.service\n[Unit]\nDescription=medlemsbrev {name}\n\n\
             [Service]\nType=oneshot\nExecStart={command}\nSuccessExitStatus=75\n\n\
             # ~/.config/systemd/user/medlemsbrev-{name}.timer\n[Timer]\nOnCalendar={calendar}\nPersistent=true\n\n\
             [Install]\nWantedBy=timers.target\n\n"
        );
    }
    let timers: Vec<String> =
        entries.iter().map(|entry| format!("medlemsbrev-{}.timer", entry.name)).collect();
    text + &format!("# Then: systemctl --user enable --now {}\n", timers.join(" "))
}
