use std::path::Path;

use aws_lc_rs::digest::digest;
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;

const RSA: &str = include_str!("test-keys/rsa-2048-pkcs8.pem");
const RSA_PKCS1: &str = include_str!("test-keys/rsa-2048-pkcs1.pem");
const RSA_PUBLIC: &str = include_str!("test-keys/rsa-2048-public.pem");
const RSA_1024: &str = include_str!("test-keys/rsa-1024.pem");
const P256: &str = include_str!("test-keys/p256.pem");
const ENCRYPTED: &str = include_str!("test-keys/encrypted.pem");
const ED25519_KEY: &str = include_str!("test-keys/ed25519.pem");
const ED25519_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// RFC 8463 §A.3 without its second signature, which uses RSA.
const RFC_8463: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
    d=football.example.com; i=@football.example.com;\r\n \
    q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
    subject : date : message-id : from : subject : date;\r\n \
    bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
    b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
    Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
    From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
    \r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

const LETTER: &str = "From: Traktrådet <brev@example.se>\r\nTo: Åsa <asa@example.org>\r\n\
    Subject: =?utf-8?q?V=C3=A5ren?=\r\n 2026\r\nDate: Wed, 15 Apr 2026 08:00:00 +0200\r\n\
    Message-ID: <2026-1.42.x@example.se>\r\nList-Id: <brev.example.se>\r\n\
    List-Unsubscribe: <mailto:brev@example.se>\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nHej  Åsa!\t\r\n\r\n\r\n";

fn signer(pem: &str) -> Signer {
    Signer::new("example.se", "2026a", DkimKey::from_pem(pem.as_bytes()).unwrap()).unwrap()
}

fn now() -> Timestamp {
    "2026-04-15T06:00:00Z".parse().unwrap()
}

fn signed(pem: &str, letter: &str) -> String {
    signatures(&[signer(pem)], letter.as_bytes(), now()).unwrap() + letter
}

fn unspaced(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Verifies the first signature in the way of RFC 6376 §6.1.3.
fn verifies(message: &str) -> bool {
    let start = message.find("DKIM-Signature:").unwrap();
    let end = start
        + message[start..]
            .match_indices("\r\n")
            .find(|(at, _)| !message[start + at + 2..].starts_with(' '))
            .unwrap()
            .0;
    let own = &message[start..end];
    let tag = |name: &str| {
        let tags = own.split_once(':').unwrap().1.split(';');
        let value = tags.filter_map(|tag| tag.split_once('=')).find(|(found, _)| found.trim() == name);
        unspaced(value.unwrap().1)
    };
    if body_hash(message.as_bytes()).0 != tag("bh") {
        return false;
    }
    let mut fields = canonical::split(&message.as_bytes()[end + 2..]).0;
    let mut data = Vec::new();
    for name in tag("h").split(':') {
        if let Some(at) = fields.iter().rposition(|field| field.is(name)) {
            fields.remove(at).push_relaxed(&mut data);
            data.extend_from_slice(b"\r\n");
        }
    }
    let (unsigned, _) = own.split_at(own.rfind("b=").unwrap() + 2);
    HeaderField::new(unsigned.as_bytes()).push_relaxed(&mut data);
    let signature = BASE64.decode(tag("b").as_bytes()).unwrap();
    let verified = if tag("a") == "rsa-sha256" {
        let info = BASE64.decode(unspaced(armoured(RSA_PUBLIC)).as_bytes()).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &info[24..]).verify(&data, &signature)
    } else {
        let public = BASE64.decode(ED25519_PUBLIC.as_bytes()).unwrap();
        UnparsedPublicKey::new(&ED25519, &public).verify(digest(&SHA256, &data).as_ref(), &signature)
    };
    verified.is_ok()
}

fn armoured(pem: &str) -> &str {
    pem.split("-----").nth(2).unwrap()
}

#[test]
fn the_example_of_rfc_8463_verifies() {
    assert!(verifies(RFC_8463));
    assert!(!verifies(&RFC_8463.replace("dinner", "supper")));
    assert!(!verifies(&RFC_8463.replace("hungry", "angry")));
}

