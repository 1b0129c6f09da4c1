//! The door: parse, run, report, exit code.

use std::{env::args_os, process::ExitCode};

fn main() -> ExitCode {
    ExitCode::from(jit::cli::main(args_os()))
}
