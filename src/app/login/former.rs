//! The session that a sign-in takes the place of. Whatever becomes of telling the server, the new one
//! is kept already.

use super::{
    current::{self, Extent},
    provider::Reached,
};
use crate::{
    app::{forget, identity::Kept, line, session::Session},
    cache::Cache,
    domain::failure::{Code, Result},
    platform::terminal,
    remote::patience::Patience,
};

/// What becomes of a session of the same principal, which a new one takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It ends, with all that is held in it: nobody has its key any more who should.
    Ends,
    /// What is held in it is wanted still, by the command that somebody signs in for.
    Spared,
}

/// Gives back what a sign-in replaces: the refresh token, and the session where it is another one now.
pub(super) async fn leave_behind(
    session: &Session,
    server: &str,
    before: Option<Kept>,
    (now, fate): (&Kept, Fate),
) {
    let Some(before) = before else { return };
    let is_same = before.holder.public() == now.holder.public();
    let is_over = before.expires_at <= (session.clock)();
    let ends = fate == Fate::Ends || before.principal != now.principal;
    if ends
        && !is_same
        && !is_over
        && let Err(failure) = end(session, server, &before).await
        // It had ended already.
        && failure.code != Code::SignIn
    {
        session.tell(&format!("the former session was not ended: {failure}"));
    }
    give_back(session, &before).await;
}

/// Ends it at the server; the leases that rest here are worth nothing then.
async fn end(session: &Session, server: &str, before: &Kept) -> Result<()> {
    let link = line::to(session, server, Patience::LITTLE)?;
    current::leave(&link, before, Extent::Session).await?;
    let cache = Cache::open(&session.places)?;
    let held = cache.entitlements();
    for entitlement in &held {
        forget::drop_lease(session, &cache, entitlement)?;
    }
    if !held.is_empty() {
        terminal::say("jit: the former session was ended, with what was held in it");
    }
    Ok(())
}

/// Gives the refresh token of a session back to its provider.
pub(in crate::app) async fn give_back(session: &Session, kept: &Kept) {
    let Some(refresh) = &kept.refresh else { return };
    let given = async {
        let provider = Reached::new(&refresh.provider).await?;
        provider.revoke(&refresh.token).await
    };
    if let Err(failure) = given.await {
        session.tell(&format!("the refresh token was not given back: {failure}"));
    }
}
