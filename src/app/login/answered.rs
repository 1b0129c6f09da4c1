//! Whether a provider gave the sign-in that it was asked for: some ignore `prompt`, `max_age` and
//! `acr_values`, above all in the device flow (RFC 8628 does not have them).

use std::time::Duration;

use serde_json::{Map, Value};

use super::wish::Wish;
use crate::{
    domain::{
        failure::{Code, Failure, Result},
        time::Timestamp,
    },
    platform::terminal,
    protocol::session::Provider,
};

/// How much the provider may have rounded its own times by.
const ROUNDED: Duration = Duration::from_secs(2);

/// Refuses a sign-in that is older than was asked for. Both instants are of the provider's clock; `took` is
/// how long the person had for it.
///
/// # Errors
/// Sign-in (123), with what helps; signing in the same way again would not.
pub(super) fn check_age(
    provider: &Provider,
    wish: &Wish,
    claims: &Map<String, Value>,
    took: Duration,
) -> Result<()> {
    let Some(max_age) = wish.max_age else {
        return Ok(());
    };
    let issuer = &provider.issuer;
    let refused = |why: String| Failure::new(Code::SignIn, why).hint(hint(provider, wish));
    let instant = |name: &str| claims.get(name).and_then(Value::as_i64);
    let (Some(at), Some(issued_at)) = (instant("auth_time"), instant("iat")) else {
        return Err(refused(format!(
            "{issuer} does not say when you signed in (auth_time)"
        )));
    };
    let (at, issued_at) = (Timestamp::from_secs(at), Timestamp::from_secs(issued_at));
    let oldest = Duration::from_secs(max_age) + took + ROUNDED;
    if issued_at.left(at) > oldest {
        return Err(refused(format!(
            "{issuer} did not ask you to sign in again: you signed in there at {}",
            at.to_rfc3339_seconds()
        )));
    }
    Ok(())
}

/// What makes the provider ask again.
fn hint(provider: &Provider, wish: &Wish) -> String {
    let issuer = &provider.issuer;
    if wish.device {
        format!(
            "sign out of {issuer} in the browser that you used, then run it again; or run, on a machine with a browser: jit login --fresh"
        )
    } else {
        format!("sign out of {issuer} in your browser, then run it again")
    }
}

/// Says where a step-up is not of a class that the server asks for (`acr_values`).
pub(super) fn report_class(provider: &Provider, wish: &Wish, claims: &Map<String, Value>) {
    let acr = claims.get("acr").and_then(Value::as_str);
    if let Some(line) = other_class(provider, wish, acr) {
        terminal::say(&line);
    }
}

fn other_class(provider: &Provider, wish: &Wish, acr: Option<&str>) -> Option<String> {
    let wanted = &provider.acr_values;
    wish.max_age?;
    if wanted.is_empty() || acr.is_some_and(|acr| wanted.iter().any(|one| one == acr)) {
        return None;
    }
    let given = acr.map_or_else(
        || "none".to_owned(),
        |acr| format!("\"{}\"", terminal::plain_line(acr)),
    );
    Some(format!(
        "jit: {} gave no sign-in of the class that was asked for ({}): its acr is {given}",
        provider.issuer,
        wanted.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn provider() -> Provider {
        Provider {
            issuer: "https://id.example.com".to_owned(),
            client_id: "jit".to_owned(),
            scopes: Vec::new(),
            acr_values: vec!["phr".to_owned()],
            max_age: 43200,
            userinfo: false,
            redirect_port: None,
            parameters: BTreeMap::new(),
            device: true,
            certificate_authority: None,
        }
    }

    fn wish(max_age: Option<u64>) -> Wish {
        Wish {
            device: true,
            max_age,
        }
    }

    #[test]
    fn a_sign_in_that_is_older_than_was_asked_for_is_refused() {
        let age = |claims: Value, max_age| {
            let claims = claims.as_object().cloned().unwrap();
            let took = Duration::from_secs(10);
            check_age(&provider(), &wish(max_age), &claims, took).is_ok()
        };
        let signed_in = |at: i64| json!({ "auth_time": at, "iat": 1000 });
        assert!(age(signed_in(1000), Some(0)));
        assert!(age(signed_in(989), Some(0)));
        assert!(!age(signed_in(980), Some(0)));
        assert!(age(signed_in(500), Some(3600)));
        assert!(!age(json!({ "iat": 1000 }), Some(3600)));
        assert!(age(json!({}), None));
    }

    #[test]
    fn a_class_that_was_not_asked_for_is_named() {
        let other = |acr| other_class(&provider(), &wish(Some(0)), acr);
        assert_eq!(other(Some("phr")), None);
        let line = other(Some("1\u{1b}[2J")).unwrap();
        assert!(line.contains("(phr): its acr is \"1"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
        assert!(other(None).unwrap().ends_with("its acr is none"));
        assert_eq!(other_class(&provider(), &wish(None), None), None);
    }
}
