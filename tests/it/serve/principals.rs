//! Somebody leaves: everything that they have ends at once, at the targets too.

use super::{
    client::point,
    member::{Member, POLICIES},
};
use crate::support::{Access, Home, Postgres, Serve, home::run, serve::Keys, until, web};

#[test]
fn whoever_leaves_has_nothing_any_more_not_even_at_the_target() {
    let Some(postgres) = Postgres::start(Access {
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ..Access::default()
    }) else {
        return;
    };
    for sql in ["create role orders_ro login", "create database orders"] {
        postgres.psql(sql);
    }
    let catalogue = format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = \"{}\"\nissuer = \"dynamic-role\"\ncredential = \"file:manager.url\"\n\
         roles.read = {{ role = \"orders_ro\" }}\n",
        postgres.port(),
        postgres.ca().display(),
    );
    let serve = Serve::start(&catalogue, POLICIES);
    serve
        .home
        .write("server/manager.url", &postgres.superuser_url("postgres"));
    let made = || postgres.psql("select count(*) from pg_roles where rolname like 'jit%'");
    let admin = Member::of(&serve, "root", &["administrators"]);
    let alice = serve.let_in("alice", &[]);
    let keys = Keys::new();
    let granted = alice.ask("postgres/orders:read", &keys);
    assert_eq!(granted.status, 200, "{}", granted.text());
    let granted = granted.json();
    assert_eq!(made(), "1");
    let listed = admin.works(&["principals", "--json"]);
    let line = listed
        .lines()
        .find(|line| line.contains("\"alice\""))
        .unwrap();
    let known: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&known["sessions"], &known["grants"]),
        (&1.into(), &1.into())
    );
    let said = admin.works(&["principals", "disable", "alice", "-j", "has left"]);
    assert!(said.contains("alice may not come any more"), "{said}");
    until("the role to be gone", || (made() == "0").then_some(()));
    assert_eq!(alice.ask("postgres/orders:read", &keys).status, 401);
    let id = granted["id"].as_str().unwrap();
    let renewed = alice.post(
        &format!("/v1/elevations/{id}/credential"),
        &keys.renewal(&granted),
    );
    assert_eq!(renewed.status, 401, "{}", renewed.text());
    assert!(admin.works(&["principals"]).contains("disabled"));
    let last = admin.jit(&["principals", "disable", "root", "-j", "oops"]);
    assert_eq!(last.code, 121, "{last:?}");
    assert!(last.stderr.contains("--force"), "{last:?}");
    let nobody = admin.jit(&["principals", "disable", "alcie", "-j", "typo"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
    admin.works(&["principals", "enable", "alice", "-j", "is back"]);
    assert_eq!(serve.let_in("alice", &[]).get("/v1/session").status, 200);
}

#[test]
fn disabling_somebody_takes_their_join_codes_back_and_lists_what_they_enrolled() {
    let serve = Serve::start(web::CATALOGUE, POLICIES);
    let root = Member::of(&serve, "root", &["administrators"]);
    let mallory = Member::of(&serve, "mallory", &["administrators"]);
    let code = |name: &str| {
        let made = mallory.works(&["enrolments", "create", name, "--json"]);
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        made["code"].as_str().unwrap().to_owned()
    };
    let (joined, open) = (code("build-7"), code("door"));
    let join = |code: &str| {
        let home = Home::new();
        point(&home, &serve.url, Some(&serve.ca()));
        run(&mut home.jit(["login", "--join", code]))
    };
    let ran = join(&joined);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = root.works(&["principals", "disable", "mallory", "-j", "has left"]);
    assert!(said.contains("mallory enrolled workload/build-7"), "{said}");
    let ran = join(&open);
    assert_eq!(ran.code, 121, "{ran:?}");
    let left = root.works(&["enrolments", "list"]);
    assert!(left.contains("build-7") && !left.contains("door"), "{left}");
}

#[test]
fn a_join_code_of_somebody_who_administers_no_more_lets_nobody_in() {
    let serve = Serve::start(web::CATALOGUE, POLICIES);
    let mallory = Member::of(&serve, "mallory", &["administrators"]);
    let code = |name: &str| {
        let made = mallory.works(&["enrolments", "create", name, "--json"]);
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        made["code"].as_str().unwrap().to_owned()
    };
    let (before, after) = (code("build-7"), code("door"));
    let join = |code: &str| {
        let home = Home::new();
        point(&home, &serve.url, Some(&serve.ca()));
        run(&mut home.jit(["login", "--join", code]))
    };
    let ran = join(&before);
    assert_eq!(ran.code, 0, "{ran:?}");
    // A newer sign-in says that the group is lost, and nobody disables anybody.
    serve.let_in("mallory", &["staff"]);
    let ran = join(&after);
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(
        ran.stderr
            .contains("may not administer this server any more"),
        "{ran:?}"
    );
}

#[test]
fn only_administrators_see_and_change_who_comes() {
    let serve = Serve::start(web::CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &["approvers"]);
    for args in [
        &["principals"][..],
        &["principals", "disable", "alice", "-j", "x"],
        &["principals", "enable", "alice", "-j", "x"],
    ] {
        let refused = alice.jit(args);
        assert_eq!(refused.code, 121, "{args:?}: {refused:?}");
    }
    let guest = serve.let_in("alice", &["administrators"]);
    for path in ["/v1/principals/human/%2e%2e", "/v1/principals/root/alice"] {
        let body = serde_json::json!({"disabled": true, "why": "x"});
        let json = [("content-type", "application/json")];
        let answer = guest.send_with("PATCH", path, &json, body.to_string().as_bytes());
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}

#[test]
fn a_session_is_no_longer_than_its_class_may_have_and_is_vouched_for_again() {
    let more = "[lifecycle.human]\nsession = \"10m\"\nattest = \"1s\"\n";
    let serve = Serve::start_with(web::CATALOGUE, POLICIES, more);
    let alice = serve.let_in("alice", &[]);
    let refused = until("the attestation to be too old", || {
        let answer = alice.get("/v1/session");
        (answer.status == 401).then_some(answer)
    });
    assert!(
        refused.text().contains("show again who you are"),
        "{}",
        refused.text()
    );
}
