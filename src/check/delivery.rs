//! Problems of the configuration: letters that cannot be delivered, or bounces that reach nobody.

use std::path::PathBuf;

use super::Finding;
use super::text::TextFile;

/// The parts of the configuration that matter for delivery.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The configuration file.
    pub config: PathBuf,
    pub sender_domain: String,
    /// The mail server, if letters are sent through one.
    pub smtp_host: Option<String>,
    pub has_bounce_address: bool,
    /// Whether the archive has a public address.
    pub has_archive: bool,
}

/// Finds problems of the configuration.
pub(super) fn rules(delivery: &Delivery) -> Vec<Finding> {
    let file = TextFile::read(&delivery.config);
    let mut findings = Vec::new();
    if delivery.smtp_host.is_some() && is_nowhere(&delivery.sender_domain) {
        let message = format!("replies and bounces cannot reach `{}`", delivery.sender_domain);
        let advice = "use the association's own address; example and localhost are for testing";
        let place = file.key("sender", "address");
        findings.push(Finding::warning("sender-domain", message, advice).at(place));
    }
    if let Some(host) = delivery.smtp_host.as_ref().filter(|host| is_example(host)) {
        let advice = "name your mail provider's server";
        let finding = Finding::warning("transport-host", format!("`{host}` is not a mail server"), advice);
        findings.push(finding.at(file.key("transport", "host")));
    }
    if !delivery.has_bounce_address {
        let message = "bounces go to the sender's own mailbox: `bounce_address` is missing";
        let advice =
            "set bounce_address in [sender] to a mailbox that accepts name+anything@, read by `bounces`";
        findings.push(
            Finding::warning("bounce-address", message, advice).at(file.key("sender", "bounce_address")),
        );
    }
    if !delivery.has_archive {
        let message = "letters have no List-Archive header: the archive has no public address";
        let advice = "if `medlemsbrev archive` publishes the letters, set url in [archive]; else ignore this";
        findings.push(Finding::note("list-archive", message, advice).at(file.key("archive", "url")));
    }
    findings
}

fn is_nowhere(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    is_example(domain) || ["localhost", "local", "localdomain", "invalid", "test"].contains(&top)
}

/// Tells whether a domain is one of RFC 2606, or `example.se` and the like.
fn is_example(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    labels.next() == Some("example") || labels.next() == Some("example")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undeliverable_configurations_are_found() {
        for (domain, host, has_bounce_address, want) in [
            ("byalaget.se", Some("mail.byalaget.se"), true, &[][..]),
            ("example.se", None, true, &[]),
            ("example.se", Some("127.0.0.1"), true, &["sender-domain"]),
            ("brev.example.org", Some("smtp.byalaget.se"), true, &["sender-domain"]),
            ("byalaget.example", Some("localhost"), true, &["sender-domain"]),
            ("dator.localhost", Some("localhost"), true, &["sender-domain"]),
            ("byalaget.se", Some("mail.example.se"), true, &["transport-host"]),
            ("byalaget.se", Some("localhost"), true, &[]),
            ("byalaget.se", None, false, &["bounce-address"]),
            ("myexample.se", Some("mail.myexample.se"), true, &[]),
        ] {
            let delivery = Delivery {
                config: PathBuf::new(),
                sender_domain: domain.to_owned(),
                smtp_host: host.map(str::to_owned),
                has_bounce_address,
                has_archive: true,
            };
            let found: Vec<&str> = rules(&delivery).iter().map(|finding| finding.rule).collect();
            assert_eq!(found, want, "{domain} {host:?}");
        }
    }

    #[test]
    fn a_missing_archive_is_a_note() {
        let delivery = Delivery { has_bounce_address: true, ..Delivery::default() };
        let found: Vec<_> = rules(&delivery).iter().map(|f| (f.rule, f.severity)).collect();
        assert_eq!(found, [("list-archive", super::super::Severity::Note)]);
    }
}
