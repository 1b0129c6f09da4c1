//! What a client learns of the end of its grants and sessions, which somebody else ended.

use std::{fs, path::Path, time::Duration};

use jit::{cache::Cache, domain::time::Timestamp};
use serde_json::Value;

use super::{
    client::session,
    member::{Member, POLICIES},
};
use crate::support::{
    Access, Kube, Postgres, Serve,
    home::{Home, Ran, run},
    until,
    web::CATALOGUE,
};

/// Administrators end what others hold.
const REVOKE: &str = r#"
@id("revokers")
permit (principal in Group::"administrators", action == Action::"revoke", resource);
"#;

/// Uses a sensitive lease, and waits for nobody.
const EXEC_AS_ROOT: [&str; 8] = [
    "exec",
    "--no-wait",
    "--on",
    "ssh/web",
    "--role",
    "root",
    "--",
    "true",
];

fn served(catalogue: &str) -> Serve {
    Serve::start(catalogue, &format!("{POLICIES}{REVOKE}"))
}

/// The grant that `status` or `request` shows first.
fn grant(json: &str) -> String {
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    first["grant"].as_str().unwrap().to_owned()
}

/// Makes a home's leases as old as if the server had last been asked about them some minutes ago.
pub(super) fn not_asked_lately(home: &Home) {
    let places = session(home).places;
    let cache = Cache::open(&places).unwrap();
    for entitlement in cache.entitlements() {
        let change = |lease: &mut jit::domain::lease::Lease| {
            lease.issued_at = lease.issued_at.before(Duration::from_mins(2));
            lease.confirmed_at = None;
        };
        cache.update(&entitlement, change).unwrap();
        drop(fs::remove_file(
            jit::cache::file(&places, &entitlement).with_extension("asked"),
        ));
    }
}

/// Makes the leases of a home such that their credentials work for some seconds and are to be renewed.
fn about_to_expire(home: &Home) {
    let cache = Cache::open(&session(home).places).unwrap();
    for entitlement in cache.entitlements() {
        let change = |lease: &mut jit::domain::lease::Lease| {
            let now = jit::platform::clock::now();
            lease.issued_at = now.before(Duration::from_mins(9));
            lease.credential.expires_at = now.after(Duration::from_secs(25));
        };
        cache.update(&entitlement, change).unwrap();
    }
}

fn held(home: &Home) -> usize {
    let cache = Cache::open(&session(home).places).unwrap();
    cache.entitlements().len()
}

#[test]
fn a_renewal_in_a_session_that_was_ended_drops_the_lease() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let root = Member::of(&serve, "root", &["administrators"]);
    alice.works(&["request", "ssh/web:deploy"]);
    root.works(&["principals", "disable", "alice", "-j", "has left"]);
    about_to_expire(&alice.home);
    let line = ["exec", "--on", "ssh/web", "--role", "deploy", "--", "true"];
    let ran = alice.jit(&line);
    assert_eq!(ran.code, 123, "it is not used as it is: {ran:?}");
    assert_eq!(held(&alice.home), 0);
}

#[test]
fn a_lease_whose_renewal_is_refused_is_dropped_where_nothing_takes_its_place() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &["on-call"]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let glass = [
        "request",
        "ssh/web:root",
        "--break-glass",
        "-j",
        "a fire",
        "--json",
    ];
    let id = grant(&alice.works(&glass));
    root.works(&["revoke", &id]);
    about_to_expire(&alice.home);
    let ran = alice.jit(&EXEC_AS_ROOT);
    assert_eq!(ran.code, 121, "{ran:?}");
    assert_eq!(held(&alice.home), 0);
}

#[test]
fn status_learns_that_an_administrator_ended_a_grant() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let id = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    assert!(alice.works(&["status"]).contains(&id));
    let said = root.works(&["revoke", &id]);
    assert!(
        said.contains("the newest credential works there until "),
        "{said}"
    );
    assert!(said.contains("a session that is open there"), "{said}");
    let status = alice.jit(&["status"]);
    assert!(status.stdout.starts_with("You hold nothing"), "{status:?}");
    assert!(
        status
            .stderr
            .contains("the grant of ssh/web:deploy is revoked by root, so its lease is dropped"),
        "{status:?}"
    );
    assert_eq!(alice.jit(&["status"]).stderr, "", "it is said once");
}

#[test]
fn request_never_returns_a_grant_that_was_ended() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let first = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    let again = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    assert_eq!(first, again, "one that stands is used again");
    root.works(&["revoke", &first]);
    let other = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    assert_ne!(first, other);
}

