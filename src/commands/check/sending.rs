//! Checks how an issue is sent, apart from the letter itself: times, port, provider, quota.

use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;

use crate::check::{Finding, place_of_key};
use crate::commands::Project;
use crate::commands::init::{PLACEHOLDERS, is_untouched};
use crate::compose::IssueSource;
use crate::config::{FILE, TransportConfig, TransportKind};
use crate::domain::Quota;
use crate::net::{Auth, Security};

const DAY_MINUTES: i64 = 24 * 60;

/// Checks the times between which an issue may be sent.
pub(super) fn window(project: &Project, source: &IssueSource) -> Vec<Finding> {
    let path = source.dir.join("issue.toml");
    let wrong = |key: &str, message: String, advice: &str| {
        Finding::error("send-window", message, advice).at(place_of_key(&path, "", key))
    };
    let (begin, end) = (source.issue.send_at, source.issue.send_until);
    let zone = &project.config.association.time_zone.0;
    let mut findings = Vec::new();
    for (key, time) in [("send_at", begin), ("send_until", end)] {
        let offset = time.map(|time| zone.to_ambiguous_timestamp(time).offset());
        if matches!(offset, Some(AmbiguousOffset::Gap { .. })) {
            let message = format!("{key} is in the hour that summer time skips");
            findings.push(wrong(key, message, "use an hour later"));
        }
    }
    if let (Some(begin), Some(end)) = (begin, end)
        && end <= begin
    {
        let message =
            "send_until is not after send_at, so `send --due` would never send the issue".to_owned();
        findings.push(wrong("send_until", message, "correct one of the two"));
    }
    findings
}

/// Finds placeholders of `init` in a project that sends real letters.
pub(super) fn untouched(project: &Project, source: &IssueSource) -> Vec<Finding> {
    if project.config.transport.kind == TransportKind::Outbox {
        return Vec::new();
    }
    let path = project.dir.join(FILE);
    let advice = "replace it with your own: members must not get the example of `init`";
    let association = &project.config.association;
    let values = [("name", &association.name), ("postal_address", &association.postal_address)];
    let values = values.into_iter().filter(|(_, value)| PLACEHOLDERS.contains(&value.as_str()));
    let mut findings: Vec<Finding> = values
        .map(|(key, value)| {
            let message = format!("`{value}` is the {} that `init` wrote", key.replace('_', " "));
            Finding::error("untouched", message, advice).at(place_of_key(&path, "association", key))
        })
        .collect();
    findings.extend(source.sections.iter().filter(|section| is_untouched(&section.markdown)).map(
        |section| {
            let message = format!("the section «{}» has the text that `init` wrote", section.title);
            Finding::error("untouched", message, advice).at(place_of_key(&section.path, "", "title"))
        },
    ));
    findings
}

/// Finds a port and a security setting that do not match (RFC 8314 §3.3).
pub(super) fn port(project: &Project) -> Option<Finding> {
    let transport = smtp(project)?;
    let (port, security) = (transport.port(), transport.security);
    let [meant, speaks] = match (port, security) {
        (465, Security::Starttls | Security::None) => ["tls", "uses TLS from the first byte"],
        (587 | 25, Security::Tls) => ["starttls", "starts without TLS"],
        _ => return None,
    };
    let message = format!("port {port} usually {speaks}, but security is set differently");
    let advice = format!("set security = \"{meant}\", or the other port");
    Some(Finding::warning("transport-port", message, advice).at(place_of_key(
        &project.dir.join(FILE),
        "transport",
        "security",
    )))
}

/// Checks the provider's rules, and whether its quota allows all letters in a day.
pub(super) fn provider(project: &Project, letters: u64, now: Timestamp) -> Vec<Finding> {
    let Some(transport) = smtp(project) else { return Vec::new() };
    let path = project.dir.join(FILE);
    let mut findings = Vec::new();
    let mut warn = |key: &str, rule, message: String, advice: &str| {
        findings.push(Finding::warning(rule, message, advice).at(place_of_key(&path, "transport", key)));
    };
    if let Some(a_day) = transport.quota.iter().copied().map(in_a_day).min().filter(|a_day| *a_day < letters)
    {
        let message = format!("the quota allows {a_day} letters a day, and there are {letters}");
        warn(
            "quota",
            "quota-day",
            message,
            "let cron send the rest (`schedule`), or ask the provider for more",
        );
    }
    let Some(provider) = transport.provider() else { return findings };
    let name = &provider.name;
    if provider.forbids_newsletters {
        let message = format!("{name} forbids newsletters through this server");
        warn(
            "provider",
            "provider-newsletters",
            message,
            "ask the provider, or use a service for newsletters",
        );
    }
    let has_tokens = project.config.sender.bounce_address.is_some();
    if provider.rewrites_return_path && has_tokens {
        let message = format!("{name} puts its own return path on letters: bounces lose the member's token");
        let advice = "bounces arrive in the sender's own mailbox: let `bounces` read it";
        warn("provider", "provider-return-path", message, advice);
    } else if provider.refuses_plus && has_tokens {
        let message =
            format!("{name} sends nothing from an address with a + in it, as bounce addresses have");
        warn("provider", "provider-plus", message, "remove bounce_address from [sender]");
    }
    let today = now.to_zoned_datetime(project.config.association.time_zone.0.clone()).date();
    if let Some(notice) = provider.notice(today).filter(|_| transport.auth == Auth::Password) {
        warn("provider", "provider-notice", notice.to_owned(), "see docs/sending.md");
    }
    findings
}

fn smtp(project: &Project) -> Option<&TransportConfig> {
    Some(&project.config.transport).filter(|transport| transport.kind == TransportKind::Smtp)
}

/// How many letters a quota allows in a day.
fn in_a_day(quota: Quota) -> u64 {
    let minutes = quota.span().as_mins().max(1);
    let spans = u64::try_from((DAY_MINUTES / minutes).max(1)).unwrap_or(1);
    u64::from(quota.letters).saturating_mul(spans)
}
