//! The letter as its reader will meet it, shown before anyone gets it.

#[cfg(feature = "interactive")]
pub mod interactive;
pub mod terminal;
