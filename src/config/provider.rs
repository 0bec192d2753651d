//! Mail providers by name, with their known servers and limits.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use crate::domain::{Quota, suggest};
use crate::net::Security;

use super::TransportConfig;
use super::values::Count;

const DATA: &str = include_str!("providers.toml");
/// The default for providers with an unknown limit on connections.
const CONNECTIONS: Count = Count(2);

static PROVIDERS: LazyLock<BTreeMap<String, Provider>> =
    LazyLock::new(|| toml::from_str(DATA).unwrap_or_default());

/// A mail provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub name: String,
    host: String,
    port: Option<u16>,
    security: Option<Security>,
    #[serde(default)]
    quota: Vec<Quota>,
    /// Its rules forbid newsletters through this server.
    #[serde(default)]
    pub forbids_newsletters: bool,
    /// It replaces the return path of letters, so that bounces lack the member's token.
    #[serde(default)]
    pub rewrites_return_path: bool,
    /// It does not accept `name+anything@` as a sender.
    #[serde(default)]
    pub refuses_plus: bool,
    /// Which password the server wants, and where to get it.
    pub password: String,
    notice: Option<String>,
    #[serde(default, deserialize_with = "date")]
    until: Option<Date>,
    #[serde(rename = "read", deserialize_with = "date")]
    _read: Option<Date>,
    #[serde(rename = "sources")]
    _sources: Vec<String>,
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let text = toml::value::Datetime::deserialize(deserializer)?.to_string();
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

impl Provider {
    /// Finds a provider by the name in the configuration.
    ///
    /// # Errors
    /// Suggests the nearest known name, or lists all names.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        PROVIDERS.get(name).ok_or_else(|| {
            let names: Vec<&str> = PROVIDERS.keys().map(String::as_str).collect();
            let meant = suggest::did_you_mean(name, names.iter().copied());
            let meant = meant.unwrap_or_else(|| format!("use one of {}", names.join(", ")));
            format!("is not a known provider: {meant}")
        })
    }

    /// Fills in the keys that the user's own `[transport]` table lacks.
    pub(super) fn fill(&self, transport: &mut TransportConfig, own: &toml::Table) {
        let is_own = |key: &str| own.contains_key(key);
        if !is_own("host") {
            transport.host = Some(self.host.clone());
        }
        if !is_own("port") {
            transport.port = self.port;
        }
        if let (Some(security), false) = (self.security, is_own("security")) {
            transport.security = security;
        }
        if !is_own("quota") {
            transport.quota.clone_from(&self.quota);
        }
        if !is_own("connections") {
            transport.connections = CONNECTIONS;
        }
    }

    /// An announced change at the provider, until its date has passed.
    pub fn notice(&self, today: Date) -> Option<&str> {
        self.notice.as_deref().filter(|_| self.until.is_none_or(|until| today < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_valid() {
        let read: BTreeMap<String, Provider> = toml::from_str(DATA).unwrap();
        assert_eq!(read.len(), DATA.lines().filter(|line| line.starts_with('[')).count());
        assert!(read.values().all(|provider| provider.host.contains('.') && !provider.password.is_empty()));
        assert!(Provider::named("lopia").unwrap_err().contains("loopia"));
    }

    #[test]
    fn advice_with_a_date_expires() {
        let microsoft = Provider::named("microsoft-365").unwrap();
        assert!(microsoft.notice("2026-11-26".parse().unwrap()).is_some());
        assert!(microsoft.notice("2027-07-01".parse().unwrap()).is_none());
    }
}
