//! Lines and literals of IMAP (RFC 9051 §2.2), with a limit on everything that the server sends.

use std::future::Future;
use std::time::Duration;

use imap_proto::Response;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::net::Transcript;

/// The maximum length of a response: a message with its surroundings.
const LONGEST: usize = super::LARGEST + 4 * 1024 * 1024;

/// A connection in plain text or in TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection for IMAP.
pub(super) struct ImapWire<S> {
    stream: BufReader<S>,
    commands: u32,
    /// How long the server may stay silent.
    patience: Duration,
    transcript: Option<Transcript>,
}

/// Why a command did not succeed.
#[derive(Debug)]
pub(super) enum ImapFault {
    /// The server said no.
    Refused(ImapRefusal),
    /// The connection broke, the server fell silent or disconnected, or its response was not IMAP.
    Lost(String),
}

/// A tagged NO or BAD response.
#[derive(Debug)]
pub(super) struct ImapRefusal {
    /// The response text, including the code before it.
    pub reply: String,
}

impl ImapRefusal {
    /// Whether the text starts with a code such as `TRYCREATE`.
    pub fn has_code(&self, code: &str) -> bool {
        self.reply.to_ascii_uppercase().contains(&format!("[{code}]"))
    }
}

/// The kind of a response in the order of the conversation.
enum ResponseStep {
    Data,
    Continue,
    Ok,
}

impl<S: Stream> ImapWire<S> {
    pub fn new(stream: S, patience: Duration, transcript: Option<Transcript>) -> Self {
        Self { stream: BufReader::new(stream), commands: 0, patience, transcript }
    }

    /// The bare connection; anything that the server sent too early is dropped with the buffer.
    pub fn into_inner(self) -> S {
        self.stream.into_inner()
    }

    /// Reads the greeting; one that says that we are logged in already is not trusted (RFC 9051 §11.3).
    pub async fn greeting(&mut self) -> Result<(), ImapFault> {
        let frame = self.frame().await?;
        let words = words(&frame);
        match words.to_ascii_uppercase() {
            greeting if greeting.starts_with("* OK") => Ok(()),
            greeting if greeting.starts_with("* BYE") => {
                Err(ImapFault::Lost(format!("it greets with `{words}`")))
            }
            _ => Err(ImapFault::Refused(ImapRefusal { reply: words })),
        }
    }

    /// Runs a command and calls `each` for every response; the tagged OK comes last.
    pub async fn command(
        &mut self,
        command: &str,
        mut each: impl FnMut(&Response<'_>),
    ) -> Result<(), ImapFault> {
        let tag = self.send(command).await?;
        loop {
            let frame = self.frame().await?;
            let step = step(&tag, &frame)?;
            // Unknown extensions of a server are skipped.
            if let Ok((_, response)) = Response::parse(&frame) {
                each(&response);
            }
            if matches!(step, ResponseStep::Ok) {
                return Ok(());
            }
        }
    }

    /// Runs AUTHENTICATE: sends `answer` at the first challenge, and nothing at a second one, which reports an error.
    pub async fn authenticate(&mut self, mechanism: &str, answer: &[u8]) -> Result<(), ImapFault> {
        let tag = self.send(&format!("AUTHENTICATE {mechanism}")).await?;
        let mut answer = data_encoding::BASE64.encode(answer);
        loop {
            let frame = self.frame().await?;
            match step(&tag, &frame)? {
                ResponseStep::Ok => return Ok(()),
                ResponseStep::Continue => {
                    self.tell("C: [secret]");
                    self.write(&(std::mem::take(&mut answer) + "\r\n")).await?;
                }
                ResponseStep::Data => {}
            }
        }
    }

    async fn send(&mut self, command: &str) -> Result<String, ImapFault> {
        self.commands += 1;
        let tag = format!("m{}", self.commands);
        self.tell(&format!("C: {tag} {}", masked(command)));
        self.write(&format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    fn tell(&self, line: &str) {
        if let Some(tell) = self.transcript {
            tell(line);
        }
    }

    async fn write(&mut self, text: &str) -> Result<(), ImapFault> {
        let stream = self.stream.get_mut();
        let writing = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        timely(self.patience, writing).await
    }

    /// One response: a line with its literals.
    async fn frame(&mut self) -> Result<Vec<u8>, ImapFault> {
        let mut frame = Vec::new();
        loop {
            let start = frame.len();
            let mut line = (&mut self.stream).take((LONGEST - start) as u64);
            let read = timely(self.patience, line.read_until(b'\n', &mut frame)).await?;
            if read == 0 || !frame.ends_with(b"\n") {
                return Err(ImapFault::Lost("it closed the connection mid-response".to_owned()));
            }
            let line = frame.get(start..).unwrap_or_default();
            self.tell(&format!("S: {}", words(line)));
            let Some(length) = announced(line) else { return Ok(frame) };
            if length >= LONGEST - frame.len() {
                return Err(ImapFault::Lost(format!("it sends {length} bytes at once")));
            }
            self.tell(&format!("S: [{length} bytes]"));
            self.literal(&mut frame, length).await?;
        }
    }

    async fn literal(&mut self, frame: &mut Vec<u8>, length: usize) -> Result<(), ImapFault> {
        frame.reserve(length);
        let mut rest = (&mut self.stream).take(length as u64);
        while rest.limit() > 0 {
            if timely(self.patience, rest.read_buf(frame)).await? == 0 {
                return Err(ImapFault::Lost("it closed the connection mid-message".to_owned()));
            }
        }
        Ok(())
    }
}

/// A command, without the name and password of LOGIN.
fn masked(command: &str) -> &str {
    let is_login = command.get(..6).is_some_and(|verb| verb.eq_ignore_ascii_case("LOGIN "));
    if is_login { "LOGIN [secret]" } else { command }
}

/// The length of a literal announced at the end of a line: `{42}`.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = line.get(memchr::memrchr(b'{', line)? + 1..)?;
    std::str::from_utf8(digits).ok()?.trim_end_matches('+').parse().ok()
}

fn step(tag: &str, frame: &[u8]) -> Result<ResponseStep, ImapFault> {
    let words = words(frame);
    if words.starts_with('+') {
        return Ok(ResponseStep::Continue);
    }
    if let Some(reply) = words.strip_prefix("* BYE") {
        return Err(ImapFault::Lost(format!("it ended the session:{reply}")));
    }
    let Some(done) = words.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) else {
        return Ok(ResponseStep::Data);
    };
    match done.split_once(' ').unwrap_or((done, "")) {
        (status, _) if status.eq_ignore_ascii_case("OK") => Ok(ResponseStep::Ok),
        (_, reply) => Err(ImapFault::Refused(ImapRefusal { reply: reply.to_owned() })),
    }
}

/// The first line of a response, shortened for a message.
fn words(frame: &[u8]) -> String {
    let line = frame.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(..300).unwrap_or(line)).trim_end().to_owned()
}

