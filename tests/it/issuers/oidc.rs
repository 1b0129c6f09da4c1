//! Tokens of the authority's own issuer at a real API server that trusts it as `jit trust` says.

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jit::{
    domain::{
        catalogue::Resource,
        elevation::Grant,
        environment::Environment,
        event::{Event, EventKind, Origin},
        id::GrantId,
        principal::{Class, Principal},
    },
    issuers::{
        self,
        order::{Issuer, Order, Revocation, Site},
    },
    platform::{clock, keys},
    store::rotate::Rotation,
};
use jsonwebtoken::{EncodingKey, Header, encode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::cluster::{CATALOGUE, Cluster, signed, token};
use crate::support::{Home, home::run, until, web::POLICIES};

#[test]
fn the_cluster_knows_the_principal_the_groups_and_the_grant() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let answer = cluster.elevate("kubernetes/prod:view");
    let (grant, serial) = (answer.grant.id.as_str(), &answer.credential.serial);
    let token = token(&answer.credential);
    let user = cluster.user(token);
    assert_eq!(user["username"], "jit:alice@example.com");
    assert_eq!(user["uid"], "alice@example.com");
    assert_eq!(user["groups"], json!(["jit:view", "system:authenticated"]));
    let extra = json!({
        "authentication.kubernetes.io/credential-id": [format!("JTI={serial}")],
        "jit.dev/entitlement": ["kubernetes/prod:view"],
        "jit.dev/grant": [grant],
    });
    assert_eq!(user["extra"], extra);

    let listed = cluster.kubectl(token, &["get", "namespaces", "-o", "name"]);
    assert!(listed.stdout.contains("namespace/default"), "{listed:?}");
    let made = cluster.kubectl(token, &["create", "namespace", "more"]);
    assert!(made.stderr.contains("Forbidden"), "{made:?}");
    let event = cluster
        .kube
        .audited(&format!("\"jit.dev/grant\":[\"{grant}\"]"));
    assert_eq!(event["user"]["username"], "jit:alice@example.com");
}

#[test]
fn the_cluster_knows_for_whom_an_agent_acts() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let principal = |class, name| Principal::new(class, name).unwrap();
    // An agent that is named after a person.
    let grant = Grant {
        principal: principal(Class::Agent, "alice@example.com"),
        entitlement: "kubernetes/prod:edit".parse().unwrap(),
        chain: vec![
            principal(Class::Agent, "planner"),
            principal(Class::Human, "bob"),
        ],
        ..cluster.elevate("kubernetes/prod:view").grant
    };
    let (key, now) = (cluster.key(), clock::now());
    let issued = cluster.authority(async |authority| {
        let name = &grant.entitlement.resource;
        let resource: &Resource = authority.catalogue.resource(name).unwrap();
        let order = Order {
            grant: &grant,
            public_key: keys::generate().unwrap().public(),
            serial: 7,
            now,
        };
        let site = Site {
            authority: None,
            also: &[],
            issuer: Some(Issuer {
                url: &cluster.serve.url,
                key: &key,
                certificate_authority: None,
            }),
            directory: &authority.directory,
            environment: &Environment::default(),
            now,
        };
        let issued = issuers::issue(resource, &order, &site).await.unwrap();
        let revoked = issuers::revoke(resource, &grant, &site).await.unwrap();
        assert_eq!(revoked, Revocation::EndsByItself);
        issued
    });
    let user = cluster.user(token(&issued));
    assert_eq!(user["username"], "jit:agent/alice@example.com");
    let groups = json!(["developers", "jit:edit", "system:authenticated"]);
    assert_eq!(user["groups"], groups);
    let chain = &user["extra"]["jit.dev/chain"];
    assert_eq!(*chain, json!(["agent/planner", "bob"]));
    let bound = ["get", "rolebinding", "-n", "default", "jit:prod:edit", "-o"];
    let bound = cluster.kube.kubectl(&[&bound[..], &["json"]].concat());
    assert!(bound.contains("developers"), "{bound}");
}

