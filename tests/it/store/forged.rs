//! Whoever can write a server's database, and has not its sealing key, becomes nobody by it.

use jit::{
    domain::{enrolment::Enrolment, principal::Principal},
    platform::{clock, keys},
};

use crate::support::{
    Access, Postgres, Serve,
    serve::{Guest, with_authority},
    web::{CATALOGUE, POLICIES},
};

fn status(guest: &Guest) -> u16 {
    guest.get("/v1/session").status
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