async fn timely<T>(
    patience: Duration,
    work: impl Future<Output = std::io::Result<T>>,
) -> Result<T, ImapFault> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(|error| ImapFault::Lost(error.to_string())),
        Err(_) => Err(ImapFault::Lost(format!("no response within {} seconds", patience.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    #[tokio::test]
    async fn the_transcript_has_no_secrets_and_no_messages() {
        let said = b"+ go on\r\nm1 OK in\r\nm2 OK in\r\n* 1 FETCH (BODY[] {6}\r\nsecret)\r\nm3 OK done\r\n";
        let stream = tokio::io::join(said.as_slice(), tokio::io::sink());
        let tell = |line: &str| TOLD.with_borrow_mut(|told| told.push(line.to_owned()));
        let mut wire = ImapWire::new(stream, Duration::from_secs(5), Some(tell));
        wire.authenticate("PLAIN", b"secret").await.unwrap();
        wire.command("LOGIN anna secret", |_| ()).await.unwrap();
        wire.command("FETCH 1 BODY[]", |_| ()).await.unwrap();
        let told = TOLD.with_borrow(Clone::clone);
        assert_eq!(told[1..4], ["S: + go on", "C: [secret]", "S: m1 OK in"]);
        assert_eq!(told[4], "C: m2 LOGIN [secret]");
        assert!(told.contains(&"S: [6 bytes]".to_owned()), "{told:?}");
        assert!(!told.iter().any(|line| line.contains("c2Vj") || line.contains("anna secret")), "{told:?}");
    }

    #[tokio::test]
    async fn literals_belong_to_their_response() {
        let said = b"* OK hello\r\n* 1 FETCH (UID 7 BODY[] {6}\r\nab\r\ncd)\r\n* ODD thing\r\nm1 OK done\r\n";
        let mut wire =
            ImapWire::new(tokio::io::join(said.as_slice(), tokio::io::sink()), Duration::from_secs(5), None);
        wire.greeting().await.unwrap();
        let mut seen = Vec::new();
        wire.command("X", |response| seen.push(format!("{response:?}"))).await.unwrap();
        assert!(seen.iter().any(|response| response.contains("Uid(7)")), "{seen:?}");
    }

    #[tokio::test]
    async fn what_is_no_greeting_is_told_apart() {
        for (said, is_lost) in [
            ("* PREAUTH welcome\r\n", false),
            ("* BYE too many\r\n", true),
            ("", true),
            ("HTTP/1.1 400 Bad Request\r\n", false),
            ("* 1 FETCH (BODY[] {99999999999}\r\n", true),
        ] {
            let stream = tokio::io::join(said.as_bytes(), tokio::io::sink());
            let greeted = ImapWire::new(stream, Duration::from_secs(5), None).greeting().await;
            assert!(greeted.is_err_and(|fault| matches!(fault, ImapFault::Lost(_)) == is_lost), "{said}");
        }
        let mut wire = ImapWire::new(
            tokio::io::join(b"m1 NO [TRYCREATE] x\r\n".as_slice(), tokio::io::sink()),
            Duration::from_secs(5),
            None,
        );
        let refused = wire.command("X", |_| ()).await;
        assert!(matches!(refused, Err(ImapFault::Refused(refusal)) if refusal.has_code("TRYCREATE")));
    }
}
