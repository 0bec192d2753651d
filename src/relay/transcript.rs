//! Prints the conversation with the server for `-vv`, line by line, without secrets and letters.

use crate::net::Transcript;

/// Follows the data that we send, to omit passwords and messages.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    told: Option<Transcript>,
    partial: Vec<u8>,
    /// Bytes of the message sent so far; `None` between messages.
    message: Option<usize>,
    /// RFC 4954: the text after AUTH and each answer to 334 are secret.
    is_secret: bool,
}

impl Conversation {
    /// Starts a conversation; with `None` nothing is printed.
    pub fn new(told: Option<Transcript>) -> Self {
        Self { told, ..Self::default() }
    }

    /// Prints a line from the server.
    pub fn received(&mut self, line: &str) {
        let Some(told) = self.told else { return };
        told(&format!("S: {line}"));
        self.is_secret = line.starts_with("334");
        if line.starts_with("354") {
            self.message = Some(0);
        }
    }

    /// Prints lines that were sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        if self.told.is_none() {
            return;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                self.sent_line(&String::from_utf8_lossy(&line));
            }
        }
    }

    fn sent_line(&mut self, line: &str) {
        let Some(told) = self.told else { return };
        let command = line.trim_end();
        match &mut self.message {
            Some(bytes) if command == "." => {
                told(&format!("C: [message, {bytes} bytes]"));
                told("C: .");
                self.message = None;
            }
            Some(bytes) => *bytes += line.len(),
            None if self.is_secret => told("C: [secret]"),
            None => told(&format!("C: {}", masked(command))),
        }
    }
}

/// A command without the secret that `AUTH` may contain.
fn masked(command: &str) -> String {
    let mut words = command.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(auth), Some(mechanism), Some(_)) if auth.eq_ignore_ascii_case("AUTH") => {
            format!("{auth} {mechanism} [secret]")
        }
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn secrets_and_messages_are_omitted() {
        let mut conversation =
            Conversation::new(Some(|line| TOLD.with_borrow_mut(|told| told.push(line.to_owned()))));
        conversation.sent(b"AUTH PLAIN c2VjcmV0\r\n");
        conversation.received("235 welcome");
        conversation.sent(b"AUTH LOGIN\r\n");
        conversation.received("334 VXNlcm5hbWU6");
        conversation.sent(b"c2VjcmV0\r\n");
        conversation.received("235 welcome");
        conversation.sent(b"DATA\r\n");
        conversation.received("354 go ahead");
        conversation.sent(b"Subject: Hej\r\n\r\n..\r\n.\r\nQU");
        conversation.sent(b"IT\r\n");
        let told = TOLD.with_borrow(Clone::clone);
        assert_eq!(
            told,
            [
                "C: AUTH PLAIN [secret]",
                "S: 235 welcome",
                "C: AUTH LOGIN",
                "S: 334 VXNlcm5hbWU6",
                "C: [secret]",
                "S: 235 welcome",
                "C: DATA",
                "S: 354 go ahead",
                "C: [message, 20 bytes]",
                "C: .",
                "C: QUIT",
            ]
        );
    }
}
