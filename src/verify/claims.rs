//! Single claims of a token, as far as they are what they should be.

use serde_json::{Map, Value};

use crate::domain::time::Timestamp;

/// The year 5138; what is beyond is no instant.
const LAST: f64 = 1e11;

/// A `NumericDate` (RFC 7519, section 2); nothing where there is none.
pub(super) fn instant(
    claims: &Map<String, Value>,
    name: &str,
) -> Result<Option<Timestamp>, String> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_f64()
        .filter(|seconds| (0.0..LAST).contains(seconds));
    #[expect(clippy::cast_possible_truncation, reason = "it is within those bounds")]
    let instant = seconds.map(|seconds| Timestamp::from_secs(seconds as i64));
    instant
        .map(Some)
        .ok_or_else(|| format!("its {name} is no instant"))
}

/// A claim that is text.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}
