//! `jit completions`: what a shell needs to complete `jit`.

use clap::Command;
use clap_complete::{Shell, generate};

use super::session::Session;
use crate::domain::failure::{Failure, Result};

/// Print the completions for a shell
///
/// bash, zsh and fish complete what is on this machine: entitlements, resources, roles and grants, with
/// what is held and for how long, and behind "--" the command's own arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit completions fish > ~/.config/fish/completions/jit.fish")]
pub struct Args {
    /// bash, zsh, fish, elvish or powershell.
    shell: Shell,
}

/// Prints them.
pub fn run(args: &Args, session: &Session, grammar: &mut Command) -> Result<()> {
    let text = match args.shell {
        Shell::Bash => include_str!("../../completions/jit.bash").to_owned(),
        Shell::Zsh => include_str!("../../completions/_jit").to_owned(),
        Shell::Fish => include_str!("../../completions/jit.fish").to_owned(),
        // These know the words of the grammar, and do not ask.
        Shell::Elvish | Shell::PowerShell | _ => generated(args.shell, grammar)?,
    };
    session.print(text.trim_end())
}

fn generated(shell: Shell, grammar: &mut Command) -> Result<String> {
    let mut text = Vec::new();
    generate(shell, grammar, "jit", &mut text);
    String::from_utf8(text)
        .map_err(|error| Failure::failed("the completions are not text").because(&error))
}
