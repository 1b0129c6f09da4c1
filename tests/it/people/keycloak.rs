//! People who sign in by a real Keycloak: its sessions, which idle out and are shared by what one browser signs
//! in to, its rotation of refresh tokens, and what it says of an account that was disabled.

use std::{fs, process::Stdio};

use jit::{domain::time::Timestamp, platform::clock};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{events, kept, machine};
use crate::support::{
    Home, Realm, browser,
    home::{Ran, run},
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};

const SOON: &str = "[lifecycle.human]\nattest = \"4s\"\n";
/// Without `offline_access` a refresh token belongs to the browser's session.
const ONLINE: &str = "scopes = [\"openid\", \"profile\"]\n";

/// A server with a realm, and alice's machine.
struct Team {
    realm: Realm,
    serve: Serve,
    home: Home,
}

impl Team {
    /// One with alice in the group dev, and more of `[people]` and what follows it.
    fn start(settings: &Value, more: &str) -> Option<Self> {
        let realm = Realm::start(settings)?;
        realm.account("alice", &["dev"]);
        let people = format!(
            "[people]\nissuer = \"{}\"\nclient_id = \"jit\"\n{more}",
            realm.issuer()
        );
        let serve = Serve::start_with(CATALOGUE, POLICIES, &people);
        let home = machine(&serve);
        Some(Self { realm, serve, home })
    }

    /// Signs alice in on a machine by a code, which she approves in the browser of `browser`.
    fn login_by_code(&self, home: &Home, browser: &Home, args: &[&str]) -> Ran {
        let said = home.path("said");
        let child = home
            .jit(args)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let said = || fs::read_to_string(&said).unwrap();
        let page = until("a code", || {
            let text = said();
            let (_, rest) = text.split_once("jit: or open ")?;
            Some(rest.split_once('\n')?.0.to_owned())
        });
        let opened = self.realm.open_in(browser, "alice", &page);
        assert_eq!(opened.code, 0, "{opened:?}");
        let ran = Ran::from(child.wait_with_output().unwrap());
        Ran {
            stderr: said(),
            ..ran
        }
    }

    fn kinds(&self) -> Vec<String> {
        let all = events(&self.serve).into_iter();
        all.map(|(kind, _, _)| kind).collect()
    }

    /// The refresh token that rests on a machine.
    fn refresh_token(&self, home: &Home) -> String {
        let refresh = kept(home, &self.serve).refresh.expect("a refresh token");
        refresh.token.0.expose_secret().to_owned()
    }

    /// Waits until the session of a machine was renewed once more.
    fn renewed(&self, home: &Home) {
        let before = kept(home, &self.serve).renew_at;
        until("a renewal", || {
            assert!(knows(home));
            (kept(home, &self.serve).renew_at > before).then_some(())
        });
    }
}

