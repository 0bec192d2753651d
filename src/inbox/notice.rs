//! The text of a notice: where the returned letter starts, and who the recipient is.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::address::{self, AddressSpot};
use super::mime::starts_with;
use super::own::Own;
use super::rules::{Family, InboxRules};
use super::verdict::cut;
use crate::diagnosis::phrase::fold;

/// The maximum length of the words about one recipient.
const MAX_BLOCK: usize = 2048;

/// Three fields with their folds take fewer lines.
const MAX_HEADER_LINES: usize = 60;

/// A recipient named in a notice, with the words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRecipient<'t> {
    pub address: String,
    pub sureness: Confidence,
    /// From its line to the next empty one, and to the next recipient.
    pub words: &'t str,
    pub block: &'t str,
}

/// Splits a text into the notice and the returned letter.
pub fn split<'t>(text: &'t str, rules: &InboxRules) -> (&'t str, &'t str) {
    let mut offset = 0;
    let mut after_blank = true;
    for line in text.split_inclusive('\n') {
        let rest = text.get(offset..).unwrap_or_default();
        if opens_original(line, rules) || after_blank && offset > 0 && opens_header(rest) {
            return text.split_at_checked(offset).unwrap_or((text, ""));
        }
        // A ruled line above a header announces the letter in any language.
        after_blank = line.trim().is_empty() || line.starts_with("---");
        offset += line.len();
    }
    (text, "")
}

fn opens_original(line: &str, rules: &InboxRules) -> bool {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || is_rule(c));
    if bare.is_empty() || bare.len() > 120 {
        return false;
    }
    let ruled = line.trim_start().starts_with(is_rule) || line.trim_end().ends_with(':');
    let folded = fold(bare);
    let begins = |phrases: &[String]| phrases.iter().any(|phrase| folded.starts_with(phrase));
    begins(&rules.original.lines) || ruled && begins(&rules.original.ruled)
}

fn is_rule(c: char) -> bool {
    matches!(c, '-' | '=' | '*' | '|' | '_' | '~' | '#' | '+' | '>' | '<' | '.' | ':')
}

/// Tells whether a header starts here: three consecutive fields of a letter, one of them rarely written by hand.
fn opens_header(text: &str) -> bool {
    const BY_MACHINE: [&str; 6] =
        ["received:", "return-path:", "message-id:", "mime-version:", "dkim-signature:", "delivered-to:"];
    const BY_HAND: [&str; 7] = ["date:", "from:", "to:", "subject:", "content-type:", "sender:", "reply-to:"];
    let lines = text.lines().take(MAX_HEADER_LINES).filter(|line| !line.starts_with([' ', '\t'])).take(3);
    let kinds: Vec<bool> = lines
        .filter_map(|line| {
            let is_among = |names: &[&str]| names.iter().any(|name| starts_with(line, name));
            let machine = is_among(&BY_MACHINE) || starts_with(line, "x-") || starts_with(line, "arc-");
            (machine || is_among(&BY_HAND)).then_some(machine)
        })
        .collect();
    kinds.len() == 3 && kinds.contains(&true)
}

/// How certain it is that an address is the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It is where the family writes its recipients.
    ByRule,
    HeadOfLine,
    /// It is in brackets and follows words such as `delivered to:`.
    Marked,
    AfterLeadIn,
    Mentioned,
    /// It is in a quoted header line.
    InHeader,
}

/// Addresses that appear in a notice but are not its recipient.
#[derive(Debug, Clone, Copy)]
pub struct Others<'a> {
    pub own: &'a Own,
    /// Sender and recipients of the notice and of the letter: a recipient only if no other address is named.
    pub enveloped: &'a HashSet<String>,
}

#[derive(Debug)]
struct Candidate {
    address: String,
    key: String,
    sureness: Confidence,
    /// It counts only if no other address does.
    unlikely: bool,
    /// Where its line starts.
    line: usize,
}

