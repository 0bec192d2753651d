//! A letter accepted by the server.

/// An accepted letter with its envelope.
#[derive(Clone, Debug)]
pub struct Message {
    pub mail_from: String,
    /// The parameters of MAIL, such as `BODY=8BITMIME`.
    pub parameters: Vec<String>,
    pub rcpt_to: Vec<String>,
    /// The letter itself, without the dots that were added for the transfer.
    pub data: Vec<u8>,
    pub tls: bool,
    /// The logged-in user.
    pub user: Option<String>,
    /// The name given with EHLO or HELO.
    pub hello: String,
    /// The number of the connection, counted from 1.
    pub connection: usize,
}

impl Message {
    /// The letter as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// The value of a header field, unfolded (RFC 5322 §2.2.3).
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", "\t");
        head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub fn message_id(&self) -> Option<String> {
        self.header("Message-ID")
    }

    pub fn is_for(&self, recipient: &str) -> bool {
        self.rcpt_to.iter().any(|address| address == recipient)
    }
}

/// A login attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub mechanism: String,
    pub user: String,
    pub password: String,
    pub tls: bool,
    pub accepted: bool,
}
