//! The source of a server's password, which is never in the configuration file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::SecretString;

use crate::private;

/// A place to read a password from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    Environment(String),
    File(PathBuf),
    Command(String),
}

/// Why the password could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the environment variable `{0}` with the password is not set")]
    Environment(String),
    #[error("cannot read the password file `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the password file `{0}` can be read by others")]
    Open(PathBuf),
    #[error("the password command `{command}` failed: {reason}")]
    Command { command: String, reason: String },
    #[error("the password from {0} is empty")]
    Empty(String),
}

/// The keys of a table for a password's source; at most one is set.
#[derive(Debug, Clone, Copy)]
pub struct PasswordKeys<'a> {
    pub environment: Option<&'a str>,
    pub file: Option<&'a Path>,
    pub command: Option<&'a str>,
}

impl PasswordKeys<'_> {
    /// Checks the keys of a table with or without a user name.
    ///
    /// # Errors
    /// If there are several sources, or if either name or source is missing.
    pub fn check(self, has_user: bool) -> Result<(), &'static str> {
        let sources = [self.environment.is_some(), self.file.is_some(), self.command.is_some()];
        match sources.iter().filter(|is_set| **is_set).count() {
            0 | 1 if has_user == sources.contains(&true) => Ok(()),
            0 | 1 => Err("and one of password_env, password_file and password_command go together"),
            _ => Err("has more than one of password_env, password_file and password_command: keep one"),
        }
    }

    /// The source; file names are relative to `dir`.
    pub fn source(self, dir: &Path) -> Option<Password> {
        let file = self.file.map(|file| Password::File(dir.join(file)));
        let environment = self.environment.map(|name| Password::Environment(name.to_owned()));
        let command = self.command.map(|command| Password::Command(command.to_owned()));
        environment.or(file).or(command)
    }
}

impl Password {
    /// Reads the password, without a line end after it.
    ///
    /// # Errors
    /// If the source has no password, or others may read the file.
    pub fn read(&self) -> Result<SecretString, PasswordError> {
        let text = match self {
            Self::Environment(name) => {
                std::env::var(name).map_err(|_| PasswordError::Environment(name.clone()))?
            }
            Self::File(path) => read_private(path)?,
            Self::Command(command) => output_of(command)?,
        };
        // Some editors put a byte order mark before the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let password = text.strip_suffix('\n').unwrap_or(text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(PasswordError::Empty(format!("{self:?}")));
        }
        Ok(SecretString::from(password))
    }
}

/// A password manager may have to ask its user first.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// OAuth tokens have a few kilobytes.
const LONGEST_PASSWORD: u64 = 64 * 1024;

fn read_private(path: &Path) -> Result<String, PasswordError> {
    let failed = |source| PasswordError::Read { path: path.to_owned(), source };
    if private::is_open_to_others(path).map_err(failed)? {
        return Err(PasswordError::Open(path.to_owned()));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn output_of(command: &str) -> Result<String, PasswordError> {
    let failed = |reason: String| PasswordError::Command { command: command.to_owned(), reason };
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let stdout = child.stdout.take();
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(LONGEST_PASSWORD).read_to_end(&mut bytes));
        // If it took too long, nobody waits any more.
        let _late = sender.send(read.map(|_| bytes));
    });
    let Ok(bytes) = output.recv_timeout(COMMAND_LIMIT) else {
        // The command may have ended just now.
        let _ended = child.kill();
        return Err(failed(format!("it did not end within {} seconds", COMMAND_LIMIT.as_secs())));
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    let bytes = bytes.map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("its output is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn the_password_is_a_commands_first_line() {
        let password = Password::Command("printf 'hemligt\\n'".to_owned()).read().unwrap();
        assert_eq!(password.expose_secret(), "hemligt");
        assert!(Password::Command("exit 3".to_owned()).read().is_err());
        assert!(Password::Command("true".to_owned()).read().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_rejected() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hemligt").unwrap();
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        let password = Password::File(file.path().to_owned());
        assert!(matches!(password.read(), Err(PasswordError::Open(_))));
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o600)).unwrap();
        assert!(password.read().is_ok());
    }
}
