//! `[people]` of `server.toml`: the OpenID provider whose word counts for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    path::PathBuf,
};

use serde::Deserialize;

use crate::{
    config::{
        check::fault::{Checked, Fault},
        names,
    },
    domain::principal::{Principal, StrongSignIn},
};

/// The claims that a person sets in their own profile, as OpenID Connect Core 1.0 (section 5.1) describes
/// them: anybody could take somebody else's name by them.
const EDITABLE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "address",
];

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
    /// Who sets that claim at the provider; absent: as the claim is known.
    pub names_set_by: Option<NamesSetBy>,
    /// The claim with the names of a person's groups; absent: `groups`.
    pub groups_claim: Option<String>,
    /// What a step-up asks for, the best first (`acr_values`); a sign-in of one of these classes is strong.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// The methods (`amr`, RFC 8176) of which one makes a sign-in strong.
    #[serde(default)]
    pub amr_values: Vec<String>,
    /// Whether the provider is asked (`userinfo`) for what its ID tokens do not say, and about people whose sign-in
    /// it renews without a new one.
    #[serde(default)]
    pub userinfo: bool,
    /// The port of this machine that the provider sends the browser back to, where it takes one alone.
    pub redirect_port: Option<NonZeroU16>,
    /// Further parameters of an authorization request: `hd`, `domain_hint`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether a person may sign in by a code on another device (RFC 8628).
    #[serde(default = "yes")]
    pub device: bool,
    /// The provider's groups → the groups here that their members are in. Only so does anybody come into a
    /// group of `[groups]` by the provider's word.
    #[serde(default)]
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// Names here → the accounts (`sub`) at the provider that they belong to.
    #[serde(default)]
    pub subjects: BTreeMap<String, String>,
    /// The provider's certificate authority, PEM, where it is a private one.
    pub certificate_authority: Option<PathBuf>,
}

/// Who sets the claim with people's names at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamesSetBy {
    /// Only those who administer the provider.
    Administrators,
    /// People themselves, in their own profile.
    People,
}

/// The claim that names people where configuration names none. Some providers let people change it, and it
/// "MUST NOT" be relied upon to be unique (OpenID Connect Core 1.0, section 5.7).
const PREFERRED_USERNAME: &str = "preferred_username";

fn scopes() -> Vec<String> {
    ["openid", "profile", "offline_access"]
        .map(str::to_owned)
        .into()
}

fn name_claim() -> String {
    PREFERRED_USERNAME.to_owned()
}

const fn yes() -> bool {
    true
}

impl People {
    /// Whether only accounts of `[people.subjects]` may come in: people set the name claim themselves.
    pub fn takes_only_named_accounts(&self) -> bool {
        EDITABLE.contains(&self.name_claim.as_str())
    }

    /// Whether anybody may come by a name that they chose at the provider. Then a name that has rights of its
    /// own counts only for the account that an administrator gave it.
    pub fn people_choose_names(&self) -> bool {
        match self.names_set_by {
            Some(by) => by == NamesSetBy::People,
            None => self.name_claim == PREFERRED_USERNAME,
        }
    }

    /// Which of the provider's sign-ins are strong.
    pub fn strong_sign_in(&self) -> StrongSignIn {
        StrongSignIn {
            acr_values: self.acr_values.iter().cloned().collect(),
            amr_values: self.amr_values.iter().cloned().collect(),
        }
    }
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
    check_claims(people)?;
    check_words(people)?;
    check_groups(people)?;
    check_parameters(people)?;
    check_subjects(people)
}

fn check_claims(people: &People) -> Checked {
    let words = [
        ("client_id", Some(&people.client_id)),
        ("name_claim", Some(&people.name_claim)),
        ("groups_claim", people.groups_claim.as_ref()),
    ];
    let words = words
        .into_iter()
        .filter_map(|(key, word)| Some((key, word?)));
    let mut wrong = words.filter(|(_, word)| !names::is_line(word));
    if let Some((key, word)) = wrong.next() {
        let path = ["people", key];
        return Err(Fault::not(&path, word, "a word", "use one line of text"));
    }
    let name = &people.name_claim;
    if people.takes_only_named_accounts() && people.subjects.is_empty() {
        let what =
            format!("people set {name:?} in their own profile, so it cannot be who they are");
        let hint = "name a claim that the provider's administrators set, such as preferred_username or sub; or name each account in [people.subjects]";
        return Err(Fault::new(["people", "name_claim"], what, hint));
    }
    Ok(())
}

fn check_words(people: &People) -> Checked {
    // RFC 6749, section 3.3.
    let is_word = |word: &&String| {
        let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        !word.is_empty() && word.chars().all(plain)
    };
    let lists = [
        (
            "scopes",
            &people.scopes,
            "a scope",
            "use one word each: scopes = [\"openid\", \"profile\", \"offline_access\"]",
        ),
        (
            "acr_values",
            &people.acr_values,
            "a class of sign-ins",
            "use one word each, as the provider names them in acr_values_supported",
        ),
        (
            "amr_values",
            &people.amr_values,
            "a method of sign-ins",
            "use one word each, as the provider names them in amr: \"otp\", \"hwk\", \"mfa\"",
        ),
    ];
    for (key, words, what, hint) in lists {
        if let Some(word) = words.iter().find(|word| !is_word(word)) {
            return Err(Fault::not(&["people", key], word, what, hint));
        }
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

/// The parameters of an authorization request that only `jit` itself sets.
const OWN_PARAMETERS: [&str; 15] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "acr_values",
    "request",
    "request_uri",
];

fn check_parameters(people: &People) -> Checked {
    for (name, value) in &people.parameters {
        let path = ["people", "parameters", name];
        if OWN_PARAMETERS.contains(&name.as_str()) {
            let what = format!("jit sets {name:?} itself");
            return Err(Fault::new(path, what, "take it out"));
        }
        if !names::is_line(name) || !names::is_line(value) {
            let what = format!("{value:?} is no value of a parameter");
            return Err(Fault::new(path, what, "use one line of text"));
        }
    }
    Ok(())
}

fn check_groups(people: &People) -> Checked {
    for (theirs, ours) in &people.groups {
        let path = ["people", "groups", theirs];
        if let Some(group) = ours.iter().find(|group| !names::is_line(group)) {
            return Err(Fault::not(&path, group, "a group", "use one line of text"));
        }
        if ours.is_empty() {
            let what = format!("{theirs:?} leads to no group");
            return Err(Fault::new(
                path,
                what,
                "name the groups here, or take it out",
            ));
        }
    }
    Ok(())
}

/// Each name is one that somebody can have, and each account has one name.
fn check_subjects(people: &People) -> Checked {
    let mut known = BTreeSet::new();
    for (name, subject) in &people.subjects {
        let path = ["people", "subjects", name];
        let canonical = Principal::person(name).ok();
        if canonical.is_none_or(|person| person.name() != name) {
            let hint = "use lower-case letters, digits and . _ - @ +, 128 at most";
            return Err(Fault::new(path, format!("{name:?} is no name"), hint));
        }
        if !names::is_subject(subject) {
            let hint = "copy it from the provider: the account's sub, 255 characters at most";
            return Err(Fault::new(path, format!("{subject:?} is no sub"), hint));
        }
        if !known.insert(subject) {
            let what = format!("the account {subject:?} has two names");
            return Err(Fault::new(path, what, "give it one name"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
