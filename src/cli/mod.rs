//! The grammar: one enum, one match. The only place that sees every wing.

use std::{error::Error as _, ffi::OsString};

use clap::{
    CommandFactory as _, Parser, Subcommand,
    error::{self, ContextKind, ErrorKind},
};
use serde_json::json;

use crate::{
    app::{
        agent, approvals, audit, complete, completions, confirm, credential_process, delegate,
        demo, doctor, enrolments, exec, exec_credential, forget, grants, init, keep, known_hosts,
        list, login, logout, man, policy, principals, prompt, request, revoke, served,
        session::{Options, Session},
        setup, status, tidy, trust, whoami,
    },
    domain::failure::{Code, Failure, Result},
    platform::{
        process::forbid_dumps,
        terminal::{self, Person},
    },
    server::{ground::Ground, serve},
};

/// Access exactly when a task needs it, taken away again by itself.
#[derive(Debug, Parser)]
#[command(
    name = "jit",
    version,
    propagate_version = true,
    after_help = "Start here:\n  jit init                       propose a catalogue and policies\n  jit exec -- kubectl get pods   run a command with just-in-time access\n  jit demo                       see it work, in a sandbox of its own"
)]
struct Cli<V: Subcommand> {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: V,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Warm(Warm),
    List(list::Args),
    Request(request::Args),
    Status(status::Args),
    Forget(forget::Args),
    Revoke(revoke::Args),
    Delegate(delegate::Args),
    Approvals(approvals::Args),
    Approve(approvals::Approve),
    Deny(approvals::Deny),
    Principals(principals::Args),
    Audit(audit::Args),
    Policy(policy::Args),
    Init(init::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Enrolments(enrolments::Args),
    Setup(setup::Args),
    Trust(trust::Args),
    Doctor(doctor::Args),
    Serve(serve::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(hide = true)]
    Complete(complete::Args),
    #[command(hide = true)]
    Delegated(delegate::Delegated),
    #[command(hide = true)]
    Confirm(confirm::Args),
    #[command(hide = true)]
    Tidy(tidy::Args),
    #[command(hide = true)]
    Keep(keep::Args),
}

/// The verbs that run once per command of a tool. They are parsed by a grammar of their own, since
/// making that of all verbs would cost more than reading the lease.
#[derive(Debug, Subcommand)]
enum Warm {
    Exec(exec::Args),
    #[command(display_order = 100)]
    ExecCredential(exec_credential::Args),
    #[command(display_order = 101)]
    CredentialProcess(credential_process::Args),
    #[command(display_order = 102)]
    KnownHosts(known_hosts::Args),
    #[command(hide = true)]
    Prompt(prompt::Args),
    #[command(hide = true)]
    Agent(agent::Args),
}

/// The verbs that another program calls for an answer. Why they fail is one line, since it stands in
/// the middle of that program's own message; beside it they say nothing.
const HOOKS: [&str; 3] = ["credential-process", "exec-credential", "known-hosts"];

/// Runs one command line; the number is the process's exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    // First of all: whatever this process is for, it will hold keys.
    forbid_dumps();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json");
    let hook = verb(&arguments).is_some_and(|verb| HOOKS.contains(&verb));
    let outcome = match parse(&arguments) {
        Ok(cli) => {
            if hook && !cli.options.verbose {
                terminal::hush();
            }
            run(&cli)
        }
        Err(error) if lacks_separator(&arguments, &error) => Err(without_separator(&error)),
        Err(error) if (json || hook || own(&error).is_some()) && error.use_stderr() => {
            Err(misused(&error))
        }
        Err(error) => {
            // A closed stdout or stderr is no reason to fail.
            drop(error.print());
            return if error.use_stderr() {
                Code::Usage as u8
            } else {
                0
            };
        }
    };
    let Err(failure) = outcome else { return 0 };
    terminal::report(&match (json, hook) {
        (true, _) => as_json(&failure),
        (false, true) => as_line(&failure),
        (false, false) => as_text(&failure),
    });
    failure.code as u8
}

