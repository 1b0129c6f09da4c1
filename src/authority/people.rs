//! People, by the word of an OpenID provider: an ID token becomes a caller.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
};

use super::{Authority, entrance::Vouched};
use crate::{
    domain::{
        failure::{Code, Failure, Result},
        key::PublicKey,
        once::Once,
    },
    platform::proof,
    store::identities::Identity,
    verify::{fault::GET_ANOTHER, issuer::Issuer},
};

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
    /// The claim with a person's groups, where configuration names one.
    pub groups_claim: Option<String>,
    /// The provider's groups → the groups here that their members are in.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// Accounts (`sub`) → the names that an administrator gave them.
    pub names: BTreeMap<String, String>,
    /// Which names of other accounts count.
    pub accepted_names: AcceptedNames,
    /// Whether the provider is asked for what its ID tokens do not say.
    pub userinfo: bool,
    /// The port that it sends browsers back to, where it takes one alone.
    pub redirect_port: Option<NonZeroU16>,
    /// Further parameters of an authorization request.
    pub parameters: BTreeMap<String, String>,
    /// Whether a sign-in by a code on another device is taken.
    pub device: bool,
    /// The provider's own certificate authority (PEM), where clients need it too.
    pub certificate_authority: Option<String>,
}

/// Which of a provider's names count here, beside those that an administrator gave to accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedNames {
    /// Any: only the provider's administrators set them.
    Any,
    /// Those that no policy and no group of the catalogue names: people may choose them.
    WithoutRights,
    /// None: people set them in their own profile.
    None,
}

impl Authority {
    /// Who an ID token is about, shown by whoever holds that key. The access token that came with it is for
    /// asking the provider, where it is asked.
    ///
    /// # Errors
    /// Sign-in (123): it is refused, or was made for another key. Denied (121): it names nobody who can
    /// be somebody here. The provider is away.
    pub async fn person(
        &self,
        people: &People,
        id_token: &str,
        access_token: Option<&str>,
        holder: PublicKey,
    ) -> Result<Vouched> {
        let now = (self.clock)();
        let verified = people.issuer.verify(id_token, now).await;
        let mut verified = verified.map_err(|failure| {
            // Another one of the same account would have most faults too.
            if failure.hint == GET_ANOTHER {
                return failure.hint("run: jit login");
            }
            failure
        })?;
        let is_bound = self.is_of_this_sign_in(people, verified.text("nonce"), holder);
        let is_bound = is_bound.await?;
        if people.userinfo {
            people.complete(&mut verified, access_token).await?;
        }
        let known = people.caller(&verified, self)?;
        let signed_in_at = known.caller.sign_in.as_ref().map(|sign_in| sign_in.at);
        let since = signed_in_at.or(verified.issued_at);
        Ok(Vouched {
            // A token that is bound to no key could be had again and again without anybody's doing.
            since: since.filter(|_| !is_bound).unwrap_or(now),
            caller: known.caller,
            notes: known.notes,
            provider_session: verified.text("sid").map(str::to_owned),
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

    /// Whether the nonce binds an ID token to the key that the caller holds. One without a nonce is of a
    /// sign-in on another device, or comes with a refresh (OpenID Connect Core 1.0, section 12.2): where
    /// such sign-ins are not taken, it only goes on with the session of that key.
    async fn is_of_this_sign_in(
        &self,
        people: &People,
        nonce: Option<&str>,
        holder: PublicKey,
    ) -> Result<bool> {
        if let Some(nonce) = nonce {
            if proof::thumbprint(holder).ok().as_deref() == Some(nonce) {
                return Ok(true);
            }
            return Err(Failure::new(
                Code::SignIn,
                "the ID token was made for another sign-in than this one (nonce)",
            )
            .hint("run: jit login"));
        }
        let now = (self.clock)();
        if people.device || self.store.session_of(holder, now).await?.is_some() {
            return Ok(false);
        }
        Err(Failure::denied(
            "this server takes no sign-in by a code on another device: the ID token has no nonce",
        )
        .hint("run: jit login, on a machine with a browser"))
    }
}
