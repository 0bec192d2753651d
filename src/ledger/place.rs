//! The location of a ledger: a file, or a database on a server.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// The location of a ledger.
#[derive(Debug, Clone)]
pub struct LedgerPlace {
    file: PathBuf,
    server: Option<DatabaseServer>,
}

/// A database on a server, with its credentials.
#[derive(Debug, Clone)]
pub struct DatabaseServer {
    /// `postgres://USER@HOST:PORT/DATABASE`.
    pub url: String,
    /// The password, if it is not in the URL.
    pub password: Option<SecretString>,
    /// A certificate authority to trust besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

impl LedgerPlace {
    /// A database on `server`; data that concerns only this host is stored next to `file`.
    pub fn on_server(server: DatabaseServer, file: PathBuf) -> Self {
        Self { file, server: Some(server) }
    }

    /// The ledger's file, or the one next to which this host stores its own data.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The file of a ledger that is not on a server.
    pub(super) fn database_file(&self) -> Option<&Path> {
        self.server.is_none().then_some(&self.file)
    }

    /// The server, if the ledger is on one.
    pub fn server(&self) -> Option<&DatabaseServer> {
        self.server.as_ref()
    }

    /// Tells whether a ledger may exist: a missing file was never created, but for a server this is unknown.
    pub fn may_exist(&self) -> bool {
        self.server.is_some() || self.file.exists()
    }
}

impl From<&Path> for LedgerPlace {
    fn from(file: &Path) -> Self {
        Self { file: file.to_owned(), server: None }
    }
}

impl From<&PathBuf> for LedgerPlace {
    fn from(file: &PathBuf) -> Self {
        Self::from(file.as_path())
    }
}

impl From<&LedgerPlace> for LedgerPlace {
    fn from(place: &LedgerPlace) -> Self {
        place.clone()
    }
}

impl fmt::Display for LedgerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => server.fmt(f),
            None => self.file.display().fmt(f),
        }
    }
}

impl fmt::Display for DatabaseServer {
    /// Shows the URL without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split_once("://").map_or(self.url.as_str(), |(_, address)| address);
        let address = address.split_once('?').map_or(address, |(address, _)| address);
        let address = address.rsplit_once('@').map_or(address, |(_, address)| address);
        write!(f, "postgres://{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://anna:hemligt@db.example.se:5433/club?sslmode=require",
                "postgres://db.example.se:5433/club",
            ),
            ("postgres:///club?host=/run/postgresql", "postgres:///club"),
            ("hemligt@db", "postgres://db"),
        ] {
            let server = DatabaseServer { url: url.to_owned(), password: None, ca_file: None };
            let place = LedgerPlace::on_server(server, PathBuf::from("state/l.db"));
            assert_eq!(place.to_string(), shown);
            assert!(place.may_exist());
        }
        assert_eq!(LedgerPlace::from(Path::new("state/l.db")).to_string(), "state/l.db");
    }
}