#[test]
fn signatures_of_every_kind_of_key_detect_changes() {
    for pem in [RSA, RSA_PKCS1, ED25519_KEY] {
        let message = signed(pem, LETTER);
        assert!(verifies(&message), "{message}");
        assert!(
            verifies(&message.replace("Hej  Åsa!\t", "Hej Åsa!").replace("To: ", "TO:\r\n  ")),
            "relaxed"
        );
        for (from, to) in [
            ("Hej", "Nej"),
            ("\r\n 2026", "\r\n 2027"),
            ("\r\n\r\nHej", "\r\nFrom: x@example.net\r\n\r\nHej"),
            ("\nFrom:", "\nFrom: x@example.net\r\nFrom:"),
            ("\nTo:", "\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nTo:"),
            ("\nDate:", "\nSubject: x\r\nDate:"),
            ("\nDate:", "\nReply-To: x@example.net\r\nDate:"),
            ("\nDate:", "\nTo: x@example.net\r\nDate:"),
            ("text/plain", "text/html"),
        ] {
            assert!(!verifies(&message.replacen(from, to, 1)), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn several_signers_sign_the_same_message() {
    let both = signatures(&[signer(RSA), signer(ED25519_KEY)], LETTER.as_bytes(), now()).unwrap();
    let second = both.rfind("DKIM-Signature:").unwrap();
    assert!(verifies(&(both.clone() + LETTER)));
    assert!(verifies(&(both[second..].to_owned() + LETTER)));
    assert_eq!(signatures(&[], LETTER.as_bytes(), now()).unwrap(), "");
}

#[test]
fn the_header_is_folded_and_names_what_it_signs() {
    let signer = signer(ED25519_KEY).expiring_after(SignedDuration::from_hours(24 * 14));
    let header = signer.header(LETTER.as_bytes(), &body_hash(LETTER.as_bytes()), now()).unwrap();
    assert!(header.split("\r\n").all(|line| line.len() <= WIDTH && !line.ends_with(' ')), "{header}");
    let unfolded = header.replace("\r\n ", " ").replace(": ", ":");
    for want in [
        "DKIM-Signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.se; s=2026a; t=1776232800; x=1777442400; ",
        "h=From:From:To:To:Reply-To:Subject:Subject:Date:Date:Message-ID:Message-ID:List-Unsubscribe:List-Unsubscribe:\
         List-Unsubscribe-Post:MIME-Version:Content-Type:List-Id; bh=",
    ] {
        assert!(unfolded.contains(want), "{unfolded}");
    }
    assert_eq!(header, signer.header(LETTER.as_bytes(), &body_hash(LETTER.as_bytes()), now()).unwrap());
}

#[test]
fn the_dns_record_has_the_public_half() {
    let rsa = format!("v=DKIM1; k=rsa; p={}", unspaced(armoured(RSA_PUBLIC)));
    let ed25519 = format!("v=DKIM1; k=ed25519; p={ED25519_PUBLIC}");
    for (pem, record) in [(RSA, &rsa), (RSA_PKCS1, &rsa), (ED25519_KEY, &ed25519)] {
        assert_eq!(signer(pem).dns_record(), *record);
    }
    assert_eq!(signer(RSA).dns_name(), "2026a._domainkey.example.se");
}

#[test]
fn a_file_without_a_usable_key_is_named_in_the_error() {
    let damaged = RSA.replacen("MII", "MIIA", 1);
    let unreadable = RSA.replacen("MII", "M!I", 1);
    let dir = tempfile::tempdir().unwrap();
    for (pem, message, hint) in [
        ("", "no private key in PEM", "genpkey"),
        (RSA_PUBLIC, "no private key in PEM", "genpkey"),
        (RSA_1024, "fewer than 2048 bits", "rsa_keygen_bits:2048"),
        (P256, "neither RSA nor Ed25519", "genpkey"),
        (ENCRYPTED, "protected by a passphrase", "openssl pkey"),
        (&damaged, "damaged", "genpkey"),
        (&unreadable, "PEM is damaged", "genpkey"),
        (&RSA[..900], "PEM is damaged", "genpkey"),
    ] {
        let path = dir.path().join("dkim.pem");
        std::fs::write(&path, pem).unwrap();
        let error = DkimKey::load(&path).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().contains("dkim.pem"), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
    let error = DkimKey::load(Path::new("/nowhere/dkim.pem")).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot sign with `/nowhere/dkim.pem`: cannot read it: "),
        "{error}"
    );
}

#[test]
fn domain_and_selector_must_be_names() {
    let long = "a".repeat(64);
    for (domain, selector, what) in [
        ("", "a", "domain"),
        ("räksmörgås.se", "a", "domain"),
        ("example.se; l=0", "a", "domain"),
        ("example..se", "a", "domain"),
        (&long, "a", "domain"),
        ("example.se", "a b", "selector"),
        ("example.se", "", "selector"),
    ] {
        let key = DkimKey::from_pem(ED25519_KEY.as_bytes()).unwrap();
        match Signer::new(domain, selector, key).unwrap_err() {
            DkimError::Name { what: found, .. } => assert_eq!(found, what),
            other => panic!("{other}"),
        }
    }
}
