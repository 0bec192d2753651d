//! One client's session, command by command.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpStream;

use super::hub::Hub;
use super::message::Message;
use super::options::{Extension, Security};
use super::reply::Reply;
use super::rules::{self, Path};
use super::script::{Action, Place};
use super::wire::Wire;

/// The connection has ended.
pub struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// The client's name, and whether it uses extensions.
struct Hello {
    name: String,
    extended: bool,
}

/// The envelope of the current letter.
struct Transaction {
    path: Path,
    recipients: Vec<String>,
}

/// The server's side of one connection.
pub struct Session<'a> {
    pub(super) hub: &'a Hub,
    pub(super) wire: Wire,
    pub(super) user: Option<String>,
    number: usize,
    hello: Option<Hello>,
    transaction: Option<Transaction>,
    /// MAIL was refused: commands pipelined after it are not the client's fault.
    mail_refused: bool,
    /// The greeting was a refusal: only QUIT may follow.
    turned_away: bool,
    /// The server has sent garbage: however the client reacts is not a violation.
    pub(super) talked_garbage: bool,
    letters: usize,
}

/// Serves one client until it disconnects.
pub fn serve(hub: &Hub, socket: TcpStream) -> io::Result<()> {
    let Some((number, refusal)) = hub.enter(socket.try_clone()?) else { return Ok(()) };
    let mut session = Session {
        hub,
        wire: Wire::new(socket)?,
        user: None,
        number,
        hello: None,
        transaction: None,
        mail_refused: false,
        turned_away: false,
        talked_garbage: false,
        letters: 0,
    };
    let Err(Gone) = session.converse(refusal);
    hub.leave(number);
    Ok(())
}

