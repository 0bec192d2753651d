//! Reads messages that come back to the sender's mailbox: bounces, complaints, automatic answers, requests to leave.
//!
//! [`MessageReader::read`] is a pure function of a message's bytes. The phrases of programs and their meanings are
//! data in `rules/`, one file for each family of programs; phrases common to all hosts are in [`crate::diagnosis`].
//!
//! A message goes through these steps, and the first one that recognises it decides: complaint (`complaint`),
//! delivery status (`status`, RFC 3464), automatic answer (`reply`), notice in words (`notice`), request to leave
//! (`unsubscribe`), a notice forwarded by somebody. For each recipient, words take precedence over codes (`verdict`).

mod address;
mod complaint;
mod decode;
mod header;
mod leave;
mod mail;
mod mime;
mod news;
mod notice;
mod notification;
mod own;
mod reader;
mod reply;
mod rules;
mod signs;
mod status;
mod tokens;
mod unsubscribe;
mod verdict;

pub use mime::unix_lines;
pub use news::SenderNews;
pub use reader::{Hints, MessageReader, MessageReport};

#[cfg(test)]
mod tests;
