//! What an OpenID provider says of a person: the name, the groups and the sign-in that it makes here.

use std::{collections::BTreeSet, slice};

use serde_json::{Map, Value};

use super::{
    Authority,
    people::{AcceptedNames, People},
};
use crate::{
    config::account::{groups_of, groups_of_subject},
    domain::{
        catalogue::Catalogue,
        failure::{Failure, Result},
        lease::CLOCK_SKEW,
        principal::{ADMINISTRATORS, Caller, Class, Principal, SignIn},
        time::Timestamp,
    },
    verify::trusted::Verified,
};

/// Nobody is in more groups, and no group's name is longer.
const MOST_GROUPS: usize = 1000;
const LONGEST_GROUP: usize = 256;
/// No more methods are believed.
const MOST_METHODS: usize = 20;
/// The claim with the groups, where configuration names none.
const GROUPS: &str = "groups";

/// Somebody, and what they should know about how they came in.
#[derive(Debug)]
pub(super) struct KnownPerson {
    pub(super) caller: Caller,
    /// One sentence each.
    pub(super) notes: Vec<String>,
}

impl People {
    /// Who that is here.
    pub(super) fn caller(&self, verified: &Verified, authority: &Authority) -> Result<KnownPerson> {
        let catalogue = &authority.catalogue;
        let principal = self.principal(verified, authority)?;
        let mut notes = Vec::new();
        let mut groups = self.groups(verified, catalogue, &mut notes)?;
        groups.extend(groups_of(catalogue, principal.name()));
        groups.extend(groups_of_subject(catalogue, &verified.subject));
        Ok(KnownPerson {
            caller: Caller {
                sign_in: sign_in(verified),
                ..Caller::new(principal, groups)
            },
            notes,
        })
    }

    /// The name that an administrator gave the account; of any other account the provider's, in its
    /// canonical form.
    fn principal(&self, verified: &Verified, authority: &Authority) -> Result<Principal> {
        if let Some(name) = self.names.get(&verified.subject) {
            return Principal::new(Class::Human, name);
        }
        let claim = self.name_claim.as_str();
        if self.accepted_names == AcceptedNames::None {
            return Err(Failure::denied(format!(
                "people set {claim:?} themselves at {}, so only accounts that are named in [people.subjects] come in",
                self.issuer.url()
            ))
            .hint("an administrator adds the account to [people.subjects] in server.toml"));
        }
        let Some(name) = claim_at(&verified.claims, claim).and_then(Value::as_str) else {
            return Err(self.nobody("it has no such text"));
        };
        if claim == "email" && !is_true(verified.claims.get("email_verified")) {
            return Err(Failure::denied(format!(
                "{} has not verified the address {} (email_verified)",
                self.issuer.url(),
                shown(name)
            ))
            .hint("confirm the address at the provider; or its administrator does, or names the account in [people.subjects] of server.toml"));
        }
        let principal =
            Principal::of_provider(name).map_err(|failure| self.nobody(&failure.message))?;
        if self.names.values().any(|given| given == principal.name()) {
            return Err(Failure::denied(format!(
                "the name {} belongs to another account of {}",
                principal.name(),
                self.issuer.url()
            ))
            .hint("[people.subjects] in server.toml says to which"));
        }
        let name = principal.name();
        let has_rights = !groups_of(&authority.catalogue, name).is_empty()
            || authority.policies.name_person(name);
        if self.accepted_names == AcceptedNames::WithoutRights && has_rights {
            return Err(self.chosen(name, &verified.subject));
        }
        Ok(principal)
    }

    /// A name with rights, which anybody could have chosen.
    fn chosen(&self, name: &str, subject: &str) -> Failure {
        Failure::denied(format!(
            "a policy or a group of this server names {name}, and people may choose their {:?} at {}: the name counts only for the account that an administrator gave it",
            self.name_claim,
            self.issuer.url()
        ))
        .hint(format!(
            "if the account {} is {name}'s, an administrator adds {name} = {} to [people.subjects] in server.toml; names_set_by = \"administrators\" in [people] says that people cannot choose names there",
            shown(subject),
            shown(subject)
        ))
    }

    fn nobody(&self, why: &str) -> Failure {
        Failure::denied(format!(
            "what {} says under {:?} is no name here: {why}",
            self.issuer.url(),
            self.name_claim
        ))
        .hint("Latin letters, digits and signs without spaces, 128 at most; name_claim of [people] in server.toml chooses another claim, and [people.subjects] names an account")
    }