/// The recipients of a notice; `domain` is the reporting host's.
pub fn recipients<'t>(
    notice: &'t str,
    rules: &InboxRules,
    families: &[usize],
    others: Others<'_>,
    domain: &str,
) -> Vec<NamedRecipient<'t>> {
    let candidates = candidates(notice, rules, families, others, domain);
    let best = |unlikely: bool| {
        let sure =
            |c: &&Candidate| c.unlikely == unlikely && (!unlikely || c.sureness <= Confidence::HeadOfLine);
        candidates.iter().filter(sure).map(|c| c.sureness).min().map(|sureness| (unlikely, sureness))
    };
    let Some((unlikely, sureness)) = best(false).or_else(|| best(true)) else { return Vec::new() };
    let chosen: Vec<&Candidate> =
        candidates.iter().filter(|c| c.unlikely == unlikely && c.sureness == sureness).collect();
    let mut named = named(notice, &chosen);
    if unlikely {
        // Most notices name their own recipient: better than none, but worse than any other address.
        for named in &mut named {
            named.sureness = Confidence::InHeader;
        }
    }
    named
}

fn named<'t>(notice: &'t str, chosen: &[&Candidate]) -> Vec<NamedRecipient<'t>> {
    let mut seen = HashSet::new();
    let mut named = Vec::new();
    for (at, candidate) in chosen.iter().enumerate() {
        if !seen.insert(candidate.key.as_str()) {
            continue;
        }
        let following =
            chosen.iter().skip(at + 1).find(|next| next.key != candidate.key && next.line > candidate.line);
        let end = following.map_or(notice.len(), |next| next.line);
        let block = cut(notice.get(candidate.line..end).unwrap_or_default(), MAX_BLOCK);
        let (address, words) = (candidate.address.clone(), up_to_empty_line(block));
        named.push(NamedRecipient { address, sureness: candidate.sureness, words, block });
    }
    named
}

fn up_to_empty_line(block: &str) -> &str {
    let end = lines(block).find(|(line, _)| line.trim().is_empty()).map(|(_, start)| start);
    block.get(..end.unwrap_or(block.len())).unwrap_or(block)
}

/// For each address of a notice, the text from its line to the next line with another address.
pub fn blocks(notice: &str) -> HashMap<String, &str> {
    let mut blocks = HashMap::new();
    let mut open: Option<(String, usize)> = None;
    for (line, start) in lines(notice) {
        let Some(address) = address::first(line) else { continue };
        let key = address::key(address);
        if open.as_ref().is_some_and(|(known, _)| *known == key) {
            continue;
        }
        if let Some((known, from)) = open.replace((key, start)) {
            blocks
                .entry(known)
                .or_insert_with(|| cut(notice.get(from..start).unwrap_or_default(), MAX_BLOCK));
        }
    }
    if let Some((known, from)) = open {
        blocks.entry(known).or_insert_with(|| cut(notice.get(from..).unwrap_or_default(), MAX_BLOCK));
    }
    blocks
}

/// Maps each address that a letter was forwarded to to the original recipient, named on the line below.
pub fn originals(notice: &str, rules: &InboxRules) -> HashMap<String, String> {
    let pairs = notice.lines().zip(notice.lines().skip(1)).filter_map(|(above, line)| {
        let original = original_of_alias(line, rules)?;
        Some((address::key(address::first(above)?), original.to_owned()))
    });
    pairs.collect()
}

/// The part of a block about its recipient: up to two empty lines, or a rule above a footer.
pub fn paragraph(block: &str) -> &str {
    let mut empty = 0;
    for (line, start) in lines(block) {
        let line = line.trim();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        let is_rule = line.len() >= 8 && line.chars().all(|c| "_-=*".contains(c));
        if empty >= 2 || is_rule || line == "--" {
            return block.get(..start).unwrap_or(block);
        }
    }
    block
}

fn lines(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.split_inclusive('\n').scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len();
        Some((line, start))
    })
}

