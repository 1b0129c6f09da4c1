//! Agents: somebody's session handed on, narrower; they can do less than whoever they act for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jit::{
    domain::{credential::Token, key::PrivateKey},
    platform::keys,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::member::{DELEGATE, Member, POLICIES};
use crate::support::{
    Serve,
    serve::{Guest, Keys},
    until, web,
};

/// A session handed on by somebody; refused with that status.
fn handed(serve: &Serve, by: &Guest, to: &str, only: &[&str]) -> Result<Guest, u16> {
    let holder = keys::generate().unwrap();
    let body = json!({"to": to, "only": only, "ttl": 36_000, "holder": holder.public()});
    let answer = by.post("/v1/delegations", &body);
    if answer.status != 200 {
        return Err(answer.status);
    }
    let view = answer.json();
    let until = view["expires_at"].as_str().unwrap();
    assert!(
        until <= by.session.expires_at.to_string().as_str(),
        "it outlives its parent"
    );
    Ok(guest(serve, by, holder, &view))
}

fn guest(serve: &Serve, by: &Guest, holder: PrivateKey, view: &Value) -> Guest {
    let token = Token(SecretString::from(
        view["token"].as_str().unwrap().to_owned(),
    ));
    let mut session = by.session.clone();
    session.id = view["id"].as_str().unwrap().parse().unwrap();
    serve.guest(holder, token, session)
}

