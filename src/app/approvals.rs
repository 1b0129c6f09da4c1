//! `jit approvals`, `jit approve` and `jit deny`: what waits for me, and what I say to it.

use super::{embedded::block_on, engine, session::Session};
use crate::{
    domain::{
        elevation::State,
        failure::{Failure, Result},
        id::GrantId,
    },
    platform::terminal,
    protocol::{
        approval::{Answer, ApprovalRequest},
        elevation::ElevationView,
    },
    remote::{patience::Patience, session::Remote},
};

/// List what waits for your approval
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit approvals")]
pub struct Args {}

/// Say yes to somebody's request
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit approve 01m8a92dr6194zb9aa8rkqp2za -j \"seen the ticket\"")]
pub struct Approve {
    /// The request's id, as approvals shows it.
    id: GrantId,
    /// Say something with it; it is recorded.
    #[arg(long, short, value_name = "WHY")]
    justification: Option<String>,
}

/// Say no to somebody's request
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit deny 01m8a92dr6194zb9aa8rkqp2za -j \"not during the release\""
)]
pub struct Deny {
    /// The request's id, as approvals shows it.
    id: GrantId,
    /// Say why; it is recorded.
    #[arg(long, short, value_name = "WHY")]
    justification: String,
}

/// Lists what waits.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    let waiting = block_on(async { server(session).await?.to_approve().await })??;
    if session.json {
        return waiting.iter().try_for_each(|one| session.print_json(one));
    }
    if waiting.is_empty() {
        return session.print("Nothing waits for you.");
    }
    waiting.iter().try_for_each(|one| session.print(&line(one)))
}

/// Says yes.
pub fn approve(args: &Approve, session: &Session) -> Result<()> {
    let said = ApprovalRequest {
        answer: Answer::Approve,
        comment: args.justification.clone(),
    };
    say(&args.id, &said, session)
}

/// Says no.
pub fn deny(args: &Deny, session: &Session) -> Result<()> {
    let said = ApprovalRequest {
        answer: Answer::Deny,
        comment: Some(args.justification.clone()),
    };
    say(&args.id, &said, session)
}

fn say(id: &GrantId, said: &ApprovalRequest, session: &Session) -> Result<()> {
    let view = block_on(async { server(session).await?.answer(id, said).await })??;
    if session.json {
        return session.print_json(&view);
    }
    let (who, what) = (&view.principal, &view.entitlement);
    session.print(&terminal::plain_line(&match view.state {
        State::Granted => format!("{who} has {what} now"),
        State::Pending => format!(
            "recorded: {what} for {who} has {} of {} approvals",
            view.approved_by.len(),
            view.approvals
        ),
        state @ (State::Denied | State::Abandoned | State::Expired | State::Revoked) => {
            format!("{what} for {who} is {}", state.in_words())
        }
    }))
}

fn line(one: &ElevationView) -> String {
    let why = one.justification.as_deref().unwrap_or("no reason given");
    let chain = if one.chain.is_empty() {
        String::new()
    } else {
        format!(" for {}", one.chain.join(" for "))
    };
    let given = format!("{} of {}", one.approved_by.len(), one.approvals);
    terminal::plain_line(&format!(
        "{}  {}{chain}  {}  {given}  {why:?}",
        one.id, one.principal, one.entitlement,
    ))
}

/// The server of this run: what is said here is said to people.
///
/// # Errors
/// Usage: config.toml names none.
pub async fn server(session: &Session) -> Result<Remote> {
    let remote = engine::remote(session, Patience::PERSON).await?;
    remote.ok_or_else(|| {
        Failure::usage("the authority in your own configuration knows nobody but you")
            .hint("name the team's server as `server` in config.toml")
    })
}
