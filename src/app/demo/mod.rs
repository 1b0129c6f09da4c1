//! `jit demo`: the story in four steps, on real servers in a sandbox that is gone afterwards.

mod postgres;
mod sandbox;
mod sshd;

use sandbox::{Ran, Sandbox};

use super::session::Session;
use crate::{
    config::account,
    domain::catalogue::Catalogue,
    domain::failure::{Code, Failure, Result},
    policy::starter,
};

/// See it work: real servers in a sandbox of their own, gone afterwards
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit demo")]
pub struct Args {}

/// A step's command: what is shown, and the arguments behind `jit`.
struct Step<'a> {
    shown: &'a str,
    arguments: &'a [&'a str],
}

/// Tells the story. The sandbox is removed at its end, at a failure and at Ctrl-C.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    let user = account::caller(&Catalogue::default())?.principal;
    let sandbox = Sandbox::new(&session.environment)?;
    session.print(
        "jit demo: real servers on loopback, in a sandbox; nothing of yours is touched.\n",
    )?;
    let ports = Sandbox::free_ports()?;
    sandbox.write("config/authority.toml", &catalogue(user.name(), ports))?;
    for (name, text) in starter::FILES {
        sandbox.write(&format!("config/policies/{name}"), text)?;
    }
    let ssh = sshd::start(&sandbox, user.name(), ports.0);
    let postgres = postgres::start(&sandbox, ports.1);
    for (what, server) in [
        ("sshd", ssh.as_ref().err()),
        ("PostgreSQL", postgres.as_ref().err()),
    ] {
        session.print(&match server {
            None => format!("  {what} runs on 127.0.0.1"),
            Some(failure) if failure.hint.is_empty() => {
                format!("  {what} is left out: {failure}")
            }
            Some(failure) => format!("  {what} is left out: {failure} ({})", failure.hint),
        })?;
    }
    sandbox.check()?;
    let outcome = match (&ssh, &postgres) {
        (Ok(_), _) => tell(session, &sandbox, &SSH),
        (Err(_), Ok(_)) => tell(session, &sandbox, &PSQL),
        (Err(failure), Err(_)) => Err(failure.clone()),
    };
    // Servers first, then their files.
    drop((ssh, postgres));
    outcome?;
    session.print("\nThat was it; the sandbox is gone. For your own systems: jit init")
}

const SSH: Step<'_> = Step {
    shown: "jit exec -- ssh web uptime",
    arguments: &["exec", "--", "ssh", "-F", "ssh_config", "web", "uptime"],
};

const PSQL: Step<'_> = Step {
    shown: "jit exec -- psql -c 'select * from orders' orders",
    arguments: &[
        "exec",
        "--",
        "psql",
        "-X",
        "-c",
        "select * from orders",
        "orders",
    ],
};

const SENSITIVE: Step<'_> = Step {
    shown: "jit exec --role owner -j cleanup -- psql -c 'drop table orders' orders",
    arguments: &[
        "exec",
        "--role",
        "owner",
        "-j",
        "cleanup",
        "--",
        "psql",
        "-X",
        "-c",
        "drop table orders",
        "orders",
    ],
};

fn tell(session: &Session, sandbox: &Sandbox, first: &Step<'_>) -> Result<()> {
    session.print("\n1. Routine: policy grants it, at once and without a prompt.")?;
    expect(&show(session, sandbox, first)?, 0)?;
    if first.shown == SSH.shown && sandbox.path("postgres").exists() {
        expect(&show(session, sandbox, &PSQL)?, 0)?;
    }
    session.print(&format!("\n   {}", held(sandbox)?.replace('\n', "\n   ")))?;
    session.print("\n2. Again: the lease is cached until it expires; no authority is asked.")?;
    expect(&show(session, sandbox, first)?, 0)?;
    session.print("\n3. Sensitive: a person decides; here is nobody to ask, so it is refused.")?;
    expect(&show(session, sandbox, &SENSITIVE)?, Code::Denied as i32)?;
    session.print("\n4. Who had what, when and why is a by-product; a change to it is seen.")?;
    for (shown, arguments) in [
        ("jit audit", &["audit"][..]),
        ("jit audit verify", &["audit", "verify"][..]),
    ] {
        expect(&show(session, sandbox, &Step { shown, arguments })?, 0)?;
    }
    Ok(())
}

/// Runs a step and shows what the user would see, with how long it took.
fn show(session: &Session, sandbox: &Sandbox, step: &Step<'_>) -> Result<Ran> {
    session.print(&format!("\n   $ {}", step.shown))?;
    let ran = sandbox.jit(step.arguments)?;
    for line in ran.output.lines() {
        session.print(&format!("   {line}"))?;
    }
    session.print(&format!("   ({} ms in all)", ran.took.as_millis()))?;
    Ok(ran)
}

fn held(sandbox: &Sandbox) -> Result<String> {
    Ok(sandbox.jit(&["status"])?.output.trim_end().to_owned())
}

fn expect(ran: &Ran, code: i32) -> Result<()> {
    if ran.code == code {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "a step of the demo ended with exit code {}, not {code}",
        ran.code
    ))
    .hint("what it said is above"))
}

fn catalogue(user: &str, (ssh, postgres): (u16, u16)) -> String {
    format!(
        r#"# ssh listens on port {ssh}
[resources."ssh/web"]
hosts = ["127.0.0.1"]
roles."{user}" = {{}}

[resources."postgres/orders"]
hosts = ["127.0.0.1:{postgres}"]
databases = ["orders"]
issuer = "certificate"
roles.read = {{ role = "orders_ro" }}
roles.owner = {{ role = "orders_owner", tier = "sensitive" }}
"#
    )
}
