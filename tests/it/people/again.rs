//! Going on: the provider vouches again without anybody's doing, or does not any more.

use jit::domain::time::Timestamp;

use super::{Team, kept, machine};
use crate::support::{home::run, until};

const SOON: &str = "[lifecycle.human]\nattest = \"4s\"\n";

#[test]
fn a_session_is_vouched_for_again_silently_and_goes_on() {
    let Some(team) = Team::start(crate::support::web::POLICIES, SOON) else {
        return;
    };
    team.login("alice");
    let first = kept(&team.home, &team.serve);
    team.provider
        .claim("alice", "groups", serde_json::json!(["moved"]));
    until("the provider to vouch again", || {
        (team.who()["groups"] == serde_json::json!(["moved"])).then_some(())
    });
    let again = kept(&team.home, &team.serve);
    assert_eq!(
        first.holder.public(),
        again.holder.public(),
        "the same session"
    );
    assert!(again.renew_at > first.renew_at);
    let events = team.events();
    let entered = events.iter().filter(|(kind, _, _)| kind == "signed-in");
    let entered: Vec<_> = entered.map(|(_, _, detail)| detail.as_str()).collect();
    assert!(entered.len() >= 2, "{events:?}");
    assert!(entered[1].starts_with("again by"), "{events:?}");
}

/// This provider says `invalid_grant` and not why.
#[test]
fn a_person_who_is_disabled_at_the_provider_is_out_on_each_machine_once_it_asks() {
    let Some(team) = Team::start(crate::support::web::POLICIES, SOON) else {
        return;
    };
    team.login("alice");
    let other = machine(&team.serve);
    let ran = run(&mut super::on(&other, &team.provider, "alice", &["login"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    team.provider.disable("alice");
    for home in [&team.home, &other] {
        let refused = until("the provider's no", || {
            let ran = run(&mut home.jit(["whoami"]));
            (ran.code != 0).then_some(ran)
        });
        assert_eq!(refused.code, 123, "{refused:?}");
    }
    // What one of them is told says nothing of the other: no session ends but by its own time.
    let kinds = team.events().into_iter().map(|(kind, _, _)| kind);
    let kinds: Vec<String> = kinds.collect();
    assert!(!kinds.contains(&"signed-out".to_owned()), "{kinds:?}");
    let ran = run(&mut team.jit("alice", &["login"]));
    assert_ne!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_sign_in_in_the_same_browser_is_not_ended_by_the_one_that_it_replaces() {
    let Some(team) = Team::start(crate::support::web::POLICIES, SOON) else {
        return;
    };
    team.login("alice");
    team.login("alice");
    let before = kept(&team.home, &team.serve).renew_at;
    until("a renewal", || {
        assert_eq!(team.who()["principal"], "alice");
        (kept(&team.home, &team.serve).renew_at > before).then_some(())
    });
}

#[test]
fn a_client_that_does_not_ask_its_provider_is_out_all_the_same() {
    let Some(team) = Team::start(crate::support::web::POLICIES, SOON) else {
        return;
    };
    team.login("alice");
    let before: Option<Timestamp> = kept(&team.home, &team.serve).renew_at;
    assert!(before.is_some());
    // Which a provider that is gone looks like.
    team.provider.set("gone", serde_json::json!(true));
    let refused = until("the server's patience to end", || {
        let ran = run(&mut team.home.jit(["whoami"]));
        (ran.code != 0).then_some(ran)
    });
    assert_eq!(refused.code, 123, "{refused:?}");
    assert!(
        refused.stderr.contains("show again who you are"),
        "{refused:?}"
    );
    // It comes back, and nobody has to sign in.
    team.provider.set("gone", serde_json::json!(false));
    assert_eq!(team.who()["principal"], "alice");
}
