//! Any bytes are read as a spreadsheet or rejected, whatever the sheets claim about themselves.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use medlemsbrev::import::{Options, Plan, Sheet};

fuzz_target!(|bytes: &[u8]| {
    let Ok(sheet) = Sheet::from_bytes(Path::new("m.xlsx"), bytes.to_vec(), &Options::default()) else { return };
    let _plan = Plan::make(&sheet);
});