#[test]
fn a_token_for_another_cluster_says_nothing_here() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let answer = cluster.elevate("kubernetes/other:view");
    cluster.refuses(token(&answer.credential));
}

#[test]
fn what_is_not_quite_a_token_is_refused() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    cluster.user(&cluster.forged(|_| ()));
    let now = clock::now().secs();
    let changes: [(&str, Value); 8] = [
        ("exp", json!(now - 1)),
        ("nbf", json!(now + 3600)),
        ("aud", json!("sts.amazonaws.com")),
        ("iss", json!("https://evil.example")),
        // An hour and a second.
        ("exp", json!(now + 3605)),
        ("groups", json!(["jit:view", "system:masters"])),
        ("groups", json!("jit:admin")),
        ("jit", json!({})),
    ];
    for (claim, value) in changes {
        cluster.refuses(&cluster.forged(|claims| claims[claim] = value));
    }
}

#[test]
fn a_key_that_is_published_later_is_believed_from_then_on() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (ours, now) = (cluster.key(), clock::now());
    let later = now.after(Duration::from_hours(1));
    let rotation = Rotation {
        purpose: "issuer",
        now,
        starts_at: later,
        compromised: false,
    };
    let id = GrantId::new(now, keys::random().unwrap());
    let admin = Principal::new(Class::Human, "admin").unwrap();
    let event = Event::new(EventKind::Rotated, now, id, admin, Origin::default());
    cluster.authority(async |authority| {
        let rotated = authority.store.rotate(&rotation, event).await;
        assert_eq!(rotated.unwrap(), 2);
    });
    let next = cluster.key_at(later);
    assert_ne!(next.public(), ours.public());
    assert_eq!(cluster.key().public(), ours.public());
    let token = signed(&cluster.claims(), &next, &next);
    until("the new key to be fetched", || {
        (cluster.whoami(&token).code == 0).then_some(())
    });
    cluster.user(&signed(&cluster.claims(), &ours, &ours));
}

#[test]
fn what_another_key_signed_is_refused() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (ours, other) = (cluster.key(), keys::generate_ec().unwrap());
    let claims = cluster.claims();
    cluster.user(&signed(&claims, &ours, &ours));
    cluster.refuses(&signed(&claims, &ours, &other));
    cluster.refuses(&signed(&claims, &other, &other));
    // alg: none
    let body = URL_SAFE_NO_PAD.encode(claims.to_string());
    cluster.refuses(&format!("eyJhbGciOiJub25lIn0.{body}."));
    // The public key as the secret of an HMAC.
    let public = ours.public();
    let secret = EncodingKey::from_secret(&[&[4], &public.x[..], &public.y[..]].concat());
    cluster.refuses(&encode(&Header::default(), &claims, &secret).unwrap());
    // The key of the elevation tokens.
    let elevation = cluster.elevate("kubernetes/prod:view").token;
    cluster.refuses(elevation.0.expose_secret());
}

#[test]
fn what_is_to_be_trusted_is_printed_for_scripts_too() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    // One more says how a role is bound whose name does not say what it may.
    assert_eq!(cluster.commands.len(), 3);
    let name = "kubernetes/prod".parse().unwrap();
    let ca = cluster.authority(async |authority| authority.trust_ca(&name).await.unwrap());
    assert_eq!(ca, fs::read_to_string(cluster.serve.ca()).unwrap());
}

/// The embedded authority has no server, so nobody could fetch its keys.
#[test]
fn without_a_server_nothing_is_issued_and_nothing_stays_granted() {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    let said = "jit: kubernetes/prod takes tokens of this authority's own issuer, whose keys only a \
                server can publish\nhint: run this authority as \"jit serve\", or choose issuer = \
                \"token-request\" in authority.toml\n";
    for args in [
        &["request", "kubernetes/prod:view"][..],
        &["trust", "kubernetes/prod"],
        &["trust", "kubernetes/prod", "--ca"],
    ] {
        let ran = run(&mut home.jit(args));
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (125, "", said));
    }
    let revoked = run(&mut home.jit(["revoke", "--all"]));
    assert_eq!(revoked.stdout, "nothing to revoke\n");
}
