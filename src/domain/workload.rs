//! Workloads that already have an identity: whose word is taken for it, and what it must say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{claim_match::ClaimMatch, entitlement::ResourceName, template::Template};

/// One of `[[workloads]]` in `server.toml`. Unknown keys are errors; `config` adds file and line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// What the entry is called in messages.
    pub name: String,
    /// What its tokens are shaped as.
    pub kind: WorkloadKind,
    /// The one issuer whose tokens are taken; GitHub's own where none is named.
    pub issuer: Option<String>,
    /// What a token must be made for; absent: the server's URL.
    pub audience: Option<String>,
    /// The certificate authority of an issuer whose TLS is private, PEM.
    pub certificate_authority: Option<PathBuf>,
    /// The public keys of its issuer (a JWK set, RFC 7517) in a file; then the issuer is not asked for them.
    pub jwks: Option<PathBuf>,
    /// What the attributes must be, all of them.
    #[serde(rename = "match", default)]
    pub wanted: BTreeMap<String, ClaimMatch>,
    /// Further claims that policies may see; of `oidc`, where nobody else knows them.
    #[serde(default)]
    pub attributes: BTreeSet<String>,
    /// The principal's name: text, and attributes in braces.
    pub principal: Template,
    /// The groups that the principal is in.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// The cluster that is asked about its tokens, where its issuer cannot be reached.
    pub token_review: Option<ResourceName>,
    /// Whether a token serves one session alone; absent: as its kind has it.
    pub once: Option<bool>,
    /// Another address of STS; for tests and endpoints of one's own.
    pub endpoint: Option<String>,
}

/// Where GitHub's tokens are from, unless an enterprise has an issuer of its own.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// So many names of one entry are told apart; with more values in its lists, any could be made.
const MOST_NAMES: usize = 256;

impl Workload {
    /// The issuer whose tokens it takes; none for what is no JWT, or is asked of the cluster.
    pub fn issuer(&self) -> Option<&str> {
        let own = self.issuer.as_deref();
        match self.kind {
            WorkloadKind::Github => own.or(Some(GITHUB)),
            WorkloadKind::Gitlab
            | WorkloadKind::Kubernetes
            | WorkloadKind::Spiffe
            | WorkloadKind::Oidc
            | WorkloadKind::Aws => own,
        }
    }

    /// Whether a token that claims this serves one session alone. A job of GitHub has another one made
    /// whenever it asks; what others have for the whole of a job, or in a file, is shown again by design.
    pub fn is_used_up(&self, claims: &Map<String, Value>) -> bool {
        let is_made_anew = match self.kind {
            WorkloadKind::Github => true,
            WorkloadKind::Gitlab
            | WorkloadKind::Kubernetes
            | WorkloadKind::Spiffe
            | WorkloadKind::Oidc
            | WorkloadKind::Aws => false,
        };
        self.once
            .unwrap_or_else(|| is_made_anew && claims.contains_key("jti"))
    }

    /// What the claims of a token say, as attributes: what the kind knows, and what the entry names.
    pub fn attributes_of(&self, claims: &Map<String, Value>) -> BTreeMap<String, String> {
        let claims = Value::Object(claims.clone());
        let known = self.kind.claims().iter();
        let known = known.map(|(name, pointer)| ((*name).to_owned(), claims.pointer(pointer)));
        let named = self.attributes.iter().chain(self.own_matches());
        let named = named.map(|name| (name.clone(), claims.get(name)));
        let said = known
            .chain(named)
            .filter_map(|(name, value)| Some((name, text(value?)?)));
        let mut attributes: BTreeMap<String, String> = said.collect();
        if self.kind == WorkloadKind::Spiffe {
            spiffe(&mut attributes);
        }
        attributes
    }

    /// Whether all attributes are what they must be.
    pub fn is_matched_by(&self, attributes: &BTreeMap<String, String>) -> bool {
        let includes = |(name, wanted): (&String, &ClaimMatch)| {
            let value = attributes.get(name);
            value.is_some_and(|value| wanted.includes(value))
        };
        !self.wanted.is_empty() && self.wanted.iter().all(includes)
    }

