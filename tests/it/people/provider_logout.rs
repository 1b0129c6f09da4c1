//! The provider says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0), as a real Keycloak does
//! and as nobody else may.

use std::sync::{Arc, OnceLock};

use jit::platform::clock;
use serde_json::{Value, json};

use super::{
    events, machine,
    stolen::{claims, exchange, people},
};
use crate::support::{
    Home, Realm, browser,
    fake::{Fake, answer},
    home::run,
    http::{Answer, Site},
    issuer::Issuer,
    jwt::Algorithm,
    keycloak::client,
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};
use jit::platform::keys;

const PATH: &str = "/v1/backchannel-logout";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const ONLINE: &str = "scopes = [\"openid\", \"profile\"]\n";

fn logout(serve: &Serve, token: &str) -> Answer {
    serve.site().post_form(PATH, &[("logout_token", token)])
}

fn knows(home: &Home) -> bool {
    run(&mut home.jit(["whoami"])).code == 0
}

#[test]
fn what_keycloak_says_of_a_sign_out_ends_the_sessions_here_and_what_hangs_on_them() {
    // Keycloak speaks plain HTTP to a forwarder, since it does not know the server's own authority.
    let server: Arc<OnceLock<Site>> = Arc::default();
    let forwarder = {
        let server = Arc::clone(&server);
        Fake::start(move |asked| {
            let server = server.get().expect("the server");
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let sent = server.send("POST", PATH, &form, asked.text().as_bytes());
            let status = sent.unwrap().status;
            answer(&format!("{status} As Is"), "text/plain", "", "")
        })
    };
    let mut told = client();
    told["attributes"]["backchannel.logout.url"] = json!(format!("{}/logout", forwarder.url));
    told["attributes"]["backchannel.logout.session.required"] = json!("true");
    let Some(realm) = Realm::start(&json!({ "clients": [told] })) else {
        return;
    };
    realm.account("alice", &["dev"]);
    realm.account("bob", &[]);
    let people = format!(
        "[people]\nissuer = \"{}\"\nclient_id = \"jit\"\n{ONLINE}",
        realm.issuer()
    );
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people);
    assert!(server.set(serve.site()).is_ok());
    let [first, second, others] = [machine(&serve), machine(&serve), machine(&serve)];
    for (home, who) in [(&first, "alice"), (&second, "alice"), (&others, "bob")] {
        let mut login = home.jit(["login"]);
        let ran = run(login.env("BROWSER", browser::program(home, who, None)));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(run(&mut home.jit(["request", "ssh/web:deploy"])).code, 0);
    }
    realm.sign_out("alice");
    until("the end of her sessions", || {
        (!knows(&first) && !knows(&second)).then_some(())
    });
    assert!(knows(&others));
    let told = events(&serve);
    let ended = told.iter().filter(|(kind, who, detail)| {
        kind == "signed-out" && who == "alice" && detail.contains("where they signed out")
    });
    assert!(ended.count() >= 1, "{told:?}");
    let revoked = told
        .iter()
        .filter(|(kind, who, _)| kind == "revoked" && who == "alice");
    assert_eq!(revoked.count(), 2, "{told:?}");
    assert!(!forwarder.asked("POST").is_empty());
}

/// A logout token for `jit`, with these claims beside.
fn token(issuer: &Issuer, more: &Value) -> String {
    let now = clock::now().secs();
    let mut said = json!({
        "aud": "jit", "iat": now, "exp": now + 120, "jti": format!("{more}"), "events": { EVENT: {} },
    });
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            said.as_object_mut().unwrap().remove(name);
        } else {
            said[name] = value.clone();
        }
    }
    let mut header = issuer.key().header();
    header["typ"] = json!("logout+jwt");
    issuer.key().sign_as(&header, &issuer.with_issuer(&said))
}