    /// The groups of a person. What cannot be read denies: a policy that forbids by a group must not
    /// miss it.
    fn groups(
        &self,
        verified: &Verified,
        catalogue: &Catalogue,
        notes: &mut Vec<String>,
    ) -> Result<BTreeSet<String>> {
        let mut groups = BTreeSet::new();
        let mut ignored = Vec::new();
        for group in self.groups_of_provider(verified, notes)? {
            let mapped = self.groups.get(&group);
            groups.extend(mapped.into_iter().flatten().cloned());
            let is_ours = group == ADMINISTRATORS || catalogue.groups.contains_key(&group);
            match (is_ours, mapped) {
                (false, _) => {
                    groups.insert(group);
                }
                (true, Some(_)) => {}
                (true, None) => ignored.push(group),
            }
        }
        if !ignored.is_empty() {
            notes.push(format!(
                "{} says that you are in {}, which counts for nothing here: an administrator maps a provider's group to one of [groups] in [people.groups] of server.toml",
                self.issuer.url(),
                ignored.join(", ")
            ));
        }
        Ok(groups)
    }

    /// The names of the provider's groups.
    fn groups_of_provider(
        &self,
        verified: &Verified,
        notes: &mut Vec<String>,
    ) -> Result<BTreeSet<String>> {
        let claim = self.groups_claim.as_deref().unwrap_or(GROUPS);
        let url = self.issuer.url();
        let unreadable = |what: &str| {
            Failure::denied(format!("{what} what {url} says under {claim:?}"))
                .hint("groups_claim of [people] in server.toml must name a list of texts")
        };
        let elsewhere = verified.claims.get("_claim_names");
        // Entra ID writes either, by how many groups there are and how the token is had.
        let is_left_out = is_true(verified.claims.get("hasgroups"));
        if is_left_out || elsewhere.is_some_and(|names| names.get(claim).is_some()) {
            return Err(Failure::denied(format!(
                "you are in too many groups for one token of {url}, which says under {claim:?} only where to ask for them"
            ))
            .hint("its administrator has it name the groups that are assigned to this application (Entra ID: Token configuration, groups claim)"));
        }
        let list = match claim_at(&verified.claims, claim) {
            None | Some(Value::Null) => {
                if self.groups_claim.is_some() {
                    notes.push(format!("{url} says nothing under {claim:?} (groups_claim of [people]), so you are in none of its groups"));
                }
                return Ok(BTreeSet::new());
            }
            // Some providers write a single group as a text.
            Some(one @ Value::String(_)) => slice::from_ref(one),
            Some(Value::Array(list)) if list.len() <= MOST_GROUPS => list,
            Some(_) => return Err(unreadable("no list of groups is")),
        };
        let group = |value: &Value| {
            let text = value.as_str().filter(|text| is_group(text));
            text.map(str::to_owned)
        };
        let groups: Option<BTreeSet<String>> = list.iter().map(group).collect();
        groups.ok_or_else(|| unreadable("no list of groups is"))
    }
}

/// A claim by its name; where there is none of that name, by the names that lead to it with dots between
/// them: `realm_access.roles`.
fn claim_at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(at, _)| {
        let (name, rest) = path.split_at_checked(at)?;
        let inner = claims.get(name)?.as_object()?;
        claim_at(inner, rest.strip_prefix('.')?)
    })
}

/// Whether a claim is true; some providers write it as text.
fn is_true(claim: Option<&Value>) -> bool {
    match claim {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// A foreign word as it can stand in a message.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(LONGEST_GROUP).collect();
    format!("{short:?}")
}

fn is_group(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_GROUP && !text.chars().any(char::is_control)
}

/// How a person signed in, where the provider says when: without that its word is of unknown age.
fn sign_in(verified: &Verified) -> Option<SignIn> {
    let at: Timestamp = verified.instant("auth_time")?;
    // A sign-in that is still to come would never grow old.
    let latest = verified.issued_at?.after(CLOCK_SKEW);
    if at > latest {
        return None;
    }
    let methods = verified.texts("amr").into_iter();
    let context = verified.text("acr").filter(|text| is_group(text));
    Some(SignIn {
        at,
        methods: methods
            .filter(|text| is_group(text))
            .take(MOST_METHODS)
            .collect(),
        context: context.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_name_or_by_its_path() {
        let claims = json!({
            "realm_access": { "roles": ["dev"] },
            "https://example.com/groups": ["ops"],
            "a.b": { "c.d": 1 },
        });
        let claims = claims.as_object().unwrap();
        let at = |path| claim_at(claims, path).cloned();
        assert_eq!(at("realm_access.roles"), Some(json!(["dev"])));
        assert_eq!(at("https://example.com/groups"), Some(json!(["ops"])));
        assert_eq!(at("a.b.c.d"), Some(json!(1)));
        for path in ["realm_access.", ".roles", "realm_access.roles.0", "x", ""] {
            assert_eq!(at(path), None, "{path}");
        }
    }
}
