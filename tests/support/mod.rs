//! What the stories share: a scripted SMTP server and a sandbox that runs the real program.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that can't go on fails"
)]

pub mod http;
pub mod imap_server;
pub mod preview;
pub mod real_servers;
pub mod sandbox;
pub mod smtp_client;
pub mod smtp_server;
pub mod webdriver;
