//! The letter as its reader will meet it, shown before anyone gets it.

pub mod terminal;
