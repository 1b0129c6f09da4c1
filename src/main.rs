//! The door: parse, run, report, exit code.

use std::{env::args_os, process::ExitCode};

use jit::cli;

fn main() -> ExitCode {
    ExitCode::from(cli::main(args_os()))
}
