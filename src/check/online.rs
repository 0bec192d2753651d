//! Checks over the network: whether links answer, and what the DNS says about the sender's domain.

mod dns;
mod http;

use std::collections::BTreeMap;

use crate::domain::Excerpt;

use super::{Facts, Finding, Subject, links};
use crate::compose::IssueSource;

/// The names that other mail servers look up when they receive a letter of ours.
#[derive(Debug, Default)]
pub struct SenderNames {
    /// The domain of From.
    pub from: String,
    /// The domain of the return path (RFC 5321 MAIL FROM).
    pub return_path: String,
    pub keys: Vec<PublishedKey>,
}

/// A DKIM key as it should be in the DNS.
#[derive(Debug)]
pub struct PublishedKey {
    /// The signing domain, `d=`.
    pub domain: String,
    /// The name of its TXT record.
    pub name: String,
    /// The text of its TXT record.
    pub record: String,
}

/// Follows the issue's web links, and looks up the DNS records by which receivers verify the sender.
pub async fn online(source: &IssueSource, facts: &Facts, sending: &SenderNames) -> Vec<Finding> {
    let subject = Subject::new(source, facts);
    let mut places: BTreeMap<String, Vec<Excerpt>> = BTreeMap::new();
    for (url, place) in links::web(&subject) {
        places.entry(url).or_default().push(place);
    }
    let urls = places.keys().cloned().collect();
    let answers = tokio::task::spawn_blocking(move || http::follow(urls));
    let mut findings = dns::look_up(sending).await;
    for (url, finding) in answers.await.unwrap_or_default() {
        let places = places.remove(&url).unwrap_or_default();
        findings.extend(places.into_iter().map(|place| finding.clone().at(place)));
    }
    findings
}
