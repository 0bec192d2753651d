//! One connection to an IMAP server: login, folder, messages.

use imap_proto::{AttributeValue, Capability, MailboxDatum, Response, ResponseCode};
use secrecy::ExposeSecret;

use crate::net::{self, Auth, Login, Security, ServerError, Trust};

use super::name::{folder, quoted};
use super::wire::{ImapFault, ImapWire, Stream};
use super::{Access, DONE, ImapError, ImapServer, LARGEST};

/// An opened folder.
pub(super) struct ImapSession<'a> {
    server: &'a ImapServer,
    wire: ImapWire<Box<dyn Stream>>,
    offers: ImapCapabilities,
    /// Message numbers are valid as long as this does not change (RFC 9051 §2.3.1.1).
    pub validity: u32,
}

/// A message with its number.
pub(super) struct NumberedMessage {
    pub uid: u32,
    pub bytes: Vec<u8>,
}

/// The server's capabilities.
#[derive(Debug, Default)]
struct ImapCapabilities(Vec<String>);

impl ImapCapabilities {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|offer| offer.eq_ignore_ascii_case(name))
    }
}

/// The server's reply to SELECT.
#[derive(Debug, Default)]
struct Opened {
    validity: u32,
    is_read_only: bool,
    /// Flags that can be stored; all of them if the server does not say (RFC 9051 §6.3.2).
    flags: Option<Vec<String>>,
}

impl<'a> ImapSession<'a> {
    /// Connects, logs in and opens the folder.
    pub async fn open(server: &'a ImapServer, access: Access) -> Result<Self, ImapError> {
        let mut wire = connect(server).await?;
        let mut offers = capabilities(server, &mut wire).await?;
        log_in(server, &mut wire, &offers).await?;
        // A server may offer more after the login.
        offers = capabilities(server, &mut wire).await?;
        let mut session = Self { server, wire, offers, validity: 0 };
        session.select(access).await?;
        Ok(session)
    }

    async fn select(&mut self, access: Access) -> Result<(), ImapError> {
        let verb = if access == Access::Handle { "SELECT" } else { "EXAMINE" };
        let mut opened = Opened::default();
        let command = format!("{verb} {}", folder(&self.server.folder));
        let selected = self.wire.command(&command, |response| opened.note(response)).await;
        selected.map_err(|fault| match fault {
            ImapFault::Refused(refusal) => self.server.bad_folder(&self.server.folder, refusal.reply),
            ImapFault::Lost(reason) => self.server.lost(reason),
        })?;
        self.validity = opened.validity;
        let keeps =
            |flags: &Vec<String>| flags.iter().any(|flag| flag == "\\*" || flag.eq_ignore_ascii_case(DONE));
        if access == Access::Handle && opened.is_read_only {
            return Err(self.server.bad_folder(&self.server.folder, "it is read-only".to_owned()));
        }
        if access == Access::Handle
            && self.server.move_to.is_none()
            && !opened.flags.as_ref().is_none_or(keeps)
        {
            return Err(ImapError::NoKeywords {
                server: self.server.name(),
                folder: self.server.folder.clone(),
            });
        }
        Ok(())
    }