fn claims(guest: &Guest) -> Value {
    let headers = guest.headers("GET", "/");
    let token = headers[0].1.strip_prefix("DPoP ").unwrap().to_owned();
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[test]
fn a_line_of_agents_only_ever_narrows() {
    let policies = format!(
        "{POLICIES}\n@id(\"alone\") permit (principal is Human, action == Action::\"elevate\", resource == Entitlement::\"ssh/web:ops\");\n\
         @id(\"agents\") permit (principal is Agent, action in [Action::\"elevate\", Action::\"request\"], resource);\n\
         @id(\"not-this-one\") forbid (principal == Agent::\"clumsy\", action in Action::\"obtain\", resource);"
    );
    let serve = Serve::start(web::CATALOGUE, &policies);
    let alice = serve.let_in("alice", &["approvers", "administrators", "on-call"]);
    let both = ["ssh/web:deploy", "ssh/web:ops"];
    let helper = handed(&serve, &alice, "helper", &both).unwrap();
    let sub = handed(&serve, &helper, "sub", &["ssh/web:ops"]).unwrap();
    assert_eq!(
        handed(&serve, &sub, "subsub", &both).err(),
        Some(403),
        "widened"
    );
    assert_eq!(
        handed(&serve, &alice, "helper", &["ssh/web:root"]).err(),
        Some(403)
    );
    assert_eq!(handed(&serve, &alice, "helper", &[]).err(), Some(400));
    assert_eq!(
        handed(&serve, &alice, "helper", &["ssh/web:other"]).err(),
        Some(404)
    );
    let act = &claims(&sub);
    assert_eq!(act["sub"], "alice");
    assert_eq!(
        act["act"],
        json!({"sub": "agent/sub", "act": {"sub": "agent/helper"}})
    );
    let keys = Keys::new();
    let granted = sub.ask("ssh/web:ops", &keys);
    assert_eq!(granted.status, 200, "{}", granted.text());
    let grant = &granted.json()["grant"];
    assert_eq!(grant["chain"][0]["name"], "helper");
    assert_eq!(grant["chain"][1]["name"], "alice");
    assert_eq!(sub.ask("ssh/web:deploy", &Keys::new()).status, 403);
    assert_eq!(helper.ask("ssh/web:deploy", &Keys::new()).status, 200);
    let clumsy = handed(&serve, &alice, "clumsy", &both).unwrap();
    assert_eq!(clumsy.ask("ssh/web:deploy", &Keys::new()).status, 403);
    // What an agent of bob's is called says nothing.
    let bob = serve.let_in("bob", &[]);
    let namesake = handed(&serve, &bob, "sub", &["ssh/web:ops"]).unwrap();
    let path = format!("/v1/elevations/{}", granted.json()["id"].as_str().unwrap());
    assert_eq!(sub.get(&path).status, 200);
    assert_ne!(namesake.get(&path).status, 200);
    let read = |agent: &Guest| agent.get("/v1/events").text();
    let id = granted.json()["id"].as_str().unwrap().to_owned();
    assert!(read(&sub).contains(&id), "an agent reads its own");
    assert!(!read(&namesake).contains(&id), "{}", read(&namesake));
    let renewal = keys.renewal(&granted.json());
    assert_ne!(
        namesake
            .post(&format!("{path}/credential"), &renewal)
            .status,
        200
    );
    assert_eq!(
        sub.post(&format!("{path}/credential"), &renewal).status,
        200
    );
}

#[test]
fn no_two_sessions_are_bound_to_one_key() {
    let serve = Serve::start(web::CATALOGUE, POLICIES);
    let (alice, mallory) = (serve.let_in("alice", &[]), serve.let_in("mallory", &[]));
    let body = |holder: &PrivateKey| json!({"to": "helper", "only": ["ssh/web:deploy"], "ttl": 60, "holder": holder.public()});
    let own = keys::generate().unwrap();
    for (holder, status) in [
        (&alice.holder, 400),
        (&mallory.holder, 400),
        (&own, 200),
        (&own, 400),
    ] {
        let answer = mallory.post("/v1/delegations", &body(holder));
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(alice.get("/v1/session").json()["principal"], "alice");
}

#[test]
fn an_agent_neither_approves_nor_administers_nor_breaks_the_glass() {
    let policies = format!(
        "{POLICIES}\n@id(\"all\") permit (principal is Agent, action in [Action::\"approve\", Action::\"administer\", Action::\"obtain\", Action::\"audit\"], resource);"
    );
    let serve = Serve::start(web::CATALOGUE, &policies);
    let alice = serve.let_in("alice", &["approvers", "administrators", "on-call"]);
    let helper = handed(&serve, &alice, "helper", &["ssh/web:deploy"]).unwrap();
    let carol = serve.let_in("carol", &[]);
    let mut wanted = Keys::new().request("ssh/web:root");
    wanted["justification"] = "a fire".into();
    let pending = carol.post("/v1/elevations", &wanted);
    assert_eq!(pending.status, 202, "{}", pending.text());
    let id = pending.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/elevations/{id}/approval");
    for said in ["approve", "deny"] {
        let answer = helper.post(&path, &json!({"answer": said, "comment": "ok"}));
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let off = json!({"disabled": true, "why": "x"}).to_string();
    let kind = [("content-type", "application/json")];
    let off = helper.send_with("PATCH", "/v1/principals/human/alice", &kind, off.as_bytes());
    assert_eq!(off.status, 403, "{}", off.text());
    let mut glass = Keys::new().request("ssh/web:deploy");
    glass["break_glass"] = true.into();
    glass["justification"] = "a fire".into();
    let glass = helper.post("/v1/elevations", &glass);
    assert_eq!(glass.status, 403, "{}", glass.text());
}

#[test]
fn a_command_runs_as_an_agent_and_its_session_ends_with_it() {
    let serve = Serve::start(web::CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    alice.works(&["request", "ssh/web:deploy"]);
    let jit = crate::support::whereabouts::jit();
    let script = format!(
        "jit={}; echo \"$JIT_SESSION\"; $jit status; $jit request ssh/web:deploy --json; \
         $jit delegate --to sub --only ssh/web:deploy --ttl 5m -- $jit request ssh/web:deploy --json; \
         $jit request ssh/web:ops -j no; echo $?",
        jit.display()
    );
    let ran = alice.jit(&[&DELEGATE[..], &["sh", "-c", &script]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        lines[1].starts_with("You hold nothing"),
        "the human's lease was used: {ran:?}"
    );
    let first: Value = serde_json::from_str(lines[2]).unwrap();
    let second: Value = serde_json::from_str(lines[3]).unwrap();
    assert_ne!(first["grant"], second["grant"]);
    // The server does not even say that there is such a role.
    assert_eq!(lines[4], "2", "{ran:?}");
    let directory = std::path::PathBuf::from(lines[0]);
    until("the agent's directory to be gone", || {
        (!directory.exists()).then_some(())
    });
    let admin = Member::of(&serve, "root", &["administrators"]);
    let grants = until("its grants to end", || {
        let events = admin.works(&["audit", "--json", "--grant", first["grant"].as_str()?]);
        events.contains("\"revoked\"").then_some(events)
    });
    let granted: Value = serde_json::from_str(grants.lines().next().unwrap()).unwrap();
    assert_eq!(granted["principal"]["name"], "helper");
    assert_eq!(granted["chain"][0]["name"], "alice");
    assert!(
        alice.works(&["status"]).contains("ssh/web:deploy"),
        "alice keeps her own"
    );
}
