//! A scripted IMAP server on a loopback port, in plain text: one mailbox that records what happens to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A fault that happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImapFault {
    /// Disconnects in the middle of the n-th fetched message, counted from 1.
    CutMessage(usize),
    /// Returns no text for the n-th fetched message.
    NoText(usize),
    /// Disconnects at a command that sets a flag or moves a message.
    CutPutAway,
    /// Never answers a command that sets a flag.
    SilentPutAway,
    /// Says goodbye instead of a greeting.
    Goodbye,
}

/// A message on the server.
#[derive(Clone, Debug)]
pub struct Mail {
    pub uid: u32,
    pub folder: String,
    pub bytes: Vec<u8>,
    pub flags: Vec<String>,
}

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    folders: Vec<String>,
    faults: Vec<ImapFault>,
    commands: Vec<String>,
    fetched: usize,
}

/// The server's capabilities, and its answer to SELECT about flags.
#[derive(Clone, Copy)]
pub struct Manners {
    pub capabilities: &'static str,
    pub permanent_flags: &'static str,
}

impl Default for Manners {
    fn default() -> Self {
        Self { capabilities: "IMAP4rev1 MOVE UIDPLUS AUTH=PLAIN", permanent_flags: "\\Seen \\Deleted \\*" }
    }
}

/// A server that runs until the test's process ends.
pub struct ImapServer {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl ImapServer {
    pub fn start(messages: &[String]) -> Self {
        Self::with(messages, Manners::default())
    }

    pub fn with(messages: &[String], manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = messages.iter().zip(1..).map(|(text, uid)| Mail {
            uid,
            folder: "INBOX".to_owned(),
            bytes: text.replace('\n', "\r\n").into_bytes(),
            flags: Vec::new(),
        });
        let state = State { mails: mails.collect(), folders: vec!["INBOX".to_owned()], ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || Session { state: shared, socket, manners }.serve());
            }
        });
        Self { state, port }
    }

    /// The table for `medlemsbrev.toml`.
    pub fn table(&self, more: &str) -> String {
        format!(
            "[inbox.imap]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nusername = \"studs\"\n\
             password_command = \"echo hemligt\"\ntimeout = \"2s\"\n{more}\n",
            self.port
        )
    }

    pub fn add(&self, fault: ImapFault) {
        self.state.lock().unwrap().faults.push(fault);
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    /// The number of messages with the flag.
    pub fn flagged(&self, flag: &str) -> usize {
        self.mails().iter().filter(|mail| mail.flags.iter().any(|has| has == flag)).count()
    }

    /// The number of messages in the folder.
    pub fn in_folder(&self, folder: &str) -> usize {
        self.mails().iter().filter(|mail| mail.folder == folder).count()
    }

    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }
}

struct Session {
    state: Arc<Mutex<State>>,
    socket: TcpStream,
    manners: Manners,
}

impl Session {
    /// Serves one connection; `None` disconnects.
    fn serve(mut self) -> Option<()> {
        if self.fails(ImapFault::Goodbye) {
            return self.say("* BYE too many connections");
        }
        self.say("* OK ready")?;
        let lines = BufReader::new(self.socket.try_clone().ok()?).lines();
        for line in lines {
            let line = line.ok()?;
            let Some((tag, command)) = line.split_once(' ') else { continue };
            self.state.lock().unwrap().commands.push(command.to_owned());
            let done = self.answer(command)?;
            self.say(&format!("{tag} {done}"))?;
        }
        Some(())
    }

    fn answer(&mut self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split(' ').collect();
        let uids = |at: usize| -> Vec<u32> { words[at].split(',').map(|uid| uid.parse().unwrap()).collect() };
        match (words[0], words.get(1).copied().unwrap_or_default()) {
            ("CAPABILITY", _) => self.say(&format!("* CAPABILITY {}", self.manners.capabilities))?,
            ("AUTHENTICATE", _) => {
                self.say("+ ")?;
                let mut answer = String::new();
                BufReader::with_capacity(1, self.socket.try_clone().ok()?).read_line(&mut answer).ok()?;
                // \0studs\0hemligt, and the same in the words of XOAUTH2
                let right = ["AHN0dWRzAGhlbWxpZ3Q=", "dXNlcj1zdHVkcwFhdXRoPUJlYXJlciBoZW1saWd0AQE="];
                if !right.contains(&answer.trim()) {
                    return Some("NO [AUTHENTICATIONFAILED] wrong".to_owned());
                }
            }
            ("LOGIN", _) => {}
            ("SELECT" | "EXAMINE", folder) => return self.select(folder),
            ("UID", "SEARCH") => self.search(command)?,
            ("UID", "FETCH") => self.fetch(&uids(2), command.contains("BODY"))?,
            ("UID", verb @ ("STORE" | "MOVE" | "COPY" | "EXPUNGE")) => {
                return self.put_away(verb, &uids(2), words.get(3..).unwrap_or_default());
            }
            ("CREATE", folder) => {
                self.state.lock().unwrap().folders.push(folder.trim_matches('"').to_owned());
            }
            ("LOGOUT", _) => self.say("* BYE")?,
            _ => return Some("BAD what?".to_owned()),
        }
        Some("OK done".to_owned())
    }

