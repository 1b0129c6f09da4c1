//! Providers as they are: claims that only `userinfo` has, renewals without an ID token, clients with a secret and
//! one port.

use std::{fs, os::unix::fs::PermissionsExt as _};

use jit::{
    domain::{key::PrivateKey, time::Timestamp},
    platform::{clock, keys},
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{
    Team, kept, machine, on,
    stolen::{claims, exchange, exchange_as, people},
};
use crate::support::{
    Home, Openid,
    home::run,
    issuer::Issuer,
    jwt::Algorithm,
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};
const SOON: &str = "[lifecycle.human]\nattest = \"4s\"\n";

fn wait_until(at: Timestamp) {
    until("that instant", || (clock::now() > at).then_some(()));
}

/// Waits until the session of alice's machine was renewed once more.
fn renewed(team: &Team) {
    let before = kept(&team.home, &team.serve).renew_at;
    until("a renewal", || {
        assert_eq!(team.who()["principal"], "alice");
        (kept(&team.home, &team.serve).renew_at > before).then_some(())
    });
}

#[test]
fn groups_that_only_userinfo_has_are_had_where_the_server_asks_for_them() {
    for (more, groups) in [("userinfo = true\n", json!(["dev"])), ("", json!([]))] {
        let Some(team) = Team::start(POLICIES, more) else {
            return;
        };
        team.provider.set("only_in_userinfo", json!(["groups"]));
        team.login("alice");
        assert_eq!(team.who()["groups"], groups, "{more}");
    }
}

#[test]
fn a_renewal_without_an_id_token_is_a_renewal_where_the_provider_is_asked() {
    let Some(team) = Team::start(POLICIES, &format!("userinfo = true\n{SOON}")) else {
        return;
    };
    team.login("alice");
    team.provider.set("refresh_without_id_token", json!(true));
    renewed(&team);
    assert_eq!(team.who()["groups"], json!(["dev"]));
    // What the provider says now is what holds.
    team.provider.claim("alice", "groups", json!([]));
    renewed(&team);
    assert_eq!(team.who()["groups"], json!([]));
    let events = team.events();
    assert!(
        events
            .iter()
            .filter(|(kind, _, _)| kind == "signed-in")
            .count()
            > 2,
        "{events:?}"
    );
    // Whoever has left is not renewed.
    team.provider.disable("alice");
    let due = kept(&team.home, &team.serve).renew_at.unwrap();
    wait_until(due);
    let ran = run(&mut team.home.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
}

#[test]
fn a_renewal_that_does_not_say_the_groups_takes_a_sign_in() {
    let Some(team) = Team::start(POLICIES, &format!("userinfo = true\n{SOON}")) else {
        return;
    };
    team.provider.set("only_in_id_token", json!(["groups"]));
    team.login("alice");
    assert_eq!(team.who()["groups"], json!(["dev"]));
    team.provider.set("refresh_without_id_token", json!(true));
    wait_until(kept(&team.home, &team.serve).renew_at.unwrap());
    let ran = run(&mut team.home.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(
        ran.stderr
            .contains("does not say in which groups you are now"),
        "{ran:?}"
    );
    team.login("alice");
    assert_eq!(team.who()["groups"], json!(["dev"]));
}

#[test]
fn a_renewal_without_an_id_token_is_a_sign_in_that_is_over_where_the_provider_is_not_asked() {
    let Some(team) = Team::start(POLICIES, SOON) else {
        return;
    };
    team.login("alice");
    team.provider.set("refresh_without_id_token", json!(true));
    wait_until(kept(&team.home, &team.serve).renew_at.unwrap());
    let ran = run(&mut team.home.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(ran.stderr.contains("without an ID token"), "{ran:?}");
    assert!(ran.stderr.contains("userinfo = true"), "{ran:?}");
    // Nothing of what is held ended.
    let kinds: Vec<String> = team.events().into_iter().map(|(kind, _, _)| kind).collect();
    assert_eq!(kinds, ["signed-in"]);
    team.login("alice");
}

#[test]
fn a_client_with_a_secret_and_one_port_signs_in() {
    let Some(provider) = Openid::start() else {
        return;
    };
    provider.account("alice", &["dev"]);
    let port = 29870 + std::process::id() % 8;
    let people = format!(
        "[people]\nissuer = \"{}\"\nclient_id = \"jit-secret\"\nredirect_port = {port}\n{SOON}\
         [people.parameters]\nlogin_hint = \"alice\"\n",
        provider.issuer()
    );
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people);
    let home = machine(&serve);
    let login = || run(&mut on(&home, &provider, "alice", &["login"]));
    let ran = login();
    assert_eq!(ran.code, 121, "without its secret: {ran:?}");
    assert!(!ran.stderr.contains("run: jit login"), "{ran:?}");
    let file = home.write("secret", "secret of jit + % &\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let config = home.config().join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let named = format!("client_secret = \"file:{}\"\n{text}", file.display());
    home.configure("config.toml", &named);
    let ran = login();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("login_hint=alice"), "{ran:?}");
    assert!(!ran.stderr.contains("secret%20of"), "{ran:?}");
    let before = kept(&home, &serve).renew_at;
    until("a renewal", || {
        assert_eq!(run(&mut home.jit(["whoami"])).code, 0);
        (kept(&home, &serve).renew_at > before).then_some(())
    });
    let ran = run(&mut home.jit(["logout"]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// An access token that the provider gives for the refresh token of a machine.
fn access_token(team: &Team, home: &Home) -> String {
    let refresh = kept(home, &team.serve).refresh.expect("a refresh token");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "jit"),
        ("refresh_token", refresh.token.0.expose_secret()),
    ];
    let answer = team.provider.site().post_form("/token", &fields);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn an_access_token_begins_no_session_and_is_nobody_elses() {
    let Some(team) = Team::start(POLICIES, "userinfo = true\n") else {
        return;
    };
    team.provider.account("mallory", &[]);
    let thief = machine(&team.serve);
    team.login("alice");
    let ran = run(&mut on(&thief, &team.provider, "mallory", &["login"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let [own, theirs] = [&team.home, &thief].map(|home| access_token(&team, home));
    let holder = kept(&team.home, &team.serve).holder;
    let show =
        |token: &str, holder: &PrivateKey| exchange_as(&team.serve, "access_token", token, holder);
    let before = team.events().len();
    let stranger = keys::generate().unwrap();
    for (token, holder, told) in [
        (
            &own,
            &stranger,
            "no session of a person is bound to this key",
        ),
        (&theirs, &holder, "is of another account"),
        (
            &"made-up".to_owned(),
            &holder,
            "does not know the access token",
        ),
    ] {
        let answer = show(token, holder);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains(told), "{answer:?}");
    }
    assert_eq!(team.events().len(), before);
    assert_eq!(show(&own, &holder).status, 200);
    assert_eq!(team.events().len(), before + 1);
    // Once: a second time it vouches for nobody anew.
    assert_eq!(show(&own, &holder).status, 200);
    assert_eq!(team.events().len(), before + 1);
    assert_eq!(run(&mut team.home.jit(["logout"])).code, 0);
    let answer = show(&own, &holder);
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[test]
fn a_server_that_does_not_ask_the_provider_takes_no_access_token() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let own = access_token(&team, &team.home);
    let holder = kept(&team.home, &team.serve).holder;
    let answer = exchange_as(&team.serve, "access_token", &own, &holder);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(
        answer.text().contains("takes no access token"),
        "{answer:?}"
    );
}

#[test]
fn groups_that_entra_leaves_out_are_told() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people(&issuer, ""));
    for (name, value) in [
        ("hasgroups", json!(true)),
        ("hasgroups", json!("true")),
        ("_claim_names", json!({ "groups": "src1" })),
    ] {
        let mut said = claims();
        said.as_object_mut().unwrap().remove("groups");
        said[name] = value;
        let answer = exchange(&serve, &issuer.sign(&said), &keys::generate().unwrap());
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert!(
            answer.text().contains("too many groups for one token"),
            "{answer:?}"
        );
        assert!(
            answer.text().contains("groups that are assigned"),
            "{answer:?}"
        );
    }
}
