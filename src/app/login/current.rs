//! Who this run is at a server: the session that rests here, vouched for again where it is time.

use reqwest::Method;

use super::{
    enter::{Ticket, enter},
    provider::Reached,
};
use crate::{
    app::{
        identity::{self, Kept, Refresh, signed_out},
        line,
        session::Session,
    },
    domain::failure::{Code, Failure, Nature, Result},
    platform::lock::Lock,
    protocol::{path, subject},
    remote::{
        link::{Call, Link, Shown},
        patience::Patience,
        session::Identity,
    },
};

/// The session that this run has at a server.
///
/// # Errors
/// Sign-in needed (123): there is none, it has ended, or nobody vouches for it any more.
pub async fn of(session: &Session, server: &str) -> Result<Identity> {
    let now = (session.clock)();
    let kept = identity::kept(session, server)?
        .ok_or_else(|| signed_out(format!("you are not signed in at {server}")))?;
    if kept.expires_at <= now {
        return Err(signed_out(format!("your session at {server} has ended")));
    }
    let kept = if is_due(session, &kept) {
        renewed(session, server).await?
    } else {
        kept
    };
    Ok(Identity {
        token: kept.token,
        holder: kept.holder,
    })
}

fn is_due(session: &Session, kept: &Kept) -> bool {
    kept.renew_at.is_some_and(|at| at <= (session.clock)()) && kept.refresh.is_some()
}

/// Has the session vouched for again, silently. One process at a time: a provider that sees a refresh
/// token twice takes it for stolen.
async fn renewed(session: &Session, server: &str) -> Result<Kept> {
    let _one = Lock::soon(&identity::file(session, server).with_extension("lock"))?;
    let kept = identity::kept(session, server)?
        .ok_or_else(|| signed_out(format!("you are not signed in at {server}")))?;
    let Some(refresh) = kept.refresh.clone().filter(|_| is_due(session, &kept)) else {
        return Ok(kept);
    };
    let link = line::to(session, server, Patience::PERSON)?;
    match vouched_again(session, &link, &kept, refresh).await {
        Err(failure) if failure.nature == Nature::Away || failure.code == Code::TimedOut => {
            // The server decides how long it goes without.
            session.tell(&format!("nobody vouched again: {failure}"));
            Ok(kept)
        }
        outcome => outcome,
    }
}

async fn vouched_again(
    session: &Session,
    link: &Link,
    kept: &Kept,
    refresh: Refresh,
) -> Result<Kept> {
    let server = link.server();
    let provider = Reached::new(&refresh.provider).await?;
    let tokens = match provider.refresh(&refresh.token).await {
        Err(failure) if failure.code == Code::SignIn => {
            return Err(abandoned(session, link, kept, failure).await);
        }
        tokens => tokens?,
    };
    let refresh = Refresh {
        provider: refresh.provider,
        token: tokens.refresh.unwrap_or(refresh.token),
    };
    // Before anything else can go wrong: the old one may be good for nothing now.
    let with_newer = Kept {
        refresh: Some(refresh.clone()),
        ..kept.clone()
    };
    identity::keep(session, server, &with_newer)?;
    let ticket = Ticket {
        kind: subject::ID_TOKEN,
        token: &tokens.id_token,
        holder: &kept.holder,
    };
    let entered = enter(session, link, &ticket, Some(refresh)).await?;
    identity::keep(session, server, &entered)?;
    Ok(entered)
}

/// The provider knows this person no more: the server is told at once, so that whatever they hold ends.
/// A client that would not tell is refused by the server once nobody has vouched for it in time.
async fn abandoned(session: &Session, link: &Link, kept: &Kept, failure: Failure) -> Failure {
    let told = leave(link, kept, Extent::Person).await;
    if let Err(told) = told {
        session.tell(&format!("the server was not told: {told}"));
    }
    drop(identity::forget(session, link.server()));
    failure
}

/// What ends with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is held in it.
    Session,
    /// All that its person holds, on whichever machine.
    Person,
}

/// Ends a session at the server.
pub async fn leave(link: &Link, kept: &Kept, extent: Extent) -> Result<()> {
    let call = Call {
        method: Method::DELETE,
        ..Call::get(path::SESSION, Shown::Session(&kept.token, &kept.holder))
    };
    let everywhere = (extent == Extent::Person).then(|| "true".to_owned());
    let call = call.with("everywhere", everywhere);
    link.call(&call).await.map(drop)
}
