//! Any bytes are read as a member list or rejected; every row is imported, merged or rejected.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use medlemsbrev::import::{Options, Plan, Sheet};

fuzz_target!(|bytes: &[u8]| {
    let Ok(sheet) = Sheet::from_bytes(Path::new("m.csv"), bytes.to_vec(), &Options::default()) else { return };
    let plan = Plan::make(&sheet);
    assert_eq!(plan.rows(&sheet).count() as u64, plan.members);
});
