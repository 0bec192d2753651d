//! A client that sends exactly what a test tells it to, right or wrong.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::smtp_server::SmtpServer;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A connection to a server.
pub struct SmtpClient {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
}

impl SmtpClient {
    /// Connects without reading the greeting.
    pub fn open(server: &SmtpServer) -> io::Result<Self> {
        let socket = TcpStream::connect((server.host().as_str(), server.port()))?;
        let stream: Box<dyn Stream> = Box::new(socket.try_clone()?);
        Ok(Self { stream: BufReader::new(stream), socket })
    }

    /// Connects and reads the greeting.
    pub fn connect(server: &SmtpServer) -> Self {
        let mut client = Self::open(server).unwrap();
        assert!(client.reply().starts_with("220 "));
        client
    }

    /// Connects and sends EHLO.
    pub fn greet(server: &SmtpServer) -> Self {
        let mut client = Self::connect(server);
        assert!(client.say("EHLO client.example.org").starts_with("250"));
        client
    }

    /// Switches to TLS and checks the server's certificate.
    pub fn start_tls(&mut self, server: &SmtpServer) -> io::Result<()> {
        let mut roots = RootCertStore::empty();
        let pem = server.ca_pem().unwrap().as_bytes();
        roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(server.host()).unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = self.socket.try_clone()?;
        connection.complete_io(&mut socket)?;
        self.stream = BufReader::new(Box::new(StreamOwned::new(connection, socket)));
        Ok(())
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()).unwrap();
    }

    /// Sends a line and returns the answer.
    pub fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply()
    }

    /// Sends each line and returns the codes of the answers.
    pub fn say_all(&mut self, lines: &[&str]) -> Vec<u16> {
        lines.iter().map(|line| code(&self.say(line))).collect()
    }

    /// Reads one reply of one or more lines; an incomplete one if the server disconnects.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line();
            reply += &line;
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    /// Reads one line; empty if the server has closed the connection.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        // A reset connection counts as closed.
        self.stream.read_until(b'\n', &mut line).unwrap_or_default();
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Sends a letter to a member and returns the code of the last answer: to the dot, or the first refusal.
    pub fn letter(&mut self, recipient: &str) -> u16 {
        let rcpt = format!("RCPT TO:<{recipient}>");
        for line in ["MAIL FROM:<brev@example.se>", &rcpt, "DATA"] {
            let code = code(&self.say(line));
            if code >= 400 || code == 0 {
                return code;
            }
        }
        code(&self.say(&format!("Message-ID: <{recipient}>\r\n\r\nHej!\r\n.")))
    }

    /// Disconnects without a word.
    pub fn vanish(self) {
        self.socket.shutdown(Shutdown::Both).unwrap();
    }
}

/// The code of a reply; 0 if there is none.
pub fn code(reply: &str) -> u16 {
    reply.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)
}
