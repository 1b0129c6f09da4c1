//! What a person is told whose provider refuses, or cannot answer just now.

use serde_json::{Value, json};

use super::{Team, kept, machine};
use crate::support::{
    Realm, browser,
    home::{Ran, run},
    keycloak::client,
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};

/// Signs alice in at a server of a realm with these settings, which asks for these scopes.
fn login_at(settings: &Value, scopes: &str) -> Option<Ran> {
    let realm = Realm::start(settings)?;
    realm.account("alice", &[]);
    let people = format!(
        "[people]\nissuer = \"{}\"\nclient_id = \"jit\"\nscopes = [{scopes}]\n",
        realm.issuer()
    );
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people);
    let home = machine(&serve);
    let mut login = home.jit(["login"]);
    Some(run(
        login.env("BROWSER", browser::program(&home, "alice", None))
    ))
}

#[test]
fn scopes_that_the_provider_does_not_have_or_allow_are_named() {
    let mut without_offline = client();
    without_offline["optionalClientScopes"] = json!([]);
    let default = json!({});
    let restricted = json!({ "clients": [without_offline] });
    for (settings, scopes, told) in [
        (&default, "\"openid\", \"nonsense\"", "openid, nonsense"),
        (
            &restricted,
            "\"openid\", \"offline_access\"",
            "\"offline_access\"",
        ),
    ] {
        let Some(ran) = login_at(settings, scopes) else {
            return;
        };
        assert_eq!(ran.code, 121, "{ran:?}");
        let (_, hint) = ran.stderr.split_once("hint: ").expect("a hint");
        assert!(
            hint.contains(told) && hint.contains("[people] of server.toml"),
            "{ran:?}"
        );
        assert!(!hint.contains("jit login"), "{ran:?}");
    }
}

#[test]
fn a_provider_that_cannot_answer_just_now_has_refused_nobody() {
    let Some(team) = Team::start(
        POLICIES,
        "[lifecycle.human]\nattest = \"4s\"\nattest_grace = \"1h\"\n",
    ) else {
        return;
    };
    team.login("alice");
    for (status, body) in [
        (503, json!({ "error": "temporarily_unavailable" })),
        (400, json!({ "error": "temporarily_unavailable" })),
        (500, json!({ "error": "invalid_grant" })),
        (502, json!("no JSON of OAuth")),
    ] {
        team.provider
            .set("token_error", json!({ "status": status, "body": body }));
        let before = kept(&team.home, &team.serve);
        until("it is time", || {
            (before.renew_at? < jit::platform::clock::now()).then_some(())
        });
        let ran = run(&mut team.home.jit(["--verbose", "status"]));
        assert!(
            ran.stderr.contains("cannot answer just now"),
            "{status}: {ran:?}"
        );
        let after = kept(&team.home, &team.serve);
        assert!(
            after.refresh.is_some() && after.refused.is_none(),
            "{status}"
        );
        let ran = run(&mut team.jit("alice", &["login"]));
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(
            ran.stderr.contains("hint: try again in a moment"),
            "{ran:?}"
        );
        team.provider.set("token_error", json!(null));
        team.login("alice");
    }
}

#[test]
fn a_provider_whose_keys_the_server_cannot_have_just_now_has_refused_nobody() {
    let Some(team) = Team::new() else { return };
    let login = || run(&mut team.jit("alice", &["login"]));
    team.provider.set("unavailable", json!(["/jwks"]));
    for attempt in 0..2 {
        let ran = login();
        assert_eq!(ran.code, 124, "{attempt}: {ran:?}");
        let named = format!("the server cannot reach {}", team.provider.issuer());
        assert!(ran.stderr.contains(&named), "{attempt}: {ran:?}");
        assert!(
            ran.stderr.contains("hint: try again in a moment"),
            "{ran:?}"
        );
    }
    assert!(team.serve.log().contains("503"), "the log says why");
    team.provider.set("unavailable", json!([]));
    // The server asks for keys once in ten seconds.
    until("the next sign-in", || (login().code == 0).then_some(()));
    assert_eq!(team.who()["principal"], "alice");
}

#[test]
fn a_provider_that_answers_the_server_by_503_while_it_renews_ends_no_session() {
    let Some(team) = Team::start(
        POLICIES,
        "userinfo = true\n[lifecycle.human]\nattest = \"4s\"\n",
    ) else {
        return;
    };
    team.login("alice");
    team.provider.set("refresh_without_id_token", json!(true));
    let issuer = team.provider.issuer().to_owned();
    for path in ["/me", "/.well-known/openid-configuration"] {
        team.provider.set("unavailable", json!([path]));
        let before = kept(&team.home, &team.serve);
        until("it is time", || {
            (before.renew_at? < jit::platform::clock::now()).then_some(())
        });
        let ran = run(&mut team.home.jit(["--verbose", "status"]));
        assert!(ran.stderr.contains(&issuer), "{path}: {ran:?}");
        assert!(!ran.stderr.contains("jit login"), "{path}: {ran:?}");
        let after = kept(&team.home, &team.serve);
        assert!(after.refresh.is_some() && after.refused.is_none(), "{path}");
        team.provider.set("unavailable", json!([]));
        until("a renewal", || {
            let renewed = run(&mut team.home.jit(["whoami"])).code == 0;
            (renewed && kept(&team.home, &team.serve).renew_at > before.renew_at).then_some(())
        });
    }
    let kinds: Vec<String> = team.events().into_iter().map(|(kind, _, _)| kind).collect();
    assert!(kinds.iter().all(|kind| kind == "signed-in"), "{kinds:?}");
}

#[test]
fn a_person_in_a_thousand_groups_signs_in_and_one_in_too_many_is_told_so() {
    let Some(team) = Team::new() else { return };
    let groups: Vec<String> = (0..1000)
        .map(|number| format!("7f3c2a10-94d1-4b6e-8f52-{number:012}"))
        .collect();
    team.provider.claim("alice", "groups", json!(groups));
    team.login("alice");
    assert_eq!(team.who()["groups"].as_array().unwrap().len(), 1000);
    let ran = run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let groups: Vec<String> = (0..3000)
        .map(|number| format!("7f3c2a10-94d1-4b6e-8f52-{number:012}"))
        .collect();
    team.provider.claim("alice", "groups", json!(groups));
    let ran = run(&mut team.jit("alice", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("KiB"), "{ran:?}");
    assert!(!ran.stderr.contains("run: jit login"), "{ran:?}");
}