fn parse(arguments: &[OsString]) -> error::Result<Cli<Verb>> {
    if !verb(arguments).is_some_and(Warm::has_subcommand) {
        return Cli::try_parse_from(arguments);
    }
    let cli = Cli::<Warm>::try_parse_from(arguments)?;
    Ok(Cli {
        options: cli.options,
        verb: Verb::Warm(cli.verb),
    })
}

/// The verb of a command line: its first word that is no option and no option's value.
fn verb(arguments: &[OsString]) -> Option<&str> {
    let mut words = arguments.iter().skip(1).map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word {
            Some("--config-dir") => drop(words.next()),
            Some(word) if !word.starts_with('-') => return Some(word),
            _ => {}
        }
    }
    None
}

fn run(cli: &Cli<Verb>) -> Result<()> {
    // It has no surroundings: no environment, no configuration, no clock of its own.
    if let Verb::Warm(Warm::Agent(args)) = &cli.verb {
        return agent::run(args);
    }
    // A TAB is answered whatever the surroundings lack.
    if let Verb::Complete(args) = &cli.verb {
        return complete::run(args, Cli::<Verb>::command());
    }
    let session = match (&cli.verb, Session::begin(&cli.options, served::fetch)) {
        (Verb::Warm(Warm::Exec(args)), Err(_)) if args.runs_without_configuration() => {
            return Err(exec::without_configuration(args));
        }
        (_, session) => &session?,
    };
    match obey(cli, session) {
        Err(failure) if failure.code == Code::SignIn => {
            grants::settle_session(session, &failure);
            // A machine asks nobody; a person is asked where there is one.
            if !login::by_itself(session)? {
                if !may_sign_in(cli, session) {
                    return Err(failure);
                }
                login::again(session, &failure)?;
            }
            obey(cli, session).map_err(login::in_vain)
        }
        outcome => outcome,
    }
}

/// Whether this run may sign somebody in and go on: a person is there, and gave this very command.
fn may_sign_in(cli: &Cli<Verb>, session: &Session) -> bool {
    let asks_for_itself = match &cli.verb {
        Verb::Warm(Warm::Exec(args)) => args.may_ask(),
        Verb::List(_)
        | Verb::Request(_)
        | Verb::Revoke(_)
        | Verb::Delegate(_)
        | Verb::Approvals(_)
        | Verb::Approve(_)
        | Verb::Deny(_)
        | Verb::Principals(_)
        | Verb::Audit(_)
        | Verb::Trust(_) => true,
        Verb::Warm(_)
        | Verb::Login(_)
        | Verb::Logout(_)
        | Verb::Whoami(_)
        | Verb::Enrolments(_)
        | Verb::Status(_)
        | Verb::Forget(_)
        | Verb::Policy(_)
        | Verb::Init(_)
        | Verb::Setup(_)
        | Verb::Doctor(_)
        | Verb::Serve(_)
        | Verb::Demo(_)
        | Verb::Completions(_)
        | Verb::Man(_)
        | Verb::Complete(_)
        | Verb::Delegated(_)
        | Verb::Confirm(_)
        | Verb::Tidy(_)
        | Verb::Keep(_) => false,
    };
    asks_for_itself && !session.json && Person::present().is_some()
}