fn candidates(
    notice: &str,
    rules: &InboxRules,
    families: &[usize],
    others: Others<'_>,
    domain: &str,
) -> Vec<Candidate> {
    let templates: Vec<&str> = families
        .iter()
        .filter_map(|family| rules.families.get(*family))
        .flat_map(|family: &Family| family.recipients.iter().map(String::as_str))
        .collect();
    let mut found = Vec::new();
    for (line, start) in lines(notice) {
        let by_rule = by_rule(&templates, line, domain);
        let mut push = |address: String, sureness, unlikely| {
            let key = address::key(&address);
            if !others.own.has(&key) {
                found.push(Candidate { address, key, sureness, unlikely, line: start });
            }
        };
        if let Some(address) = by_rule {
            push(address, Confidence::ByRule, false);
            continue;
        }
        if let Some(address) = original_of_alias(line, rules) {
            // The forwarding address is in the line above.
            let is_above = |last: &mut Candidate| notice.get(last.line..start).is_some_and(is_one_line);
            let sureness = found.pop_if(is_above).map_or(Confidence::Marked, |passed_on| passed_on.sureness);
            let (address, key) = (address.to_owned(), address::key(address));
            found.push(Candidate { address, key, sureness, unlikely: false, line: start });
            continue;
        }
        let above = notice.get(..start).and_then(|text| text.lines().next_back()).unwrap_or_default();
        for spot in address::find(line) {
            let Some(sureness) = sureness(above, line, spot, rules) else { continue };
            let unlikely = others.enveloped.contains(&address::key(spot.address))
                || sureness > Confidence::HeadOfLine && is_never_meant(spot.address, rules);
            push(spot.address.to_owned(), sureness, unlikely);
        }
    }
    found
}

/// The original of the address above, from a line in brackets: `(generated from anna@example.se)`.
fn original_of_alias<'t>(line: &'t str, rules: &InboxRules) -> Option<&'t str> {
    let inside = line.trim().strip_prefix('(')?;
    let folded = fold(inside);
    rules.addresses.aliases.iter().find(|words| folded.starts_with(words.as_str()))?;
    address::first(inside)
}

fn is_one_line(text: &str) -> bool {
    text.trim_end().lines().count() == 1
}

fn is_never_meant(address: &str, rules: &InboxRules) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    rules.addresses.never.iter().any(|name| local.eq_ignore_ascii_case(name))
}

fn sureness(above: &str, line: &str, spot: AddressSpot<'_>, rules: &InboxRules) -> Option<Confidence> {
    let before = line.get(..spot.start)?;
    if before.chars().all(is_bullet) {
        // A sentence broken across the lines may be about somebody else.
        let is_another = before.is_empty() && compared(&lead(above), rules) == Ordering::Less;
        return (!is_another).then_some(Confidence::HeadOfLine);
    }
    let lead = lead(before);
    if rules.addresses.originally.iter().any(|words| ends_with_word(&lead, words)) {
        return Some(Confidence::HeadOfLine);
    }
    Some(match compared(&lead, rules) {
        Ordering::Less => return None,
        _ if matches!(lead.trim(), "to" | "cc") => Confidence::InHeader,
        _ if is_reply(lead.trim()) => Confidence::Marked,
        Ordering::Greater if before.ends_with(['<', '"', '\'', '[', ':']) => Confidence::Marked,
        Ordering::Greater => Confidence::AfterLeadIn,
        Ordering::Equal => Confidence::Mentioned,
    })
}

/// The last words of a text, folded.
fn lead(text: &str) -> String {
    let from = text.len().saturating_sub(60);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let lead = fold(text.get(from..).unwrap_or_default());
    lead.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Whether the words before an address make it more likely (`Greater`) or less likely (`Less`) to be the recipient.
fn compared(lead: &str, rules: &InboxRules) -> Ordering {
    let longest = |words: &[String]| {
        words.iter().filter(|word| ends_with_word(lead, word)).map(String::len).max().unwrap_or(0)
    };
    longest(&rules.addresses.before).cmp(&longest(&rules.addresses.not_after))
}

/// A line that repeats a host's reply starts with its codes: `550 5.1.1 <anna@example.se>... User unknown`.
fn is_reply(lead: &str) -> bool {
    lead.len() >= 3
        && lead.starts_with(['4', '5'])
        && lead.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ' ' | '-'))
}

