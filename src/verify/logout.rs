//! What makes a token a logout token, and no ID token (OpenID Connect Back-Channel Logout 1.0, section 2.6).

use std::time::Duration;

use serde_json::{Map, Value};

use super::{fault::Fault, trusted::Purpose};
use crate::domain::time::Timestamp;

/// The event that a logout token is about.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token without an end of its own is taken.
const LONGEST: Duration = Duration::from_mins(2);
/// No provider's name for one of its sessions is longer.
const LONGEST_SESSION: usize = 1024;

/// Refuses a logout token where another token is meant, and another token where a logout token is.
pub(super) fn check(purpose: Purpose, claims: &Map<String, Value>) -> Result<(), Fault> {
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if purpose != Purpose::Logout {
        return match event {
            None => Ok(()),
            Some(_) => Err("it is a logout token (events)".into()),
        };
    }
    if !event.is_some_and(Value::is_object) {
        return Err("it is about no logout (events)".into());
    }
    if claims.contains_key("nonce") {
        return Err("it has a nonce, which no logout token has".into());
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("jti").is_none_or(str::is_empty) {
        return Err("it has no id (jti)".into());
    }
    let session = claims.get("sid").map(|_| text("sid").unwrap_or_default());
    if session.is_some_and(|session| session.is_empty() || session.len() > LONGEST_SESSION) {
        return Err("it names no session (sid)".into());
    }
    if session.is_none() && !claims.contains_key("sub") {
        return Err("it names neither a session nor anybody (sid, sub)".into());
    }
    Ok(())
}

/// Until when a logout token is taken that does not say so.
pub(super) fn end(issued_at: Option<Timestamp>) -> Result<Timestamp, Fault> {
    let issued_at = issued_at.ok_or("it does not say when it was issued (iat)")?;
    Ok(issued_at.after(LONGEST))
}
