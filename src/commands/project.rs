//! A project's folder: the paths of its files, and the parts of its configuration in the form that lower layers need.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use jiff::Timestamp;

use crate::compose::{
    self, ComposeError, Composer, DkimError, DkimKey, IssueSource, KeyProblem, Setup, Signer, Texts,
};
use crate::config::{Config, FILE, TransportKind};
use crate::domain::segment::SegmentError;
use crate::domain::{IssueName, Partner, Segment, TokenKey, field, suggest};
use crate::error::{Error, ErrorKind};
use crate::ledger::{DatabaseServer, Ledger, LedgerPlace, Lock};
use crate::net::{Login, Transcript};
use crate::private::{self, Tightened};
use crate::relay::{Durability, LookAhead, Outbox, Relay, Sendmail, SmtpServer, Timeouts};
use crate::report::Terminal;

/// `status` takes the lock for a moment, which does not count as a run.
const GLANCE: Duration = Duration::from_millis(200);

/// An opened project.
#[derive(Debug)]
pub struct Project {
    pub dir: PathBuf,
    pub config: Config,
    /// Where the ledger is, cached so that a password is read once.
    ledger: OnceLock<LedgerPlace>,
}

impl Project {
    /// Opens the project in `dir`.
    ///
    /// # Errors
    /// If its configuration cannot be used.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self { dir: dir.to_owned(), config: Config::load(dir)?, ledger: OnceLock::new() })
    }

    /// Makes folders with personal data private if an older version left them readable, and says so.
    pub fn tighten(&self, terminal: Terminal) {
        let folders = ["state", "logs", "paper", "reports"].map(|name| self.dir.join(name));
        for folder in folders.into_iter().chain([self.dir.join(&self.config.transport.dir)]) {
            let shown = folder.display();
            match private::tighten(&folder) {
                Ok(Tightened::Yes) => terminal.say(format!("Made `{shown}` private: it has personal data.")),
                Ok(Tightened::Shared) if terminal.verbose > 0 => {
                    terminal
                        .say(format!("`{shown}` is shared with its group (setgid); it has personal data."));
                }
                // Another user cannot change it; its owner will be told.
                Ok(Tightened::Unchanged | Tightened::Shared) | Err(_) => {}
            }
        }
    }

    /// Where the ledger is.
    ///
    /// # Errors
    /// If the password cannot be read.
    pub fn ledger_place(&self) -> Result<&LedgerPlace, Error> {
        if let Some(place) = self.ledger.get() {
            return Ok(place);
        }
        let file = self.dir.join("state/medlemsbrev.db");
        let place = match self.config.ledger.url() {
            None => LedgerPlace::from(&file),
            Some(url) => self.place_on_server(url)?,
        };
        Ok(self.ledger.get_or_init(|| place))
    }

    fn place_on_server(&self, url: String) -> Result<LedgerPlace, Error> {
        let ledger = &self.config.ledger;
        let password = ledger.password().source(&self.dir).map(|source| source.read()).transpose()?;
        let ca_file = ledger.ca_file.as_ref().map(|file| self.dir.join(file));
        let server = DatabaseServer { url, password, ca_file };
        Ok(LedgerPlace::on_server(server, self.dir.join("state/medlemsbrev.db")))
    }

    /// Where another ledger is: the URL of a server, with the password of `[ledger]`, or a file.
    ///
    /// # Errors
    /// If the password cannot be read.
    #[cfg(feature = "postgres")]
    pub fn place_at(&self, to: &str) -> Result<LedgerPlace, Error> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| to.starts_with(scheme)) {
            return self.place_on_server(to.to_owned());
        }
        Ok(LedgerPlace::from(Path::new(to)))
    }

    /// Opens the ledger, creating it if missing.
    pub fn ledger(&self) -> Result<Ledger, Error> {
        Ok(Ledger::open(self.ledger_place()?)?)
    }

    /// The folder of the ledger, the lock and the key.
    pub fn state_folder(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// A copy of the ledger, for commands that must not change anything.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn ledger_copy(&self) -> Result<Ledger, Error> {
        Ok(Ledger::temporary_copy(self.ledger_place()?)?)
    }

    /// The lock file.
    pub fn lock_path(&self) -> PathBuf {
        self.dir.join("state/lock")
    }

    /// Tells whether a command that changes something is running.
    ///
    /// # Errors
    /// If the ledger's password cannot be read.
    pub fn is_locked(&self) -> Result<bool, Error> {
        Ok(Lock::is_held(self.ledger_place()?, &self.lock_path()))
    }

    /// Takes the lock for a command that changes something.
    pub fn lock(&self, what: &str) -> Result<Lock, Error> {
        self.lock_within(what, Duration::ZERO)
    }

    /// Takes the lock to send an issue, like [`Self::lock_within`]; hosts that send it together share theirs.
    pub fn lock_to_send(&self, issue: &IssueName, patience: Duration) -> Result<Lock, Error> {
        let (place, path) = (self.ledger_place()?, self.lock_path());
        let note = self.lock_note(&format!("send {issue}"));
        Ok(Lock::take_to_send(issue, place, &path, &note, patience.max(GLANCE))?)
    }

    fn lock_note(&self, what: &str) -> String {
        format!("{what}, since {}", self.clock_time(Timestamp::now()))
    }

    /// Takes the lock, waiting up to `patience` for another run.
    pub fn lock_within(&self, what: &str, patience: Duration) -> Result<Lock, Error> {
        let patience = patience.max(GLANCE);
        let note = self.lock_note(what);
        Ok(Lock::take(self.ledger_place()?, &self.lock_path(), &note, patience)?)
    }

    /// A log's file.
    pub fn log_path(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.jsonl"))
    }

    /// The folder for an issue's letters that are written as files.
    pub fn outbox(&self, issue: &IssueName) -> PathBuf {
        self.dir.join(&self.config.transport.dir).join(issue.as_str())
    }

    /// A time in the association's time zone.
    pub fn clock_time(&self, time: Timestamp) -> String {
        let zoned = time.to_zoned_datetime(self.config.association.time_zone.0.clone());
        zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// A date in the association's time zone.
    pub fn clock_date(&self, time: Timestamp) -> String {
        time.to_zoned_datetime(self.config.association.time_zone.0.clone()).date().to_string()
    }

    /// The folder of the project's own templates, which may not exist.
    pub fn templates_dir(&self) -> PathBuf {
        self.dir.join("templates")
    }

    /// The texts for mails and lists in the association's language.
    pub fn texts(&self) -> Result<Texts, Error> {
        Ok(Texts::load(&self.config.association.language, &self.templates_dir())?)
    }

    /// The error for an issue that does not exist; suggests a similar name.
    pub fn no_issue(&self, name: &IssueName) -> Error {
        let error = Error::new(ErrorKind::Data, format!("there is no issue `{name}`"));
        let known = self.issues();
        let known: Vec<&str> = known.iter().map(IssueName::as_str).collect();
        if let Some(near) = suggest::did_you_mean(name.as_str(), known.iter().copied()) {
            return error.hint(near);
        }
        let there_are =
            if known.is_empty() { String::new() } else { format!("there are {}; ", known.join(", ")) };
        error.hint(format!("{there_are}create it with: medlemsbrev new {name}"))
    }

    /// All issues with a folder.
    pub fn issues(&self) -> Vec<IssueName> {
        let entries = std::fs::read_dir(self.dir.join("issues")).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().join("issue.toml").is_file());
        let mut names: Vec<IssueName> =
            folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        names
    }

    /// A segment: a name in the configuration, or an expression; `argument` is its name on the command line.
    ///
    /// # Errors
    /// Points to the place where the expression is invalid, or where it names a field that no member has.
    pub fn segment(&self, text: &str, argument: &str, fields: &BTreeSet<String>) -> Result<Segment, Error> {
        if let Some(configured) = self.config.segments.get(text) {
            return self.configured_segment(text, configured, fields);
        }
        let wrong = |error: SegmentError| {
            let word = text.get(error.span.clone()).unwrap_or_default();
            // A single word could be meant as a segment's name.
            let segments =
                if word == text.trim() { self.config.segments.keys().collect() } else { Vec::new() };
            let names = segments.into_iter().chain(fields).map(String::as_str).chain(field::names());
            let hint = suggest::did_you_mean(word, names).unwrap_or_else(|| self.segment_hint(fields));
            Error::new(ErrorKind::Usage, format!("{argument}: {error}"))
                .at(argument, text, error.span)
                .hint(hint)
        };
        Segment::parse_over(text, fields).map_err(wrong)
    }

    /// A segment of the configuration, whose fields can be checked only now.
    ///
    /// # Errors
    /// Points to the line that names a field that no member has.
    pub fn configured_segment(
        &self,
        name: &str,
        segment: &Segment,
        fields: &BTreeSet<String>,
    ) -> Result<Segment, Error> {
        segment.check_fields(|field| fields.contains(field)).map_err(|error| {
            let path = self.dir.join(FILE);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let start = text.find(segment.source()).unwrap_or(0);
            let word = segment.source().get(error.span.clone()).unwrap_or_default();
            let hint = suggest::did_you_mean(word, fields.iter().map(String::as_str).chain(field::names()))
                .unwrap_or_else(|| "the fields are the columns of the member list".to_owned());
            let place = start + error.span.start..start + error.span.end;
            Error::new(ErrorKind::Config, format!("`{}`: segment `{name}`: {error}", path.display()))
                .at(&path.display().to_string(), &text, place)
                .hint(hint)
        })?;
        Ok(segment.clone())
    }

    fn segment_hint(&self, fields: &BTreeSet<String>) -> String {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let names: Vec<&str> = self.config.segments.keys().map(String::as_str).collect();
        let segments =
            if names.is_empty() { String::new() } else { format!("; segments: {}", names.join(", ")) };
        format!(
            "example: area = \"stad\" and type in [byalag, förening]; fields: {}{segments}",
            fields.join(", ")
        )
    }

    /// The composer of an issue; `fields` are the register's.
    ///
    /// # Errors
    /// Points to the problem in the issue or the templates.
    pub fn composer(&self, issue: &IssueName, fields: BTreeSet<String>) -> Result<Composer, Error> {
        let source = self.source(issue)?;
        Ok(Composer::new(source, self.setup(fields)?, self.token_key()?)?)
    }

    /// The files of an issue.
    ///
    /// # Errors
    /// Points to the problem in them.
    pub fn source(&self, issue: &IssueName) -> Result<IssueSource, ComposeError> {
        let dir = self.dir.join("issues").join(issue.as_str());
        IssueSource::load(&dir, issue, &self.config.association.language)
    }

    /// The settings that letters need besides the issue; `fields` are the register's.
    ///
    /// # Errors
    /// If a DKIM key cannot be used.
    pub fn setup(&self, fields: BTreeSet<String>) -> Result<Setup, ComposeError> {
        let config = &self.config;
        let voting = config.members.voting.clone();
        let sender = &config.sender;
        let domain = sender.address.domain();
        Ok(Setup {
            association: self.association(),
            sender: compose::Sender {
                name: config.sender_name().to_owned(),
                address: sender.address.clone(),
                reply_to: sender.reply_to.clone(),
                bounce_address: sender.bounce_address.clone(),
                unsubscribe_address: sender.unsubscribe_address.clone(),
                unsubscribe_url: sender.unsubscribe_url.as_ref().map(|url| url.0.clone()),
                one_click: sender.one_click || !config.dkim.is_empty(),
                list_id: sender
                    .list_id
                    .as_ref()
                    .map_or_else(|| format!("medlemsbrev.{domain}"), |id| id.0.clone()),
                archive_url: config.archive.url.as_ref().map(|url| url.0.clone()),
            },
            logo: config.association.logo.as_ref().map(|logo| self.dir.join(logo)),
            project: self.dir.clone(),
            templates: self.templates_dir(),
            fields,
            has_web_page: true,
            zone: config.association.time_zone.0.clone(),
            voting,
            signers: self.signers()?,
            design: self.design(),
        })
    }

    /// The letter's design.
    pub fn design(&self) -> compose::Design {
        compose::Design { color: self.config.design.color, partners: self.partners() }
    }

    /// The partners, with the paths of their logos relative to the current folder.
    pub fn partners(&self) -> Vec<Partner> {
        let mut partners = self.config.partner.clone();
        for logo in partners.iter_mut().filter_map(|partner| partner.logo.as_mut()) {
            *logo = self.dir.join(&*logo);
        }
        partners
    }

    /// The association's data for templates.
    pub fn association(&self) -> compose::Association {
        let association = &self.config.association;
        compose::Association {
            name: association.name.clone(),
            postal_address: association.postal_address.clone(),
            website: association.website.clone(),
            contact: association.contact.to_string(),
            phone: association.phone.as_deref().map(compose::Phone::new),
        }
    }

    /// The signers for the configured DKIM keys.
    pub fn signers(&self) -> Result<Vec<Signer>, ComposeError> {
        let own = self.config.sender.address.domain();
        let signer = |dkim: &crate::config::DkimConfig| {
            let path = self.dir.join(&dkim.key_file);
            if private::is_open_to_others(&path).unwrap_or_default() {
                return Err(ComposeError::from(DkimError::Key { path, problem: KeyProblem::Open }));
            }
            let key = DkimKey::load(&path)?;
            Ok(Signer::new(dkim.domain.as_deref().unwrap_or(own), &dkim.selector, key)?)
        };
        self.config.dkim.iter().map(signer).collect()
    }

    /// The secret for tokens, created at first use; bounces can be recognised only as long as it stays the same.
    ///
    /// # Errors
    /// If the file cannot be read or created.
    pub fn token_key(&self) -> Result<TokenKey, Error> {
        let path = self.dir.join("state/key");
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::TryAgain, format!("cannot use the key file `{}`: {error}", path.display()))
        };
        match std::fs::read(&path) {
            Ok(secret) if secret.len() == 32 => {
                // On a read-only disk it stays as it is.
                let _read_only = private::close_to_others(&path);
                return Ok(TokenKey::new(&secret));
            }
            Ok(_) => {
                let message = format!("the key file `{}` is damaged", path.display());
                return Err(Error::new(ErrorKind::Config, message).hint(
                    "restore it from a backup: with another key, bounces of earlier letters are not recognised",
                ));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let mut secret = [0; 32];
        aws_lc_rs::rand::SystemRandom::new()
            .fill(&mut secret)
            .map_err(|_| Error::new(ErrorKind::TryAgain, "the system provides no random bytes"))?;
        let dir = self.dir.join("state");
        private::create_folder(&dir).map_err(failed)?;
        // Readable by the owner only; if two processes create it at once, the first one's key stays.
        let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(&dir).map_err(failed)?;
        file.write_all(&secret).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(TokenKey::new(&secret)),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                std::fs::read(&path).map(|secret| TokenKey::new(&secret)).map_err(failed)
            }
            Err(error) => Err(failed(error.error)),
        }
    }

    /// The configured relay; `outbox` is its folder if it writes files. SMTP conversations go to the transcript.
    ///
    /// # Errors
    /// If the password cannot be read.
    pub fn relay(&self, outbox: PathBuf, transcript: Option<Transcript>) -> Result<Relay, Error> {
        let transport = &self.config.transport;
        Ok(match transport.kind {
            TransportKind::Outbox => Relay::Outbox(Outbox::new(outbox, Durability::Synced)),
            TransportKind::Sendmail => Relay::Sendmail(Sendmail::new(transport.command.clone())),
            TransportKind::Smtp => Relay::Smtp(Box::new(SmtpServer {
                host: transport.host.clone().unwrap_or_default(),
                port: transport.port(),
                security: transport.security,
                ca_file: transport.ca_file.as_ref().map(|file| self.dir.join(file)),
                login: self.login()?,
                hello_name: transport
                    .hello_name
                    .clone()
                    .unwrap_or_else(|| self.config.sender.address.domain().to_owned()),
                timeouts: Timeouts {
                    connect: transport.connect_timeout.0,
                    command: transport.command_timeout.0,
                    final_dot: transport.final_dot_timeout.0,
                },
                max_letters_per_connection: transport.max_letters_per_connection.0,
                look_ahead: LookAhead::default(),
                transcript,
            })),
        })
    }

    fn login(&self) -> Result<Option<Login>, Error> {
        let transport = &self.config.transport;
        match (&transport.username, transport.password().source(&self.dir)) {
            (Some(user), Some(source)) => {
                Ok(Some(Login { user: user.clone(), password: source.read()?, auth: transport.auth }))
            }
            _ => Ok(None),
        }
    }
}
