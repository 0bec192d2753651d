//! SPF, DKIM, DMARC and MX records of the sender's domains; each missing or wrong one is a finding.

use std::net::IpAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::check::Finding;

use super::{PublishedKey, SenderNames};

const ASK: &str = "ask the administrator of the domain's DNS";

/// The TXT records of a name; `None` if the DNS could not be queried.
type DnsTexts = Option<Vec<String>>;

/// Looks up the records and checks them.
pub(super) async fn look_up(sending: &SenderNames) -> Vec<Finding> {
    let resolver = match TokioResolver::builder_tokio().and_then(hickory_resolver::ResolverBuilder::build) {
        Ok(resolver) => Dns(resolver),
        Err(error) => return vec![unasked(&sending.from, &error.to_string())],
    };
    // A resolver without an uplink claims that even the top-level domain does not exist.
    let top = sending.from.rsplit('.').next().unwrap_or_default();
    if let Err(error) = resolver.0.lookup(fqdn(top), RecordType::NS).await {
        return vec![unasked(&sending.from, &error.to_string())];
    }
    let mut findings = Vec::new();
    let mut domains = vec![sending.from.as_str(), sending.return_path.as_str()];
    domains.dedup();
    for domain in domains {
        findings.extend(no_way_back(domain, resolver.takes_mail(domain).await));
    }
    findings.extend(spf(&sending.return_path, &resolver.texts(&sending.return_path).await));
    if sending.keys.is_empty() {
        let message =
            format!("the program does not sign letters from {}: does the provider do it?", sending.from);
        findings.push(Finding::warning(
            "dkim",
            message,
            "set up [[dkim]], or ask the provider to sign (RFC 6376)",
        ));
    }
    for key in &sending.keys {
        findings.extend(dkim(key, &resolver.texts(&key.name).await));
    }
    let mut record = resolver.texts(&format!("_dmarc.{}", sending.from)).await;
    let organisation = organisation(&sending.from);
    if organisation != sending.from && record.as_ref().is_some_and(|texts| !has_tag(texts, "v=DMARC1")) {
        record = resolver.texts(&format!("_dmarc.{organisation}")).await;
    }
    findings.extend(dmarc(&sending.from, &record));
    findings.extend(alignment(sending));
    findings
}

struct Dns(TokioResolver);

