//! Whoever can write a server's database, and has not its sealing key, becomes nobody by it.

use std::time::Duration;

use jit::{
    domain::{
        decision::Obligations, elevation::Elevation, enrolment::Enrolment, principal::Principal,
        vote::Approval,
    },
    platform::{clock, keys},
};
use serde_json::json;

use crate::support::{
    Access, Postgres, Serve,
    serve::{Guest, Keys, with_authority},
    web::{CATALOGUE, POLICIES},
};

fn status(guest: &Guest) -> u16 {
    guest.get("/v1/session").status
}

/// The metric of rows that the server refused.
fn refused_rows(serve: &Serve) -> String {
    let metrics = serve.site().get("/metrics").text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("jit_rows_refused_total"));
    line.unwrap().to_owned()
}

#[test]
fn a_session_that_somebody_else_wrote_lets_nobody_in() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let serve = Serve::start_on(&database.owner_url(), CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &["dev"]);
    let admin = serve.let_in("root", &["administrators"]);
    let change = |set: &str| {
        database.psql_in(
            "ledger",
            &format!(
                "update sessions set {set} where id = '{}'",
                alice.session.id
            ),
        )
    };
    let body = |guest: &Guest| {
        let select = format!(
            "select body from sessions where id = '{}'",
            guest.session.id
        );
        database.psql_in("ledger", &select).trim().to_owned()
    };
    let own = body(&alice);
    assert_eq!(status(&alice), 200);
    assert!(refused_rows(&serve).ends_with(" 0"));
    for set in [
        // More groups, another's words, no words of anybody.
        "body = replace(body, '\"dev\"', '\"administrators\"')".to_owned(),
        format!("body = '{}'", body(&admin)),
        "body = substr(body, strpos(body, ' ') + 1)".to_owned(),
        // The name by which it is looked for who may not come, and a longer line.
        "name = 'nobody'".to_owned(),
        format!("parent = '{}'", admin.session.id),
    ] {
        change(&set);
        assert_eq!(status(&alice), 500, "{set}");
        change(&format!("body = '{own}', name = 'alice', parent = ''"));
        assert_eq!(status(&alice), 200, "{set}");
    }
    assert!(serve.log().contains("was not written by this authority"));
    assert!(refused_rows(&serve).ends_with(" 5"));
    assert_eq!(status(&admin), 200);
}

#[test]
fn a_key_that_somebody_else_enrolled_is_nobodys() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let serve = Serve::start_on(&database.owner_url(), CATALOGUE, POLICIES);
    let key = keys::generate().unwrap().public();
    let text = key.to_base64url();
    let enrolment = Enrolment {
        principal: Principal::parse("workload/bot").unwrap(),
        groups: ["administrators".to_owned()].into(),
        made_by: None,
        made_at: clock::now(),
        inviter: None,
        invited_from: None,
    };
    let body = serde_json::to_string(&enrolment).unwrap();
    for vouched in [
        String::new(),
        format!("{} \"workload/bot\"", "A".repeat(43)),
    ] {
        database.psql_in(
            "ledger",
            &format!(
                "delete from enrolments; delete from enrolled_keys;
                 insert into enrolments (name, code, expires_at, body)
                     values ('workload/bot', 'x', 0, '{} {body}');
                 insert into enrolled_keys (key, enrolment, made_at, next, retired_at, vouched)
                     values ('{text}', 'workload/bot', 1, '', 0, '{vouched}')",
                "A".repeat(43)
            ),
        );
        let found = with_authority(&serve.path(""), async |authority| {
            authority.store.enrolment_by_key(key, clock::now()).await
        });
        let failure = found.unwrap_err();
        assert!(
            failure.message.contains("not written by this authority"),
            "{failure}"
        );
    }
}

/// What somebody makes of their own request who knows all but the key.
fn approved(body: &str) -> String {
    let (code, text) = body.split_once(' ').unwrap();
    let mut elevation: Elevation = serde_json::from_str(text).unwrap();
    let now = clock::now();
    let yes = Approval {
        by: Principal::parse("bob").unwrap(),
        at: now,
        comment: None,
        caller: None,
        address: None,
    };
    elevation.approve(yes, 1, now).unwrap();
    let policies = vec!["sensitive".to_owned()];
    elevation
        .grant(policies, Obligations::default(), now)
        .unwrap();
    format!("{code} {}", serde_json::to_string(&elevation).unwrap())
}

#[test]
fn an_approval_that_somebody_else_wrote_lets_nobody_claim_anything() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let approvers = r#"
@id("approvers")
permit (principal in Group::"approvers", action == Action::"approve", resource);
"#;
    let policies = format!("{POLICIES}{approvers}");
    let serve = Serve::start_on(&database.owner_url(), CATALOGUE, &policies);
    let alice = serve.let_in("alice", &[]);
    let bob = serve.let_in("bob", &["approvers"]);
    let asked = || {
        let pending = alice.ask("ssh/web:root", &Keys::new());
        assert_eq!(pending.status, 202, "{}", pending.text());
        pending.json()["id"].as_str().unwrap().to_owned()
    };
    let id = asked();
    let body = database.psql_in(
        "ledger",
        &format!("select body from elevations where id = '{id}'"),
    );
    let until = clock::now().after(Duration::from_hours(1)).millis();
    database.psql_in(
        "ledger",
        &format!(
            "update elevations set body = '{}', state = 'granted', expires_at = {until}
             where id = '{id}'",
            approved(&body)
        ),
    );
    let path = |id: &str, what: &str| format!("/v1/elevations/{id}{what}");
    let claim = |id: &str| alice.post(&path(id, "/credential"), &Keys::new().body());
    let vote = |id: &str| bob.post(&path(id, "/approval"), &json!({"answer": "approve"}));
    for refused in [claim(&id), vote(&id), alice.get(&path(&id, ""))] {
        assert_eq!(refused.status, 500, "{}", refused.text());
    }
    let named = format!("{id} is not believed: a row of the store was not written by this");
    assert!(serve.log().contains(&named), "{}", serve.log());
    // Everything else goes on, for whoever it was done to as well.
    let again = asked();
    assert_ne!(again, id);
    for (who, list) in [(&alice, "/v1/elevations"), (&bob, "/v1/approvals")] {
        let listed = who.get(list);
        assert_eq!(listed.status, 200, "{}", listed.text());
        assert!(!listed.text().contains(&id) && listed.text().contains(&again));
    }
    assert!(serve.log().contains("jit: 1 elevation left out: "));
    assert_eq!(vote(&again).status, 200);
    assert_eq!(claim(&again).status, 200);
    // Put back as it was, it still waits for somebody's word.
    database.psql_in(
        "ledger",
        &format!("update elevations set body = '{body}', state = 'pending' where id = '{id}'"),
    );
    assert_eq!(claim(&id).json()["type"], "urn:jit:pending");
    assert_eq!(vote(&id).status, 200);
    assert_eq!(claim(&id).status, 200);
}
