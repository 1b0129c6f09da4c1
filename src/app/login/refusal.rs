//! The errors of a provider in its own words (RFC 6749, sections 4.1.2.1 and 5.2), and what helps.

use crate::protocol::session::Provider;

/// Whether the provider says that it cannot answer just now.
pub(super) fn is_temporary(error: &str) -> bool {
    matches!(
        error,
        "temporarily_unavailable" | "server_error" | "slow_down"
    )
}

/// What to do about an error; `words` are all that the provider says.
pub(super) fn hint(provider: &Provider, error: &str, words: &str) -> String {
    let words = words.to_ascii_lowercase();
    let client = &provider.client_id;
    // Keycloak says `not_allowed` to a person who may not have offline tokens.
    let is_offline = error == "not_allowed" || words.contains("offline");
    match error {
        _ if is_offline => format!(
            "the provider's administrator allows \"offline_access\" to this person and to the client {client}, or the server's takes it out of scopes in [people] of server.toml"
        ),
        "invalid_scope" => format!(
            "the provider does not have or not allow all of {}: its administrator allows them to the client {client}, or the server's corrects scopes in [people] of server.toml",
            provider.scopes.join(", ")
        ),
        "invalid_client" | "unauthorized_client" => format!(
            "the provider's administrator makes {client} a public client that may do this, or the server's corrects client_id in [people] of server.toml"
        ),
        "access_denied" => "run: jit login".to_owned(),
        _ => "sign in again; if it stays so, ask whoever runs the provider".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_hint_sends_somebody_to_what_fails_again() {
        let provider = Provider {
            issuer: "https://id.example.com".to_owned(),
            client_id: "jit".to_owned(),
            scopes: vec!["openid".to_owned(), "nonsense".to_owned()],
            acr_values: Vec::new(),
            max_age: 43200,
            userinfo: false,
            redirect_port: None,
            parameters: BTreeMap::new(),
            device: true,
            certificate_authority: None,
        };
        for (error, words, told) in [
            (
                "invalid_scope",
                "Invalid scopes: openid nonsense",
                "openid, nonsense",
            ),
            (
                "invalid_scope",
                "offline_access is not allowed",
                "offline_access",
            ),
            (
                "not_allowed",
                "Offline tokens not allowed for the user or client",
                "offline_access",
            ),
            ("unauthorized_client", "", "client_id"),
        ] {
            let hint = hint(&provider, error, words);
            assert!(hint.contains(told) && !hint.contains("jit login"), "{hint}");
        }
    }
}
