//! Changes by hand, each of which is recorded.

use clap::ValueEnum;
use jiff::Timestamp;

use crate::cli::{AddMember, FieldValue, LogKind};
use crate::domain::{
    Address, ListedMember, Member, MemberId, Suppression, SuppressionReason, field, suggest,
};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, MemberRow, Scratch};
use crate::report::{JsonLines, Terminal};

use super::{as_row, find, register_to_change};
use crate::commands::Context;

pub(super) fn add(context: Context<'_>, arguments: &AddMember) -> Result<Exit, Error> {
    let _lock = context.project.lock("members add")?;
    let ledger = context.project.ledger()?;
    crate::commands::history::freeze(context.project, &ledger, Timestamp::now())?;
    let mut row = ListedMember {
        name: arguments.name.clone(),
        address: arguments.email.clone(),
        ..ListedMember::default()
    };
    row.number.clone_from(&arguments.number);
    let consent = [("consent_source", &arguments.consent_source), ("consent_date", &arguments.consent_date)];
    for (name, value) in consent {
        row.fields.extend(value.clone().map(|value| (name.to_owned(), value)));
    }
    for value in &arguments.set {
        assign(&mut row, value)?;
    }
    check_free(&ledger, &row, None)?;
    say_new_fields(&ledger, &arguments.set, context.terminal)?;
    if ledger.is_forgotten(&row)? {
        return Err(Error::new(ErrorKind::Data, format!("{} asked to be forgotten", row.name))
            .hint("a member who comes back needs another address or number"));
    }
    let member = ledger.add_member(&row, "members add", Timestamp::now())?;
    context.terminal.say(format!("{} was added as id:{member}.", row.name));
    say_who_shares(&ledger, row.address.as_ref(), member, context.terminal)?;
    Ok(Exit::Done)
}

pub(super) fn set(context: Context<'_>, who: &str, values: &[FieldValue]) -> Result<Exit, Error> {
    let _lock = context.project.lock("members set")?;
    let ledger = register_to_change(context.project)?;
    let MemberRow { member, .. } = find(&ledger, who)?;
    let mut row = as_row(&member);
    for value in values {
        assign(&mut row, value)?;
    }
    check_free(&ledger, &row, Some(&member))?;
    say_new_fields(&ledger, values, context.terminal)?;
    let changes = ledger.change_member(member.id, &row, "members set", Timestamp::now())?;
    if context.terminal.json {
        context.terminal.json(&changes);
        return Ok(Exit::Done);
    }
    for change in &changes {
        context.terminal.say(change.to_string());
    }
    if changes.iter().any(|change| change.field == "email") {
        say_who_shares(&ledger, row.address.as_ref(), member.id, context.terminal)?;
    }
    if changes.is_empty() {
        context.terminal.say("Nothing changed.");
    }
    Ok(Exit::Done)
}

/// Names the members whose address a member now shares.
fn say_who_shares(
    ledger: &Ledger,
    address: Option<&Address>,
    member: MemberId,
    terminal: Terminal,
) -> Result<(), Error> {
    let Some(address) = address else { return Ok(()) };
    let mut others = ledger.members_at(address)?;
    others.retain(|row| row.member.id != member);
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|row| row.member.name.as_str()).collect();
        terminal.say(format!("The address is shared with {}: it gets one letter.", names.join(", ")));
    }
    Ok(())
}

/// Points out fields that no member had before, since they may be misspelt.
fn say_new_fields(ledger: &Ledger, values: &[FieldValue], terminal: Terminal) -> Result<(), Error> {
    let known = ledger.fields()?;
    for FieldValue { field: name, .. } in values {
        let name = field::canonical(name);
        if !known.contains(&name) {
            let names = known.iter().map(String::as_str).chain(field::names());
            let near = suggest::did_you_mean(&name, names).unwrap_or_default();
            terminal.say(format!("`{name}` is a new field; {near}").trim_end_matches([';', ' ']));
        }
    }
    Ok(())
}

fn assign(row: &mut ListedMember, FieldValue { field: name, value }: &FieldValue) -> Result<(), Error> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Data, message + "; nothing was changed"));
    let given = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    if value.chars().any(char::is_control) {
        return wrong(format!("`{name}` has a line break or another control character"));
    }
    match (field::canonical(name).as_str(), given) {
        ("", _) => return wrong(format!("`{name}` is not a valid field name")),
        ("name", None) => return wrong("a member needs a name".to_owned()),
        ("name", Some(value)) => row.name = value,
        ("number", None) => return wrong("a member number can be changed but not deleted".to_owned()),
        ("number", value) => row.number = value,
        ("email", None) => row.address = None,
        ("email", Some(value)) => match Address::parse(&value) {
            Ok(address) => row.address = Some(address),
            Err(error) => return wrong(format!("`{value}` is not a valid e-mail address: {error}")),
        },
        (name, None) => drop(row.fields.remove(name)),
        (name, Some(value)) => drop(row.fields.insert(name.to_owned(), value)),
    }
    Ok(())
}

