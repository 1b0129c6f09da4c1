//! Tokens of the authority's own OIDC issuer. The API server verifies them by the keys that it fetches
//! from there (structured authentication, KEP 3331), and asks nobody else: a token is valid to its end,
//! so it is minutes long.
//!
//! The user is the principal; the groups are the role's. Grant, entitlement and the chain of those
//! whom the principal acts for go into the API server's audit log as the user's extra.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use crate::{
    domain::{
        catalogue::KubernetesResource,
        credential::{Credential, Secret},
        entitlement::{Entitlement, ResourceName},
        failure::Result,
        id::GrantId,
        principal::Principal,
    },
    issuers::{
        jwt::{self, Frame},
        order::{Issuer, Order, Site, role_of},
    },
};

/// No token lives longer, whatever policy says; what `jit trust` prints makes the API server see to it.
pub(super) const LONGEST: Duration = Duration::from_hours(1);

/// What the API server is told besides who it is.
#[derive(Serialize)]
struct More<'a> {
    groups: &'a BTreeSet<String>,
    jit: Elevation<'a>,
}

#[derive(Serialize)]
struct Elevation<'a> {
    grant: &'a GrantId,
    entitlement: &'a Entitlement,
    /// Whom the principal acts for, the nearest first.
    chain: Vec<String>,
}

/// A token that names the role's groups.
pub(super) fn issue(
    resource: &KubernetesResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let role = role_of(&resource.roles, order.grant)?;
    let Entitlement { resource: name, .. } = &order.grant.entitlement;
    let issuer = issuer(name, site)?;
    let expires_at = order.expires_at().min(order.now.after(LONGEST));
    let frame = Frame {
        // Without the class an agent that is named after a person would pass for that person.
        subject: order.grant.principal.written(),
        audience: &resource.audience(name),
        // The client compares it with its own clock.
        issued_at: order.now,
        expires_at,
    };
    let more = More {
        groups: &role.groups,
        jit: Elevation {
            grant: &order.grant.id,
            entitlement: &order.grant.entitlement,
            chain: order.grant.chain.iter().map(Principal::written).collect(),
        },
    };
    Ok(Credential {
        serial: order.serial.to_string(),
        expires_at,
        secret: Secret::KubernetesToken(jwt::token(order, &issuer, &frame, &more)?),
    })
}

/// The authority as the issuer that the cluster trusts.
pub(super) fn issuer<'a>(name: &ResourceName, site: &'a Site<'_>) -> Result<Issuer<'a>> {
    site.own_issuer(name, "token-request")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::principal::Class,
        issuers::{jwt::tests::verified, sample},
    };

    const ROLES: &str = "roles.view.groups = [\"jit:view\"]\nroles.admin.groups = [\"jit:admin\"]";

    fn resource(more: &str) -> KubernetesResource {
        let text = format!("server = \"https://203.0.113.5:6443\"\nissuer = \"oidc\"\n{more}");
        toml::from_str(&text).unwrap()
    }

    fn issued(
        resource: &KubernetesResource,
        order: &Order<'_>,
    ) -> (Credential, secrecy::SecretString) {
        let credential = issue(resource, order, &sample::site()).unwrap();
        let Secret::KubernetesToken(token) = credential.secret.clone() else {
            panic!("{credential:?}");
        };
        (credential, token)
    }

    #[test]
    fn a_token_is_the_roles_groups_and_names_the_grant() {
        let mut grant = sample::grant("kubernetes/prod:view");
        grant.chain = vec![
            Principal::new(Class::Agent, "planner").unwrap(),
            Principal::new(Class::Human, "bob").unwrap(),
        ];
        let order = sample::order(&grant);
        let (credential, token) = issued(&resource(ROLES), &order);
        let claims = verified(&token, "kubernetes/prod");
        assert_eq!(claims["sub"], "alice@example.com");
        assert_eq!(claims["groups"], json!(["jit:view"]));
        assert_eq!(
            claims["jit"],
            json!({
                "grant": grant.id,
                "entitlement": "kubernetes/prod:view",
                "chain": ["agent/planner", "bob"],
            })
        );
        assert_eq!(claims["jti"], credential.serial);
        assert_eq!(claims["exp"], credential.expires_at.secs());
        assert_eq!(credential.expires_at, order.expires_at());
    }

    #[test]
    fn no_token_lives_longer_than_the_cluster_is_told_to_accept() {
        let mut grant = sample::grant("kubernetes/prod:view");
        grant.credential_ttl = Duration::from_hours(9);
        grant.expires_at = sample::NOW.after(Duration::from_hours(9));
        let (credential, token) = issued(&resource(ROLES), &sample::order(&grant));
        assert_eq!(credential.expires_at, sample::NOW.after(LONGEST));
        let claims = verified(&token, "kubernetes/prod");
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!(Duration::from_secs(life), LONGEST);
    }

    #[test]
    fn each_cluster_has_an_audience_of_its_own() {
        let grant = sample::grant("kubernetes/prod:view");
        let order = sample::order(&grant);
        let named = resource(&format!("audience = \"https://prod\"\n{ROLES}"));
        let (_, token) = issued(&named, &order);
        assert_eq!(verified(&token, "https://prod")["aud"], "https://prod");
        let other = sample::grant("kubernetes/other:view");
        let (_, token) = issued(&resource(ROLES), &sample::order(&other));
        assert_eq!(
            verified(&token, "kubernetes/other")["aud"],
            "kubernetes/other"
        );
    }

    #[test]
    fn without_a_server_it_is_refused_in_one_sentence() {
        let grant = sample::grant("kubernetes/prod:view");
        let site = Site {
            issuer: None,
            ..sample::site()
        };
        let failure = issue(&resource(ROLES), &sample::order(&grant), &site).unwrap_err();
        insta::assert_snapshot!(format!("{failure}\n{}", failure.hint), @r#"
        kubernetes/prod takes tokens of this authority's own issuer, whose keys only a server can publish
        run this authority as "jit serve", or choose issuer = "token-request" in authority.toml
        "#);
    }
}
