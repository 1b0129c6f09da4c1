//! `jit setup`: makes the tools ask `jit` by themselves, and takes that back again.
//!
//! Each kind says what its files should be; here they are shown, written and undone.

mod apply;
mod aws;
mod block;
mod edit;
mod ground;
mod kubernetes;
mod postgres;
mod shell;
pub mod ssh;
mod ssh_patterns;
mod veil;

use clap::ValueEnum;
use serde::Serialize;

use self::{
    apply::apply,
    ground::{Ground, Plan},
};
use super::{kept, session::Session, verified};
use crate::{
    config::places::SESSION,
    domain::{
        entitlement::{Kind, ResourceName},
        failure::{Failure, Result},
    },
    platform::{files, lock::Lock},
};

#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
/// Let kubectl, psql, ssh, aws and what calls them use just-in-time access without the prefix
///
/// Shows each change as a diff, writes files whole or not at all, keeps a backup of what was there,
/// and undoes everything to the byte.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit setup aws --dry-run\n  jit setup\n  jit setup --undo")]
pub struct Args {
    /// Only this; otherwise each kind that the catalogue has, and the shell.
    kind: Option<Subject>,
    /// Take away what setup put.
    #[arg(long)]
    undo: bool,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take also targets that "jit doctor" has not seen let you in.
    #[arg(long, conflicts_with = "undo")]
    anyway: bool,
}

/// What can be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Subject {
    /// `credential_process` in the profiles of ~/.aws/config.
    Aws,
    /// The exec plugin in the contexts of the kubeconfig.
    Kubernetes,
    /// An Include in ~/.ssh/config.
    Ssh,
    /// A service file for psql and other programs of libpq.
    Postgres,
    /// Wrapper functions and a prompt segment for bash, zsh and fish.
    Shell,
}

/// The one that is no kind of resource.
pub const SHELL: &str = "shell";

impl Subject {
    const ALL: [Self; 5] = [
        Self::Aws,
        Self::Kubernetes,
        Self::Ssh,
        Self::Postgres,
        Self::Shell,
    ];

    const fn kind(self) -> Option<Kind> {
        match self {
            Self::Aws => Some(Kind::Aws),
            Self::Kubernetes => Some(Kind::Kubernetes),
            Self::Ssh => Some(Kind::Ssh),
            Self::Postgres => Some(Kind::Postgres),
            Self::Shell => None,
        }
    }

    fn plan(self, ground: &Ground<'_>) -> Result<Plan> {
        match self {
            Self::Aws => aws::plan(ground),
            Self::Kubernetes => kubernetes::plan(ground),
            Self::Ssh => ssh::plan(ground),
            Self::Postgres => postgres::plan(ground),
            Self::Shell => shell::plan(ground),
        }
    }

    fn undo(self, ground: &Ground<'_>) -> Result<Plan> {
        match self {
            Self::Aws => aws::undo(ground),
            Self::Kubernetes => kubernetes::undo(ground),
            Self::Ssh => ssh::undo(ground),
            Self::Postgres => postgres::undo(ground),
            Self::Shell => shell::undo(ground),
        }
    }
}

/// Plans, shows and, unless only that was asked for, writes. What cannot be done for one kind does
/// not hold up the others.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    refuse_delegated(args, session)?;
    let mut ground = if args.undo {
        Ground::of(session)?
    } else {
        Ground::now(session)?
    };
    let _alone = if args.dry_run {
        None
    } else {
        files::private_directory(&ground.own(""))?;
        Some(Lock::acquire(&ground.own("lock"), || ())?)
    };
    let subjects = subjects(args, &ground);
    let left_out = choose(args, &subjects, &mut ground)?;
    let done = subjects.into_iter().map(|subject| {
        let plan = if args.undo {
            subject.undo(&ground)
        } else {
            subject.plan(&ground).map(|mut plan| {
                let rest = left_out
                    .iter()
                    .filter(|name| Some(name.kind()) == subject.kind());
                let rest: Vec<String> = rest.map(left_as_it_is).collect();
                // What is left out is there, and only waits.
                if rest.is_empty() && (subject.kind().is_some() || left_out.is_empty()) {
                    plan.notes.extend(missing(subject, args, &ground));
                }
                plan.notes.extend(rest);
                plan
            })
        };
        plan.and_then(|plan| carry_out(subject, &plan, args, &ground))
    });
    let failures = done.filter_map(Result::err);
    failures
        .reduce(|first, next| both(&first, &next))
        .map_or(Ok(()), Err)
}

