//! `jit man`: the manual, one page for `jit` and one for each verb, from the grammar itself.

mod page;
mod tables;

use std::path::PathBuf;

use clap::Command;

use super::session::Session;
use crate::{
    domain::failure::{Failure, Result, did_you_mean},
    platform::files,
};

/// Print a page of the manual, or write all of them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit man exec | man -l -\n  jit man --dir ~/.local/share/man/man1"
)]
pub struct Args {
    /// The verb whose page is wanted, as in: policy explain; without one, the page of jit.
    #[arg(conflicts_with = "dir")]
    verb: Vec<String>,
    /// Write every page into this directory, which is there: jit.1, jit-exec.1 and so on
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Prints the page, or writes all.
pub fn run(args: &Args, session: &Session, grammar: Command) -> Result<()> {
    let mut grammar = grammar.disable_help_subcommand(true);
    grammar.build();
    if let Some(directory) = &args.dir {
        let directory = session.environment.directory.join(directory);
        let write = |verb: &Command| {
            let file = directory.join(page::file_name(verb));
            files::write_public(&file, page::of(verb)?.as_bytes())
        };
        return each(&grammar, &write);
    }
    let mut found = &grammar;
    for verb in &args.verb {
        found = visible(found)
            .find(|one| one.get_name() == verb)
            .ok_or_else(|| unknown(verb, found))?;
    }
    session.print(page::of(found)?.trim_end())
}

/// Does it for the command and all below it.
fn each(command: &Command, act: &impl Fn(&Command) -> Result<()>) -> Result<()> {
    act(command)?;
    visible(command).try_for_each(|verb| each(verb, act))
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set())
}

fn unknown(verb: &str, of: &Command) -> Failure {
    let verbs: Vec<&str> = visible(of).map(Command::get_name).collect();
    let near = did_you_mean(verb, verbs.iter().copied());
    let name = of.get_bin_name().unwrap_or("jit");
    Failure::usage(format!("{name} has no verb {verb:?}")).hint(if verbs.is_empty() {
        format!("run: jit man {}", name.trim_start_matches("jit "))
    } else {
        format!("{near}its verbs are {}", verbs.join(", "))
    })
}
