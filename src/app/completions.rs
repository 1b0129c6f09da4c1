//! `jit completions`: what a shell needs to complete `jit`.

use clap::Command;
use clap_complete::{Shell, generate};

use super::session::Session;
use crate::domain::failure::{Failure, Result};

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit completions fish > ~/.config/fish/completions/jit.fish")]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell.
    shell: Shell,
}

/// Prints them.
pub fn run(args: &Args, session: &Session, grammar: &mut Command) -> Result<()> {
    let mut text = Vec::new();
    generate(args.shell, grammar, "jit", &mut text);
    let text = String::from_utf8(text)
        .map_err(|error| Failure::failed("the completions are not text").because(&error))?;
    session.print(text.trim_end())
}
