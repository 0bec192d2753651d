//! Letters as those who write them look at them, before anyone gets one.

#[cfg(feature = "browser")]
pub mod browser;