/// Leaves out what has not let this user in, whose names it answers; with `--anyway` records that it
/// is to be taken.
fn choose(args: &Args, subjects: &[Subject], ground: &mut Ground<'_>) -> Result<Vec<ResourceName>> {
    if args.undo {
        return Ok(Vec::new());
    }
    let is_asked = |name: &&ResourceName| {
        let mut kinds = subjects.iter().filter_map(|subject| subject.kind());
        kinds.any(|kind| kind == name.kind())
    };
    if args.anyway {
        let names = ground.catalogue.resources.0.keys().filter(is_asked);
        if !args.dry_run {
            verified::record(
                ground.session,
                &ground.catalogue,
                names.map(|name| (name, true)),
            )?;
        }
        return Ok(Vec::new());
    }
    let (verified, left_out) = verified::split(ground.session, ground.catalogue.clone())?;
    ground.catalogue = verified;
    Ok(left_out)
}

fn left_as_it_is(name: &ResourceName) -> String {
    format!(
        "{name} is left as it is, since \"jit doctor\" has not seen it let you in: run \"jit doctor {name}\", then this again (or add --anyway)"
    )
}

/// The files are those of the person for whom a delegated agent acts.
fn refuse_delegated(args: &Args, session: &Session) -> Result<()> {
    if args.dry_run || session.environment.value(SESSION).is_none() {
        return Ok(());
    }
    Err(
        Failure::usage("a delegated agent does not set up the tools of its human")
            .hint("put jit before the command: jit exec -- COMMAND"),
    )
}

/// What the catalogue lacks, so that there is nothing to set up.
fn missing(subject: Subject, args: &Args, ground: &Ground<'_>) -> Option<String> {
    let all = &ground.catalogue;
    match subject.kind() {
        Some(kind) if all.of_kind(kind).next().is_none() => Some(format!(
            "the catalogue has no {kind}/NAME: \"jit init --discover\" proposes what your tools know"
        )),
        None if all.resources.0.is_empty() && args.kind.is_none() => Some(
            "the catalogue is empty, so nothing else was set up: \"jit init\" proposes one"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Two failures as one.
fn both(first: &Failure, next: &Failure) -> Failure {
    Failure::new(first.code, format!("{first}; {next}"))
        .hint(format!("{}; {}", first.hint, next.hint))
}

fn subjects(args: &Args, ground: &Ground<'_>) -> Vec<Subject> {
    let wanted = |subject: &Subject| match (args.kind, subject.kind()) {
        (Some(only), _) => only == *subject,
        // What was set up once may be undone after the catalogue has changed.
        (None, Some(kind)) => args.undo || ground.catalogue.of_kind(kind).next().is_some(),
        (None, None) => true,
    };
    Subject::ALL.into_iter().filter(wanted).collect()
}

/// How many files of each kind in the catalogue, and of the shells, setup would change, or why that
/// cannot be told; by the word behind `jit setup`. Nothing is written.
///
/// # Errors
/// The catalogue cannot be read.
pub fn outstanding(session: &Session) -> Result<Vec<(&'static str, Result<usize>)>> {
    let ground = Ground::of(session)?;
    let kinds = Subject::ALL.into_iter().filter_map(|subject| {
        let word = match subject.kind() {
            Some(kind) => {
                ground.catalogue.of_kind(kind).next()?;
                kind.as_str()
            }
            None => SHELL,
        };
        let plan = subject.plan(&ground);
        Some((word, plan.map(|plan| plan.edits.len())))
    });
    Ok(kinds.collect())
}

/// What is said of one kind.
#[derive(Serialize)]
struct Report<'a> {
    setup: Subject,
    changes: Vec<String>,
    notes: &'a [String],
    written: bool,
}

fn carry_out(subject: Subject, plan: &Plan, args: &Args, ground: &Ground<'_>) -> Result<()> {
    let session = ground.session;
    let diffs: Vec<String> = plan.edits.iter().map(edit::Edit::diff).collect();
    if !session.json {
        diffs.iter().try_for_each(|diff| session.print(diff))?;
    }
    if !args.dry_run {
        let backups = ground.own("backups");
        for edit in &plan.edits {
            apply(edit, &backups, (session.clock)())?;
        }
        if subject == Subject::Postgres && !plan.edits.is_empty() {
            kept::settle(session)?;
        }
    }
    if session.json {
        return session.print_json(&Report {
            setup: subject,
            written: !args.dry_run && !diffs.is_empty(),
            changes: diffs,
            notes: &plan.notes,
        });
    }
    let name = subject
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    let what = match (plan.edits.len(), args.dry_run) {
        (0, _) => "nothing to change".to_owned(),
        (count, true) => format!("{count} to change"),
        (count, false) => format!("{count} changed"),
    };
    session.print(&format!("{name}: {what}"))?;
    let mut notes = plan.notes.iter();
    notes.try_for_each(|note| session.print(&format!("{name}: {note}")))
}