    /// Whether one token could match both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.issuer() == other.issuer()
            && self.token_review == other.token_review
            && self.audience == other.audience
            && !self.differs(other)
    }

    /// Whether both ask a cluster about tokens, each another one, and nothing in a token tells which of the two
    /// made it: tokens of one cluster would be sent to the other.
    pub fn is_mistaken_for(&self, other: &Self) -> bool {
        let clusters = self.token_review.as_ref().zip(other.token_review.as_ref());
        clusters.is_some_and(|(one, other)| one != other)
            && self.audience == other.audience
            && !self.differs(other)
    }

    /// Whether `match` tells both apart.
    fn differs(&self, other: &Self) -> bool {
        self.wanted.iter().any(|(name, wanted)| {
            let others = other.wanted.get(name);
            others.is_some_and(|others| wanted.is_disjoint(others))
        })
    }

    /// The names that it can make, with the values of `match` in place of attributes where those are known.
    pub fn names(&self) -> Vec<Template> {
        let mut names = vec![self.principal.clone()];
        for (attribute, wanted) in &self.wanted {
            let known = wanted.exact().filter(|_| names.len() <= MOST_NAMES);
            let Some(values) = known else { continue };
            let filled = names.iter().flat_map(|name| {
                let values = values.iter();
                values.map(|value| name.with(attribute, value))
            });
            names = filled.collect();
            names.dedup();
        }
        names
    }

    fn own_matches(&self) -> impl Iterator<Item = &String> {
        let is_open = self.kind == WorkloadKind::Oidc;
        self.wanted.keys().filter(move |_| is_open)
    }
}

/// A claim as policies see it. Lists and objects are no attributes.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The two parts of a SPIFFE ID: `spiffe://TRUST-DOMAIN/PATH`.
fn spiffe(attributes: &mut BTreeMap<String, String>) {
    let id = attributes.get("sub").and_then(|sub| spiffe_id(sub));
    match id.map(|(domain, path)| (domain.to_owned(), path.to_owned())) {
        Some((domain, path)) => {
            attributes.insert("trust_domain".to_owned(), domain);
            attributes.insert("path".to_owned(), path);
        }
        None => attributes.clear(),
    }
}

/// Trust domain and path of a SPIFFE ID (the SPIFFE-ID standard, section 2); none where it is no such.
pub fn spiffe_id(text: &str) -> Option<(&str, &str)> {
    let (domain, path) = text.strip_prefix("spiffe://")?.split_once('/')?;
    let of_domain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let of_path = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let segment = |segment: &str| {
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.chars().all(of_path)
    };
    let plain = (1..=255).contains(&domain.len()) && domain.chars().all(of_domain);
    (plain && text.len() <= 2048 && path.split('/').all(segment)).then_some((domain, path))
}

/// What a workload's proof of identity is shaped as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// A job of GitHub Actions.
    Github,
    /// A job of GitLab CI.
    Gitlab,
    /// A service account of a Kubernetes cluster.
    Kubernetes,
    /// A JWT-SVID.
    Spiffe,
    /// Any OpenID issuer.
    Oidc,
    /// An AWS role or user, by a signed `GetCallerIdentity`.
    Aws,
}

impl WorkloadKind {
    /// The attributes that it has, and where its claims say them (RFC 6901). What AWS says is no token.
    pub const fn claims(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Github => &GITHUB_CLAIMS,
            Self::Gitlab => &GITLAB_CLAIMS,
            Self::Kubernetes => &KUBERNETES_CLAIMS,
            Self::Spiffe | Self::Oidc => &[("sub", "/sub")],
            Self::Aws => &[],
        }
    }

    /// The names of the attributes that it has by itself.
    pub fn attributes(self) -> Vec<&'static str> {
        let further: &[&str] = match self {
            Self::Spiffe => &["trust_domain", "path"],
            Self::Aws => &["account", "arn", "role", "unique_id"],
            Self::Github | Self::Gitlab | Self::Kubernetes | Self::Oidc => &[],
        };
        let claims = self.claims().iter().map(|(name, _)| *name);
        claims.chain(further.iter().copied()).collect()
    }

    /// The attributes that nobody else can come by later, as a name can: one of them must be wanted.
    pub const fn immutable(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["repository_id", "repository_owner_id", "enterprise_id"],
            Self::Gitlab => &["project_id", "namespace_id"],
            Self::Kubernetes => &["service_account_uid"],
            Self::Spiffe | Self::Oidc => &["sub"],
            Self::Aws => &["unique_id", "arn", "account"],
        }
    }

    /// The attributes that are compared as they are: of an id, the beginning says nothing.
    pub const fn exact(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["repository_id", "repository_owner_id", "enterprise_id"],
            Self::Gitlab => &["project_id", "namespace_id"],
            Self::Kubernetes => &["service_account_uid", "pod_uid"],
            Self::Spiffe => &["sub", "trust_domain"],
            Self::Oidc => &[],
            Self::Aws => &["unique_id", "account"],
        }
    }

    /// What a denial tells back of what was presented.
    pub const fn telling(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["repository_id", "repository_owner_id", "ref", "environment"],
            Self::Gitlab => &["project_id", "namespace_id", "ref", "ref_protected"],
            Self::Kubernetes => &["namespace", "service_account", "service_account_uid"],
            Self::Spiffe | Self::Oidc => &["sub"],
            Self::Aws => &["account", "arn"],
        }
    }
}

