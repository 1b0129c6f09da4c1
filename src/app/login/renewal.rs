//! What a provider makes of a refresh token.

use oauth2::{RefreshToken, RequestTokenError};
use secrecy::ExposeSecret as _;

use super::provider::{Reached, Tokens, is_invalid_grant};
use crate::domain::{
    credential::Token,
    failure::{Failure, Result},
};

/// How providers say that an account is disabled or gone, in lower case: Keycloak, Microsoft Entra
/// (AADSTS50034, AADSTS50057), Auth0.
const ACCOUNT_OVER: [&str; 6] = [
    "user disabled",
    "unknown user",
    "user not found",
    "aadsts50034",
    "aadsts50057",
    "user is blocked",
];

/// What comes of a refresh token.
pub(super) enum Renewal {
    /// Newer tokens.
    Given(Tokens),
    /// The provider does not take it: this one sign-in is over. It may have been idle for too long, or the
    /// answer to an earlier renewal was lost.
    SignInOver(Failure),
    /// The provider says that the account is disabled, or that there is none any more.
    AccountOver(Failure),
}

/// Asks the provider for newer tokens.
///
/// # Errors
/// The provider is away, or refuses this client.
pub(super) async fn renew(provider: &Reached, token: &Token) -> Result<Renewal> {
    let client = provider.client()?;
    let refresh = RefreshToken::new(token.0.expose_secret().to_owned());
    let call = |request| provider.send(request);
    let answer = client.exchange_refresh_token(&refresh).request_async(&call);
    match answer.await {
        Ok(answer) => Ok(Renewal::Given(provider.tokens(&answer))),
        Err(RequestTokenError::ServerResponse(said)) if is_invalid_grant(&said) => {
            let words = said.error_description().map_or("", String::as_str);
            let is_account = is_account_over(words);
            let failure = provider.refused(RequestTokenError::ServerResponse(said));
            Ok(if is_account {
                Renewal::AccountOver(failure)
            } else {
                Renewal::SignInOver(failure)
            })
        }
        Err(error) => Err(provider.refused(error)),
    }
}

/// Whether a provider's words say that the account itself is over, where `invalid_grant` alone says as well
/// that a sign-in was idle for too long (RFC 6749, section 5.2). Words that are not known say nothing.
fn is_account_over(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ACCOUNT_OVER.iter().any(|known| words.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_about_the_account_say_that_it_is_over() {
        for words in [
            "User disabled",
            "Unknown user",
            "AADSTS50057: The user account is disabled.",
        ] {
            assert!(is_account_over(words), "{words}");
        }
        for words in [
            "",
            "Token is not active",
            "Session not active",
            "Offline user session not found",
            "Stale token",
            "Maximum allowed refresh token reuse exceeded",
            "grant request is invalid",
            "AADSTS700082: The refresh token has expired due to inactivity.",
        ] {
            assert!(!is_account_over(words), "{words}");
        }
    }
}
