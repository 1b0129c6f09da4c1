//! People, by the word of an OpenID provider: an ID token becomes a caller.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Authority, entrance::Vouched};
use crate::{
    config::account::groups_of,
    domain::{
        catalogue::Catalogue,
        failure::{Code, Failure, Result},
        key::PublicKey,
        lease::CLOCK_SKEW,
        once::Once,
        principal::{Caller, Class, Principal, SignIn},
        time::Timestamp,
    },
    platform::proof,
    store::identities::Identity,
    verify::{issuer::Issuer, trusted::Verified},
};

/// Nobody is in more groups, and no group's name is longer.
const MOST_GROUPS: usize = 1000;
const LONGEST_GROUP: usize = 256;
/// No more methods are believed.
const MOST_METHODS: usize = 20;

/// The OpenID provider whose word counts for people.
#[derive(Debug)]
pub struct People {
    /// The provider, and its keys.
    pub issuer: Issuer,
    /// The public client that people sign in with.
    pub client_id: String,
    /// What that client asks for.
    pub scopes: Vec<String>,
    /// Which class of sign-in a step-up asks for.
    pub acr_values: Vec<String>,
    /// The claim with a person's name.
    pub name_claim: String,
    /// The claim with a person's groups.
    pub groups_claim: String,
    /// The provider's own certificate authority (PEM), where clients need it too.
    pub certificate_authority: Option<String>,
}

impl Authority {
    /// Who an ID token is about, shown by whoever holds that key.
    ///
    /// # Errors
    /// Sign-in (123): it is refused, or was made for another key. Denied (121): it names nobody who can
    /// be somebody here. The provider is away.
    pub async fn person(
        &self,
        people: &People,
        id_token: &str,
        holder: PublicKey,
    ) -> Result<Vouched> {
        let now = (self.clock)();
        let verified = people.issuer.verify(id_token, now).await;
        let verified = verified.map_err(|failure| {
            if failure.code == Code::SignIn {
                return failure.hint("run: jit login");
            }
            failure
        })?;
        let nonce = verified.text("nonce");
        if nonce.is_some_and(|nonce| proof::thumbprint(holder).ok().as_deref() != Some(nonce)) {
            return Err(Failure::new(
                Code::SignIn,
                "the ID token was made for another sign-in than this one (nonce)",
            )
            .hint("run: jit login"));
        }
        let caller = people.caller(&verified, &self.catalogue)?;
        let signed_in_at = caller.sign_in.as_ref().map(|sign_in| sign_in.at);
        let since = signed_in_at.or(verified.issued_at);
        Ok(Vouched {
            // A token that is bound to no key could be had again and again without anybody's doing.
            since: since.filter(|_| nonce.is_none()).unwrap_or(now),
            caller,
            once: Some(Once {
                id: format!("id-token {}", verified.id),
                until: verified.expires_at,
            }),
            identity: Some(Identity {
                source: verified.issuer.clone(),
                subject: verified.subject,
            }),
            source: verified.issuer,
            enrolled: None,
        })
    }
}

impl People {
    fn caller(&self, verified: &Verified, catalogue: &Catalogue) -> Result<Caller> {
        let principal = self.principal(verified)?;
        let mut groups = self.groups(verified)?;
        groups.extend(groups_of(catalogue, principal.name()));
        Ok(Caller {
            sign_in: sign_in(verified),
            ..Caller::new(principal, groups)
        })
    }

    /// The canonical name: the provider's, in lower case, of nothing but the letters of ASCII, digits
    /// and a few signs, so that no two names look alike.
    fn principal(&self, verified: &Verified) -> Result<Principal> {
        let claim = &self.name_claim;
        let Some(name) = verified.text(claim) else {
            return Err(self.nobody("it has no such text"));
        };
        Principal::new(Class::Human, &name.to_ascii_lowercase())
            .map_err(|failure| self.nobody(&failure.message))
    }

    fn nobody(&self, why: &str) -> Failure {
        Failure::denied(format!(
            "what {} says under {:?} is no name here: {why}",
            self.issuer.url(),
            self.name_claim
        ))
        .hint("letters, digits and . _ - @ +, 128 at most; name_claim of [people] in server.toml chooses another claim")
    }

    /// The groups of a person. What cannot be read denies: a policy that forbids by a group must not
    /// miss it.
    fn groups(&self, verified: &Verified) -> Result<BTreeSet<String>> {
        let claim = &self.groups_claim;
        let unreadable = |what: &str| {
            Failure::denied(format!(
                "{what} what {} says under {claim:?}",
                self.issuer.url()
            ))
            .hint("groups_claim of [people] in server.toml must name a list of texts")
        };
        let elsewhere = verified.claims.get("_claim_names");
        if elsewhere.is_some_and(|names| names.get(claim).is_some()) {
            return Err(unreadable(
                "somewhere else is (there are too many groups for one token)",
            ));
        }
        let list = match verified.claims.get(claim) {
            None | Some(Value::Null) => return Ok(BTreeSet::new()),
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
