//! Views of letters for those who write them, before anyone gets one.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "interactive")]
pub mod interactive;
pub mod terminal;
