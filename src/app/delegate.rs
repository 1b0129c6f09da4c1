//! `jit delegate`: runs a command as an agent, with a narrower session of its own.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
    time::Duration,
};

use rustix::process::{Pid, setsid, test_kill_process};
use tokio::time::sleep;

use super::{
    approvals::server,
    detached::{broken, command},
    embedded::block_on,
    engine,
    identity::{self, Kept},
    inherited,
    session::Session,
    status::short,
};
use crate::{
    config::{client::placed, places::SESSION},
    domain::{
        catalogue::Catalogue,
        entitlement::Entitlement,
        environment::Places,
        failure::{Failure, Nature, Result},
        time::{Timestamp, Ttl},
    },
    platform::{files, keys, process::without_inherited, terminal},
    protocol::{delegation::DelegationRequest, path, session::SessionView},
    remote::patience::Patience,
    tools::{self, task::Task},
};

/// The hidden verb that waits for a command's end.
const VERB: &str = "delegated";

/// For how long an agent's session is where nobody says it.
const DEFAULT_TTL: Duration = Duration::from_hours(1);

/// How often it is looked whether the command still runs.
const LOOK: Duration = Duration::from_secs(1);

/// How often the server is asked whether the agent's session goes on.
const ASK: Duration = Duration::from_secs(5);

/// Run a command as an agent that acts for you, with less than you have
///
/// The command gets a session of its own at the server, below yours and narrower; it ends with the command,
/// with yours, or when its time is over, and what it was given here is removed within seconds. Whatever "jit exec" asks for in it is asked of the agent and of
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
    /// For how long, at most; one hour where it is not said.
    #[arg(long, value_name = "SPAN")]
    ttl: Option<Ttl>,
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
    tell_ttl(args, until, (session.clock)());
    if let Err(failure) = watch(session, &directory, until) {
        drop(fs::remove_dir_all(&directory));
        return Err(failure);
    }
    launch.set.insert(SESSION.to_owned(), directory.into());
    Err(launch.replace())
}

/// Says that the session is shorter than was asked for.
fn tell_ttl(args: &Args, until: Timestamp, now: Timestamp) {
    let Some(asked) = args.ttl else { return };
    // The answer took a moment.
    let given = until.left(now) + Duration::from_secs(5);
    if given < asked.0 {
        terminal::say(&format!(
            "jit: the agent's session ends in {}, not in {asked}: yours, or the server, allows no more",
            short(until.left(now))
        ));
    }
}

/// The agent's session, kept in a directory of its own.
fn begin(args: &Args, session: &Session) -> Result<(PathBuf, Timestamp)> {
    let holder = keys::generate()?;
    let request = DelegationRequest {
        to: args.to.clone(),
        only: args.only.clone(),
        ttl: args.ttl.map_or(DEFAULT_TTL, |ttl| ttl.0).as_secs(),
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
    let agent = of_agent(session, &args.directory);
    let ended = block_on(attend(args, &agent))?;
    // With it go its session, its leases and the sockets that serve them.
    drop(fs::remove_dir_all(&args.directory));
    ended
}

/// Waits until the command, its time or its session has ended; a session that goes on is ended.
async fn attend(args: &Delegated, agent: &Session) -> Result<()> {
    let until = Timestamp::from_millis(args.until);
    let process = Pid::from_raw(args.process);
    let runs = || process.is_some_and(|process| test_kill_process(process).is_ok());
    let mut ask_at = (agent.clock)().after(ASK);
    while runs() && (agent.clock)() < until {
        sleep(LOOK).await;
        if ask_at <= (agent.clock)() {
            if has_ended(agent).await {
                return Ok(());
            }
            ask_at = (agent.clock)().after(ASK);
        }
    }
    match engine::remote(agent, Patience::PERSON).await? {
        Some(server) => server.end_session().await,
        None => Ok(()),
    }
}

/// Whether the server says that the agent's session was ended: its human was disabled, signed out, or is in no
/// session any more. A server that cannot be asked says nothing.
async fn has_ended(agent: &Session) -> bool {
    let asked = async {
        match engine::remote(agent, Patience::LITTLE).await? {
            Some(server) => server.get::<SessionView>(path::SESSION).await.map(drop),
            None => Ok(()),
        }
    };
    asked
        .await
        .is_err_and(|failure| failure.nature == Nature::Ended)
}