#[test]
fn a_lease_of_a_session_that_was_ended_is_none() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let first = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    root.works(&["principals", "disable", "alice", "-j", "has left"]);
    let status = alice.jit(&["status"]);
    assert!(status.stdout.starts_with("You hold nothing"), "{status:?}");
    assert!(
        status.stderr.contains("so all leases are dropped"),
        "{status:?}"
    );
    root.works(&["principals", "enable", "alice", "-j", "is back"]);
    alice.sign_in_again(&serve, "alice", &[]);
    let other = grant(&alice.works(&["request", "ssh/web:deploy", "--json"]));
    assert_ne!(first, other);
}

#[test]
fn after_a_new_sign_in_exec_uses_no_lease_of_a_session_that_was_ended() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let root = Member::of(&serve, "root", &["administrators"]);
    alice.works(&["request", "ssh/web:deploy"]);
    root.works(&["principals", "disable", "alice", "-j", "has left"]);
    root.works(&["principals", "enable", "alice", "-j", "is back"]);
    not_asked_lately(&alice.home);
    let held = [
        "exec",
        "--if-held",
        "--on",
        "ssh/web",
        "--role",
        "deploy",
        "--",
        "true",
    ];
    alice.jit(&["exec", "--on", "ssh/web", "--role", "deploy", "--", "true"]);
    until("the lease to be dropped", || {
        let leases = session(&alice.home).places;
        let leases = Cache::open(&leases).unwrap().entitlements();
        leases.is_empty().then_some(())
    });
    assert_eq!(alice.jit(&held).code, 0);
}

#[test]
fn status_says_since_when_nothing_was_confirmed_where_the_server_is_away() {
    let mut serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    alice.works(&["request", "ssh/web:deploy"]);
    not_asked_lately(&alice.home);
    serve.stop(rustix::process::Signal::KILL);
    let begun = std::time::Instant::now();
    let status = alice.jit(&["status"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "a short bound");
    assert!(
        status.stdout.contains(", last confirmed 2m ago"),
        "{status:?}"
    );
    assert!(
        status.stderr.contains("is not known: the server"),
        "{status:?}"
    );
}

/// A server whose database hands out roles that it makes, and somebody who reads by one.
fn orders(postgres: &Postgres) -> (Serve, Member) {
    postgres.psql("create role orders_ro login");
    postgres.psql("create database orders");
    let serve = served(&format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = \"{}\"\nissuer = \"dynamic-role\"\ncredential = \"file:manager.url\"\n\
         roles.read = {{ role = \"orders_ro\" }}\n",
        postgres.port(),
        postgres.ca().display(),
    ));
    serve
        .home
        .write("server/manager.url", &postgres.superuser_url("postgres"));
    let alice = Member::of(&serve, "alice", &[]);
    (serve, alice)
}

#[test]
fn exec_uses_no_role_that_was_dropped_but_the_first_time() {
    let Some(postgres) = Postgres::start(Access {
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ..Access::default()
    }) else {
        return;
    };
    let (serve, alice) = orders(&postgres);
    let psql = || alice.jit(&["exec", "--", "psql", "-XAtc", "select 1", "orders"]);
    assert_eq!(psql().stdout, "1\n");
    let first = grant(&alice.works(&["status", "--json"]));
    let root = Member::of(&serve, "root", &["administrators"]);
    root.works(&["revoke", &first]);
    not_asked_lately(&alice.home);
    assert_ne!(psql().code, 0, "the role is gone");
    until("exec to ask for a new grant", || {
        (psql().code == 0).then_some(())
    });
    assert_ne!(grant(&alice.works(&["status", "--json"])), first);
}

#[test]
fn the_files_of_a_role_that_was_dropped_go_without_anybody_asking() {
    let Some(postgres) = Postgres::start(Access {
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ..Access::default()
    }) else {
        return;
    };
    let (serve, alice) = orders(&postgres);
    alice.works(&["setup", "postgres", "--anyway"]);
    let id = grant(&alice.works(&["request", "postgres/orders:read", "--json"]));
    let directory = alice.home.own("run/jit", "postgres").join("orders/read");
    let kept = || fs::read_dir(&directory).map_or(0, Iterator::count);
    until("its files", || (kept() > 0).then_some(()));
    let root = Member::of(&serve, "root", &["administrators"]);
    root.works(&["revoke", &id]);
    not_asked_lately(&alice.home);
    until("its files to be gone", || (kept() == 0).then_some(()));
}

