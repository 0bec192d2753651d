//! `check --login`: tests whether the mail server accepts our login and addresses. No letter is sent.

use serde::Serialize;

use crate::commands::Context;
use crate::error::{Error, ErrorKind, Exit};
use crate::relay::{ProbeStep, Relay};
use crate::report::{Table, TextRole};

/// The result of a step.
#[derive(Debug, Serialize)]
struct LoginStep {
    server: &'static str,
    #[serde(rename = "step")]
    name: &'static str,
    /// `ok`, `failed` or `skipped`.
    outcome: &'static str,
    detail: String,
    advice: Option<String>,
}

/// Goes through the steps of a send and of reading returned mail, and prints each result.
pub(super) fn run(context: Context<'_>) -> Result<Exit, Error> {
    let mut worst = None;
    let mut steps = Vec::new();
    let relay = context.relay_or(context.project.dir.join("outbox"))?;
    match &relay {
        Relay::Smtp(server) => {
            let sender = &context.project.config.sender;
            let from = sender.bounce_address.as_ref().unwrap_or(&sender.address);
            let probed = super::super::runtime()?.block_on(server.probe(from, &sender.address));
            let found = probed.passed.into_iter();
            steps.extend(found.map(|(step, detail)| LoginStep::ok("mail", step.name(), detail)));
            if let Some((step, error)) = probed.failed {
                let mut failed = LoginStep::failed("mail", step.name(), &error.into(), &mut worst);
                if step == ProbeStep::Login {
                    failed.advice = failed.advice.map(|advice| advice + &provider_words(context));
                }
                steps.push(failed);
            }
            let done = steps.len();
            steps
                .extend(ProbeStep::ALL.iter().skip(done).map(|step| LoginStep::skipped("mail", step.name())));
        }
        other => steps.push(LoginStep::ok("mail", "no server", other.name())),
    }
    #[cfg(feature = "imap")]
    for imap in &context.project.config.inbox.imap {
        let looked = crate::commands::bounces::look_at(context, imap);
        steps.push(match looked {
            Ok(folder) => LoginStep::ok("returned mail", "folder", folder),
            Err(error) => LoginStep::failed("returned mail", "folder", &error, &mut worst),
        });
    }
    print(context, &steps);
    Ok(worst.map_or(Exit::Done, Exit::Failed))
}

/// Which password the configured provider wants.
fn provider_words(context: Context<'_>) -> String {
    let provider = context.project.config.transport.provider();
    provider.map_or_else(String::new, |provider| format!("; {} wants {}", provider.name, provider.password))
}

fn print(context: Context<'_>, steps: &[LoginStep]) {
    if context.terminal.json {
        context.terminal.json(&steps);
        return;
    }
    let mut table = Table::new(["server", "step", "", "found"]).whole(2);
    for LoginStep { server, name, outcome, detail, .. } in steps {
        let cells = [(*server).to_owned(), (*name).to_owned(), (*outcome).to_owned(), detail.clone()];
        match *outcome {
            "ok" => table.painted(TextRole::Good, cells),
            "failed" => table.painted(TextRole::Error, cells),
            _ => table.row(cells),
        }
    }
    context.terminal.text(table.to_string());
    for advice in steps.iter().filter_map(|step| step.advice.as_ref()) {
        context.terminal.text(format!("{advice}\n"));
    }
}

impl LoginStep {
    fn ok(server: &'static str, name: &'static str, detail: String) -> Self {
        Self { server, name, outcome: "ok", detail, advice: None }
    }

    fn skipped(server: &'static str, name: &'static str) -> Self {
        Self { server, name, outcome: "skipped", detail: String::new(), advice: None }
    }

    fn failed(
        server: &'static str,
        name: &'static str,
        error: &Error,
        worst: &mut Option<ErrorKind>,
    ) -> Self {
        let kind = error.kind();
        if *worst != Some(ErrorKind::Config) {
            *worst = Some(kind);
        }
        let advice = error.advice().map(str::to_owned);
        Self { server, name, outcome: "failed", detail: error.to_string(), advice }
    }
}
