pub mod config;
pub mod domain;
pub mod import;
pub mod ledger;