impl Session<'_> {
    fn converse(&mut self, refusal: Option<Reply>) -> Result<std::convert::Infallible, Gone> {
        self.hub.step();
        if self.hub.options.security == Security::Tls {
            self.start_tls()?;
        }
        let greeting = Reply::new(220, "relay.example.org ESMTP");
        self.turned_away = !self.answer(Place::Connect, refusal.unwrap_or(greeting))?;
        loop {
            let line = self.command()?;
            self.hub.step();
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            self.obey(&verb.to_ascii_uppercase(), argument)?;
        }
    }

    fn command(&mut self) -> Result<String, Gone> {
        let line = self.read_line()?;
        rules::command_line(&line).into_iter().for_each(|what| self.violation(what));
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        self.hub.change(|state| state.commands.push(text.clone()));
        Ok(text)
    }

    /// Reads a line of any length; ends the session if the client disconnects.
    pub(super) fn read_line(&mut self) -> Result<Vec<u8>, Gone> {
        let line = self.wire.line()?;
        if line.is_empty() { Err(Gone) } else { Ok(line) }
    }

    fn obey(&mut self, verb: &str, argument: &str) -> Result<(), Gone> {
        self.check_pipelining(verb);
        match verb {
            "QUIT" => self.answer(Place::Quit, Reply::new(221, "2.0.0 Bye")).map(drop),
            _ if self.turned_away => self.say(Reply::new(503, "5.5.1 No service here")),
            "EHLO" => self.ehlo(argument, true),
            "HELO" => self.ehlo(argument, false),
            "STARTTLS" => self.starttls(),
            "AUTH" => self.auth(argument),
            "MAIL" => self.mail(argument),
            "RCPT" => self.rcpt(argument),
            "DATA" => self.data(),
            "RSET" => self.rset(),
            "NOOP" => self.say(Reply::new(250, "2.0.0 Ok")),
            "VRFY" => self.say(Reply::new(252, "2.5.0 Send it and see")),
            _ => self.refuse(500, "5.5.1 Unknown command"),
        }
    }

    fn check_pipelining(&mut self, verb: &str) {
        let allowed = self.may_pipeline() && rules::may_be_followed(verb);
        if self.wire.has_more() && !allowed {
            self.violation(&format!("{verb} was followed by more before its answer"));
        }
    }

    fn may_pipeline(&self) -> bool {
        self.hub.options.offers(Extension::Pipelining)
            && self.hello.as_ref().is_some_and(|hello| hello.extended)
    }

    fn ehlo(&mut self, name: &str, extended: bool) -> Result<(), Gone> {
        if name.is_empty() || name.contains(' ') {
            return self.refuse(501, "5.5.4 EHLO wants one name");
        }
        let mut lines = vec!["relay.example.org".to_owned()];
        if extended {
            lines.extend(self.hub.options.keywords(self.wire.is_tls()));
        }
        if self.answer(Place::Ehlo, Reply::new(250, lines.join("\n")))? {
            self.hello = Some(Hello { name: name.to_owned(), extended });
            self.forget_letter();
        }
        Ok(())
    }

    fn starttls(&mut self) -> Result<(), Gone> {
        if !self.hub.options.offers_start_tls(self.wire.is_tls()) {
            return self.refuse(502, "5.5.1 STARTTLS is not offered");
        }
        if !self.answer(Place::StartTls, Reply::new(220, "2.0.0 Ready to start TLS"))? {
            return Ok(());
        }
        // RFC 3207 §4.2: everything said before is forgotten.
        self.hello = None;
        self.forget_letter();
        self.start_tls()
    }

    fn start_tls(&mut self) -> Result<(), Gone> {
        let config = self.hub.options.tls.clone().expect("a server with TLS has a certificate");
        Ok(self.wire.start_tls(config)?)
    }

    fn mail(&mut self, argument: &str) -> Result<(), Gone> {
        self.mail_refused = true;
        let path = match self.judge_mail(argument) {
            Ok(path) => path,
            Err(reply) => return self.say(reply),
        };
        if self.answer(Place::Mail, Reply::new(250, "2.1.0 Ok"))? {
            self.mail_refused = false;
            self.transaction = Some(Transaction { path, recipients: Vec::new() });
        }
        Ok(())
    }

    fn judge_mail(&mut self, argument: &str) -> Result<Path, Reply> {
        let options = &self.hub.options;
        if self.hello.is_none() {
            return Err(self.refusal(503, "5.5.1 MAIL before EHLO"));
        }
        if self.transaction.is_some() {
            return Err(self.refusal(503, "5.5.1 MAIL inside a transaction"));
        }
        if options.offers_start_tls(self.wire.is_tls()) {
            return Err(Reply::new(530, "5.7.0 Must issue a STARTTLS command first"));
        }
        if options.account.is_some() && self.user.is_none() {
            return Err(Reply::new(530, "5.7.0 Authentication required"));
        }
        let path = self.path("MAIL", argument, "FROM:")?;
        let size = path.parameter("SIZE").and_then(|size| size.parse().ok()).unwrap_or(0);
        self.judge_size(size)?;
        let letters = self.letters;
        self.hub.change(|state| state.policy.mail(letters)).map_or(Ok(path), Err)
    }

    fn path(&mut self, verb: &str, argument: &str, keyword: &str) -> Result<Path, Reply> {
        let Some(path) = Path::parse(argument, keyword) else {
            return Err(self.refusal(501, &format!("5.5.4 {verb} has no proper path")));
        };
        if let Some(unknown) = path.unknown_parameter(verb, &self.hub.options) {
            return Err(self.refusal(555, &format!("5.5.4 {unknown} is not offered")));
        }
        let envelope = self.transaction.as_ref().map_or(&path, |letter| &letter.path);
        if !path.address.is_ascii() && envelope.parameter("SMTPUTF8").is_none() {
            return Err(self.refusal(553, "5.6.7 An address is not ASCII, without SMTPUTF8"));
        }
        path.violation().into_iter().for_each(|what| self.violation(what));
        Ok(path)
    }

    fn judge_size(&self, size: usize) -> Result<(), Reply> {
        match self.hub.options.size_limit() {
            Some(limit) if size > limit => Err(Reply::new(552, "5.3.4 Message too big")),
            _ => Ok(()),
        }
    }

    fn rcpt(&mut self, argument: &str) -> Result<(), Gone> {
        let recipient = match self.judge_rcpt(argument) {
            Ok(recipient) => vec![recipient],
            Err(reply) => return self.say(reply),
        };
        if self.answer_for(&recipient, Place::Rcpt, Reply::new(250, "2.1.5 Ok"))?
            && let Some(transaction) = &mut self.transaction
        {
            transaction.recipients.extend(recipient);
        }
        Ok(())
    }

    fn judge_rcpt(&mut self, argument: &str) -> Result<String, Reply> {
        let Some(sender) = self.transaction.as_ref().map(|one| one.path.address.clone()) else {
            return Err(self.without_mail("RCPT"));
        };
        let recipient = self.path("RCPT", argument, "TO:")?.address;
        if !recipient.contains('@') {
            return Err(self.refusal(501, "5.1.3 A recipient has no domain"));
        }
        let verdict = self.hub.change(|state| state.policy.rcpt(&sender, &recipient));
        verdict.map_or(Ok(recipient), Err)
    }

    fn without_mail(&mut self, verb: &str) -> Reply {
        let text = format!("5.5.1 {verb} without MAIL");
        if self.mail_refused && self.may_pipeline() {
            return Reply::new(503, text);
        }
        self.refusal(503, &text)
    }

    fn data(&mut self) -> Result<(), Gone> {
        let Some(transaction) = &self.transaction else {
            let reply = self.without_mail("DATA");
            return self.say(reply);
        };
        if transaction.recipients.is_empty() && !self.hub.options.data_without_recipients {
            return self.say(Reply::new(554, "5.5.1 No valid recipients"));
        }
        if self.answer(Place::Data, Reply::new(354, "End data with <CR><LF>.<CR><LF>"))? {
            self.letter()?;
        }
        Ok(())
    }

    fn letter(&mut self) -> Result<(), Gone> {
        let data = self.body()?;
        if self.hub.options.forgets_what_follows {
            let forgotten = self.wire.drain()?;
            self.hub.change(|state| state.forgotten.push(String::from_utf8_lossy(&forgotten).into_owned()));
        }
        if let Some(action) = self.hub.options.punishes_what_follows
            && !self.wire.drain()?.is_empty()
        {
            self.forget_letter();
            self.hub.step();
            return self.tell(Reply::new(250, "2.0.0 Ok: queued"), Some(action)).map(drop);
        }
        let recipients = self.recipients();
        let usual = match self.judge_letter(&recipients, &data) {
            Ok(()) => Reply::new(250, "2.0.0 Ok: queued"),
            Err(reply) => reply,
        };
        let action = self.strike(&recipients, Place::AfterDot, &usual);
        let refused = matches!(action, Some(Action::Reply(code, _)) if code >= 400);
        if usual.is_positive() && !refused {
            self.accept(data);
        }
        self.forget_letter();
        self.hub.step();
        self.tell(usual, action).map(drop)
    }

    fn judge_letter(&mut self, recipients: &[String], data: &[u8]) -> Result<(), Reply> {
        if recipients.is_empty() {
            if !data.is_empty() {
                self.violation("a letter was sent to no recipient");
            }
            return Err(Reply::new(554, "5.5.1 No valid recipients"));
        }
        self.judge_size(data.len())
    }

    /// Records a letter before it is answered: from then on it counts as delivered.
    fn accept(&mut self, data: Vec<u8>) {
        let Some(Transaction { path, recipients }) = self.transaction.take() else { return };
        self.letters += 1;
        let message = Message {
            mail_from: path.address,
            parameters: path.parameters,
            rcpt_to: recipients,
            data,
            tls: self.wire.is_tls(),
            user: self.user.clone(),
            hello: self.hello.as_ref().map(|hello| hello.name.clone()).unwrap_or_default(),
            connection: self.number,
        };
        self.hub.change(|state| state.messages.push(message));
    }

    fn body(&mut self) -> Result<Vec<u8>, Gone> {
        let recipients = self.recipients();
        let mut trap = self.hub.change(|state| state.script.body(&recipients));
        let is_8bit = self.transaction.as_ref().is_some_and(|letter| {
            letter.path.parameter("BODY").is_some_and(|body| body.eq_ignore_ascii_case("8BITMIME"))
        });
        let (mut data, mut faults) = (Vec::new(), BTreeSet::new());
        loop {
            let line = self.read_line()?;
            let is_end = line == b".\r\n";
            if let Some((bytes, action)) = trap
                && (is_end || data.len() >= bytes)
            {
                trap = self.spring(action)?.then_some((bytes, action));
            }
            if is_end {
                break;
            }
            faults.extend(rules::text_line(&line, is_8bit));
            data.extend_from_slice(rules::unstuffed(&line));
        }
        faults.into_iter().for_each(|what| self.violation(what));
        Ok(data)
    }

    fn rset(&mut self) -> Result<(), Gone> {
        if self.answer(Place::Rset, Reply::new(250, "2.0.0 Ok"))? {
            self.forget_letter();
        }
        Ok(())
    }

    fn forget_letter(&mut self) {
        self.transaction = None;
        self.mail_refused = false;
    }

    pub(super) fn recipients(&self) -> Vec<String> {
        self.transaction.as_ref().map(|one| one.recipients.clone()).unwrap_or_default()
    }

    /// Refuses a client's mistake, and records it as a violation.
    pub(super) fn refuse(&mut self, code: u16, text: &str) -> Result<(), Gone> {
        let reply = self.refusal(code, text);
        self.say(reply)
    }

    fn refusal(&mut self, code: u16, text: &str) -> Reply {
        self.violation(text);
        Reply::new(code, text)
    }

    pub(super) fn violation(&mut self, what: &str) {
        if self.talked_garbage {
            return;
        }
        let text = format!("connection {}: {what}", self.number);
        self.hub.change(|state| state.violations.push(text));
    }

    pub(super) fn has_greeted(&self) -> bool {
        self.hello.is_some()
    }
}
