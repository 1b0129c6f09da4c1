//! Who this run is at a server: the session that rests here, vouched for again where it is time.

use reqwest::Method;

use super::{
    enter::{Ticket, enter},
    machine::{self, Manner},
    provider::Reached,
    renewal::{Renewal, renew},
};
use crate::{
    app::{
        forget,
        identity::{self, Kept, Refresh, signed_out},
        line,
        session::Session,
    },
    config::places::SESSION,
    domain::{
        failure::{Code, Failure, Nature, Result},
        key::PublicKey,
    },
    protocol::{path, session::SessionEnded, subject},
    remote::{
        link::{Call, Link, Shown},
        patience::Patience,
        session::Identity,
    },
};

/// The session that this run has at a server, which is asked for as long as `patience` has it.
///
/// # Errors
/// Sign-in needed (123): there is none, it has ended, or nobody vouches for it any more.
pub async fn of(session: &Session, server: &str, patience: Patience) -> Result<Identity> {
    let kept = match usable(session, server)? {
        None if session.environment.value(SESSION).is_some() => return Err(handed_on(server)),
        Some(kept) if is_due(session, &kept) => renewed(session, server, patience).await?,
        Some(kept) => kept,
        None => by_itself(session, server, patience).await?,
    };
    Ok(Identity {
        token: kept.token,
        holder: kept.holder,
    })
}

/// An agent is nobody else, whatever this machine could be.
fn handed_on(server: &str) -> Failure {
    Failure::new(
        Code::SignIn,
        format!("this agent's session at {server} has ended"),
    )
    .hint("whoever it acts for runs it again: jit delegate")
}

/// The session that rests here, if it lives and is of whoever runs this.
fn usable(session: &Session, server: &str) -> Result<Option<Kept>> {
    let now = (session.clock)();
    let Some(kept) = identity::kept(session, server)?.filter(|kept| now < kept.expires_at) else {
        return Ok(None);
    };
    if session.environment.value(SESSION).is_some() {
        return Ok(Some(kept));
    }
    if let Some(words) = kept.refused {
        return Err(signed_out(words));
    }
    let is_theirs = !machine::is_of_another(session, server, &kept)?;
    Ok(is_theirs.then_some(kept))
}

/// A session that this machine's own identity opens. One process at a time.
async fn by_itself(session: &Session, server: &str, patience: Patience) -> Result<Kept> {
    let _one = identity::alone(session, server)?;
    if let Some(kept) = usable(session, server)? {
        return Ok(kept);
    }
    let link = line::to(session, server, patience)?;
    let entered = machine::sign_in(session, &link, Manner::default()).await?;
    if let Some(kept) = entered {
        return Ok(kept);
    }
    Err(machine::nobody(match identity::kept(session, server)? {
        Some(_) => signed_out(format!("your session at {server} has ended")),
        None => signed_out(format!("you are not signed in at {server}")),
    }))
}

fn is_due(session: &Session, kept: &Kept) -> bool {
    let can = kept.refresh.is_some() || kept.by.is_some();
    kept.renew_at.is_some_and(|at| at <= (session.clock)()) && can
}

/// Has the session vouched for again, silently. One process at a time: a provider that sees a refresh
/// token twice takes it for stolen.
async fn renewed(session: &Session, server: &str, patience: Patience) -> Result<Kept> {
    let _one = identity::alone(session, server)?;
    let kept = identity::kept(session, server)?
        .ok_or_else(|| signed_out(format!("you are not signed in at {server}")))?;
    if !is_due(session, &kept) {
        return Ok(kept);
    }
    let link = line::to(session, server, patience)?;
    let again = match kept.refresh.clone() {
        Some(refresh) => vouched_again(session, &link, &kept, refresh).await,
        None => shown_again(session, &link, &kept).await,
    };
    match again {
        Err(failure) if failure.nature == Nature::Away || failure.code == Code::TimedOut => {
            // The server decides how long it goes without.
            session.tell(&format!("nobody vouched again: {failure}"));
            Ok(kept)
        }
        outcome => outcome,
    }
}

