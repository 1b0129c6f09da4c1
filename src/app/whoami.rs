//! `jit whoami`: who, by what, until when.

use serde::Serialize;

use super::{
    embedded::{block_on, embedded},
    engine,
    session::Session,
};
use crate::{
    authority::Authority,
    config::account,
    domain::failure::Result,
    platform::terminal,
    protocol::{path, session::SessionView},
    remote::patience::Patience,
};

/// Show who you are here, by whose word, and until when
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit whoami --json")]
pub struct Args {}

#[derive(Serialize)]
struct Row<'a> {
    server: Option<&'a str>,
    #[serde(flatten)]
    session: &'a SessionView,
}

#[derive(Serialize)]
struct Embedded<'a> {
    server: Option<&'a str>,
    principal: String,
    groups: Vec<String>,
    source: &'static str,
}

/// Asks the server; the embedded authority knows the operating system's user.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    let Some(server) = session.server()? else {
        let authority: Authority = block_on(embedded(session))??;
        return here(session, &authority);
    };
    let view: SessionView = block_on(async {
        let remote = engine::remote(session, Patience::PERSON).await?;
        match remote {
            Some(remote) => remote.get(path::SESSION).await,
            None => Err(super::identity::signed_out("you are not signed in")),
        }
    })??;
    if session.json {
        return session.print_json(&Row {
            server: Some(server),
            session: &view,
        });
    }
    let mut lines = vec![format!("{} at {server}", view.principal)];
    if !view.chain.is_empty() {
        lines.push(format!("for        {}", view.chain.join(", for ")));
    }
    lines.push(format!("by         {}", by(&view)));
    if let Some(at) = view.signed_in_at {
        lines.push(format!("signed in  {}", at.to_rfc3339_seconds()));
    }
    lines.push(format!(
        "until      {}",
        view.expires_at.to_rfc3339_seconds()
    ));
    if !view.groups.is_empty() {
        lines.push(format!("groups     {}", view.groups.join(", ")));
    }
    if let Some(only) = &view.only {
        lines.push(format!("only       {}", only.join(", ")));
    }
    lines
        .iter()
        .try_for_each(|line| session.print(&terminal::plain_line(line)))
}

/// By whose word, as a person says it.
fn by(view: &SessionView) -> String {
    let source = &view.source;
    let is_machine = view.principal.starts_with("workload/");
    match source.as_str() {
        "key" => "the key that this machine is enrolled with".to_owned(),
        "aws" => "its AWS identity".to_owned(),
        "delegation" => "whom it acts for, who handed it on".to_owned(),
        cluster if cluster.starts_with("kubernetes/") => format!("the cluster {cluster}"),
        url if url.contains("://") && is_machine => format!("a token of {url}"),
        url if url.contains("://") => format!("the OpenID provider {url}"),
        _ => source.clone(),
    }
}

fn here(session: &Session, authority: &Authority) -> Result<()> {
    let caller = account::caller(&authority.catalogue)?;
    let groups: Vec<String> = caller.groups.into_iter().collect();
    let principal = caller.principal.written();
    if session.json {
        return session.print_json(&Embedded {
            server: None,
            principal,
            groups,
            source: "operating system",
        });
    }
    session.print(&format!("{principal} on this machine"))?;
    session.print("by         the operating system")?;
    if groups.is_empty() {
        return Ok(());
    }
    session.print(&format!("groups     {}", groups.join(", ")))
}
