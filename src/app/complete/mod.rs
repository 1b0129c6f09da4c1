//! `jit complete`, hidden: what a shell offers at a TAB. It asks nobody, makes nothing and never fails:
//! what cannot be read is not offered.

mod live;

use std::{any::TypeId, ffi::OsString, sync::Arc};

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{self, ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use self::live::{Candidates, Live};
use super::{revoke::Ended, session};
use crate::{
    domain::{
        entitlement::{Entitlement, Kind, ResourceName, RoleName},
        failure::Result,
        id::GrantId,
    },
    platform::terminal,
};

/// Where a file is wanted, the shell itself knows how: no name of ours is this.
const FILES: &str = "/";

/// Print what could stand in place of the last word
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command line's words up to the cursor, the last of which is begun or empty.
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// Prints a line for each candidate: the word, a tab, what it is.
pub fn run(args: &Args, grammar: Command) -> Result<()> {
    let live = Arc::new(Live::new(&args.words, &grammar));
    let mut grammar = taught(grammar, &live);
    let last = args.words.len().saturating_sub(1);
    let mut offered =
        engine::complete(&mut grammar, args.words.clone(), last, None).unwrap_or_default();
    offered.retain(|candidate| !candidate.is_hide_set());
    if offered.iter().any(wants_files) {
        return session::print(&format!("{FILES}\t"));
    }
    // Options are many, and rarely what is missing: a dash brings them.
    if args.words.last().is_some_and(|word| word.is_empty()) && !offered.iter().all(is_option) {
        offered.retain(|candidate| !is_option(candidate));
    }
    let lines: Vec<String> = offered.iter().filter_map(line).collect();
    if lines.is_empty() {
        return Ok(());
    }
    session::print(&lines.join("\n"))
}

/// The grammar, each argument of which knows its live values: by its type, whatever verb it is of.
fn taught(command: Command, live: &Arc<Live>) -> Command {
    let verb = command.get_name().to_owned();
    command
        .mut_args(|arg| match ask(&verb, &arg) {
            Some(ask) => {
                let live = Arc::clone(live);
                arg.add(ArgValueCandidates::new(move || ask(&live)))
            }
            None if arg.get_value_hint() == ValueHint::AnyPath => {
                arg.add(ArgValueCompleter::new(|_: &_| {
                    vec![CompletionCandidate::new("").id(Some(FILES.to_owned()))]
                }))
            }
            None => arg,
        })
        .mut_subcommands(|verb| taught(verb, live))
}

fn ask(verb: &str, arg: &Arg) -> Option<fn(&Live) -> Candidates> {
    let of = arg.get_value_parser().type_id();
    if of == TypeId::of::<Entitlement>() {
        return Some(match verb {
            "forget" => Live::held,
            "exec-credential" => |live| live.entitlements_of(Kind::Kubernetes),
            "credential-process" => |live| live.entitlements_of(Kind::Aws),
            _ => Live::entitlements,
        });
    }
    if of == TypeId::of::<ResourceName>() {
        return Some(Live::resources);
    }
    if of == TypeId::of::<RoleName>() {
        return Some(Live::roles);
    }
    if of == TypeId::of::<GrantId>() || of == TypeId::of::<Ended>() {
        return Some(Live::grants);
    }
    match arg.get_id().as_str() {
        "groups" => Some(Live::groups),
        "principal" => Some(Live::members),
        "verb" => Some(Live::verbs),
        _ => None,
    }
}

fn wants_files(candidate: &CompletionCandidate) -> bool {
    candidate.get_id().is_some_and(|id| id == FILES)
}

fn is_option(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_encoded_bytes().starts_with(b"-")
}

/// A shell puts the word into its line as it is, so one that it would read as more is not offered.
fn line(candidate: &CompletionCandidate) -> Option<String> {
    let word = candidate.get_value().to_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@+:/=".contains(c);
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.unwrap_or_default();
    let help = terminal::plain(help.lines().next().unwrap_or_default());
    word.chars()
        .all(plain)
        .then(|| format!("{word}\t{}", help.replace('\t', " ")))
}
