//! Letters as those who write them look at them, before anyone gets one.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "interactive")]
pub mod interactive;
pub mod terminal;