/// A machine shows again what it is, for the session that it has.
async fn shown_again(session: &Session, link: &Link, kept: &Kept) -> Result<Kept> {
    let manner = Manner {
        way: kept.by.as_ref().map(|by| by.way),
        holder: Some(kept.holder.clone()),
        ..Manner::default()
    };
    let entered = machine::sign_in(session, link, manner).await?;
    Ok(entered.unwrap_or_else(|| kept.clone()))
}

async fn vouched_again(
    session: &Session,
    link: &Link,
    kept: &Kept,
    refresh: Refresh,
) -> Result<Kept> {
    let server = link.server();
    let provider = Reached::new(session, &refresh.provider).await?;
    let tokens = match renew(&provider, &refresh.token).await? {
        Renewal::Given(tokens) => tokens,
        Renewal::SignInOver(failure) => return Err(lapsed(session, server, kept, failure)?),
        Renewal::AccountOver(failure) => {
            return Err(account_over(session, link, kept, failure).await);
        }
    };
    let refresh = match tokens.refresh {
        Some(issued) => issued.of(refresh.provider, (session.clock)()),
        None => refresh,
    };
    // Before anything else can go wrong: the old one may be good for nothing now.
    let with_newer = Kept {
        refresh: Some(refresh.clone()),
        ..kept.clone()
    };
    identity::keep(session, server, &with_newer)?;
    let ticket = match (&tokens.id_token, &tokens.access_token) {
        (Some(id_token), access_token) => Ticket {
            kind: subject::ID_TOKEN,
            token: id_token,
            access_token: access_token.as_ref(),
            holder: &kept.holder,
        },
        (None, Some(access_token)) => Ticket {
            kind: subject::ACCESS_TOKEN,
            token: access_token,
            access_token: None,
            holder: &kept.holder,
        },
        (None, None) => return Err(lapsed(session, server, kept, unnamed(&provider))?),
    };
    let entered = enter(session, link, &ticket, Some(refresh)).await?;
    identity::keep(session, server, &entered)?;
    Ok(entered)
}

/// The provider renews a sign-in, and does not say whose it is.
fn unnamed(provider: &Reached) -> Failure {
    signed_out(format!(
        "{} renews the sign-in without an ID token",
        provider.known.issuer
    ))
    .hint("run: jit login; so that this is not needed again, the server's administrator writes userinfo = true into [people] of server.toml")
}

/// The provider does not renew this one sign-in, which says nothing about the person: nothing ends, and the
/// session is used again once somebody has signed in. The server does without for as long as `attest` says.
fn lapsed(session: &Session, server: &str, kept: &Kept, failure: Failure) -> Result<Failure> {
    let lapsed = Kept {
        refresh: None,
        refused: Some(failure.to_string()),
        ..kept.clone()
    };
    identity::keep(session, server, &lapsed)?;
    Ok(failure)
}

/// The provider says that the account is over: the server is told at once, so that whatever the person
/// holds ends. A client that would not tell is refused by the server once nobody has vouched for it in time.
async fn account_over(session: &Session, link: &Link, kept: &Kept, failure: Failure) -> Failure {
    if let Err(untold) = leave(link, kept, Extent::Account).await {
        session.tell(&format!("the server was not told: {untold}"));
    }
    drop(forget::drop_all(session));
    drop(identity::forget(session, link.server()));
    failure
}

/// What ends with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The session itself: what is held in it goes on in the one of that key, which takes its place.
    Replaced(PublicKey),
    /// What is held in it.
    Session,
    /// All that its person holds, on whichever machine.
    Everywhere,
    /// The same, since the provider says that the account is over.
    Account,
}

/// Ends a session at the server.
pub async fn leave(link: &Link, kept: &Kept, extent: Extent) -> Result<SessionEnded> {
    let call = Call {
        method: Method::DELETE,
        ..Call::get(path::SESSION, Shown::Session(&kept.token, &kept.holder))
    };
    let flag = |is_set: bool| is_set.then(|| "true".to_owned());
    let is_account = extent == Extent::Account;
    let successor = match extent {
        Extent::Replaced(holder) => Some(holder.to_base64url()),
        Extent::Session | Extent::Everywhere | Extent::Account => None,
    };
    let call = call
        .with(
            "everywhere",
            flag(is_account || extent == Extent::Everywhere),
        )
        .with("account_ended", flag(is_account))
        .with("successor", successor);
    link.call(&call).await?.json()
}