/// Signs alice in on a machine, in the browser of that machine.
#[track_caller]
fn login(home: &Home, args: &[&str]) -> Ran {
    let mut login = home.jit(args);
    let ran = run(login.env("BROWSER", browser::program(home, "alice", None)));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

/// Whether a machine is alice's at the server.
fn knows(home: &Home) -> bool {
    let ran = run(&mut home.jit(["whoami", "--json"]));
    ran.code == 0 && ran.stdout.contains("\"principal\":\"alice\"")
}

fn wait_until(at: Timestamp) {
    until("that instant", || (clock::now() > at).then_some(()));
}

#[track_caller]
fn holds_web(home: &Home) {
    let ran = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_person_of_keycloak_signs_in_and_is_vouched_for_again_silently() {
    for scopes in ["", ONLINE] {
        let Some(team) = Team::start(&json!({}), &format!("{scopes}{SOON}")) else {
            return;
        };
        login(&team.home, &["login"]);
        let who = run(&mut team.home.jit(["whoami", "--json"])).stdout;
        let who: Value = serde_json::from_str(&who).unwrap();
        assert_eq!(who["principal"], "alice");
        assert_eq!(who["groups"], json!(["dev"]));
        team.renewed(&team.home);
        team.renewed(&team.home);
        let ran = run(&mut team.home.jit(["logout"]));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(run(&mut team.home.jit(["whoami"])).code, 123);
    }
}

/// The refresh token of such a sign-in is not renewed in time and ends, as it does overnight.
#[test]
fn a_sign_in_that_idled_out_costs_one_sign_in_and_ends_nothing() {
    let idle = json!({ "ssoSessionIdleTimeout": 5 });
    let lifecycle = "[lifecycle.human]\nattest = \"1h\"\n";
    let Some(team) = Team::start(&idle, &format!("{ONLINE}{lifecycle}")) else {
        return;
    };
    let other = machine(&team.serve);
    login(&team.home, &["login"]);
    let first = kept(&team.home, &team.serve);
    let idle_at = first.refresh.as_ref().unwrap().expires_at.unwrap();
    assert!(first.renew_at.unwrap() < idle_at, "it is renewed before");
    holds_web(&team.home);
    let waits = run(&mut team.home.jit(["request", "ssh/web:root", "-j", "order 7"]));
    assert_eq!(waits.code, 122, "{waits:?}");
    wait_until(idle_at);
    login(&other, &["login"]);
    let ran = run(&mut team.home.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(ran.stderr.contains("knows this sign-in no more"), "{ran:?}");
    assert!(ran.stderr.contains("hint: run: jit login"), "{ran:?}");
    let status = run(&mut team.home.jit(["status"]));
    assert!(status.stdout.contains("ssh/web:deploy"), "{status:?}");
    assert_eq!(run(&mut team.home.jit(["whoami"])).code, 123);
    let of_before = ["signed-in", "granted", "issued", "requested", "signed-in"];
    assert_eq!(team.kinds(), of_before);
    login(&team.home, &["login"]);
    let again = kept(&team.home, &team.serve);
    assert_eq!(again.holder.public(), first.holder.public());
    let status = run(&mut team.home.jit(["status"])).stdout;
    assert!(
        status.contains("ssh/web:root  waits for approval"),
        "{status}"
    );
    let ended = ["signed-out", "revoked", "denied"];
    let kinds = team.kinds();
    assert!(
        !kinds.iter().any(|kind| ended.contains(&kind.as_str())),
        "{kinds:?}"
    );
    assert!(knows(&team.home) && knows(&other));
}

/// A session that lapsed is nobody else's.
#[test]
fn somebody_else_signs_in_where_a_sign_in_idled_out() {
    let Some(team) = Team::start(&json!({ "ssoSessionIdleTimeout": 3 }), ONLINE) else {
        return;
    };
    team.realm.account("bob", &[]);
    login(&team.home, &["login"]);
    holds_web(&team.home);
    let refresh = kept(&team.home, &team.serve).refresh;
    wait_until(refresh.unwrap().expires_at.unwrap());
    assert_eq!(run(&mut team.home.jit(["whoami"])).code, 123);
    let mut login = team.home.jit(["login"]);
    let ran = run(login.env("BROWSER", browser::program(&team.home, "bob", None)));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(kept(&team.home, &team.serve).principal, "bob");
    let status = run(&mut team.home.jit(["status", "--json"]));
    assert_eq!(status.stdout, "", "{status:?}");
    assert!(
        team.kinds().contains(&"revoked".to_owned()),
        "{:?}",
        team.kinds()
    );
}

#[test]
fn a_renewal_that_was_killed_costs_one_sign_in_and_ends_nothing() {
    let rotating = json!({ "revokeRefreshToken": true, "refreshTokenMaxReuse": 0 });
    for scopes in ["", ONLINE] {
        let Some(team) = Team::start(&rotating, &format!("{scopes}{SOON}")) else {
            return;
        };
        let other = machine(&team.serve);
        for home in [&team.home, &other] {
            login(home, &["login"]);
            holds_web(home);
        }
        // The provider has answered, and whoever asked was killed before it wrote that down.
        let answer = team.realm.refresh(&team.refresh_token(&team.home));
        assert_eq!(answer.status, 200, "{answer:?}");
        let refused = until("the provider's no", || {
            let ran = run(&mut team.home.jit(["whoami"]));
            (ran.code != 0).then_some(ran)
        });
        assert_eq!(refused.code, 123, "{refused:?}");
        login(&team.home, &["login"]);
        assert!(knows(&team.home) && knows(&other));
        let status = run(&mut team.home.jit(["status"])).stdout;
        assert!(status.contains("ssh/web:deploy"), "{status}");
        let kinds = team.kinds();
        assert!(!kinds.contains(&"signed-out".to_owned()), "{kinds:?}");
        assert!(!kinds.contains(&"revoked".to_owned()), "{kinds:?}");
        team.renewed(&team.home);
    }
}

#[test]
fn a_person_who_was_disabled_loses_everything_also_where_the_client_notices_late() {
    for scopes in ["", ONLINE] {
        let Some(team) = Team::start(&json!({}), &format!("{scopes}{SOON}")) else {
            return;
        };
        let other = machine(&team.serve);
        for home in [&team.home, &other] {
            login(home, &["login"]);
        }
        holds_web(&other);
        team.realm.disable("alice");
        // By then the server takes the session for nothing but to end it.
        wait_until(kept(&team.home, &team.serve).renew_at.unwrap());
        let attested = kept(&other, &team.serve).renew_at.unwrap();
        wait_until(attested.after(std::time::Duration::from_secs(2)));
        let ran = run(&mut team.home.jit(["--verbose", "whoami"]));
        assert_eq!(ran.code, 123, "{ran:?}");
        assert!(ran.stderr.contains("User disabled"), "{ran:?}");
        assert!(!ran.stderr.contains("was not told"), "{ran:?}");
        let told = events(&team.serve);
        let ended = told.iter().find(|(kind, _, _)| kind == "signed-out");
        let (_, _, detail) = ended.expect("it was told");
        assert!(detail.contains("its client says"), "{detail}");
        assert!(detail.contains("ended 2 sessions, 1 grant"), "{detail}");
        assert_eq!(run(&mut other.jit(["whoami"])).code, 123);
    }
}

#[test]
fn signing_in_again_in_the_same_browser_keeps_the_new_sign_in() {
    for scopes in ["", ONLINE] {
        let Some(team) = Team::start(&json!({}), &format!("{scopes}{SOON}")) else {
            return;
        };
        login(&team.home, &["login"]);
        login(&team.home, &["login"]);
        team.renewed(&team.home);
        login(&team.home, &["login", "--fresh"]);
        team.renewed(&team.home);
    }
}

#[test]
fn a_device_that_was_approved_in_the_same_browser_signs_out_alone() {
    for scopes in ["", ONLINE] {
        let Some(team) = Team::start(&json!({}), &format!("{scopes}{SOON}")) else {
            return;
        };
        let device = machine(&team.serve);
        login(&team.home, &["login"]);
        let ran = team.login_by_code(&device, &team.home, &["login", "--device"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(knows(&device));
        assert_eq!(run(&mut device.jit(["logout"])).code, 0);
        team.renewed(&team.home);
        // The last one gives back what nobody shares any more.
        let token = team.refresh_token(&team.home);
        assert_eq!(run(&mut team.home.jit(["logout"])).code, 0);
        assert_eq!(team.realm.refresh(&token).status, 400);
    }
}

#[test]
fn signing_out_everywhere_gives_the_refresh_token_back() {
    let Some(team) = Team::start(&json!({}), "") else {
        return;
    };
    let other = machine(&team.serve);
    login(&team.home, &["login"]);
    login(&other, &["login"]);
    let token = team.refresh_token(&team.home);
    assert_eq!(run(&mut team.home.jit(["logout", "--everywhere"])).code, 0);
    assert_eq!(team.realm.refresh(&token).status, 400);
    assert!(!knows(&other));
}

#[test]
fn a_device_is_not_taken_for_freshly_signed_in_where_the_provider_did_not_ask() {
    let Some(team) = Team::start(&json!({}), ONLINE) else {
        return;
    };
    login(&team.home, &["login"]);
    let signed_in = clock::now();
    wait_until(signed_in.after(std::time::Duration::from_secs(4)));
    let device = machine(&team.serve);
    let ran = team.login_by_code(&device, &team.home, &["login", "--device", "--fresh"]);
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(
        ran.stderr.contains("did not ask you to sign in again"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("hint: sign out of"), "{ran:?}");
    assert!(!ran.stderr.contains("signed in at"), "{ran:?}");
    // Without a wish it is a sign-in as any other, and a browser's fresh one is asked for.
    let ran = team.login_by_code(&device, &team.home, &["login", "--device"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    login(&team.home, &["login", "--fresh"]);
}
