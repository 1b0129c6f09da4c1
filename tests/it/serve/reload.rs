//! SIGHUP: what people wrote is read again and takes effect as a whole, or not at all.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::process::Signal;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::member::Member;
use crate::support::{
    Access, Home, Postgres, Serve,
    home::run,
    http::Site,
    serve::{Guest, Keys},
    tls::Tls,
    until,
    web::{CATALOGUE, POLICIES},
};

const NOBODY: &str = r#"
@id("nobody")
forbid (principal, action == Action::"elevate", resource);
"#;

const AUDITORS: &str = r#"
@id("auditors")
permit (principal, action == Action::"audit", resource);
"#;

fn policies() -> String {
    format!("{POLICIES}{AUDITORS}")
}

fn write(serve: &Serve, name: &str, text: &str) {
    fs::write(serve.path(name), text).unwrap();
}

/// Has it read everything again; what it says of that.
fn reload(serve: &Serve) -> String {
    let said = |log: &str| {
        let lines = log.lines();
        let lines = lines.filter(|line| line.contains("reloaded"));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    let before = said(&serve.log()).len();
    serve.signal(Signal::HUP);
    until("what became of it", || {
        said(&serve.log()).get(before).cloned()
    })
}

fn readiness(serve: &Serve) -> Value {
    let answer = serve.site().get("/readyz");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn digest(serve: &Serve) -> String {
    readiness(serve)["policy_digest"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn ask(guest: &Guest) -> u16 {
    guest.ask("ssh/web:deploy", &Keys::new()).status
}

/// The digest in the newest decision of that kind.
fn decided_by(guest: &Guest, kind: &str) -> String {
    let page = guest.get("/v1/events?limit=1000").json();
    let mut events = page["events"].as_array().unwrap().iter();
    let last = events.rfind(|event| event["kind"] == kind);
    last.unwrap()["policy_digest"].as_str().unwrap().to_owned()
}

#[test]
fn policies_that_were_read_again_decide_at_once_and_are_named_everywhere() {
    let serve = Serve::start(CATALOGUE, &policies());
    let guest = serve.let_in("alice", &[]);
    let first = digest(&serve);
    assert_eq!(ask(&guest), 200);
    assert_eq!(decided_by(&guest, "granted"), first);

    write(&serve, "policies/more.cedar", NOBODY);
    let said = reload(&serve);
    assert!(said.contains("policies: 5 (changed)"), "{said}");
    assert!(said.contains("resources: 1 (as before)"), "{said}");
    assert!(said.contains("server.toml (as before)"), "{said}");
    let second = digest(&serve);
    assert_ne!(second, first);
    assert_eq!(ask(&guest), 403);
    assert_eq!(decided_by(&guest, "denied"), second);
    let metrics = serve.site().get("/metrics");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(
        metrics.contains(&format!("digest=\"{second}\"")),
        "{metrics}"
    );
    assert!(!metrics.contains(&first), "{metrics}");
}

#[test]
fn a_configuration_that_does_not_check_changes_nothing() {
    let serve = Serve::start(CATALOGUE, &policies());
    let guest = serve.let_in("alice", &[]);
    let before = readiness(&serve);
    // The policies alone would be right, and deny.
    write(&serve, "policies/more.cedar", NOBODY);
    for (file, wrong) in [
        ("authority.toml", "[resources.\"ssh/web\"]\nhost = []"),
        ("server.toml", "listen = 5"),
        ("policies/wrong.cedar", "permit ("),
    ] {
        let right = fs::read_to_string(serve.path(file)).unwrap_or_default();
        write(&serve, file, wrong);
        let said = reload(&serve);
        assert!(
            said.contains("nothing was reloaded, what was in force stays") && said.contains(file),
            "{said}"
        );
        assert_eq!(readiness(&serve), before);
        assert_eq!(ask(&guest), 200, "{file}");
        write(&serve, file, &right);
    }
    reload(&serve);
    assert_eq!(ask(&guest), 403);
}

#[test]
fn resources_and_lifecycles_are_read_again_and_the_rest_waits_for_the_next_start() {
    let serve = Serve::start(CATALOGUE, &policies());
    let guest = serve.let_in("alice", &[]);
    let other = CATALOGUE.replace("ssh/web", "ssh/db");
    let other = other.replace("web.example.com", "db.example.com");
    write(&serve, "authority.toml", &format!("{CATALOGUE}{other}"));
    let server = fs::read_to_string(serve.path("server.toml")).unwrap();
    let more = "[limits]\nconnections = 9\n[lifecycle.human]\ngrant = \"1m\"\n";
    write(&serve, "server.toml", &format!("{server}{more}"));
    let said = reload(&serve);
    assert!(said.contains("resources: 2 (changed)"), "{said}");
    assert!(
        said.contains("takes effect with the next start: limits"),
        "{said}"
    );
    let asked = guest.ask("ssh/db:deploy", &Keys::new());
    assert_eq!(asked.status, 200, "{asked:?}");
    for signal in [Signal::USR1, Signal::USR2] {
        serve.signal(signal);
        assert_eq!(serve.site().get("/healthz").status, 200);
    }
}

/// A server whose `[tls]` names a certificate for this machine.
fn with_certificate() -> Serve {
    let home = Home::new();
    let given = home.path("server");
    fs::create_dir_all(&given).unwrap();
    Tls::for_loopback(&given);
    private(&given.join("server.key"));
    let tls = "[tls]\ncertificate = \"server.crt\"\nkey = \"server.key\"\n";
    Serve::start_in(home, CATALOGUE, POLICIES, tls)
}

#[test]
fn a_certificate_that_was_replaced_is_shown_at_once_and_a_broken_one_never() {
    let serve = with_certificate();
    let (given, key) = (serve.path(""), serve.path("server.key"));
    let former = fs::read(serve.ca()).unwrap();
    assert_eq!(serve.site().get("/healthz").status, 200);

    fs::write(&key, "no key").unwrap();
    let said = reload(&serve);
    assert!(said.contains("nothing was reloaded"), "{said}");
    assert_eq!(serve.site().get("/healthz").status, 200);

    Tls::for_loopback(&given);
    private(&key);
    let said = reload(&serve);
    assert!(said.contains("the certificate (changed)"), "{said}");
    assert_eq!(
        serve.site().get("/healthz").status,
        200,
        "by the new authority"
    );
    let kept = serve.home.path("former.crt");
    fs::write(&kept, former).unwrap();
    let former = Site::new(&serve.url, Some(&kept));
    assert!(former.send("GET", "/healthz", &[], b"").is_err());
}

#[test]
fn a_certificate_that_every_client_refuses_is_told_when_it_is_read() {
    let mut serve = with_certificate();
    let (given, key) = (serve.path(""), serve.path("server.key"));
    assert!(
        !serve.log().contains("refuse the certificate"),
        "{}",
        serve.log()
    );
    let here = ["localhost", "127.0.0.1"];
    let days = |days: i64| OffsetDateTime::now_utc() + Duration::days(days);
    let replaced = |names: &[&str], from: OffsetDateTime, until: OffsetDateTime| {
        Tls::changed(&given, names, |params| {
            (params.not_before, params.not_after) = (from, until);
        });
        private(&key);
        reload(&serve);
        serve.log()
    };
    let log = replaced(&here, days(-9), days(2));
    assert!(log.contains("will soon refuse the certificate in"), "{log}");
    let log = replaced(&["elsewhere.example"], days(-9), days(99));
    assert!(log.contains("it is not made out to localhost"), "{log}");
    let log = replaced(&here, days(3), days(99));
    assert!(log.contains("it begins at "), "{log}");
    let ended = days(-1);
    let log = replaced(&here, days(-9), ended);
    let day = ended.date();
    assert!(log.contains(&format!("it ends at {day}")), "{log}");
    // Also at the next start. It goes on: a proxy in front of it may not verify.
    serve.stop(Signal::TERM);
    serve.start_again();
    let log = serve.log();
    assert!(log.contains("will refuse the certificate in"), "{log}");
}

fn private(file: &Path) {
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn replicas_that_differ_say_so_until_they_have_read_the_same() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let url = database.owner_url();
    let one = Serve::start_on(&url, CATALOGUE, POLICIES);
    let other = Serve::start_on(&url, CATALOGUE, &format!("{POLICIES}{NOBODY}"));
    let differing = |serve: &Serve| {
        let readiness = readiness(serve);
        let replicas = readiness["differing_replicas"].as_array().unwrap();
        let digests = replicas.iter().map(|one| one["policy_digest"].clone());
        digests.collect::<Vec<Value>>()
    };
    for (here, there) in [(&one, &other), (&other, &one)] {
        until("the other one to be seen", || {
            (differing(here) == [Value::from(digest(there))]).then_some(())
        });
        let log = until("a line of the log", || {
            let log = here.log();
            log.contains("other policies in force").then_some(log)
        });
        assert!(log.contains("they answer differently"), "{log}");
    }
    let published = database.psql_in("ledger", "select count(distinct policies) from replicas");
    assert_eq!(published.trim(), "2");
    let alice = Member::of(&one, "alice", &[]);
    let doctor = run(&mut alice.home.jit(["doctor"]));
    assert!(
        doctor
            .stdout
            .contains("has other policies or another catalogue in force"),
        "{doctor:?}"
    );

    write(&other, "policies/all.cedar", POLICIES);
    reload(&other);
    for serve in [&one, &other] {
        until("the same policies", || {
            differing(serve).is_empty().then_some(())
        });
    }
    assert!(one.log().contains("all replicas have the same policies"));
}