    fn select(&mut self, folder: &str) -> Option<String> {
        if !self.state.lock().unwrap().folders.contains(&folder.trim_matches('"').to_owned()) {
            return Some("NO there is no such folder".to_owned());
        }
        let flags = self.manners.permanent_flags;
        self.say(&format!("* OK [PERMANENTFLAGS ({flags})] kept\r\n* OK [UIDVALIDITY 7] valid"))?;
        Some("OK [READ-WRITE] done".to_owned())
    }

    fn search(&mut self, command: &str) -> Option<()> {
        let keyword = command.split("UNKEYWORD ").nth(1);
        let is_found = |mail: &&Mail| {
            mail.folder == "INBOX"
                && !mail.flags.iter().any(|flag| flag == "\\Deleted" || Some(flag.as_str()) == keyword)
        };
        let found: Vec<String> = self
            .state
            .lock()
            .unwrap()
            .mails
            .iter()
            .filter(is_found)
            .map(|mail| mail.uid.to_string())
            .collect();
        self.say(format!("* SEARCH {}", found.join(" ")).trim_end())
    }

    fn fetch(&mut self, uids: &[u32], wants_body: bool) -> Option<()> {
        let mails = self.state.lock().unwrap().mails.clone();
        for mail in mails.iter().filter(|mail| mail.folder == "INBOX" && uids.contains(&mail.uid)) {
            let (uid, length) = (mail.uid, mail.bytes.len());
            if !wants_body {
                self.say(&format!("* {uid} FETCH (UID {uid} RFC822.SIZE {length})"))?;
                continue;
            }
            let nth = {
                let mut state = self.state.lock().unwrap();
                state.fetched += 1;
                state.fetched
            };
            if self.fails(ImapFault::NoText(nth)) {
                self.say(&format!("* {uid} FETCH (UID {uid} BODY[]<0> NIL)"))?;
                continue;
            }
            self.write(format!("* {uid} FETCH (UID {uid} BODY[]<0> {{{length}}}\r\n").as_bytes())?;
            if self.fails(ImapFault::CutMessage(nth)) {
                self.write(&mail.bytes[..length / 2])?;
                return None;
            }
            self.write(&mail.bytes)?;
            self.say(")")?;
        }
        Some(())
    }

    fn put_away(&mut self, verb: &str, uids: &[u32], arguments: &[&str]) -> Option<String> {
        if self.fails(ImapFault::SilentPutAway) {
            thread::sleep(std::time::Duration::from_secs(600));
        }
        if self.fails(ImapFault::CutPutAway) {
            return None;
        }
        let mut state = self.state.lock().unwrap();
        let target = arguments.last().map(|word| word.trim_matches('"').to_owned()).unwrap_or_default();
        if matches!(verb, "MOVE" | "COPY") && !state.folders.contains(&target) {
            return Some("NO [TRYCREATE] there is no such folder".to_owned());
        }
        let mut copies = Vec::new();
        for mail in state.mails.iter_mut().filter(|mail| mail.folder == "INBOX" && uids.contains(&mail.uid)) {
            match verb {
                "STORE" => mail.flags.push(target.trim_matches(['(', ')']).to_owned()),
                "MOVE" => mail.folder.clone_from(&target),
                "COPY" => copies.push(Mail { folder: target.clone(), ..mail.clone() }),
                _ => {}
            }
        }
        state.mails.extend(copies);
        if verb == "EXPUNGE" {
            state
                .mails
                .retain(|mail| !(uids.contains(&mail.uid) && mail.flags.iter().any(|f| f == "\\Deleted")));
        }
        Some("OK done".to_owned())
    }

    /// Tells whether the fault is due; it happens once.
    fn fails(&self, fault: ImapFault) -> bool {
        let mut state = self.state.lock().unwrap();
        let before = state.faults.len();
        state.faults.retain(|other| *other != fault);
        state.faults.len() < before
    }

    fn say(&mut self, line: &str) -> Option<()> {
        self.write(format!("{line}\r\n").as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.socket.write_all(bytes).ok()
    }
}
