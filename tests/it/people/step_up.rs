//! Where policy wants a sign-in that is younger than the caller's.

use std::time::Duration;

use jit::{
    domain::{
        credential::Token,
        event::{Event, EventKind, Origin},
        session::Session,
    },
    platform::{clock, keys},
    store::{
        ledger::{Actor, Append},
        sessions,
    },
};
use secrecy::SecretString;
use serde_json::json;

use super::{
    Team, kept, machine,
    stolen::{claims, exchange, with_policies},
};
use crate::{
    store::written,
    support::{
        Home,
        home::{Ran, run},
        issuer::Issuer,
        jwt::Algorithm,
        pty::Pty,
        serve::{Guest, Keys, Serve, with_authority},
        story::story,
        until,
        web::CATALOGUE,
        whereabouts::jit,
    },
};

const POLICIES: &str = r#"
@id("fresh")
@mfa_within("1h")
permit (principal, action == Action::"elevate", resource in Tier::"routine")
when { context.amr.contains("otp") };
"#;

/// Somebody whom that server lets in by an ID token with these claims.
fn guest(serve: &Serve, issuer: &Issuer, said: &serde_json::Value) -> Guest {
    let holder = keys::generate().unwrap();
    let answer = exchange(serve, &issuer.sign(said), &holder);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let mut guest = serve.let_in("stand-in", &[]);
    guest.holder = holder;
    guest.token = Token(SecretString::from(token));
    guest
}

