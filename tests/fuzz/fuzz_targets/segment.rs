//! An expression over members is understood, or the error points into it; what is understood reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medlemsbrev::domain::Segment;

fuzz_target!(|text: &str| {
    match Segment::parse(text) {
        Ok(segment) => assert!(Segment::parse(segment.source()).is_ok()),
        Err(error) => assert!(error.span.start <= text.len()),
    }
});