fn is_bullet(c: char) -> bool {
    c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '*' | '-' | '[' | '(' | '•' | '·' | '#' | '|')
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.strip_suffix(word).is_some_and(|before| !before.ends_with(char::is_alphanumeric) || !word.is_ascii())
}

fn by_rule(templates: &[&str], line: &str, domain: &str) -> Option<String> {
    if templates.is_empty() {
        return None;
    }
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    templates.iter().find_map(|template| fill(template, &line, domain))
}

/// The address in a line at the template's `{address}`, or at its `{local}`, completed with the reporting host's
/// domain.
fn fill(template: &str, line: &str, domain: &str) -> Option<String> {
    let (before, after) = template.split_once("{address}").or_else(|| template.split_once("{local}"))?;
    let bare = template.contains("{local}");
    let rest = match before.strip_prefix('…') {
        Some(inside) => line.get(find_folded(line, inside)? + inside.len()..)?,
        None => starts_with(line, before).then(|| line.get(before.len()..))??,
    };
    if bare {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_' | '+'));
        let (local, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let whole = if after.is_empty() { tail.is_empty() } else { starts_with(tail, after) };
        return (whole && !local.is_empty()).then(|| format!("{local}@{domain}"));
    }
    let spot = address::find(rest).next()?;
    (rest.get(..spot.start)?.chars().all(is_bullet) && starts_with(rest.get(spot.end..)?, after))
        .then(|| spot.address.to_owned())
}

fn find_folded(line: &str, word: &str) -> Option<usize> {
    let (line, word) = (line.as_bytes(), word.as_bytes());
    line.windows(word.len().max(1)).position(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(notice: &str) -> Vec<String> {
        let rules = InboxRules::built_in().unwrap();
        let own = Own::new(&["me@example.org".to_owned()], None);
        let others = Others { own: &own, enveloped: &HashSet::new() };
        recipients(notice, &rules, &[], others, "example.se").into_iter().map(|named| named.address).collect()
    }

    #[test]
    fn the_returned_letter_is_split_off() {
        let rules = InboxRules::built_in().unwrap();
        for text in [
            "no such user\n--- Below this line is a copy of the message.\n\nTo: a@example.se\n",
            "no such user\n\n----- Original message -----\n\nTo: a@example.se\n",
            "no such user\n\nReceived: from x\n\tby y\nTo: a@example.se\nSubject: s\n",
        ] {
            let (notice, original) = split(text, &rules);
            assert_eq!(notice.trim(), "no such user");
            assert!(original.contains("To: a@example.se"));
        }
        assert_eq!(split("The original message was received on Monday\n", &rules).1, "");
    }

    #[test]
    fn recipients_are_distinguished_from_other_addresses() {
        for (notice, want) in [
            ("<anna@example.se>:\n550 no such user\nMAIL FROM:<me@example.org>", vec!["anna@example.se"]),
            (
                "Your message to anna@example.se was rejected; contact postmaster@example.se",
                vec!["anna@example.se"],
            ),
            (
                "  anna@example.se\n  bo@example.se\nfrom me@example.org",
                vec!["anna@example.se", "bo@example.se"],
            ),
            (">>> RCPT TO:<anna@example.se>\n<<< 550 no", vec!["anna@example.se"]),
            ("550 5.1.1 <anna@example.se>... User unknown\nTo: list@example.org", vec!["anna@example.se"]),
            ("contact postmaster@example.se", vec![]),
        ] {
            assert_eq!(who(notice), want, "{notice}");
        }
    }

    #[test]
    fn a_template_locates_the_recipient() {
        for (template, line, want) in [
            ("Recipient: [SMTP:{address}]", "Recipient: [SMTP:anna@example.se]", Some("anna@example.se")),
            ("…for {address}.", "Unknown user for anna@example.se.", Some("anna@example.se")),
            ("{local}", "anna", Some("anna@example.se")),
            ("{local}", "dear anna", None),
            ("<{address}>:", "anna@example.se", None),
        ] {
            assert_eq!(fill(template, line, "example.se").as_deref(), want, "{template}");
        }
    }
}
