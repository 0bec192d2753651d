//! Finds letters that cannot be printed or posted.

use crate::check::Finding;
use crate::commands::Project;
use crate::commands::postal;
use crate::compose::Composer;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::paper::missing_characters;
use crate::report::plural;

use super::named;

/// Members on paper without a usable postal address, and characters missing from the fonts for paper. Finds nothing
/// if no member of the issue has a postal address, as in associations that post no letters.
pub(super) fn findings(
    project: &Project,
    composer: &Composer,
    ledger: &Ledger,
) -> Result<Vec<Finding>, Error> {
    let members = postal::on_paper(project, ledger, composer)?;
    let (mut words, mut missing) = (Vec::new(), Vec::new());
    for member in &members {
        match postal::lines(member) {
            Ok(address) => words.extend(address),
            Err(reason) => missing.push(format!("{} ({reason})", member.name)),
        }
    }
    if words.is_empty() {
        return Ok(Vec::new());
    }
    words.push(composer.render(&composer.neutral_reader())?.text);
    Ok(unaddressed(composer, &missing).into_iter().chain(unprintable(&words)).collect())
}

fn unaddressed(composer: &Composer, missing: &[String]) -> Option<Finding> {
    let named = named(missing)?;
    let who = plural(missing.len() as u64, "member on paper has", "members on paper have");
    Some(Finding::warning(
        "postal-address",
        format!("{who} no usable postal address: {named}"),
        format!(
            "correct the member list; see all with: medlemsbrev paper {} --dry-run",
            composer.issue().name
        ),
    ))
}

fn unprintable(words: &[String]) -> Option<Finding> {
    let characters: String = missing_characters(&words.join("\n")).into_iter().collect();
    (!characters.is_empty()).then(|| {
        Finding::warning(
            "paper-characters",
            format!("the fonts for paper lack {characters}"),
            "a replacement is printed in their place; write it in other words, or the address by hand",
        )
    })
}
