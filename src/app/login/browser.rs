//! Signing in with a browser: authorization code with PKCE (RFC 7636), the answer on a loopback port.

use std::{
    error::Error,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl};

use serde_json::{Map, Value};

use super::{
    loopback::{Answer, Loopback},
    provider::{Reached, Tokens, claims, plain},
    refusal,
    wish::Wish,
};
use crate::{
    app::session::Session,
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::{process, terminal},
};

/// Signs a person in. `nonce` binds the ID token to this sign-in's key.
///
/// # Errors
/// Denied (121): the provider, or the person, says no. Timed out (124): nobody answered.
pub(super) async fn sign_in(
    session: &Session,
    provider: &Reached,
    wish: &Wish,
    nonce: &str,
) -> Result<Tokens> {
    let listener = Loopback::open(provider.known.redirect_port).await?;
    let misled = |error: &(dyn Error + 'static)| {
        Failure::failed(format!(
            "{} has no page to sign in at",
            provider.known.issuer
        ))
        .because(error)
        .hint("run: jit login --device")
    };
    let redirect = RedirectUrl::new(listener.url()).map_err(|error| misled(&error))?;
    let client = provider.client()?.set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut asked = client
        .authorize_url(CsrfToken::new_random)
        .map_err(|error| misled(&error))?
        .add_scopes(provider.scopes())
        .set_pkce_challenge(challenge)
        .add_extra_param("nonce", nonce);
    for (name, value) in wish.parameters(&provider.known) {
        asked = asked.add_extra_param(name, value);
    }
    for (name, value) in &provider.known.parameters {
        asked = asked.add_extra_param(name, value);
    }
    let (url, state) = asked.url();
    terminal::report(&format!(
        "jit: sign in with your browser; if none opens, visit\n{url}"
    ));
    open(&session.environment, url.as_str());
    let answer = listener.answer(state.secret()).await?;
    let code = code(provider, answer)?;
    let call = |request| provider.send(request);
    let exchanged = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request_async(&call);
    let exchanged = exchanged.await.map_err(|error| provider.refused(error))?;
    let tokens = provider.tokens(&exchanged);
    if !is_ours(&claims(provider.id_token(&tokens)?), nonce) {
        return Err(Failure::denied(format!(
            "{} answered another sign-in than this one",
            provider.known.issuer
        ))
        .hint("run: jit login"));
    }
    Ok(tokens)
}

/// Whether an ID token is of the sign-in that this nonce was sent with; one that names none is not
/// (OpenID Connect Core 1.0, section 3.1.3.7, 11).
fn is_ours(said: &Map<String, Value>, nonce: &str) -> bool {
    said.get("nonce").and_then(Value::as_str) == Some(nonce)
}

/// The code in an answer that is this provider's (RFC 9207).
fn code(provider: &Reached, mut answer: Answer) -> Result<String> {
    let issuer = &provider.known.issuer;
    let named = answer.get("iss");
    let must = provider
        .metadata
        .authorization_response_iss_parameter_supported;
    if named.is_some_and(|named| named != issuer) || (named.is_none() && must) {
        return Err(
            Failure::denied(format!("the browser's answer is not of {issuer}"))
                .hint("somebody may have led it astray; run: jit login"),
        );
    }
    if let Some(error) = answer.get("error") {
        let words = answer.get("error_description").map_or("", String::as_str);
        let words = plain(&format!("{error}: {words}"));
        if refusal::is_temporary(error) {
            return Err(provider.busy(&words));
        }
        return Err(
            Failure::denied(format!("{issuer} did not sign you in ({words})")).hint(refusal::hint(
                &provider.known,
                error,
                &words,
            )),
        );
    }
    answer.remove("code").ok_or_else(|| {
        Failure::failed(format!("{issuer} sent the browser back without a code"))
            .hint("run: jit login")
    })
}

/// Opens a page, if there is something to open it with; that none opens is said already.
fn open(environment: &Environment, url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    // `BROWSER` may be a list, and its words are no shell's.
    let named = environment.text("BROWSER").unwrap_or_default();
    let named = named.split(':').filter(|name| !name.is_empty());
    for name in named.chain([opener]) {
        let mut words = name.split_whitespace();
        let program = words.next().unwrap_or_default();
        let Ok(program) = process::find(program.as_ref(), environment) else {
            continue;
        };
        let mut command = Command::new(program);
        let mut is_named = false;
        for word in words {
            is_named |= word.contains("%s");
            command.arg(word.replace("%s", url));
        }
        if !is_named {
            command.arg(url);
        }
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if command.spawn().is_ok() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_token_without_the_nonce_that_was_sent_is_of_another_sign_in() {
        let said = |value: Value| value.as_object().cloned().unwrap();
        assert!(is_ours(&said(json!({ "nonce": "n" })), "n"));
        for other in [
            json!({}),
            json!({ "nonce": null }),
            json!({ "nonce": "" }),
            json!({ "nonce": "N" }),
            json!({ "nonce": ["n"] }),
        ] {
            assert!(!is_ours(&said(other.clone()), "n"), "{other}");
        }
    }
}
