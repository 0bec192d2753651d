//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    medlemsbrev::run(std::env::args_os())
}
