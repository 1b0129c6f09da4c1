//! The session that a sign-in takes the place of. Whatever becomes of telling the server, the new one
//! is kept already.

use super::{
    current::{self, Extent},
    provider::Reached,
};
use crate::{
    app::{identity::Kept, line, session::Session},
    domain::failure::{Code, Result},
    protocol::session::SessionEnded,
    remote::patience::Patience,
};

/// Ends the session that a sign-in replaces, where it is another one now. What is held in it goes on where
/// it is the same principal's.
pub(super) async fn leave_behind(
    session: &Session,
    server: &str,
    before: Option<Kept>,
    now: &Kept,
) {
    let Some(before) = before else { return };
    let is_same = before.holder.public() == now.holder.public();
    let is_over = before.expires_at <= (session.clock)();
    if is_same || is_over {
        return;
    }
    let extent = if before.principal == now.principal {
        Extent::Replaced(now.holder.public())
    } else {
        Extent::Session
    };
    match end(session, server, &before, extent).await {
        Ok(ended) => give_back_unshared(session, &before, &ended).await,
        // It had ended already.
        Err(failure) if failure.code == Code::SignIn => {}
        Err(failure) => session.tell(&format!("the former session was not ended: {failure}")),
    }
}

async fn end(
    session: &Session,
    server: &str,
    before: &Kept,
    extent: Extent,
) -> Result<SessionEnded> {
    // Whoever signed in does not wait for that.
    let link = line::to(session, server, Patience::LITTLE)?;
    current::leave(&link, before, extent).await
}

/// Gives the refresh token of a session that ended back to its provider, unless another session of the
/// same principal lives: providers end everything that came of one sign-in at a browser together
/// (RFC 7009, section 2.1), and the other session may have come of it too.
pub(in crate::app) async fn give_back_unshared(
    session: &Session,
    kept: &Kept,
    ended: &SessionEnded,
) {
    if ended.other_sessions == 0 {
        give_back(session, kept).await;
    }
}

/// Gives the refresh token of a session back to its provider.
pub(in crate::app) async fn give_back(session: &Session, kept: &Kept) {
    let Some(refresh) = &kept.refresh else { return };
    let given = async {
        let provider = Reached::new(session, &refresh.provider).await?;
        provider.revoke(&refresh.token).await
    };
    if let Err(failure) = given.await {
        session.tell(&format!("the refresh token was not given back: {failure}"));
    }
}
