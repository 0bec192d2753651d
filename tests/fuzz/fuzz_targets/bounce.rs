//! Any bytes can be classified as a message, if only as "other".
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use medlemsbrev::inbox::{Hints, Reader};

static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(&Hints::default()).unwrap());

fuzz_target!(|bytes: &[u8]| {
    READER.read(bytes);
});
