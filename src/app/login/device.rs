//! Signing in on another device (RFC 8628): this one shows a code.

use oauth2::{DeviceAuthorizationUrl, PkceCodeChallenge};
use tokio::time::sleep;

use super::{
    provider::{Device, Reached, Tokens, plain},
    wish::Wish,
};
use crate::{
    domain::failure::{Failure, Result},
    platform::terminal,
};

/// Signs a person in who opens a page elsewhere.
///
/// # Errors
/// Denied (121): the provider, or the person, says no, or nobody came in time.
pub(super) async fn sign_in(provider: &Reached, wish: &Wish) -> Result<Tokens> {
    let issuer = &provider.known.issuer;
    let client = provider.client()?;
    let lacking = || {
        Failure::failed(format!("{issuer} signs nobody in on another device"))
            .hint("run, where a browser is: jit login")
    };
    let _: &DeviceAuthorizationUrl = client.device_authorization_url().ok_or_else(lacking)?;
    // RFC 8628 says nothing of PKCE: a provider that does not know it ignores it (RFC 6749, section 3.2),
    // and some demand it.
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut asked = client
        .exchange_device_code()
        .map_err(|_| lacking())?
        .add_scopes(provider.scopes())
        .add_extra_param("code_challenge", challenge.as_str())
        .add_extra_param("code_challenge_method", challenge.method().as_str());
    for (name, value) in wish.parameters(&provider.known) {
        asked = asked.add_extra_param(name, value);
    }
    for (name, value) in &provider.known.parameters {
        asked = asked.add_extra_param(name.clone(), value.clone());
    }
    let call = |request| provider.send(request);
    let device: Device = asked
        .request_async(&call)
        .await
        .map_err(|error| provider.refused(error))?;
    let (page, code) = (
        device.verification_uri().as_str(),
        device.user_code().secret(),
    );
    terminal::report(&format!(
        "jit: on any device, open {} and enter the code {}",
        plain(page),
        plain(code)
    ));
    if let Some(whole) = device.verification_uri_complete() {
        terminal::report(&format!("jit: or open {}", plain(whole.secret())));
    }
    let exchanged = client
        .exchange_device_access_token(&device)
        .add_extra_param("code_verifier", verifier.secret())
        .request_async(&call, sleep, None);
    let exchanged = exchanged.await.map_err(|error| provider.refused(error))?;
    Ok(provider.tokens(&exchanged))
}