/// Rejects a number that another member has.
fn check_free(ledger: &Ledger, row: &ListedMember, own: Option<&crate::domain::Member>) -> Result<(), Error> {
    let by_number = row.number.as_ref().map(|number| ledger.member_by_number(number)).transpose()?.flatten();
    match by_number.into_iter().find(|other| own.is_none_or(|own| own.id != other.member.id)) {
        None => Ok(()),
        Some(other) => {
            let message = format!("{} (id:{}) already has this number", other.member.name, other.member.id);
            Err(Error::new(ErrorKind::Data, message)
                .hint("nothing was changed; see: medlemsbrev members show"))
        }
    }
}

pub(super) fn unsubscribe(context: Context<'_>, who: &str, why: Option<&str>) -> Result<Exit, Error> {
    let _lock = context.project.lock("members unsubscribe")?;
    let ledger = register_to_change(context.project)?;
    let (member, sharing) = at_one_address(&ledger, who)?;
    let address = address_of(&member)?;
    let is_new = ledger.suppress(&Suppression {
        address: address.to_string(),
        reason: SuppressionReason::Unsubscribed,
        since: Timestamp::now(),
        note: format!("by hand: {}", why.unwrap_or("no reason given")),
    })?;
    let name = &sharing;
    context.terminal.say(if is_new {
        format!("Unsubscribed {name} at {address}.")
    } else {
        format!("{address} ({name}) was already unsubscribed.")
    });
    Ok(Exit::Done)
}

pub(super) fn resubscribe(context: Context<'_>, who: &str, why: &str) -> Result<Exit, Error> {
    let _lock = context.project.lock("members resubscribe")?;
    let ledger = register_to_change(context.project)?;
    let (member, _) = at_one_address(&ledger, who)?;
    let address = address_of(&member)?;
    if why.trim().is_empty() {
        return Err(Error::new(
            ErrorKind::Usage,
            "--why is empty: the reason for mailing a member again is recorded",
        ));
    }
    let members = if Address::parse(who).is_ok() { ledger.members_at(address)? } else { Vec::new() };
    let ids = members.iter().map(|row| row.member.id).chain([member.id]);
    let is_lifted = ledger.at_once(|ledger| {
        let mut is_lifted = false;
        for id in ids {
            is_lifted |= ledger.lift_suppression(id, address, why, Timestamp::now())?;
        }
        Ok::<_, Error>(is_lifted)
    })?;
    let name = &member.name;
    context.terminal.say(if is_lifted {
        format!("{name} will get letters at {address} again.")
    } else {
        format!("{name} was not suppressed at {address}.")
    });
    Ok(Exit::Done)
}

/// The named member, or the first of those who share the named address; and the names of everybody with that address.
fn at_one_address(ledger: &Ledger, who: &str) -> Result<(Member, String), Error> {
    let found = super::find_all(ledger, who)?;
    let member = match found.into_iter().next() {
        Some(row) if Address::parse(who).is_ok() => row.member,
        _ => find(ledger, who)?.member,
    };
    let sharing = member.address.as_ref().map(|address| ledger.members_at(address)).transpose()?;
    let names: Vec<String> = sharing.into_iter().flatten().map(|row| row.member.name).collect();
    let names = if names.is_empty() { member.name.clone() } else { names.join(" and ") };
    Ok((member, names))
}

fn address_of(member: &crate::domain::Member) -> Result<&Address, Error> {
    let error = || Error::new(ErrorKind::Data, format!("{} has no e-mail address", member.name));
    member.address.as_ref().ok_or_else(error)
}

pub(super) fn forget(context: Context<'_>, who: &str, yes: bool) -> Result<Exit, Error> {
    let _lock = context.project.lock("members forget")?;
    let ledger = register_to_change(context.project)?;
    let MemberRow { member, .. } = find(&ledger, who)?;
    let question = format!("Erase everything stored about {}? This cannot be undone.", member.name);
    if !yes {
        crate::commands::agree(context.terminal, &question, "use --yes to erase without a prompt")?;
    }
    let traces = ledger.traces(member.id)?;
    // The register comes last: the command can be run again until it is done.
    JsonLines::clear_unfinished(&context.project.dir.join("logs"))?;
    for kind in LogKind::value_variants() {
        JsonLines::forget(&context.project.log_path(kind.name()), &traces)?;
    }
    for letter in super::show::letters(context.project, &traces)? {
        std::fs::remove_file(&letter).map_err(|error| Error::undeletable(&letter, &error))?;
    }
    Scratch::remove_abandoned(&context.project.dir.join("state"));
    let now = Timestamp::now();
    ledger.recover(now)?;
    ledger.forget(&traces, &as_row(&member), now)?;
    ledger.compact()?;
    context.terminal.say(format!(
        "Forgotten: register, trace, bounces, logs and outbox; no import brings the person back. Look yourself through \
         the member list, exported files and your backups (id:{}).",
        member.id
    ));
    Ok(Exit::Done)
}
