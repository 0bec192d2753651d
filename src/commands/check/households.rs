//! Finds letters to several members with one address whose fields would be right for the first member only.

use std::collections::BTreeSet;

use crate::check::Finding;
use crate::commands::Project;
use crate::compose::{Composer, template_tags};
use crate::domain::{Address, IssueName, Member};
use crate::error::Error;
use crate::ledger::Ledger;

/// How many addresses to name.
const SHOWN: usize = 3;

/// The fields that the issue's sections show and that differ between members with the same address.
pub(super) fn differing(
    project: &Project,
    issue: &IssueName,
    composer: &Composer,
    ledger: &Ledger,
) -> Result<Option<Finding>, Error> {
    // Problems of the files themselves are reported elsewhere.
    let Ok(source) = project.source(issue) else { return Ok(None) };
    let shown: BTreeSet<String> =
        source.sections.iter().flat_map(|section| fields(&section.markdown)).collect();
    if shown.is_empty() {
        return Ok(None);
    }
    let (mut addresses, mut differing) = (Vec::new(), BTreeSet::new());
    for address in ledger.shared_addresses()? {
        let Ok(address) = Address::parse(&address) else { continue };
        let mut members = ledger.mailable_at(&address)?;
        members.retain(|member| composer.has_section_for(member));
        let unlike: Vec<&String> = shown.iter().filter(|field| differ(&members, field)).collect();
        if !unlike.is_empty() {
            differing.extend(unlike.into_iter().cloned());
            addresses.push(address.to_string());
        }
    }
    if addresses.is_empty() {
        return Ok(None);
    }
    addresses.sort();
    let more = if addresses.len() > SHOWN { " …" } else { "" };
    let named: Vec<&str> = addresses.iter().take(SHOWN).map(String::as_str).collect();
    let fields: Vec<String> = differing.iter().map(|field| format!("member.{field}")).collect();
    let message = format!(
        "{} in the text is the first member's value; these addresses are shared by members with different values: {}{more}",
        fields.join(", "),
        named.join(", ")
    );
    let advice = "write the sentence so that it is right for all of them";
    Ok(Some(Finding::warning("household-field", message, advice)))
}

fn differ(members: &[Member], field: &str) -> bool {
    let mut values = members.iter().map(|member| member.field(field));
    let first = values.next();
    values.any(|value| Some(value) != first)
}

/// The member fields used in a text.
fn fields(markdown: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tag in template_tags(markdown) {
        for (at, _) in tag.text.match_indices("member.") {
            let rest = tag.text.get(at + "member.".len()..).unwrap_or_default();
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}