fn obey(cli: &Cli<Verb>, session: &Session) -> Result<()> {
    match &cli.verb {
        Verb::Warm(Warm::Exec(args)) => exec::run(args, session),
        Verb::Warm(Warm::ExecCredential(args)) => exec_credential::run(args, session),
        Verb::Warm(Warm::CredentialProcess(args)) => credential_process::run(args, session),
        Verb::Warm(Warm::KnownHosts(args)) => known_hosts::run(args, session),
        Verb::Warm(Warm::Prompt(args)) => prompt::run(args, session),
        Verb::Warm(Warm::Agent(args)) => agent::run(args),
        Verb::Login(args) => login::run(args, session),
        Verb::Logout(args) => logout::run(args, session),
        Verb::Whoami(args) => whoami::run(args, session),
        Verb::Enrolments(args) => enrolments::run(args, session),
        Verb::List(args) => list::run(args, session),
        Verb::Request(args) => request::run(args, session),
        Verb::Status(args) => status::run(args, session),
        Verb::Forget(args) => forget::run(args, session),
        Verb::Revoke(args) => revoke::run(args, session),
        Verb::Delegate(args) => delegate::run(args, session),
        Verb::Delegated(args) => delegate::delegated(args, session),
        Verb::Approvals(args) => approvals::run(args, session),
        Verb::Approve(args) => approvals::approve(args, session),
        Verb::Deny(args) => approvals::deny(args, session),
        Verb::Principals(args) => principals::run(args, session),
        Verb::Audit(args) => audit::run(args, session),
        Verb::Policy(args) => policy::run(args, session),
        Verb::Init(args) => init::run(args, session),
        Verb::Setup(args) => setup::run(args, session),
        Verb::Trust(args) => trust::run(args, session),
        Verb::Doctor(args) => doctor::run(args, session),
        Verb::Serve(args) => serve::run(args, &ground(session)),
        Verb::Demo(args) => demo::run(args, session),
        Verb::Completions(args) => completions::run(args, session, &mut Cli::<Verb>::command()),
        Verb::Man(args) => man::run(args, session, Cli::<Verb>::command()),
        Verb::Complete(args) => complete::run(args, Cli::<Verb>::command()),
        Verb::Confirm(args) => confirm::run(args, session),
        Verb::Tidy(args) => tidy::run(args, session),
        Verb::Keep(args) => keep::run(args, session),
    }
}

/// What a server is given: not the user's own choices.
fn ground(session: &Session) -> Ground<'_> {
    Ground {
        environment: &session.environment,
        configuration: &session.places.configuration,
        clock: session.clock,
    }
}

/// What a word's own room said of it, with its hint.
fn own(error: &clap::Error) -> Option<&Failure> {
    error.source()?.downcast_ref()
}

/// Whether this is `jit exec kubectl …`: a command without the `--` before it.
fn lacks_separator(arguments: &[OsString], error: &clap::Error) -> bool {
    error.kind() == ErrorKind::UnknownArgument
        && verb(arguments) == Some("exec")
        && !arguments.iter().any(|argument| argument == "--")
        && !invalid_argument(error).starts_with('-')
}

fn without_separator(error: &clap::Error) -> Failure {
    let command = invalid_argument(error);
    Failure::usage(format!("`--` is missing before `{command}`"))
        .hint(format!("jit exec [OPTIONS] -- {command} …"))
}

/// The word of the command line that clap could not place.
fn invalid_argument(error: &clap::Error) -> String {
    let found = error.get(ContextKind::InvalidArg);
    found.map_or_else(String::new, ToString::to_string)
}

fn misused(error: &clap::Error) -> Failure {
    if let Some(failure) = own(error) {
        return Failure {
            code: Code::Usage,
            ..failure.clone()
        };
    }
    let text = error.to_string();
    let (first, _) = text.split_once("\n\n").unwrap_or((&text, ""));
    let first = on_one_line(first);
    let hint = if error.kind() == ErrorKind::InvalidSubcommand {
        "see jit --help"
    } else {
        "see the verb's --help"
    };
    Failure::usage(first.trim_start_matches("error: ")).hint(hint)
}

fn as_json(failure: &Failure) -> String {
    let object = json!({
        "code": failure.code,
        "message": failure.to_string(),
        "hint": failure.hint,
    });
    object.to_string()
}

fn as_line(failure: &Failure) -> String {
    let message = on_one_line(&failure.to_string());
    if failure.hint.is_empty() {
        return format!("jit: {message}");
    }
    format!("jit: {message}; {}", on_one_line(&failure.hint))
}

fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn as_text(failure: &Failure) -> String {
    // A target's own words are behind the message; its second line is not to pass for a hint of ours.
    let message = failure.to_string().replace('\n', "\n     ");
    if failure.hint.is_empty() {
        return format!("jit: {message}");
    }
    format!("jit: {message}\nhint: {}", failure.hint)
}

#[cfg(test)]
mod tests;
