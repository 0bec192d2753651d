//! `templates`: lists a project's own templates, and copies built-in ones for editing.

use crate::cli::TemplatesArgs;
use crate::compose::{TemplateState, template_states, write_templates};
use crate::error::{Error, ErrorKind, Exit};
use crate::report::Table;

use super::Context;

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &TemplatesArgs) -> Result<Exit, Error> {
    let folder = context.project.templates_dir();
    if arguments.write {
        let written = write_templates(&folder).map_err(|error| {
            Error::new(ErrorKind::TryAgain, format!("cannot write to `{}`: {error}", folder.display()))
        })?;
        written.iter().for_each(|path| context.terminal.say(format!("{} written.", path.display())));
        if written.is_empty() {
            context.terminal.say("There is nothing new to write.");
        }
    }
    let states = template_states(&folder);
    if context.terminal.json {
        let rows: Vec<_> =
            states.iter().map(|(name, state)| serde_json::json!({ "name": name, "state": state })).collect();
        context.terminal.json(&rows);
        return Ok(Exit::Done);
    }
    let mut table = Table::bare();
    for (name, state) in states {
        table.row([name.to_owned(), words(state).to_owned()]);
    }
    context.terminal.text(table.to_string().trim_end());
    Ok(Exit::Done)
}

fn words(state: TemplateState) -> &'static str {
    match state {
        TemplateState::BuiltIn => "built in",
        TemplateState::Copy => "copy of the built-in one",
        TemplateState::Changed => "your own",
        TemplateState::OldCopy => "copy of an earlier version: update it with --write",
        TemplateState::OldChanged => {
            "your own, from an earlier version: merge the .new file that --write creates, then delete it"
        }
    }
}
