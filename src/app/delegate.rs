//! `jit delegate`: runs a command as an agent, with a narrower session of its own.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
    thread,
    time::Duration,
};

use rustix::process::{Pid, setsid, test_kill_process};

use super::{
    approvals::server,
    detached::{broken, command},
    embedded::block_on,
    engine,
    identity::{self, Kept},
    inherited,
    session::Session,
};
use crate::{
    config::{client::placed, places::SESSION},
    domain::{
        catalogue::Catalogue,
        entitlement::Entitlement,
        environment::Places,
        failure::{Failure, Result},
        time::{Timestamp, Ttl},
    },
    platform::{files, keys, process::without_inherited},
    protocol::delegation::DelegationRequest,
    remote::patience::Patience,
    tools::{self, task::Task},
};

/// The hidden verb that waits for a command's end.
const VERB: &str = "delegated";

/// How often it is looked whether the command still runs.
const LOOK: Duration = Duration::from_secs(1);

/// Run a command as an agent that acts for you, with less than you have
///
/// The command gets a session of its own at the server, below yours and narrower; it ends with the command,
/// with yours, or when its time is over. Whatever "jit exec" asks for in it is asked of the agent and of
/// you, and recorded with both names. To keep an agent from what your user account may do besides, run the
/// command in a sandbox of its own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit delegate --to helper --only kubernetes/prod:view --ttl 1h -- claude"
)]
pub struct Args {
    /// The agent's name.
    #[arg(long, value_name = "NAME")]
    to: String,
    /// The only entitlements that it may ask for.
    #[arg(
        long,
        value_name = "KIND/NAME:ROLE",
        required = true,
        value_delimiter = ','
    )]
    only: Vec<Entitlement>,
    /// For how long, at most.
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    ttl: Ttl,
    /// The command and its arguments.
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Wait for the end of an agent's command, and end its session
#[derive(Debug, clap::Args)]
pub struct Delegated {
    /// The process.
    #[arg(long)]
    process: i32,
    /// Until when the session lives, in milliseconds since 1970.
    #[arg(long)]
    until: i64,
    /// The agent's directory.
    directory: PathBuf,
    /// Stay and wait; without it, start the process that stays.
    #[arg(long, hide = true)]
    stay: bool,
}

/// Comes back only with the reason why the command could not be run.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let mut launch = tools::as_it_is(&Task {
        command: &args.command,
        on: None,
        role: None,
        catalogue: &Catalogue::default(),
        environment: &session.environment,
    })?;
    inherited::withhold(session, &mut launch);
    let (directory, until) = begin(args, session)?;
    if let Err(failure) = watch(session, &directory, until) {
        drop(fs::remove_dir_all(&directory));
        return Err(failure);
    }
    launch.set.insert(SESSION.to_owned(), directory.into());
    Err(launch.replace())
}

/// The agent's session, kept in a directory of its own.
fn begin(args: &Args, session: &Session) -> Result<(PathBuf, Timestamp)> {
    let holder = keys::generate()?;
    let request = DelegationRequest {
        to: args.to.clone(),
        only: args.only.clone(),
        ttl: args.ttl.0.as_secs(),
        holder: holder.public(),
    };
    let (name, view) = block_on(async {
        let server = server(session).await?;
        let view = server.delegate(&request).await?;
        Ok::<_, Failure>((server.server().to_owned(), view))
    })??;
    let chance = keys::hex(&keys::random::<4>()?);
    let directory = session.places.runtime.join(format!("a-{chance}"));
    files::private_directory(&directory)?;
    let kept = Kept {
        token: view.token,
        holder,
        expires_at: view.expires_at,
        renew_at: None,
        principal: format!("agent/{}", args.to),
        refresh: None,
        by: None,
        refused: None,
        notes: Vec::new(),
    };
    identity::keep(&of_agent(session, &directory), &name, &kept)?;
    Ok((directory, view.expires_at))
}

/// The same run as the agent sees it.
fn of_agent(session: &Session, directory: &Path) -> Session {
    let places = Places::of_agent(directory, session.places.configuration.clone());
    Session {
        places: match &session.config {
            Ok(config) => placed(places, config),
            Err(_) => places,
        },
        ..session.clone()
    }
}

fn watch(session: &Session, directory: &Path, until: Timestamp) -> Result<()> {
    let mut command = command(session, VERB)?;
    command
        .arg("--process")
        .arg(id().to_string())
        .arg("--until")
        .arg(until.millis().to_string())
        .arg(directory);
    let status = command.status().map_err(|error| broken(&error))?;
    if status.success() {
        return Ok(());
    }
    Err(broken(&io::Error::other(format!(
        "jit {VERB} ended with {status}"
    ))))
}

/// Waits, or starts the process that does: a grandchild, so that the command finds no child that it did
/// not make.
pub fn delegated(args: &Delegated, session: &Session) -> Result<()> {
    if !args.stay {
        let mut command = command(session, VERB)?;
        command
            .arg("--process")
            .arg(args.process.to_string())
            .arg("--until")
            .arg(args.until.to_string())
            .arg("--stay")
            .arg(&args.directory)
            .stdin(Stdio::null());
        return without_inherited(&mut command)
            .and_then(Command::spawn)
            .map(drop)
            .map_err(|error| broken(&error));
    }
    _ = setsid();
    let until = Timestamp::from_millis(args.until);
    let process = Pid::from_raw(args.process);
    while process.is_some_and(|process| test_kill_process(process).is_ok())
        && (session.clock)() < until
    {
        thread::sleep(LOOK);
    }
    let agent = of_agent(session, &args.directory);
    let ended = block_on(async {
        match engine::remote(&agent, Patience::PERSON).await? {
            Some(server) => server.end_session().await,
            None => Ok(()),
        }
    })?;
    drop(fs::remove_dir_all(&args.directory));
    ended
}
