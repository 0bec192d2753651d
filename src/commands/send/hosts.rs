//! Ensures that all hosts that send an issue together use the same content.

use std::collections::BTreeMap;

use crate::commands::Project;
use crate::domain::Sha256;
use crate::error::Error;
use crate::ledger::Review;

use super::prepare::Prepared;

/// Joins the sending of an issue, if several hosts can take part.
///
/// # Errors
/// Names what differs from the hosts that take part already.
pub(super) fn take_part(project: &Project, prepared: &mut Prepared, now: &Review) -> Result<(), Error> {
    if !prepared.ledger.is_shared() {
        return Ok(());
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = format!("{}/{}", name.trim(), std::process::id());
    Ok(prepared.ledger.take_part(&prepared.job.issue, &name, &content(project, now)?)?)
}

/// Digests of the files, the list and the keys, and the program's version.
fn content(project: &Project, now: &Review) -> Result<BTreeMap<String, String>, Error> {
    let mut content: BTreeMap<String, String> =
        now.files.iter().map(|(name, digest)| (format!("`{name}`"), digest.clone())).collect();
    content.insert("member list".to_owned(), now.list.clone());
    content.insert("program version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    // Creates the key if it is missing.
    project.token_key()?;
    let mut keys = vec![("token key".to_owned(), project.state_folder().join("key"))];
    for dkim in &project.config.dkim {
        keys.push((format!("DKIM key `{}`", dkim.selector), project.dir.join(&dkim.key_file)));
    }
    for (name, path) in keys {
        let key = std::fs::read(&path).map_err(|error| Error::unreadable(&path, &error))?;
        content.insert(name, Sha256::of(&key));
    }
    Ok(content)
}
