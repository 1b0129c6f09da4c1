//! `[people]` of `server.toml`: the OpenID provider whose word counts for people.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{
    check::fault::{Checked, Fault},
    names,
};

/// `[people]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// The provider's URL, exactly as it says it itself.
    pub issuer: String,
    /// The public client that `jit login` is there; its ID tokens name it as their audience.
    pub client_id: String,
    /// What `jit login` asks for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the name that a person has here.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim with the names of a person's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// What a step-up asks for, the best first (`acr_values`), where plain signing in again is not enough.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// The provider's certificate authority, PEM, where it is a private one.
    pub certificate_authority: Option<PathBuf>,
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "offline_access"]
        .map(str::to_owned)
        .into()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

/// Refuses the first mistake.
pub(super) fn check(people: &People) -> Checked {
    if !names::is_server(&people.issuer) {
        let hint = "write it exactly as it says it itself, https://HOST/PATH; http only for this machine itself";
        return Err(Fault::not(
            &["people", "issuer"],
            &people.issuer,
            "an issuer's URL",
            hint,
        ));
    }
    let words = [
        ("client_id", &people.client_id),
        ("name_claim", &people.name_claim),
        ("groups_claim", &people.groups_claim),
    ];
    for (key, word) in words {
        if !names::is_line(word) {
            return Err(Fault::not(
                &["people", key],
                word,
                "a word",
                "use one line of text",
            ));
        }
    }
    // RFC 6749, section 3.3.
    let is_scope = |scope: &String| {
        let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        !scope.is_empty() && scope.chars().all(plain)
    };
    if let Some(scope) = people.scopes.iter().find(|scope| !is_scope(scope)) {
        let hint = "use one word each: scopes = [\"openid\", \"profile\", \"offline_access\"]";
        return Err(Fault::not(&["people", "scopes"], scope, "a scope", hint));
    }
    if let Some(acr) = people.acr_values.iter().find(|acr| !is_scope(acr)) {
        let hint = "use one word each, as the provider names them in acr_values_supported";
        return Err(Fault::not(
            &["people", "acr_values"],
            acr,
            "a class of sign-ins",
            hint,
        ));
    }
    if !people.scopes.iter().any(|scope| scope == "openid") {
        let hint = "add it: without \"openid\" a provider gives no ID token";
        return Err(Fault::new(
            ["people", "scopes"],
            "the scope \"openid\" is missing",
            hint,
        ));
    }
    Ok(())
}
