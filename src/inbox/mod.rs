//! Reads what comes back to the sender's mailbox: bounces, complaints, answers by machines, requests to leave.
//!
//! [`MessageReader::read`] is a pure function of a message's bytes. What programs write and what their words mean is data in
//! `rules/`, one file for each family of programs; what any host means is in [`crate::diagnosis`].
//!
//! A message goes through these steps, and the first that knows it decides: complaint (`complaint`), delivery status
//! (`status`, RFC 3464), automatic answer (`reply`), notice in words (`notice`), request to leave (`unsubscribe`), a
//! notice that somebody forwarded. For each recipient the words decide before the codes (`verdict`).

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
