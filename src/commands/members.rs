//! `members`: shows and edits the register.

mod change;
mod held;
mod list;
mod show;

use crate::cli::MembersCommand;
use crate::domain::{Address, ListedMember, MemberId, name};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, MemberRow};
use crate::report::plural;

use super::{Context, Project};

pub use list::{organisations, segments};

/// Runs the command.
pub fn run(context: Context<'_>, command: &MembersCommand) -> Result<Exit, Error> {
    match command {
        MembersCommand::Held => held::list(context),
        MembersCommand::Confirm(arguments) => held::confirm(context, arguments),
        MembersCommand::List(arguments) => list::list(context, arguments),
        MembersCommand::Export(arguments) => list::export(context, arguments),
        MembersCommand::Show { who } => show::show(context, who),
        MembersCommand::Extract { who } => show::extract(context, who),
        MembersCommand::Add(arguments) => change::add(context, arguments),
        MembersCommand::Set { who, values } => change::set(context, who, values),
        MembersCommand::Unsubscribe { who, why } => change::unsubscribe(context, who, why.as_deref()),
        MembersCommand::Resubscribe { who, why } => change::resubscribe(context, who, why),
        MembersCommand::Forget { who, yes } => change::forget(context, who, *yes),
    }
}

/// The register for reading; fails before the first import.
fn register(project: &Project) -> Result<Ledger, Error> {
    Ledger::open_for_reading(project.ledger_place()?)?.ok_or_else(is_empty)
}

/// The register for a change; first stores the counts of earlier issues, which depend on it.
fn register_to_change(project: &Project) -> Result<Ledger, Error> {
    let ledger = Ledger::open_existing(project.ledger_place()?)?.ok_or_else(is_empty)?;
    super::history::freeze(project, &ledger, jiff::Timestamp::now())?;
    Ok(ledger)
}

fn is_empty() -> Error {
    Error::new(ErrorKind::Data, "the register is empty").hint("fill it with: medlemsbrev import")
}

/// The member with this address, member number, `id:N` or name.
///
/// # Errors
/// If there is none, or if the address or name is ambiguous.
pub(super) fn find(ledger: &Ledger, who: &str) -> Result<MemberRow, Error> {
    let mut found = find_all(ledger, who)?;
    match (found.pop(), found.as_slice()) {
        (Some(row), []) => Ok(row),
        (Some(last), _) => {
            found.push(last);
            let ids = found.iter().map(|row| format!("{} (id:{})", row.member.name, row.member.id));
            let ids: Vec<String> = ids.take(SHOWN).collect();
            let message =
                format!("`{who}` is {}: {}", plural(found.len() as u64, "member", "members"), ids.join(", "));
            Err(Error::new(ErrorKind::Data, message).hint("name one of them by id:N or member number"))
        }
        (None, _) => Err(unknown(ledger, who)?),
    }
}

/// How many members to name if several match.
const SHOWN: usize = 5;

/// All members with this address, member number, `id:N` or name, present ones first.
fn find_all(ledger: &Ledger, who: &str) -> Result<Vec<MemberRow>, Error> {
    if let Some(Ok(id)) = who.strip_prefix("id:").map(str::parse) {
        return Ok(ledger.member(MemberId(id))?.into_iter().collect());
    }
    if let Ok(address) = Address::parse(who) {
        let present = ledger.members_at(&address)?;
        let former = if present.is_empty() { ledger.member_by_address(&address)? } else { None };
        return Ok(present.into_iter().chain(former).collect());
    }
    if let Some(row) = ledger.member_by_number(who)? {
        return Ok(vec![row]);
    }
    let key = name::key(who);
    let (mut present, mut former) = (Vec::new(), Vec::new());
    ledger.for_each_member(|row| {
        if !key.is_empty() && name::key(&row.member.name) == key {
            if row.active { present.push(row) } else { former.push(row) }
        }
        Ok::<_, Error>(())
    })?;
    Ok(if present.is_empty() { former } else { present })
}

fn unknown(ledger: &Ledger, who: &str) -> Result<Error, Error> {
    let mut near: Option<(f64, String)> = None;
    ledger.for_each_member(|row| {
        let address = row.member.address.map(String::from);
        for name in address.into_iter().chain([row.member.name]) {
            let likeness = strsim::jaro_winkler(&name.to_lowercase(), &who.to_lowercase());
            if likeness > 0.85 && near.as_ref().is_none_or(|(best, _)| likeness > *best) {
                near = Some((likeness, format!("{name} (id:{})", row.member.id)));
            }
        }
        Ok::<_, Error>(())
    })?;
    let error = Error::new(ErrorKind::Data, format!("no member has the address, number, name or id `{who}`"));
    Ok(match near {
        Some((_, name)) => error.hint(format!("is it {name}?")),
        None => error.hint("search with: medlemsbrev members list 'name contains \"…\"'"),
    })
}

/// A member as a row of an import.
fn as_row(member: &crate::domain::Member) -> ListedMember {
    ListedMember {
        number: member.number.clone(),
        name: member.name.clone(),
        address: member.address.clone(),
        fields: member.fields.clone(),
        ..ListedMember::default()
    }
}

/// `unsuppress`: like `members resubscribe`, but by address only.
pub fn unsuppress(context: Context<'_>, address: &crate::domain::Address, why: &str) -> Result<Exit, Error> {
    change::resubscribe(context, address.as_str(), why)
}
