//! Shared by the stories: a scripted SMTP server and a sandbox that runs the real program.

#[cfg(feature = "browser")]
pub mod http;
pub mod imap_server;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "browser")]
pub mod preview;
#[cfg(feature = "postgres")]
pub mod proxy;
pub mod real_servers;
pub mod sandbox;
pub mod smtp_client;
pub mod smtp_server;
#[cfg(feature = "browser")]
pub mod webdriver;
