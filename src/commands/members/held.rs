//! Members who are held until a person confirms who they are.

use jiff::Timestamp;

use crate::cli::ConfirmMember;
use crate::domain::{Address, Member};
use crate::error::{Error, ErrorKind, Exit};
use crate::report::{Table, plural};

use super::{as_row, find, register, register_to_change};
use crate::commands::Context;

pub(super) fn list(context: Context<'_>) -> Result<Exit, Error> {
    let held = register(context.project)?.held()?;
    if context.terminal.json {
        context.terminal.json(&held);
        return Ok(Exit::Done);
    }
    if held.is_empty() {
        context.terminal.say("Nobody is held.");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["id", "name", "address", "why", "may be"]).whole(0);
    for one in &held {
        let likely = one.likely.as_ref().map_or_else(String::new, words);
        let Member { id, name, .. } = &one.member;
        let reason = one.reason.words().to_owned();
        table.row([format!("id:{id}"), name.clone(), address(&one.member), reason, likely]);
    }
    context.terminal.data(table.to_string());
    context.terminal.say(format!(
        "{} not mailed until you decide: medlemsbrev members confirm id:N --same-as OTHER, or --someone-else",
        plural(held.len() as u64, "member is", "members are")
    ));
    Ok(Exit::Done)
}

fn words(member: &Member) -> String {
    format!("{} (id:{}) {}", member.name, member.id, address(member)).trim_end().to_owned()
}

fn address(member: &Member) -> String {
    member.address.as_ref().map_or_else(String::new, Address::to_string)
}

pub(super) fn confirm(context: Context<'_>, arguments: &ConfirmMember) -> Result<Exit, Error> {
    let _lock = context.project.lock("members confirm")?;
    let ledger = register_to_change(context.project)?;
    let row = find(&ledger, &arguments.who)?;
    let member = row.member;
    if row.held.is_none() {
        return Err(Error::new(ErrorKind::Data, format!("{} is not held", member.name))
            .hint("list the held members with: medlemsbrev members held"));
    }
    let now = Timestamp::now();
    let Some(other) = &arguments.same_as else {
        ledger.confirm_new(member.id, now)?;
        context.terminal.say(format!("{} is a new member and is mailed from now on.", member.name));
        return Ok(Exit::Done);
    };
    let known = find(&ledger, other)?;
    if known.member.id == member.id {
        return Err(Error::new(ErrorKind::Usage, format!("`{other}` is the held member itself")));
    }
    ledger.confirm_same(member.id, &as_row(&member), known.member.id, now)?;
    let Some(now_known) = ledger.member(known.member.id)? else { return Ok(Exit::Done) };
    let mailed = match now_known.suppressed {
        Some(reason) => format!("still not mailed: {}", reason.as_str().replace('_', " ")),
        None => "mailed from now on".to_owned(),
    };
    context.terminal.say(format!("{} is id:{}, as before, and {mailed}.", member.name, known.member.id));
    Ok(Exit::Done)
}
