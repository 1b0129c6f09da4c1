//! What an issuer is given and gives back.

use std::{collections::BTreeMap, path::Path, time::Duration};

use crate::{
    domain::{
        elevation::Grant,
        entitlement::{Entitlement, ResourceName, RoleName},
        environment::Environment,
        failure::{Failure, Result},
        key::{EcKey, PrivateKey, PublicKey},
        principal::Principal,
        time::Timestamp,
    },
    platform::keys,
};

/// How long a target may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One credential, asked for under a live grant.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The right that it is made for.
    pub grant: &'a Grant,
    /// The client's key: what a certificate is made for. Its private half never leaves the client.
    pub public_key: PublicKey,
    /// A number that no other credential has; never zero, 63 bits so that every format holds it.
    pub serial: u64,
    /// The instant.
    pub now: Timestamp,
}

impl Order<'_> {
    /// When the credential must end: after the grant's credential TTL, and never after the grant;
    /// in whole seconds, since no target counts finer.
    pub fn expires_at(&self) -> Timestamp {
        let end = self.now.after(self.grant.credential_ttl);
        Timestamp::from_secs(end.min(self.grant.expires_at).secs())
    }

    /// What a target's own log is to know the credential by: `jit:GRANT:LINE`.
    pub fn label(&self) -> String {
        format!("jit:{}:{}", self.grant.id, self.line())
    }

    /// Who has it and for whom, the nearest first: `agent/sub:agent/helper:alice`; no name has a colon. An
    /// agent or workload is written with its class, so that none passes for the person that it is named after.
    pub fn line(&self) -> String {
        let hops = [&self.grant.principal].into_iter().chain(&self.grant.chain);
        let hops: Vec<String> = hops.map(Principal::written).collect();
        shortened(&hops.join(":"), LONGEST_LINE)
    }
}

/// A log that cuts off what is too long would lose what stands behind it.
const LONGEST_LINE: usize = 256;

/// How many digits of its hash a long text ends in, after an `=`.
const DIGITS: usize = 12;

/// Text of that length at most: what is longer ends in an `=`, which no principal's name has, and some of
/// its hash.
pub fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - DIGITS - 1).collect();
    let hash = keys::hex(&keys::sha256(text.as_bytes()));
    let digits: String = hash.chars().take(DIGITS).collect();
    format!("{kept}={digits}")
}

/// What an issuer finds where the authority runs.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The resource's own certificate authority: one a resource, so that a certificate for one
    /// target says nothing at another. Kinds that sign nothing have none.
    pub authority: Option<&'a PrivateKey>,
    /// Its keys that are about to sign, or did until a day ago: they are to be trusted too.
    pub also: &'a [PrivateKey],
    /// The authority as an OIDC issuer, for the kinds that take its tokens; absent where there is no
    /// server that targets could fetch its keys from.
    pub issuer: Option<Issuer<'a>>,
    /// The directory of `authority.toml`; relative paths start here.
    pub directory: &'a Path,
    /// The process's surroundings, for `env:` references and what the AWS SDK reads.
    pub environment: &'a Environment,
    /// The instant.
    pub now: Timestamp,
}

/// The authority as an OIDC issuer: how its tokens name it, and what they are signed with.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// Its URL, `https://jit.example.com`: below it are its discovery document and its keys.
    pub url: &'a str,
    /// The key that signs.
    pub key: &'a EcKey,
    /// The certificate authority of the server behind the URL, PEM, where it is no public one.
    pub certificate_authority: Option<&'a str>,
}

impl Issuer<'_> {
    /// The certificate authority of the server behind the URL, for targets that have to be told it.
    ///
    /// # Errors
    /// Usage, where it is a public one.
    pub fn trust_ca(&self, name: &ResourceName) -> Result<String> {
        let text = self.certificate_authority.map(str::to_owned);
        text.ok_or_else(|| no_ca(name))
    }
}

impl Site<'_> {
    /// The certificate authority of a kind that has one.
    pub fn signing_key(&self) -> Result<&PrivateKey> {
        self.authority
            .ok_or_else(|| Failure::failed("this resource has no certificate authority"))
    }

    /// The authority as an OIDC issuer, for a resource that takes its tokens. `instead` is the issuer
    /// of its kind that needs none.
    ///
    /// # Errors
    /// There is no server.
    pub fn own_issuer(&self, name: &ResourceName, instead: &str) -> Result<Issuer<'_>> {
        self.issuer.ok_or_else(|| {
            Failure::failed(format!(
                "{name} takes tokens of this authority's own issuer, whose keys only a server can publish"
            ))
            .hint(format!(
                "run this authority as \"jit serve\", or choose issuer = {instead:?} in authority.toml"
            ))
        })
    }
}

/// How far a revocation came at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The target refuses the credential from now on.
    Ended,
    /// The target cannot be told; the credential ends within its own TTL and is not renewed.
    EndsByItself,
}

/// What the catalogue says of the role that a grant is for.
///
/// # Errors
/// The role is not in the catalogue any more.
pub fn role_of<'a, R>(roles: &'a BTreeMap<RoleName, R>, grant: &Grant) -> Result<&'a R> {
    let Entitlement { resource, role } = &grant.entitlement;
    roles.get(role).ok_or_else(|| {
        let names: Vec<&str> = roles.keys().map(RoleName::as_str).collect();
        Failure::failed(format!("{resource} has no role {:?}", role.as_str())).hint(format!(
            "its roles in authority.toml are {}",
            names.join(", ")
        ))
    })
}

/// A kind whose targets trust no key of ours.
pub fn no_ca(name: &ResourceName) -> Failure {
    Failure::usage(format!("{name} trusts no certificate of this authority"))
        .hint(format!("\"jit trust {name}\" prints what it needs"))
}

/// A grant that gives its right no longer: nothing is issued under it, whoever asks.
pub fn over(grant: &Grant) -> Failure {
    Failure::denied(format!("grant {} is over", grant.id))
        .hint("run the command again to ask for a new one")
}