/// Signs somebody in with these claims; how often they have come and gone is asked of the ledger.
fn signs_in(serve: &Serve, issuer: &Issuer, sub: &str, session: Option<&str>) {
    let mut said = claims();
    said["sub"] = json!(sub);
    said["preferred_username"] = json!(sub);
    said["sid"] = json!(session);
    let holder = keys::generate().unwrap();
    said["jti"] = json!(format!("{:?}", holder.public()));
    let answer = exchange(serve, &issuer.sign(&said), &holder);
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// How many sessions were ended by each event so far.
fn ended(serve: &Serve) -> Vec<String> {
    let all = events(serve).into_iter();
    let all = all.filter(|(kind, _, _)| kind == "signed-out");
    all.map(|(_, who, detail)| {
        let (_, ended) = detail.split_once("; ended ").unwrap();
        format!("{who} {}", ended.split(',').next().unwrap())
    })
    .collect()
}

#[test]
fn a_logout_token_ends_the_session_that_it_names_or_all_of_whom_it_names_once() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people(&issuer, ""));
    signs_in(&serve, &issuer, "alice", Some("one"));
    signs_in(&serve, &issuer, "alice", Some("two"));
    signs_in(&serve, &issuer, "bob", Some("three"));
    // Of a session that did not say which it came of, nobody knows better.
    signs_in(&serve, &issuer, "bob", None);
    let of_one = token(&issuer, &json!({ "sub": "alice", "sid": "one" }));
    let answer = logout(&serve, &of_one);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(ended(&serve), ["alice 1 session"]);
    // Again it ends nothing, also not what began since.
    signs_in(&serve, &issuer, "alice", Some("one"));
    assert_eq!(logout(&serve, &of_one).status, 200);
    assert_eq!(ended(&serve).len(), 1);
    assert_eq!(
        logout(&serve, &token(&issuer, &json!({ "sub": "alice" }))).status,
        200
    );
    assert_eq!(ended(&serve)[1..], ["alice 2 sessions"]);
    let by_session = json!({ "sid": "three" });
    assert_eq!(logout(&serve, &token(&issuer, &by_session)).status, 200);
    assert_eq!(ended(&serve)[2..], ["bob 1 session"]);
    let of_bob = json!({ "sub": "bob", "sid": "another" });
    assert_eq!(logout(&serve, &token(&issuer, &of_bob)).status, 200);
    assert_eq!(ended(&serve)[3..], ["bob 1 session"]);
    // Nobody, and somebody who was never here.
    for nobody in [json!({ "sid": "nothing" }), json!({ "sub": "carol" })] {
        assert_eq!(logout(&serve, &token(&issuer, &nobody)).status, 200);
    }
    assert_eq!(ended(&serve).len(), 4);
}

#[test]
fn what_is_no_logout_token_of_the_provider_ends_nothing() {
    let issuer = Issuer::http(Algorithm::Es256);
    let other = Issuer::http(Algorithm::Es256);
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people(&issuer, ""));
    signs_in(&serve, &issuer, "alice", Some("one"));
    let now = clock::now().secs();
    let all = [
        json!({ "sub": "alice", "aud": "another" }),
        json!({ "sub": "alice", "iss": other.url() }),
        json!({ "sub": "alice", "events": {} }),
        json!({ "sub": "alice", "events": { EVENT: true } }),
        json!({ "sub": "alice", "events": null }),
        json!({ "sub": "alice", "nonce": "n" }),
        json!({ "sub": "alice", "jti": null }),
        json!({ "sub": "alice", "iat": null }),
        json!({ "sub": "alice", "iat": now - 600, "exp": null }),
        json!({ "sub": "alice", "exp": now - 120 }),
        json!({ "sub": "alice", "sid": "" }),
        json!({ "sub": "alice", "sid": ["one"] }),
        json!({ "sub": "" }),
        json!({}),
    ];
    for said in &all {
        let answer = logout(&serve, &token(&issuer, said));
        assert_eq!(answer.status, 400, "{said}: {answer:?}");
    }
    let own = token(&issuer, &json!({ "sub": "alice" }));
    let parts: Vec<&str> = own.split('.').collect();
    let forged = format!("{}.{}.", parts[0], parts[1]);
    let of_another = token(&other, &json!({ "sub": "alice", "iss": issuer.url() }));
    let id_token = issuer.sign(&claims());
    for junk in ["", "junk", &forged, &of_another, &id_token] {
        assert_eq!(logout(&serve, junk).status, 400, "{junk}");
    }
    assert_eq!(ended(&serve), [""; 0]);
    // Nor does a logout token let anybody in.
    let mut as_id_token = claims();
    as_id_token["events"] = json!({ EVENT: {} });
    let answer = exchange(
        &serve,
        &issuer.sign(&as_id_token),
        &keys::generate().unwrap(),
    );
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.text().contains("it is a logout token"), "{answer:?}");
}