#[test]
fn a_plugin_that_kubectl_calls_again_after_a_refusal_asks_for_another_grant() {
    let Some(kube) = Kube::shared() else { return };
    let serve = served(&format!(
        "[resources.\"kubernetes/prod\"]\nserver = \"{}\"\ncertificate_authority = \"{}\"\ncontexts = [\"prod\"]\n\
         issuer = \"token-request\"\nnamespace = \"jit-told\"\ncredential = \"file:base.token\"\n\
         roles.view = {{ service_account = \"jit-told/view\" }}\n",
        kube.url(),
        kube.ca().display(),
    ));
    let alice = Member::of(&serve, "alice", &[]);
    kube.apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: view}\nrules: [{apiGroups: [\"\"], resources: [namespaces, configmaps], verbs: [get, list, watch]}]");
    let root = Member::of(&serve, "root", &["administrators"]);
    kube.apply(&root.works(&["trust", "kubernetes/prod"]));
    let token = kube.kubectl(&["-n", "jit-told", "create", "token", "jit", "--duration=1h"]);
    serve.home.write("server/base.token", &token);
    let got = || -> Ran {
        alice.jit(&[
            "exec",
            "--",
            "kubectl",
            "--context",
            "prod",
            "get",
            "namespaces",
        ])
    };
    until("the roles to be bound", || (got().code == 0).then_some(()));
    alice.works(&["setup", "kubernetes", "--anyway"]);
    let plain = || {
        let mut kubectl = alice.home.command(Path::new("kubectl"));
        run(kubectl.args(["--context", "prod", "get", "namespaces"]))
    };
    assert_eq!(plain().code, 0);
    let first = grant(&alice.works(&["status", "--json"]));
    let places = session(&alice.home).places;
    let held = Cache::open(&places).unwrap().leases().unwrap();
    root.works(&["revoke", &first]);
    refuses(kube, &held[0]);
    not_asked_lately(&alice.home);
    // kubectl calls its plugin again where the cluster refuses the token, and does not try again itself.
    let refused = plain();
    assert!(refused.stderr.contains("Unauthorized"), "{refused:?}");
    let held = Cache::open(&places).unwrap().leases().unwrap();
    assert_ne!(held[0].grant.id.to_string(), first);
    let ran = plain();
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Waits until the cluster refuses the token of a lease.
fn refuses(kube: &Kube, lease: &jit::domain::lease::Lease) {
    use jit::domain::credential::Secret;
    use secrecy::ExposeSecret as _;
    let Secret::KubernetesToken(token) = &lease.credential.secret else {
        panic!("a token");
    };
    until("the token to be refused", || {
        let asked = kube.try_kubectl(&["--token", token.expose_secret(), "get", "namespaces"]);
        (asked.code != 0).then_some(())
    });
}

#[test]
fn a_sensitive_lease_is_confirmed_before_it_is_used() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let asked = alice.jit(&["request", "ssh/web:root", "-j", "a fire", "--no-wait"]);
    assert_eq!(asked.code, 122, "{asked:?}");
    let waiting = bob.works(&["approvals"]);
    let id = waiting.split_whitespace().next().unwrap();
    bob.works(&["approve", id]);
    let exec = || alice.jit(&EXEC_AS_ROOT);
    assert_eq!(exec().code, 0);
    root.works(&["revoke", id]);
    not_asked_lately(&alice.home);
    let ran = exec();
    assert_eq!(
        ran.code, 121,
        "it is asked for anew, without a reason: {ran:?}"
    );
    assert!(ran.stderr.contains("is revoked by root"), "{ran:?}");
}

#[test]
fn a_lease_is_confirmed_no_more_often_than_once_a_minute() {
    let serve = served(CATALOGUE);
    let alice = Member::of(&serve, "alice", &[]);
    alice.works(&["request", "ssh/web:deploy"]);
    let places = session(&alice.home).places;
    let cache = Cache::open(&places).unwrap();
    let entitlement = cache.entitlements().remove(0);
    let stood_at = || -> Timestamp { cache.held(&entitlement).unwrap().unwrap().stood_at() };
    let exec = || alice.jit(&["exec", "--on", "ssh/web", "--role", "deploy", "--", "true"]);
    let before = stood_at();
    assert_eq!(exec().code, 0);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(stood_at(), before, "it was confirmed a moment ago");
    not_asked_lately(&alice.home);
    let old = stood_at();
    assert_eq!(exec().code, 0);
    until("it to be confirmed", || (stood_at() > old).then_some(()));
}