    /// The numbers of unhandled messages, in order.
    pub async fn unhandled(&mut self) -> Result<Vec<u32>, ImapError> {
        let mut uids = Vec::new();
        let command = match self.server.move_to {
            Some(_) => "UID SEARCH UNDELETED".to_owned(),
            None => format!("UID SEARCH UNDELETED UNKEYWORD {DONE}"),
        };
        self.run(&command, |response| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                uids.extend(found);
            }
        })
        .await?;
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The sizes of those messages that still exist.
    pub async fn sizes(&mut self, uids: &[u32]) -> Result<Vec<(u32, usize)>, ImapError> {
        let mut sizes = Vec::new();
        self.run(&format!("UID FETCH {} (UID RFC822.SIZE)", set(uids)), |response| {
            let Response::Fetch(_, attributes) = response else { return };
            let size = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::Rfc822Size(size) => Some(*size as usize),
                _ => None,
            });
            sizes.extend(uid(attributes).filter(|uid| uids.contains(uid)).zip(size));
        })
        .await?;
        sizes.sort_unstable();
        Ok(sizes)
    }

    /// Fetches those messages that still exist, without marking them as read.
    pub async fn fetch(&mut self, uids: &[u32]) -> Result<Vec<NumberedMessage>, ImapError> {
        let mut messages = Vec::new();
        self.run(&format!("UID FETCH {} (UID BODY.PEEK[]<0.{LARGEST}>)", set(uids)), |response| {
            let Response::Fetch(_, attributes) = response else { return };
            let body = attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::BodySection { section: None, data, .. } => data.as_ref(),
                _ => None,
            });
            if let (Some(uid), Some(body)) = (uid(attributes).filter(|uid| uids.contains(uid)), body) {
                messages.push(NumberedMessage { uid, bytes: body.to_vec() });
            }
        })
        .await?;
        messages.sort_unstable_by_key(|message| message.uid);
        Ok(messages)
    }

    /// Marks or moves handled messages; nothing is lost if it is interrupted.
    pub async fn put_away(&mut self, uids: &[u32]) -> Result<(), ImapError> {
        let Some(to) = &self.server.move_to else {
            return self.run(&format!("UID STORE {} +FLAGS.SILENT ({DONE})", set(uids)), |_| ()).await;
        };
        if self.offers.has("MOVE") {
            return self.transfer("MOVE", uids, to).await;
        }
        self.transfer("COPY", uids, to).await?;
        self.run(&format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", set(uids)), |_| ()).await?;
        // A bare EXPUNGE would remove messages that others marked; without UIDPLUS that is left to the mail program.
        if self.offers.has("UIDPLUS") {
            self.run(&format!("UID EXPUNGE {}", set(uids)), |_| ()).await?;
        }
        Ok(())
    }

    /// Moves or copies messages to a folder, created if missing.
    async fn transfer(&mut self, verb: &str, uids: &[u32], to: &str) -> Result<(), ImapError> {
        let command = format!("UID {verb} {} {}", set(uids), folder(to));
        match self.wire.command(&command, |_| ()).await {
            Err(ImapFault::Refused(refusal)) if refusal.has_code("TRYCREATE") => {}
            Err(ImapFault::Refused(refusal)) => return Err(self.server.bad_folder(to, refusal.reply)),
            done => return done.map_err(|fault| self.server.fault(&command, fault)),
        }
        let made = self.wire.command(&format!("CREATE {}", folder(to)), |_| ()).await;
        made.map_err(|fault| match fault {
            ImapFault::Refused(refusal) => self.server.bad_folder(to, refusal.reply),
            ImapFault::Lost(reason) => self.server.lost(reason),
        })?;
        self.run(&command, |_| ()).await
    }

    /// Logs out without waiting long for the answer.
    pub async fn close(mut self) {
        let polite = std::time::Duration::from_secs(2);
        let _not_waited_for = tokio::time::timeout(polite, self.wire.command("LOGOUT", |_| ())).await;
    }

    async fn run(&mut self, command: &str, each: impl FnMut(&Response<'_>)) -> Result<(), ImapError> {
        self.wire.command(command, each).await.map_err(|fault| self.server.fault(command, fault))
    }
}

impl Opened {
    fn note(&mut self, response: &Response<'_>) {
        let (Response::Data { outcome, .. } | Response::Done { outcome, .. }) = response else { return };
        match &outcome.code {
            Some(ResponseCode::UidValidity(validity)) => self.validity = *validity,
            Some(ResponseCode::ReadOnly) => self.is_read_only = true,
            Some(ResponseCode::PermanentFlags(flags)) => {
                self.flags = Some(flags.iter().map(ToString::to_string).collect());
            }
            _ => {}
        }
    }
}

/// Opens the connection with the configured security.
async fn connect(server: &ImapServer) -> Result<ImapWire<Box<dyn Stream>>, ImapError> {
    let trust = Trust::load(&server.host, server.ca_file.as_deref())?;
    let tcp = net::connect(&server.host, server.port, server.timeout).await?;
    let patience = server.timeout;
    let early = |fault| match fault {
        ImapFault::Refused(greeting) => ImapError::NoImap { server: server.name(), greeting: greeting.reply },
        ImapFault::Lost(reason) => server.lost(reason),
    };
    match server.security {
        Security::None => {
            let mut wire = ImapWire::new(Box::new(tcp) as Box<dyn Stream>, patience, server.transcript);
            wire.greeting().await.map_err(early)?;
            Ok(wire)
        }
        Security::Tls => {
            let stream = trust.secure(tcp, patience).await?;
            let mut wire = ImapWire::new(Box::new(stream) as Box<dyn Stream>, patience, server.transcript);
            wire.greeting().await.map_err(early)?;
            Ok(wire)
        }
        Security::Starttls => {
            let mut wire = ImapWire::new(tcp, patience, server.transcript);
            wire.greeting().await.map_err(early)?;
            wire.command("STARTTLS", |_| ()).await.map_err(|fault| match fault {
                ImapFault::Refused(_) => ServerError::NoStarttls { server: server.name() }.into(),
                ImapFault::Lost(reason) => server.lost(reason),
            })?;
            let stream = trust.secure(wire.into_inner(), patience).await?;
            Ok(ImapWire::new(Box::new(stream) as Box<dyn Stream>, patience, server.transcript))
        }
    }
}

async fn capabilities(
    server: &ImapServer,
    wire: &mut ImapWire<Box<dyn Stream>>,
) -> Result<ImapCapabilities, ImapError> {
    let mut offers = ImapCapabilities::default();
    let asked = wire.command("CAPABILITY", |response| {
        if let Response::Capabilities(found) = response {
            offers.0.extend(found.iter().map(|capability| match capability {
                Capability::Imap4rev1 => "IMAP4rev1".to_owned(),
                Capability::Auth(name) => format!("AUTH={name}"),
                Capability::Atom(name) => name.to_string(),
            }));
        }
    });
    asked.await.map_err(|fault| server.fault("CAPABILITY", fault))?;
    Ok(offers)
}

async fn log_in(
    server: &ImapServer,
    wire: &mut ImapWire<Box<dyn Stream>>,
    offers: &ImapCapabilities,
) -> Result<(), ImapError> {
    let Login { user, password, auth } = &server.login;
    let password = password.expose_secret();
    let refused =
        |reply: String| ServerError::Login { server: server.name(), user: user.clone(), reply }.into();
    let tried = match auth {
        Auth::Xoauth2 if offers.has("AUTH=XOAUTH2") => {
            let answer = format!("user={user}\x01auth=Bearer {password}\x01\x01");
            wire.authenticate("XOAUTH2", answer.as_bytes()).await
        }
        Auth::Xoauth2 => {
            return Err(refused("the server offers no AUTH=XOAUTH2 on this connection".to_owned()));
        }
        // Unlike LOGIN, it allows non-ASCII characters.
        Auth::Password if offers.has("AUTH=PLAIN") => {
            wire.authenticate("PLAIN", format!("\0{user}\0{password}").as_bytes()).await
        }
        Auth::Password if offers.has("LOGINDISABLED") => {
            return Err(refused(
                "the server offers neither AUTH=PLAIN nor LOGIN on this connection".to_owned(),
            ));
        }
        Auth::Password => wire.command(&format!("LOGIN {} {}", quoted(user), quoted(password)), |_| ()).await,
    };
    tried.map_err(|fault| match fault {
        // RFC 5530 §3: the password is not the problem.
        ImapFault::Refused(refusal) if refusal.has_code("UNAVAILABLE") => server.lost(refusal.reply),
        ImapFault::Refused(refusal) => refused(refusal.reply),
        ImapFault::Lost(reason) => server.lost(reason),
    })
}

fn uid(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

fn set(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
