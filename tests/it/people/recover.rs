//! The provider moved, or is away.

use std::fs;

use jit::{
    domain::event::EventKind,
    platform::{
        clock,
        proof::{Aim, prove},
    },
};
use rustix::process::Signal;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Team, kept, machine, on};
use crate::support::{
    Openid,
    home::{Ran, run},
    serve::Serve,
    story::story,
    until,
    web::POLICIES,
};

/// Has the server believe another provider from now on.
fn move_to(serve: &mut Serve, from: &Openid, to: &Openid) {
    serve.stop(Signal::TERM);
    let file = serve.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(from.issuer(), to.issuer())).unwrap();
    serve.start_again();
}

fn recover(serve: &Serve, args: &[&str]) -> Ran {
    let mut jit = serve.home.jit(["serve", "recover", "--config"]);
    run(jit.arg(serve.path("")).args(args))
}

#[test]
fn people_come_in_again_after_their_provider_moved_once_the_operator_says_so() {
    let Some(mut team) = Team::new() else { return };
    let Some(new) = Openid::start() else { return };
    new.account("alice", &["dev"]);
    team.login("alice");
    let old = team.provider.issuer().to_owned();
    move_to(&mut team.serve, &team.provider, &new);
    let home = machine(&team.serve);
    let login = || run(&mut on(&home, &new, "alice", &["login"]));
    let refused = login();
    assert_eq!(refused.code, 121, "{refused:?}");
    let hint = format!("jit serve recover --from-issuer {old} -j WHY");
    assert!(refused.stderr.contains(&hint), "{refused:?}");
    let wrong = recover(
        &team.serve,
        &["--from-issuer", "https://nobody.example.com", "-j", "x"],
    );
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert_eq!(
        recover(&team.serve, &["--from-issuer", &old]).code,
        2,
        "it needs a reason"
    );
    let ran = recover(
        &team.serve,
        &["--from-issuer", &old, "-j", "the provider moved"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("1 name of"), "{ran:?}");
    let ran = login();
    assert_eq!(ran.code, 0, "{ran:?}");
    // Another account of the new provider has no part in that name.
    new.account("mallory", &[]);
    new.claim("mallory", "preferred_username", json!("alice"));
    let ran = run(&mut on(&home, &new, "mallory", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    let recorded = story(&team.serve).into_iter();
    let mut recorded = recorded.filter(|event| event.kind == EventKind::Recovered);
    let event = recorded.next().unwrap();
    assert_eq!(event.justification.as_deref(), Some("the provider moved"));
    assert!(event.detail.unwrap().contains(new.issuer()));
}

#[test]
fn a_name_goes_to_a_new_subject_only_where_the_operator_says_so() {
    let Some(mut team) = Team::new() else { return };
    let Some(new) = Openid::start() else { return };
    new.account("a-17", &["dev"]);
    new.claim("a-17", "preferred_username", json!("alice"));
    team.login("alice");
    let old = team.provider.issuer().to_owned();
    move_to(&mut team.serve, &team.provider, &new);
    let home = machine(&team.serve);
    let login = || run(&mut on(&home, &new, "a-17", &["login"]));
    let args = ["--from-issuer", &old, "-j", "another product"];
    assert_eq!(login().code, 121);
    let ran = recover(&team.serve, &[&args[..], &["--new-subjects"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(login().code, 0);
}

#[test]
fn the_operator_of_a_server_makes_an_administrator() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let taken = recover(&team.serve, &["--administrator", "alice", "-j", "x"]);
    assert_eq!(taken.code, 2, "{taken:?}");
    let ran = recover(
        &team.serve,
        &["--administrator", "rescue", "-j", "nobody is left"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let code = ran.stderr.lines().last().unwrap().to_owned();
    let home = machine(&team.serve);
    let ran = run(&mut home.jit(["login", "--join", &code]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let who = run(&mut home.jit(["whoami", "--json"])).stdout;
    assert!(who.contains("\"principal\":\"rescue\""), "{who}");
    assert!(who.contains("\"administrators\""), "{who}");
    let again = machine(&team.serve);
    assert_eq!(run(&mut again.jit(["login", "--join", &code])).code, 121);
    let recorded = story(&team.serve).into_iter();
    let mut recorded = recorded.filter(|event| event.kind == EventKind::Recovered);
    let event = recorded.next().unwrap();
    assert_eq!(event.principal.written(), "rescue");
    assert_eq!(event.justification.as_deref(), Some("nobody is left"));
    assert!(event.by.is_some());
}

/// What the server itself says of the session on a machine, whatever the client would make of it.
fn status(team: &Team) -> u16 {
    let kept = kept(&team.home, &team.serve);
    let token = kept.token.0.expose_secret();
    let url = format!("{}/v1/session", team.serve.url);
    let aim = Aim {
        method: "GET",
        url: &url,
        token: Some(token),
    };
    let proof = prove(&kept.holder, &aim, clock::now()).unwrap();
    let authorization = format!("DPoP {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("dpop", proof.as_str()),
    ];
    let answer = team.serve.site().send("GET", "/v1/session", &headers, b"");
    answer.unwrap().status
}

#[test]
fn a_live_session_goes_on_while_the_provider_is_away_and_no_longer() {
    let lifecycle = "[lifecycle.human]\nattest = \"4s\"\nattest_grace = \"10m\"\n";
    let Some(team) = Team::start(POLICIES, lifecycle) else {
        return;
    };
    team.login("alice");
    team.provider.set("gone", json!(true));
    let due = kept(&team.home, &team.serve).renew_at.unwrap();
    let later = due.after(std::time::Duration::from_secs(3));
    until("the attestation to be over", || {
        (clock::now() > later).then_some(())
    });
    until("the server to notice", || {
        (status(&team) == 200).then_some(())
    });
    let asks = || run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    let ran = asks();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(status(&team), 200);
    let deferred = || {
        let told = story(&team.serve).into_iter();
        told.filter(|event| event.kind == EventKind::AttestationDeferred)
            .count()
    };
    assert_eq!(deferred(), 1);
    // Back again, it must be asked.
    team.provider.set("gone", json!(false));
    until("the server to notice", || {
        (status(&team) == 401).then_some(())
    });
    assert_eq!(team.who()["principal"], "alice");
    assert_eq!(deferred(), 1);
}
