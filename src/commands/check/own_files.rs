//! Files that are one member's own: those that nobody gets, and those that are to be put into an envelope.

use std::collections::BTreeSet;

use crate::check::{Finding, place_of_key};
use crate::commands::postal;
use crate::compose::{Composer, MemberAttachment};
use crate::domain::Excerpt;
use crate::error::Error;
use crate::ledger::Ledger;

use super::{Project, named};

/// Files that no member of the issue gets, and members on paper who have none.
pub(super) fn findings(
    project: &Project,
    composer: &Composer,
    ledger: &Ledger,
) -> Result<Vec<Finding>, Error> {
    let Some(own) = composer.member_attachment() else { return Ok(Vec::new()) };
    let place = place_of_key(
        &project.dir.join("issues").join(composer.issue().name.as_str()).join("issue.toml"),
        "",
        "member_attachment",
    );
    let unused = unused(composer, own, ledger)?;
    let on_paper = without_enclosure(project, composer, own, ledger)?;
    Ok([unused, on_paper].into_iter().flatten().map(|finding| finding.at(Excerpt::clone(&place))).collect())
}

fn unused(composer: &Composer, own: &MemberAttachment, ledger: &Ledger) -> Result<Option<Finding>, Error> {
    let entries = std::fs::read_dir(own.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut unused: BTreeSet<_> = entries.filter(|path| own.could_be(path)).collect();
    ledger.for_each_member_of(&composer.issue().name, |row| {
        if crate::send::skip(composer, None, &row.member).is_none()
            && let Ok(file) = own.of(&row.member)
        {
            unused.remove(&file.path);
        }
        Ok::<_, Error>(())
    })?;
    let names: Vec<String> = unused.iter().map(|path| format!("`{}`", own.inside(path))).collect();
    let message = named(&names).map(|named| format!("no member gets {named}"));
    let advice =
        "remove the files, correct the fields that name them, or put files for everyone in another folder";
    Ok(message.map(|message| Finding::warning("member-attachment-unused", message, advice)))
}

/// Members who get the letter on paper, and have no file to put into the envelope.
fn without_enclosure(
    project: &Project,
    composer: &Composer,
    own: &MemberAttachment,
    ledger: &Ledger,
) -> Result<Option<Finding>, Error> {
    let members = postal::on_paper(project, ledger, composer)?;
    let lacking =
        members.iter().filter_map(|member| Some(format!("{} ({})", member.name, own.usable(member).err()?)));
    let message =
        named(&lacking.collect::<Vec<_>>()).map(|named| format!("there is nothing to enclose for {named}"));
    let advice = "add the files: their names are in the letter's list of enclosures";
    Ok(message.map(|message| Finding::warning("member-attachment-paper", message, advice)))
}
