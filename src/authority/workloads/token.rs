//! A foreign token → whose it is → which workload that is here.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
};

use serde_json::{Map, Value};

use super::{
    mapping::{admit, quoted},
    trusted::Workloads,
};
use crate::{
    authority::{Authority, entrance::Vouched},
    domain::{
        catalogue::Resource,
        entitlement::ResourceName,
        failure::{Code, Failure, Result},
        once::Once,
        workload::Workload,
    },
    verify::header::{LONGEST, unverified_claims},
};

/// How the user is called that a service account is to its API server.
const ACCOUNT: &str = "system:serviceaccount:";

impl Authority {
    /// The workload that presents a JWT of its own issuer.
    ///
    /// # Errors
    /// Sign-in (123): the token is not what it says. Denied: it is nobody's whom this server knows.
    /// Its issuer, or the cluster that reviews it, is away.
    pub async fn workload_by_token(&self, workloads: &Workloads, token: &str) -> Result<Vouched> {
        if token.len() > LONGEST {
            return Err(
                Failure::denied(format!("the token is longer than {} KiB", LONGEST >> 10))
                    .hint("have the issuer put fewer claims into it"),
            );
        }
        let said = unverified_claims(token).ok_or_else(|| {
            Failure::denied("what was presented is no token of a workload")
                .hint("present the job's own token (a JWT), made for this server")
        })?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let issuer = text("iss");
        let meant = audiences(&said);
        match workloads.issuer_of(issuer, text("sub").unwrap_or_default(), &meant) {
            Some(issuer) => {
                let verified = issuer.verify(token, (self.clock)()).await?;
                let meant = verified.texts("aud");
                let url = Some(issuer.url());
                let entries = workloads.entries.iter().filter(|entry| {
                    entry.issuer() == url && meant.contains(workloads.audience(entry))
                });
                let entries: Vec<&Workload> = entries.collect();
                let source = (issuer.url(), (self.clock)());
                let read = |entry: &Workload| entry.attributes_of(&verified.claims);
                let (vouched, entry) = admit(source, &entries, read)?;
                let is_used_up = entry.is_used_up(&verified.claims);
                Ok(Vouched {
                    once: is_used_up.then(|| Once {
                        id: format!("workload-token {}", verified.id),
                        until: verified.expires_at,
                    }),
                    ..vouched
                })
            }
            None => match reviewer(workloads, &said, &meant) {
                Some(cluster) => self.reviewed(workloads, cluster, token).await,
                None => Err(unreviewed(workloads, &said, issuer)),
            },
        }
    }

    /// Has a cluster say whose token it is.
    async fn reviewed(
        &self,
        workloads: &Workloads,
        cluster: &ResourceName,
        token: &str,
    ) -> Result<Vouched> {
        let Resource::Kubernetes(resource) = self.catalogue.resource(cluster)? else {
            return Err(unknown(None));
        };
        let entries = workloads.entries.iter();
        let entries = entries.filter(|entry| entry.token_review.as_ref() == Some(cluster));
        let entries: Vec<&Workload> = entries.collect();
        let audiences: Vec<&str> = entries.iter().map(|one| workloads.audience(one)).collect();
        let site = self.site(None);
        let review = workloads
            .reviews
            .review((cluster, resource), token, &audiences, &site)
            .await?;
        let attributes = account(&review.username, &review.uid, &review.extra)?;
        let entries = entries.into_iter();
        let meant = entries.filter(|one| review.audiences.contains(workloads.audience(one)));
        let meant: Vec<&Workload> = meant.collect();
        let source = cluster.to_string();
        let admitted = admit((&source, (self.clock)()), &meant, |_| attributes.clone());
        admitted.map(|(vouched, _)| vouched)
    }
}

/// For whom a token says that it is.
fn audiences(said: &Map<String, Value>) -> BTreeSet<String> {
    let named = match said.get("aud") {
        Some(Value::Array(many)) => many.as_slice(),
        Some(one) => slice::from_ref(one),
        None => &[],
    };
    let texts = named.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The cluster whose token it would be, if it is what it says. No token is shown to another one, and none that
/// is for another audience to any.
fn reviewer<'a>(
    workloads: &'a Workloads,
    said: &Map<String, Value>,
    meant: &BTreeSet<String>,
) -> Option<&'a ResourceName> {
    let mut entries = workloads.entries.iter().filter(|entry| {
        entry.token_review.is_some()
            && meant.contains(workloads.audience(entry))
            && entry.is_matched_by(&entry.attributes_of(said))
    });
    entries.next().and_then(|entry| entry.token_review.as_ref())
}

/// Why no cluster is asked about a token.
fn unreviewed(workloads: &Workloads, said: &Map<String, Value>, issuer: Option<&str>) -> Failure {
    let alike = workloads.entries.iter().filter(|entry| {
        entry.token_review.is_some() && entry.is_matched_by(&entry.attributes_of(said))
    });
    let wanted = alike.map(|entry| format!("{:?}", workloads.audience(entry)));
    let wanted = wanted.collect::<Vec<_>>().join(" or ");
    if wanted.is_empty() {
        return unknown(issuer);
    }
    Failure::new(
        Code::SignIn,
        format!("the token is for another audience: its `aud` is to name {wanted}"),
    )
    .hint(format!(
        "have the pod's projected token made for {wanted} (audience)"
    ))
}

/// A service account, as its tokens tell it too.
fn account(
    username: &str,
    uid: &str,
    extra: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, String>> {
    let name = username.strip_prefix(ACCOUNT);
    let Some((namespace, name)) = name.and_then(|name| name.split_once(':')) else {
        return Err(Failure::denied("the token is of no service account")
            .hint("present a token of a service account, made for this server"));
    };
    let told = |key: &str| extra.get(&format!("authentication.kubernetes.io/{key}"));
    let told = |key: &str| {
        told(key)
            .and_then(|values| values.first())
            .map(String::as_str)
    };
    let all = [
        ("sub", Some(username)),
        ("namespace", Some(namespace)),
        ("service_account", Some(name)),
        ("service_account_uid", Some(uid)),
        ("pod", told("pod-name")),
        ("pod_uid", told("pod-uid")),
        ("node", told("node-name")),
    ];
    let known = all.into_iter();
    let known = known.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    Ok(known.filter(|(_, value)| !value.is_empty()).collect())
}

fn unknown(issuer: Option<&str>) -> Failure {
    let of = issuer.map_or_else(|| "that kind".to_owned(), quoted);
    Failure::denied(format!(
        "this server takes no tokens of {of} for this workload"
    ))
    .hint("its administrator names whose tokens it takes in [[workloads]] of server.toml")
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_service_account_is_a_workload() {
        let extra = [(
            "authentication.kubernetes.io/pod-name".to_owned(),
            vec!["p".to_owned()],
        )];
        let told = account("system:serviceaccount:ci:build", "u-1", &extra.into()).unwrap();
        assert_eq!(told["namespace"], "ci");
        assert_eq!(told["service_account"], "build");
        assert_eq!(told["pod"], "p");
        for user in ["admin", "system:node:x", "system:serviceaccount:ci", ""] {
            assert!(account(user, "u", &BTreeMap::new()).is_err(), "{user}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*", claims in ".*") {
            drop(unverified_claims(&text));
            drop(unverified_claims(&format!("a.{}.c", URL_SAFE_NO_PAD.encode(claims))));
        }
    }
}
