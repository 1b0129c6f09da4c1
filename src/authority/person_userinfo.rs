//! What an OpenID provider says of a person when it is asked (`userinfo`, OpenID Connect Core 1.0, section 5.3):
//! beside an ID token, or in its place where a sign-in was renewed without a new one (section 12.2).

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Authority, entrance::Vouched, people::People, sessions::signed_out};
use crate::{
    config::account::{groups_of, groups_of_subject},
    domain::{
        failure::{Failure, Result},
        key::PublicKey,
        once::Once,
        principal::{Caller, Class},
        session::Session,
        time::Timestamp,
    },
    platform::keys,
    store::identities::{Identity, Pinned},
    verify::trusted::Verified,
};

/// How long an access token that was shown is remembered; none is good for longer.
const REMEMBERED: Duration = Duration::from_hours(24);
/// What only an ID token says: how and for whom it was made, and how the person signed in.
const OF_THE_TOKEN: [&str; 14] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "at_hash",
    "c_hash",
    "sid",
    "acr",
    "amr",
    "auth_time",
];

impl People {
    /// Adds what the provider says to what an ID token of the same person does.
    pub(super) async fn complete(
        &self,
        verified: &mut Verified,
        access_token: Option<&str>,
    ) -> Result<()> {
        let access_token = access_token.ok_or_else(|| {
            signed_out("this server asks the provider who you are, and was given no access token")
                .hint(
                    "run: jit login; where that does not help, install a newer jit on this machine",
                )
        })?;
        let said = self.issuer.userinfo(access_token).await?;
        if said.get("sub").and_then(Value::as_str) != Some(&*verified.subject) {
            return Err(self.of_another());
        }
        for (name, value) in said {
            if !OF_THE_TOKEN.contains(&name.as_str()) {
                verified.claims.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    fn of_another(&self) -> Failure {
        Failure::denied(format!(
            "the access token that was shown is of another account of {}",
            self.issuer.url()
        ))
        .hint("run: jit login")
    }

    /// The name of the claim with a person's groups, up to the first dot of a path.
    fn says_groups(&self, said: &Map<String, Value>) -> bool {
        let claim = self.groups_claim.as_deref().unwrap_or("groups");
        let first = claim.split('.').next().unwrap_or_default();
        said.contains_key(claim) || said.contains_key(first)
    }
}

impl Authority {
    /// The person whose live session is bound to that key, whom the provider knows by an access token: it was
    /// given for a sign-in that the provider renewed. It begins no session, since nothing says for whom it was
    /// made; how the person signed in stays as it was.
    ///
    /// # Errors
    /// Sign-in (123): there is no such session, the provider does not take the token, or does not say in which
    /// groups the person is. Denied (121): it is somebody else's. The provider is away.
    pub async fn person_renewed(
        &self,
        people: &People,
        access_token: &str,
        holder: PublicKey,
    ) -> Result<Vouched> {
        if !people.userinfo {
            return Err(Failure::denied(
                "this server takes no access token in place of an ID token",
            )
            .hint("run: jit login; userinfo = true in [people] of server.toml has it ask the provider"));
        }
        let now = (self.clock)();
        let session = self.renewable(people, holder, now).await?;
        let said = people.issuer.userinfo(access_token).await?;
        let subject = said.get("sub").and_then(Value::as_str).unwrap_or_default();
        let identity = Identity {
            source: people.issuer.url().to_owned(),
            subject: subject.to_owned(),
        };
        let pinned = self
            .store
            .pinned(&session.caller.principal, &identity, now)
            .await?;
        if pinned != Pinned::Same {
            return Err(people.of_another());
        }
        let has_groups = self.has_groups_of_provider(&session.caller, subject);
        if has_groups && !people.says_groups(&said) {
            return Err(signed_out(&format!(
                "{} renews the sign-in and does not say in which groups you are now",
                people.issuer.url()
            )));
        }
        let verified = Verified {
            issuer: identity.source.clone(),
            subject: identity.subject.clone(),
            issued_at: None,
            expires_at: now.after(REMEMBERED),
            id: keys::hex(&keys::sha256(access_token.as_bytes())),
            claims: said,
        };
        let known = people.caller(&verified, self)?;
        Ok(Vouched {
            caller: Caller {
                sign_in: session.caller.sign_in,
                ..known.caller
            },
            notes: known.notes,
            provider_session: None,
            once: Some(Once {
                id: format!("access-token {}", verified.id),
                until: verified.expires_at,
            }),
            identity: Some(identity),
            source: verified.issuer,
            // So long ago that no session begins, should this one end meanwhile.
            since: Timestamp::from_secs(0),
            enrolled: None,
        })
    }

    /// The live session of a person of that provider which is bound to the key.
    async fn renewable(
        &self,
        people: &People,
        holder: PublicKey,
        now: Timestamp,
    ) -> Result<Session> {
        let found = self.store.session_of(holder, now).await?;
        let found = found.filter(|(session, is_ended)| {
            let is_person = session.caller.principal.class() == Class::Human;
            let is_theirs = session.source == people.issuer.url();
            !is_ended && session.is_live(now) && is_person && is_theirs
        });
        let session = found.map(|(session, _)| session);
        session.ok_or_else(|| signed_out("no session of a person is bound to this key"))
    }

    /// Whether a caller is in groups that only the provider can have said.
    fn has_groups_of_provider(&self, caller: &Caller, subject: &str) -> bool {
        let mut own = groups_of(&self.catalogue, caller.principal.name());
        own.extend(groups_of_subject(&self.catalogue, subject));
        !caller.groups.is_subset(&own)
    }
}