impl Dns {
    async fn texts(&self, name: &str) -> DnsTexts {
        match self.0.lookup(fqdn(name), RecordType::TXT).await {
            Ok(found) => {
                let texts = found.answers().iter().filter_map(|record| match &record.data {
                    RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
                    _ => None,
                });
                Some(texts.collect())
            }
            Err(error) if is_nothing(&error) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    /// Whether the domain accepts mail (RFC 5321 §5.1): by an MX record, else by an address; a null MX means no (RFC
    /// 7505).
    async fn takes_mail(&self, domain: &str) -> Option<bool> {
        match self.0.lookup(fqdn(domain), RecordType::MX).await {
            Ok(found) => {
                let hosts = found.answers().iter().filter_map(|record| match &record.data {
                    RData::MX(exchange) => Some(exchange.exchange.is_root()),
                    _ => None,
                });
                let is_null: Vec<bool> = hosts.collect();
                if !is_null.is_empty() {
                    return Some(is_null.contains(&false));
                }
            }
            Err(error) if is_nothing(&error) => {}
            Err(_) => return None,
        }
        match self.0.lookup_ip(fqdn(domain)).await {
            Ok(addresses) => Some(addresses.iter().any(|address: IpAddr| !address.is_unspecified())),
            Err(error) if is_nothing(&error) => Some(false),
            Err(_) => None,
        }
    }
}

/// Tells whether the DNS answered that there is no record, as opposed to failing (SERVFAIL, REFUSED).
fn is_nothing(error: &NetError) -> bool {
    let NetError::Dns(DnsError::NoRecordsFound(found)) = error else { return false };
    matches!(found.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// The name with a trailing dot, so that no search domain is tried.
fn fqdn(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn unasked(domain: &str, why: &str) -> Finding {
    let message = format!("cannot look up {domain} in the DNS: {why}");
    Finding::warning("dns", message, "check the network connection, or try again later")
}

fn no_answer(rule: &'static str, name: &str) -> Finding {
    Finding::warning(rule, format!("no DNS response for {name}"), "try again later")
}

fn has_tag(texts: &[String], tag: &str) -> bool {
    texts.iter().any(|text| is_tagged(text, tag))
}

fn is_tagged(text: &str, tag: &str) -> bool {
    let start = text.get(..tag.len()).unwrap_or_default();
    let next = text.get(tag.len()..).and_then(|rest| rest.chars().next());
    start.eq_ignore_ascii_case(tag) && next.is_none_or(|c| c == ' ' || c == ';')
}

fn no_way_back(domain: &str, takes_mail: Option<bool>) -> Option<Finding> {
    (takes_mail == Some(false)).then(|| {
        let message = format!("{domain} does not accept mail: replies and bounces are lost");
        Finding::error("mx", message, "use an address at a domain with an MX record")
    })
}

/// RFC 7208 §4.5: exactly one record.
fn spf(domain: &str, texts: &DnsTexts) -> Option<Finding> {
    let Some(texts) = texts else { return Some(no_answer("spf", domain)) };
    let records: Vec<&String> = texts.iter().filter(|text| is_tagged(text, "v=spf1")).collect();
    match records.as_slice() {
        [] => {
            let message = format!("{domain} has no SPF record: many servers will distrust the sender");
            let advice =
                "publish one as your mail provider says, such as \"v=spf1 include:… -all\" (RFC 7208)";
            Some(Finding::warning("spf", message, advice))
        }
        [record] if record.split_whitespace().any(|term| term == "+all" || term == "all") => {
            let message = format!("the SPF record of {domain} allows anyone to send in its name: `{record}`");
            Some(Finding::warning("spf", message, "end it with -all or ~all"))
        }
        [_] => None,
        several => {
            let message =
                format!("{domain} has {} SPF records: receivers treat that as an error", several.len());
            Some(Finding::error("spf", message, "keep one (RFC 7208 §4.5)"))
        }
    }
}

/// The `p=` of a key record, without spaces.
fn public_key(record: &str) -> Option<String> {
    let tags = record.split(';').filter_map(|tag| tag.split_once('='));
    let key = tags.into_iter().find(|(name, _)| name.trim() == "p");
    key.map(|(_, value)| value.split_whitespace().collect())
}

/// RFC 6376 §3.6.1: the record must contain the public half of the signing key.
fn dkim(key: &PublishedKey, texts: &DnsTexts) -> Option<Finding> {
    let PublishedKey { name, record, .. } = key;
    let Some(texts) = texts else { return Some(no_answer("dkim", name)) };
    let published: Vec<String> = texts.iter().filter_map(|text| public_key(text)).collect();
    let advice = format!("publish this text there: {record}");
    let wrong = |what: &str| Some(Finding::error("dkim", format!("{name} {what}"), advice.clone()));
    if published.is_empty() {
        return wrong("has no DKIM key: every signature would be invalid");
    }
    if published.iter().all(String::is_empty) {
        return wrong("marks the key as revoked");
    }
    let own = public_key(record).unwrap_or_default();
    if published.contains(&own) { None } else { wrong("does not match the signing key") }
}

/// RFC 7489 §6.3.
fn dmarc(domain: &str, texts: &DnsTexts) -> Option<Finding> {
    let Some(texts) = texts else { return Some(no_answer("dmarc", domain)) };
    (!has_tag(texts, "v=DMARC1")).then(|| {
        let message = format!("{domain} has no DMARC record: large mailbox providers require one");
        let advice =
            format!("publish \"v=DMARC1; p=none; rua=mailto:postmaster@{domain}\" at _dmarc.{domain}; {ASK}");
        Finding::warning("dmarc", message, advice)
    })
}

/// RFC 7489 §3.1, relaxed: the return path or a signature belongs to From's own organisation.
fn alignment(sending: &SenderNames) -> Option<Finding> {
    let own = organisation(&sending.from);
    let mut others = sending.keys.iter().map(|key| key.domain.as_str()).chain([sending.return_path.as_str()]);
    (!others.any(|domain| organisation(domain) == own)).then(|| {
        let message = format!("neither the return path nor a signature matches {own}: DMARC fails");
        Finding::warning(
            "alignment",
            message,
            "use a bounce_address or a [[dkim]] domain that matches the From domain",
        )
    })
}

/// The last two labels, which for associations' domains is close enough to the public suffix list.
fn organisation(domain: &str) -> &str {
    let dots: Vec<usize> = domain.rmatch_indices('.').map(|(at, _)| at).collect();
    dots.get(1).and_then(|at| domain.get(at + 1..)).unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the other answers")]
    fn texts(records: &[&str]) -> DnsTexts {
        Some(records.iter().map(|&record| record.to_owned()).collect())
    }

    #[test]
    fn there_is_one_spf_record_and_it_limits_who_sends() {
        for (records, says) in [
            (texts(&["v=spf1 mx -all", "google-site-verification=1"]), None),
            (texts(&["v=spf1"]), None),
            (texts(&["v=spf10 mx -all"]), Some("no SPF")),
            (texts(&[]), Some("no SPF")),
            (texts(&["v=spf1 +all"]), Some("anyone")),
            (texts(&["v=spf1 mx -all", "V=SPF1 a -all"]), Some("2 SPF records")),
            (None, Some("no DNS response")),
        ] {
            let found = spf("byalaget.se", &records).map(|finding| finding.message);
            assert_eq!(found.is_some(), says.is_some(), "{records:?}");
            assert!(says.is_none_or(|says| found.unwrap().contains(says)), "{records:?}");
        }
    }

    #[test]
    fn the_published_key_must_match_the_signing_key() {
        let key = PublishedKey {
            domain: "byalaget.se".to_owned(),
            name: "brev._domainkey.byalaget.se".to_owned(),
            record: "v=DKIM1; k=rsa; p=ABC=".to_owned(),
        };
        for (records, says) in [
            (texts(&["v=DKIM1; k=rsa; p=AB C="]), None),
            (texts(&["p=ABC="]), None),
            (texts(&[]), Some("no DKIM key")),
            (texts(&["v=DKIM1; p="]), Some("revoked")),
            (texts(&["v=DKIM1; p=XYZ"]), Some("does not match")),
        ] {
            let found = dkim(&key, &records).map(|finding| finding.message);
            assert_eq!(found.is_some(), says.is_some(), "{records:?}");
            assert!(says.is_none_or(|says| found.unwrap().contains(says)), "{records:?}");
        }
    }

    #[test]
    fn dmarc_requires_a_record_and_alignment() {
        assert_eq!(dmarc("byalaget.se", &texts(&["v=DMARC1; p=none"])), None);
        assert!(dmarc("byalaget.se", &texts(&["v=DMARC12"])).is_some());
        let sending = |return_path: &str| SenderNames {
            from: "brev.byalaget.se".to_owned(),
            return_path: return_path.to_owned(),
            keys: Vec::new(),
        };
        assert_eq!(alignment(&sending("studs.byalaget.se")), None);
        assert!(alignment(&sending("provider.se")).is_some());
    }
}
