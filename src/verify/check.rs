//! What a token claims, once its signature holds: for whom it is, and when.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    claims::{instant, text},
    fault::Fault,
    logout,
    trusted::{Purpose, Trusted, Verified},
};
use crate::domain::{lease::CLOCK_SKEW, time::Timestamp};

/// No subject of anybody is longer.
const LONGEST_SUBJECT: usize = 1024;

/// What a token of `trusted` says, or why it says nothing here and now.
pub(super) fn check(
    trusted: &Trusted,
    claims: Map<String, Value>,
    id: String,
    now: Timestamp,
) -> Result<Verified, Fault> {
    let subject = text(&claims, "sub").unwrap_or_default();
    let need_not_name = trusted.purpose == Purpose::Logout && !claims.contains_key("sub");
    if subject.len() > LONGEST_SUBJECT || (subject.is_empty() && !need_not_name) {
        return Err("it names nobody (sub)".into());
    }
    logout::check(trusted.purpose, &claims)?;
    // A SPIFFE JWT-SVID need not name its issuer: whoever holds the keys of the trust domain is it.
    match (claims.get("iss"), trusted.purpose) {
        (Some(Value::String(issuer)), _) if *issuer == trusted.issuer => {}
        (None, Purpose::Unnamed) => {}
        _ => return Err(format!("it is not of {}", trusted.issuer).into()),
    }
    audience(trusted, &claims)?;
    let (expires_at, issued_at) = times(trusted, &claims, now)?;
    Ok(Verified {
        issuer: trusted.issuer.clone(),
        subject: subject.to_owned(),
        issued_at,
        expires_at,
        id,
        claims,
    })
}

fn audience(trusted: &Trusted, claims: &Map<String, Value>) -> Result<(), Fault> {
    let named: BTreeSet<&str> = match claims.get("aud") {
        Some(Value::String(one)) => [one.as_str()].into(),
        Some(Value::Array(many)) => {
            let texts: Option<_> = many.iter().map(Value::as_str).collect();
            texts.ok_or("its audience is none (aud)")?
        }
        _ => return Err("it names no audience (aud)".into()),
    };
    let ours = |audience: &&str| trusted.audiences.contains(*audience);
    if !named.iter().any(ours) {
        let wanted = trusted.audiences.iter().map(|one| format!("{one:?}"));
        let wanted: Vec<String> = wanted.collect();
        let wanted = wanted.join(" or ");
        return Err(Fault::lasting(
            format!("it is for another audience: its `aud` is to name {wanted}"),
            format!("ask the issuer for one whose audience is {wanted}"),
        ));
    }
    if trusted.purpose != Purpose::IdToken {
        return Ok(());
    }
    // OpenID Connect Core 1.0, section 3.1.3.7, 3 to 5.
    match claims.get("azp") {
        None if named.len() == 1 => Ok(()),
        Some(Value::String(party)) if ours(&party.as_str()) => Ok(()),
        _ => Err("it was issued to another client (azp)".into()),
    }
}

fn times(
    trusted: &Trusted,
    claims: &Map<String, Value>,
    now: Timestamp,
) -> Result<(Timestamp, Option<Timestamp>), Fault> {
    let end = match (instant(claims, "exp")?, trusted.purpose) {
        (Some(end), _) => end,
        // Drafts of that specification, and providers that follow them, have no end.
        (None, Purpose::Logout) => logout::end(instant(claims, "iat")?)?,
        (None, _) => return Err("it has no end (exp)".into()),
    };
    if now >= end.after(CLOCK_SKEW) {
        return Err(format!("it expired at {end} (exp)").into());
    }
    let soonest = now.after(CLOCK_SKEW);
    if instant(claims, "nbf")?.is_some_and(|begin| begin > soonest) {
        return Err("it is not valid yet (nbf)".into());
    }
    let issued = instant(claims, "iat")?;
    if issued.is_some_and(|issued| issued > soonest) {
        return Err("it was issued in the future (iat)".into());
    }
    if issued.is_none() && matches!(trusted.purpose, Purpose::IdToken | Purpose::Logout) {
        return Err("it does not say when it was issued (iat)".into());
    }
    Ok((end, issued))
}
