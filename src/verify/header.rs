//! The header of a token: whether it is worth looking at, and by which key it is to be checked (RFC 7515).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Header, decode_header};
use serde_json::{Map, Value};

use super::{
    fault::Fault,
    trusted::{ALGORITHMS, Trusted},
};

/// The longest token that is looked at, in bytes: one with a thousand groups by their UUIDs has 52 KiB.
pub const LONGEST: usize = 64 << 10;
/// What helps against a token that is too long.
const SHORTER: &str =
    "have the issuer put less into it: only the groups that are assigned to this application";
/// What helps against a signature that is not read here.
const SIGN_OTHERWISE: &str = "have the issuer sign by RS256, ES256 or EdDSA";

/// The header of a token that may be one of `trusted`.
pub(super) fn read(token: &str, trusted: &Trusted) -> Result<Header, Fault> {
    if token.len() > LONGEST {
        let why = format!("it is longer than {} KiB", LONGEST >> 10);
        return Err(Fault::lasting(why, SHORTER));
    }
    let header = decode_header(token).map_err(|_| unreadable(token))?;
    let allowed = &trusted.algorithms;
    if !ALGORITHMS.contains(&header.alg) || !allowed.contains(&header.alg) {
        let why = format!("its algorithm {:?} is not allowed", header.alg);
        return Err(Fault::lasting(why, SIGN_OTHERWISE));
    }
    let kind = header.typ.as_deref().unwrap_or("JWT");
    let mut known = trusted.purpose.types().iter();
    if !known.any(|known| known.eq_ignore_ascii_case(kind)) {
        return Err("it is a token of another type (typ)".into());
    }
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err("its header wants what is not known here".into());
    }
    Ok(header)
}

/// A token whose header cannot be read: of an algorithm that is not supported, or no token at all.
fn unreadable(token: &str) -> Fault {
    let header = part(token, 0).unwrap_or_default();
    // Those of RFC 7518 (section 3.1) and RFC 8812, as far as they are signatures.
    let mut unsupported = ["ES512", "ES256K", "Ed448"].into_iter();
    let alg = header.get("alg").and_then(Value::as_str);
    match unsupported.find(|known| alg == Some(known)) {
        Some(alg) => {
            let why = format!("its algorithm {alg} is not supported");
            Fault::lasting(why, SIGN_OTHERWISE)
        }
        None => "it is no signed JWT".into(),
    }
}

/// The claims of a JWT before anything of them is believed: only for finding who is to be asked.
pub fn unverified_claims(token: &str) -> Option<Map<String, Value>> {
    part(token, 1)
}

/// A part of a JWT that is JSON.
fn part(token: &str, place: usize) -> Option<Map<String, Value>> {
    let parts: Vec<&str> = token
        .split('.')
        .filter(|_| token.len() <= LONGEST)
        .collect();
    let text = parts.get(place).filter(|_| parts.len() == 3)?;
    let text = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&text).ok()
}