#[test]
fn an_old_sign_in_is_told_how_young_it_must_be() {
    let issuer = Issuer::http(Algorithm::EdDsa);
    let serve = with_policies(&issuer, "acr_values = [\"multi-factor\"]\n", POLICIES);
    let now = clock::now().secs();
    let mut said = claims();
    said["acr"] = json!("multi-factor");
    let fresh = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(fresh.status, 200, "{fresh:?}");
    said["auth_time"] = json!(now - 7200);
    said["jti"] = json!("2");
    let old = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(old.status, 401, "{old:?}");
    let problem = old.json();
    assert_eq!(problem["type"], "urn:jit:sign-in");
    assert_eq!(problem["max_age"], 3600);
    assert_eq!(problem["hint"], "run: jit login --fresh");
    // A sign-in of unknown age is as good as none.
    said.as_object_mut().unwrap().remove("auth_time");
    said["jti"] = json!("3");
    let unknown = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_ne!(unknown.status, 200, "{unknown:?}");
    // Methods and class reach policy.
    for (name, value, status) in [
        ("amr", json!(["pwd"]), 401),
        ("acr", json!("single-factor"), 401),
    ] {
        let mut weak = claims();
        weak["acr"] = json!("multi-factor");
        weak[name] = value;
        weak["jti"] = json!(name);
        let answer = guest(&serve, &issuer, &weak).ask("ssh/web:deploy", &Keys::new());
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// Conditions that look at the sign-in, each in a way that people write them.
const CONDITIONS: [&str; 3] = [
    "@id(\"class\")\npermit (principal, action == Action::\"elevate\", resource in Tier::\"routine\")\n\
     when { context has acr && context.acr == \"phr\" };",
    "@id(\"all\")\npermit (principal, action == Action::\"elevate\", resource in Tier::\"routine\");\n\
     @id(\"weak\")\nforbid (principal, action, resource) unless { context has acr && [\"phr\", \"phrh\"].contains(context.acr) };",
    "@id(\"method\")\npermit (principal, action == Action::\"elevate\", resource in Tier::\"routine\")\n\
     when { context.amr.contains(\"hwk\") };",
];

#[test]
fn a_step_up_that_a_condition_misses_is_told_with_the_command() {
    for conditions in CONDITIONS {
        let Some(team) = Team::configured(conditions, "acr_values = [\"phr\"]\n", CATALOGUE) else {
            return;
        };
        team.provider
            .signs_in_by("alice", &["pwd"], Some("single-factor"));
        team.login("alice");
        let ran = silently(&team.home);
        assert_eq!(ran.code, 123, "{conditions}: {ran:?}");
        assert!(
            ran.stderr.contains("ssh/web:deploy needs a sign-in"),
            "{ran:?}"
        );
        assert!(
            ran.stderr.contains("hint: run: jit login --fresh"),
            "{ran:?}"
        );
        assert!(
            ran.stderr.contains("this one has acr \"single-factor\""),
            "{ran:?}"
        );
        team.provider
            .signs_in_by("alice", &["pwd", "hwk"], Some("phr"));
        let fresh = run(&mut team.jit("alice", &["login", "--fresh"]));
        assert_eq!(fresh.code, 0, "{fresh:?}");
        let ran = silently(&team.home);
        assert_eq!((ran.code, &*ran.stdout), (0, "ran-well\n"), "{ran:?}");
    }
}

#[test]
fn what_no_sign_in_would_change_is_a_denial() {
    let refused = "@id(\"class\")\npermit (principal in Group::\"ops\", action == Action::\"elevate\", resource)\n\
         when { context has acr && context.acr == \"phr\" };";
    let issuer = Issuer::http(Algorithm::EdDsa);
    let serve = with_policies(&issuer, "acr_values = [\"phr\"]\n", refused);
    let answer = guest(&serve, &issuer, &claims()).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(answer.status, 403, "{answer:?}");
    let mut said = claims();
    said["groups"] = json!(["ops"]);
    said["jti"] = json!("2");
    let answer = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(answer.status, 401, "{answer:?}");
}

/// What is behind a sign-in of the last hour.
const FRESH: &str = r#"
@id("fresh")
@signed_in_within("1h")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
"#;

const COMMAND: [&str; 9] = [
    "exec", "--on", "ssh/web", "--role", "deploy", "--", "printf", "%s-%s\\n", "ran",
];

/// The command without a terminal.
fn silently(home: &Home) -> Ran {
    run(home.jit(COMMAND).arg("well"))
}

/// The same on a terminal, where a browser opens as that person; its exit code, and what was shown.
fn on_a_terminal(team: &Team, home: &Home, person: &str) -> (i32, String) {
    let line = format!("'{}' {} well", jit().display(), COMMAND.join(" "));
    let browser = team.provider.browser(home, person);
    let terminal = Pty::start(home, &line.replace("%s-%s\\n", "'%s-%s\\n'"), |command| {
        command.env("BROWSER", browser);
    });
    terminal.end()
}

/// Has the session on a machine begun with a sign-in of two hours ago. The next one is in another second,
/// so that the provider's word is another one.
fn age(team: &Team) {
    let holder = kept(&team.home, &team.serve).holder.public();
    with_authority(&team.serve.path(""), async |authority| {
        let now = clock::now();
        let found = authority.store.session_of(holder, now).await.unwrap();
        let mut session: Session = found.unwrap().0;
        let sign_in = session.caller.sign_in.as_mut().unwrap();
        let at = sign_in.at.secs();
        until("another second", || {
            (clock::now().secs() > at).then_some(())
        });
        sign_in.at = now.before(Duration::from_hours(2));
        let who = session.caller.principal.clone();
        let event = Event::new(
            EventKind::AttestationDeferred,
            now,
            session.id.clone(),
            who,
            Origin::default(),
        );
        let voucher = authority.store.voucher(now).await.unwrap();
        let append = Append::new(event, Actor::Authority)
            .with(sessions::renew(&session, &voucher, now).unwrap());
        written(&authority.store, append).await;
    });
}

/// How many grants there are in the server's ledger.
fn grants(team: &Team) -> usize {
    let all = story(&team.serve).into_iter();
    all.filter(|event| event.kind == EventKind::Granted).count()
}

#[test]
fn a_command_at_a_terminal_has_its_person_sign_in_again_and_goes_on() {
    let Some(team) = Team::start(FRESH, "") else {
        return;
    };
    team.login("alice");
    let ran = silently(&team.home);
    assert_eq!((ran.code, &*ran.stdout), (0, "ran-well\n"), "{ran:?}");
    assert_eq!(run(&mut team.home.jit(["forget", "--all"])).code, 0);
    age(&team);
    let before = kept(&team.home, &team.serve);
    let ran = silently(&team.home);
    assert_eq!((ran.code, &*ran.stdout), (123, ""), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: run: jit login --fresh"),
        "{ran:?}"
    );
    // Somebody else at that terminal does not sign in for her.
    team.provider.account("mallory", &["dev"]);
    let (code, shown) = on_a_terminal(&team, &team.home, "mallory");
    assert_eq!(code, 123, "{shown}");
    assert!(!shown.contains("ran-well"), "{shown}");
    assert_eq!(grants(&team), 1);
    let (code, shown) = on_a_terminal(&team, &team.home, "alice");
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("needs a sign-in within the last 1h"),
        "{shown}"
    );
    assert!(shown.contains("\nran-well\n"), "{shown}");
    let after = kept(&team.home, &team.serve);
    assert_eq!(
        after.holder.public(),
        before.holder.public(),
        "the same session"
    );
    assert_eq!(team.who()["principal"], "alice");
    assert_eq!(grants(&team), 2);
    assert_eq!(silently(&team.home).code, 0);
}

#[test]
fn whoever_is_not_signed_in_signs_in_at_the_terminal_and_the_command_goes_on() {
    let Some(team) = Team::start(FRESH, "") else {
        return;
    };
    let ran = silently(&team.home);
    assert_eq!((ran.code, &*ran.stdout), (123, ""), "{ran:?}");
    assert!(ran.stderr.contains("hint: run: jit login"), "{ran:?}");
    let (code, shown) = on_a_terminal(&team, &team.home, "alice");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\nran-well\n"), "{shown}");
    // And so does whoever signed out, but not who says no to the provider.
    assert_eq!(run(&mut team.home.jit(["logout"])).code, 0);
    assert_eq!(silently(&team.home).code, 123);
    let (code, shown) = on_a_terminal(&team, &team.home, "");
    assert_eq!(code, 121, "{shown}");
    assert!(!shown.contains("ran-well"), "{shown}");
    let (code, shown) = on_a_terminal(&team, &team.home, "alice");
    assert_eq!(code, 0, "{shown}");
    assert_eq!(silently(&machine(&team.serve)).code, 123);
}