/// <https://docs.github.com/actions/reference/security/oidc>
const GITHUB_CLAIMS: [(&str, &str); 26] = [
    ("sub", "/sub"),
    ("repository", "/repository"),
    ("repository_id", "/repository_id"),
    ("repository_owner", "/repository_owner"),
    ("repository_owner_id", "/repository_owner_id"),
    ("repository_visibility", "/repository_visibility"),
    ("enterprise", "/enterprise"),
    ("enterprise_id", "/enterprise_id"),
    ("workflow", "/workflow"),
    ("workflow_ref", "/workflow_ref"),
    ("workflow_sha", "/workflow_sha"),
    ("job_workflow_ref", "/job_workflow_ref"),
    ("job_workflow_sha", "/job_workflow_sha"),
    ("environment", "/environment"),
    ("ref", "/ref"),
    ("ref_type", "/ref_type"),
    ("ref_protected", "/ref_protected"),
    ("base_ref", "/base_ref"),
    ("head_ref", "/head_ref"),
    ("sha", "/sha"),
    ("event_name", "/event_name"),
    ("actor", "/actor"),
    ("actor_id", "/actor_id"),
    ("run_id", "/run_id"),
    ("run_attempt", "/run_attempt"),
    ("runner_environment", "/runner_environment"),
];

/// <https://docs.gitlab.com/ci/secrets/id_token_authentication/>. In a merge request's pipeline
/// `project_id` is the fork's, `job_project_id` that of the project which it runs in.
const GITLAB_CLAIMS: [(&str, &str); 26] = [
    ("sub", "/sub"),
    ("namespace_id", "/namespace_id"),
    ("namespace_path", "/namespace_path"),
    ("project_id", "/project_id"),
    ("project_path", "/project_path"),
    ("project_visibility", "/project_visibility"),
    ("job_namespace_id", "/job_namespace_id"),
    ("job_project_id", "/job_project_id"),
    ("job_project_path", "/job_project_path"),
    ("user_id", "/user_id"),
    ("user_login", "/user_login"),
    ("user_access_level", "/user_access_level"),
    ("pipeline_id", "/pipeline_id"),
    ("pipeline_source", "/pipeline_source"),
    ("job_id", "/job_id"),
    ("ref", "/ref"),
    ("ref_type", "/ref_type"),
    ("ref_path", "/ref_path"),
    ("ref_protected", "/ref_protected"),
    ("environment", "/environment"),
    ("environment_protected", "/environment_protected"),
    ("deployment_tier", "/deployment_tier"),
    ("runner_id", "/runner_id"),
    ("runner_environment", "/runner_environment"),
    ("sha", "/sha"),
    ("ci_config_ref_uri", "/ci_config_ref_uri"),
];

/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
const KUBERNETES_CLAIMS: [(&str, &str); 7] = [
    ("sub", "/sub"),
    ("namespace", "/kubernetes.io/namespace"),
    ("service_account", "/kubernetes.io/serviceaccount/name"),
    ("service_account_uid", "/kubernetes.io/serviceaccount/uid"),
    ("pod", "/kubernetes.io/pod/name"),
    ("pod_uid", "/kubernetes.io/pod/uid"),
    ("node", "/kubernetes.io/node/name"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_is_one_or_nothing() {
        assert_eq!(
            spiffe_id("spiffe://example.org/ns/ci/sa/build"),
            Some(("example.org", "ns/ci/sa/build"))
        );
        for text in [
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///x",
            "spiffe://Example.org/x",
            "spiffe://example.org/a//b",
            "spiffe://example.org/../x",
            "spiffe://example.org:1/x",
            "spiffe://u@example.org/x",
            "spiffe://example.org/x?y",
            "https://example.org/x",
        ] {
            assert_eq!(spiffe_id(text), None, "{text:?}");
        }
    }
}
