//! `jit enrolments`: hosts and bots that come by a key of their own.

use std::time::Duration;

use clap::Subcommand;

use super::{embedded::block_on, engine, outliving, session::Session};
use crate::{
    domain::{
        failure::{Failure, Result},
        principal::{Class, Principal},
        time::{Timestamp, Ttl},
    },
    platform::{keys, terminal},
    protocol::{
        enrolment::{EnrolmentRemoved, EnrolmentRequest, EnrolmentView},
        path,
    },
    remote::{link::Call, patience::Patience, session::Remote},
};

/// How long a join code is taken, where nobody says otherwise.
const TTL: Duration = Duration::from_mins(10);

/// Let hosts and bots in that have no identity of their own
///
/// Whoever administers the server makes a join code; on the host, "jit login --join" makes a key, which
/// never leaves it, and makes it known. The code is taken once, and expires.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit enrolments create build-7 --group builders")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a join code for a host or a bot
    #[command(after_help = "Example:\n  jit enrolments create build-7 --group builders --ttl 1h")]
    Create {
        /// What it will be called: build-7 is workload/build-7.
        name: String,
        /// A group that it will be in.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// How long the code is taken: 10m, 1h.
        #[arg(long, value_name = "SPAN")]
        ttl: Option<Ttl>,
    },
    /// List who is enrolled, and who is invited
    #[command(after_help = "Example:\n  jit enrolments list --json")]
    List,
    /// Forget a host or a bot, and end all that it has
    #[command(after_help = "Example:\n  jit enrolments remove build-7")]
    Remove {
        /// What it is called: build-7, workload/build-7, or human/NAME for the key of the first administrator.
        #[arg(value_parser = enrolled)]
        name: Principal,
    },
}

/// Asks the server; the embedded authority knows one person.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    block_on(async {
        let remote = engine::remote(session, Patience::PERSON).await?;
        let remote = remote.ok_or_else(|| {
            Failure::usage("the authority on this machine knows nobody but you")
                .hint("hosts and bots are enrolled at a server; see: jit serve --help")
        })?;
        match &args.verb {
            Verb::Create { name, groups, ttl } => {
                let ttl = ttl.map_or(TTL, |ttl| ttl.0);
                create(session, &remote, name, groups, ttl).await
            }
            Verb::List => list(session, &remote).await,
            Verb::Remove { name } => {
                let class = name.class().as_str().to_lowercase();
                let path = path::of(path::ENROLMENT_OF, &[&class, name.name()]);
                let call = Call {
                    method: reqwest::Method::DELETE,
                    ..Call::get(path, remote.shown())
                };
                let removed: EnrolmentRemoved = remote.call(&call).await?.json()?;
                if session.json {
                    return session.print_json(&removed);
                }
                session.print(&format!(
                    "removed {}: its sessions, grants and requests have ended, and the targets that can be told are being told",
                    name.written()
                ))?;
                outliving::show(session, name, &removed.outliving)
            }
        }
    })?
}

/// Somebody who is enrolled; a plain name is a host or a bot.
fn enrolled(name: &str) -> Result<Principal> {
    if name.contains('/') {
        return Principal::parse(name);
    }
    Principal::new(Class::Workload, name)
}

async fn create(
    session: &Session,
    remote: &Remote,
    name: &str,
    groups: &[String],
    ttl: Duration,
) -> Result<()> {
    // Born here: the server is told its hash, and the code itself by whoever joins.
    let code = keys::hex(&keys::random::<16>()?);
    let request = EnrolmentRequest {
        name: name.to_owned(),
        groups: groups.to_vec(),
        code_sha256: keys::hex(&keys::sha256(code.as_bytes())),
        ttl: ttl.as_secs(),
    };
    let made: EnrolmentView = remote.post(path::ENROLMENTS, &request).await?;
    if session.json {
        return session.print_json(&serde_json::json!({ "code": code, "enrolment": made }));
    }
    let until = made.invited_until.map(Timestamp::to_rfc3339_seconds);
    let until = until.unwrap_or_default();
    session.print(&format!(
        "{} may join at {} until {until}, once. On the host, run:\n  jit login --join\nand when asked for the code, type {code}",
        terminal::plain_line(&made.principal),
        remote.server()
    ))
}

async fn list(session: &Session, remote: &Remote) -> Result<()> {
    let all: Vec<EnrolmentView> = remote.get(path::ENROLMENTS).await?;
    if session.json {
        return all.iter().try_for_each(|one| session.print_json(one));
    }
    if all.is_empty() {
        return session.print("nobody is enrolled");
    }
    all.iter().try_for_each(|one| {
        let state = match (one.joined_at, one.invited_until) {
            (Some(at), _) => format!("joined   {}", at.to_rfc3339_seconds()),
            (None, Some(at)) => format!("invited  until {}", at.to_rfc3339_seconds()),
            (None, None) => String::new(),
        };
        let groups = one.groups.join(", ");
        let line = format!("{}  {state}  {groups}", one.principal);
        session.print(terminal::plain_line(&line).trim_end())
    })
}
