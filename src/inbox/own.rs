//! The sender's own addresses, which are never the recipient of a bounce.

use std::collections::HashSet;

use super::address;

/// The own addresses as keys.
#[derive(Debug, Default)]
pub struct Own {
    addresses: HashSet<String>,
    /// The address for requests to leave, if it has no other use.
    pub unsubscribe: Option<String>,
}

impl Own {
    /// Normalises the addresses; ignores `unsubscribe` if it is one of them.
    pub fn new(addresses: &[String], unsubscribe: Option<&str>) -> Self {
        let addresses: HashSet<String> = addresses.iter().map(|own| address::key(own)).collect();
        let unsubscribe = unsubscribe.map(address::key).filter(|leave| !addresses.contains(leave));
        Self { addresses, unsubscribe }
    }

    /// Tells whether an address's key is an own address, with or without a token.
    pub fn has(&self, key: &str) -> bool {
        let is_known = |key: &str| self.addresses.contains(key) || self.unsubscribe.as_deref() == Some(key);
        is_known(key) || is_known(&address::without_tag(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_recognised_with_a_token_too() {
        let own = Own::new(&["Studs@example.se".to_owned()], Some("avsluta@example.se"));
        for (key, want) in [
            ("studs@example.se", true),
            ("studs+2026-1.42.abcdefghijkl@example.se", true),
            ("avsluta@example.se", true),
            ("anna@example.se", false),
            ("studs@example.org", false),
        ] {
            assert_eq!(own.has(key), want, "{key}");
        }
        assert_eq!(Own::new(&["studs@example.se".to_owned()], Some("studs@example.se")).unsubscribe, None);
    }
}
