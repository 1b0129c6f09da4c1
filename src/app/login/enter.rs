//! At the server's door: what says who somebody is becomes a session that is bound to a key of this
//! machine (RFC 8693 with RFC 9449).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    app::{
        identity::{Kept, Refresh},
        session::Session,
    },
    domain::{
        credential::Token,
        failure::{Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::http,
    protocol::{
        path,
        session::{SessionView, SignInWays, TokenResponse},
        token,
    },
    remote::link::{Body, Call, Link, Shown},
};

/// The longest token that a server looks at, in bytes.
const LONGEST: usize = 64 << 10;

/// How one signs in at a server.
pub(super) async fn ways(link: &Link) -> Result<SignInWays> {
    let call = Call::get(path::SIGN_IN, Shown::Nothing);
    link.call(&call).await?.json()
}

/// What is shown at the door: a token of a type, and what goes with it.
pub(super) struct Ticket<'a> {
    /// Its type (RFC 8693, section 3).
    pub kind: &'a str,
    /// The token itself.
    pub token: &'a Token,
    /// The access token that came with it, where the server wants it.
    pub access_token: Option<&'a Token>,
    /// The key that the session is to be bound to.
    pub holder: &'a PrivateKey,
}

/// Goes in: the session as it is to be kept.
pub(super) async fn enter(
    session: &Session,
    link: &Link,
    ticket: &Ticket<'_>,
    refresh: Option<Refresh>,
) -> Result<Kept> {
    let origin = session.origin(None);
    let length = ticket.token.0.expose_secret().len();
    if length > LONGEST {
        return Err(Failure::denied(format!(
            "the token that says who you are has {} KiB, and a server takes {} KiB",
            length >> 10,
            LONGEST >> 10
        ))
        .hint(
            "its issuer puts less into it: only the groups that are assigned to this application",
        ));
    }
    let mut fields = vec![
        ("grant_type", token::GRANT_TYPE),
        ("subject_token", ticket.token.0.expose_secret()),
        ("subject_token_type", ticket.kind),
        ("client_host", &*origin.host),
    ];
    let access_token = ticket.access_token.map(|token| token.0.expose_secret());
    fields.extend(access_token.map(|token| ("access_token", token)));
    let form = http::form(&fields)?;
    let call = Call::post(path::TOKEN, Body::Form(form), Shown::Key(ticket.holder));
    let given: TokenResponse = link.call(&call).await?.json()?;
    let now: Timestamp = (session.clock)();
    if given.token_type != token::DPOP {
        return Err(Failure::failed(format!(
            "{} gave a token that is bound to no key",
            link.server()
        ))
        .hint("check `server` in config.toml"));
    }
    let token = Token(SecretString::from(given.access_token));
    let call = Call::get(path::SESSION, Shown::Session(&token, ticket.holder));
    let view: SessionView = link.call(&call).await?.json()?;
    // Some time before it must be done.
    let renew_in = given
        .attest_in
        .map(|seconds| Duration::from_secs(seconds / 4 * 3));
    Ok(Kept {
        token,
        holder: ticket.holder.clone(),
        expires_at: now.after(Duration::from_secs(given.expires_in)),
        renew_at: renew_in.map(|span| renew_at(now, span, refresh.as_ref())),
        principal: view.principal,
        refresh,
        by: None,
        refused: None,
        notes: given.notes,
    })
}

/// When the provider is asked again: before the server wants it, and well before the refresh token ends
/// for not having been used.
fn renew_at(now: Timestamp, attest: Duration, refresh: Option<&Refresh>) -> Timestamp {
    let ends_at = refresh.and_then(|refresh| refresh.expires_at);
    let half = ends_at.map(|ends_at| now.after(ends_at.left(now) / 2));
    let attest = now.after(attest);
    half.map_or(attest, |half| half.min(attest))
}
