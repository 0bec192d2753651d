//! Any text is parsed as a segment expression, or the error points into it; a parsed expression can be parsed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medlemsbrev::domain::Segment;

fuzz_target!(|text: &str| {
    match Segment::parse(text) {
        Ok(segment) => assert!(Segment::parse(segment.source()).is_ok()),
        Err(error) => assert!(error.span.start <= text.len()),
    }
});
