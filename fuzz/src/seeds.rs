//! The seeds that jit's own encoders write: `FUZZ_SEEDS=1 fuzz/run` writes them again. What a person can write
//! is only in `seeds/`.

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jit::{
    config::authority,
    domain::{
        catalogue::Resource,
        checkpoint::Checkpoint,
        credential::{Credential, Secret},
        elevation::{Elevation, Request},
        entitlement::Entitlement,
        environment::Environment,
        event::{Event, EventKind, Origin},
        failure::Failure,
        id::GrantId,
        key::PublicKey,
        principal::{Caller, Principal, SignIn},
        session::Session,
    },
    issuers::{
        issue,
        order::{Order, Site},
    },
    platform::{keys, pem, proof},
    protocol::problem::Problem,
    store::chain::GENESIS,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    answers::{ASKED, granted},
    commands::CATALOGUE,
    ground::{NOW, grant, key, lease, run},
    tokens::{AIM, BOUND},
};

/// Writes all of them below `directory`.
pub(crate) fn write(directory: &Path) {
    let put = |target: &str, name: &str, start: &[u8], bytes: &[u8]| {
        let directory = directory.join(target);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(name), [start, bytes].concat()).expect("written");
    };
    let [ssh, database] = [ASKED[0], ASKED[2]].map(made);
    let Secret::SshCertificate(line) = &ssh.secret else {
        panic!("it is no certificate");
    };
    let blob = STANDARD
        .decode(line.split(' ').nth(1).expect("base64"))
        .expect("base64");
    put("certificate", "ssh", &[0], &blob);
    put("certificate", "line", &[2], line.as_bytes());
    let Secret::PostgresCertificate { certificate, .. } = &database.secret else {
        panic!("it is no certificate");
    };
    put("pem", "database", &[], certificate.as_bytes());
    let chain = pem::certificates(certificate.as_bytes()).expect("PEM");
    put("certificate", "database", &[1], &chain[0]);
    for (at, secret) in (0_u8..).zip([&ssh, &database].map(|one| &one.secret)) {
        let secret = serde_json::to_value(secret).expect("JSON");
        let view = granted(ASKED[usize::from(2 * at)], &secret);
        put(
            "answer",
            &format!("granted-{at}"),
            &[2 * at, 0, 0],
            view.to_string().as_bytes(),
        );
    }
    let problem = Problem::of(&Failure::denied("no").hint("ask somebody"));
    put("answer", "problem", &[0, 10, 1], &json(&problem));
    put("agent", "sign", &[], &signing_request(&blob));
    put("agent", "authentication", &[], &authentication());
    leases(&put);
    rows(&put);
    tokens(&put);
    issuers(&put);
    providers(&put);
    entries(&put);
}

type Put<'a> = &'a dyn Fn(&str, &str, &[u8], &[u8]);

fn json(what: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(what).expect("JSON")
}

/// A credential of an authority whose key is `key(5)`, for `key(2)`.
fn made(entitlement: &str) -> Credential {
    let entitlement: Entitlement = entitlement.parse().expect("an entitlement");
    let catalogue = authority::parse("authority.toml", CATALOGUE).expect("a catalogue");
    let resource: &Resource = catalogue.resource(&entitlement.resource).expect("there");
    let (grant, authority) = (grant(&entitlement), key(5));
    let order = Order {
        grant: &grant,
        public_key: key(2).public(),
        serial: 7,
        now: NOW,
    };
    let site = Site {
        authority: Some(&authority),
        also: &[],
        issuer: None,
        directory: Path::new("/nonexistent"),
        environment: &Environment::default(),
        now: NOW,
    };
    run(issue(resource, &order, &site)).expect("a credential")
}

/// A string of the protocol (RFC 4251, section 5).
fn field(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes(), bytes].concat()
}

/// What is signed to log in as deploy (RFC 4252, section 7).
fn authentication() -> Vec<u8> {
    let [user, service, method] = [&b"deploy"[..], b"ssh-connection", b"publickey"].map(field);
    [field(&[9; 32]), vec![50], user, service, method].concat()
}

/// `SSH_AGENTC_SIGN_REQUEST`
fn signing_request(blob: &[u8]) -> Vec<u8> {
    [vec![13], field(blob), field(&authentication()), vec![0; 4]].concat()
}

fn leases(put: Put<'_>) {
    let session = Secret::AwsSession {
        access_key_id: "ASIAX".to_owned(),
        secret_access_key: SecretString::from("s/+="),
        session_token: SecretString::from("t"),
        account: Some("123456789012".to_owned()),
    };
    put(
        "lease",
        "aws",
        &[],
        &json(&lease(ASKED[3], session.clone())),
    );
    let view = granted(ASKED[3], &serde_json::to_value(session).expect("JSON"));
    put(
        "answer",
        "granted-3",
        &[3, 0, 0],
        view.to_string().as_bytes(),
    );
    let token = Secret::KubernetesToken(SecretString::from("a.b.c"));
    put(
        "lease",
        "kubernetes",
        &[],
        &json(&lease(ASKED[1], token.clone())),
    );
    let view = granted(ASKED[1], &serde_json::to_value(token).expect("JSON"));
    put(
        "answer",
        "granted-1",
        &[9, 0, 0],
        view.to_string().as_bytes(),
    );
}

fn rows(put: Put<'_>) {
    let entitlement: Entitlement = ASKED[0].parse().expect("an entitlement");
    let grant = grant(&entitlement);
    let mut elevation = Elevation::ask(Request {
        id: grant.id.clone(),
        principal: grant.principal.clone(),
        entitlement: entitlement.clone(),
        justification: Some("ticket 7".to_owned()),
        ttl: Some(Duration::from_mins(5)),
        break_glass: false,
        verb: Some("get".to_owned()),
        session: Some(grant.id.clone()),
        chain: vec![Principal::parse("agent/helper").expect("a name")],
        address: "::1".parse().ok(),
        enrolled_by: None,
        asked_at: NOW,
    });
    put("row", "pending", b"0", &json(&elevation));
    elevation = serde_json::from_value(json!({
        "request": elevation.request, "state": "granted", "grant": grant,
        "vote": {"needed": 2, "until": NOW, "approvals": [{"by": grant.principal, "at": NOW}]},
    }))
    .unwrap_or(elevation);
    put("row", "granted", b"0", &json(&elevation));
    let caller = Caller {
        attributes: [("repository_id".to_owned(), "74".to_owned())].into(),
        sign_in: Some(SignIn {
            at: NOW,
            methods: ["otp".to_owned()].into(),
            context: None,
        }),
        ..Caller::new(grant.principal.clone(), ["on-call".to_owned()].into())
    };
    put("row", "caller", b"2", &json(&caller));
    let session = Session {
        id: grant.id.clone(),
        caller,
        holder: key(1).public(),
        source: "https://id.example.com".to_owned(),
        parent: Some(grant.id),
        only: Some([entitlement].into()),
        created_at: NOW,
        expires_at: NOW,
        provider_session: None,
        attested_at: None,
    };
    put("row", "session", b"1", &json(&session));
}

/// Header and claims, which the targets sign.
fn tokens(put: Put<'_>) {
    let jwk = |seed| proof::jwk(key(seed).public());
    let header = |typ: &str, seed| json!({"typ": typ, "alg": "EdDSA", "jwk": jwk(seed)});
    let pair = |header: &Value, claims: &Value| format!("{header}\n{claims}").into_bytes();
    let ath = keys::sha256(b"token");
    let ath = PublicKey(ath).to_base64url();
    let claims =
        json!({"jti": "1", "htm": AIM.method, "htu": AIM.url, "iat": NOW.secs(), "ath": ath});
    put(
        "proof",
        "signed",
        &[1, 0, 0],
        &pair(&header("dpop+jwt", 1), &claims),
    );
    put(
        "proof",
        "by-another",
        &[2, 0, 0],
        &pair(&header("dpop+jwt", 1), &claims),
    );
    let whole = proof::prove(&key(1), &AIM, NOW).expect("a proof");
    put("proof", "whole", &[0, 0, 0], whole.as_bytes());
    let next = key(4).public();
    let claims = json!({"aud": BOUND.server, "iat": NOW.secs(), "jti": "1", "jkt": BOUND.key, "code": "c", "next": next});
    put(
        "assertion",
        "signed",
        &[1, 0, 0],
        &pair(&header("jit-key+jwt", 1), &claims),
    );
    put(
        "assertion",
        "changed",
        &[3, 90, 1],
        &pair(&header("jit-key+jwt", 1), &claims),
    );
    let own = json!({"alg": "EdDSA", "kid": "a"});
    let claims = json!({
        "iss": "https://id.example.com", "sub": "1234", "aud": ["jit", "x"], "azp": "jit",
        "iat": NOW.secs(), "nbf": NOW.secs(), "exp": NOW.after(Duration::from_mins(5)).secs(),
        "groups": ["a"], "auth_time": NOW.secs(),
    });
    put("token", "signed", &[1, 0, 0], &pair(&own, &claims));
    put("token", "by-another", &[2, 0, 0], &pair(&own, &claims));
    put(
        "token",
        "none",
        &[1, 0, 0],
        &pair(&json!({"alg": "none"}), &claims),
    );
}

/// What an OpenID provider says of people who sign out, and of those whom it is asked about.
fn providers(put: Put<'_>) {
    let header = json!({"alg": "EdDSA", "kid": "a", "typ": "logout+jwt"});
    let claims = json!({
        "iss": "https://id.example.com", "aud": "jit", "iat": NOW.secs(), "jti": "1", "sub": "1234",
        "sid": "s", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    let pair = format!("{header}\n{claims}");
    put("logout", "signed", &[1, 0, 0], pair.as_bytes());
    put("logout", "by-another", &[2, 0, 0], pair.as_bytes());
    put(
        "userinfo",
        "groups",
        &[],
        &json(&json!({"sub": "1234", "groups": ["a"]})),
    );
}

/// What an OIDC issuer publishes.
fn issuers(put: Put<'_>) {
    let mut key_set = serde_json::to_value(proof::jwk(key(3).public())).expect("JSON");
    key_set["use"] = "sig".into();
    let rsa = json!({"kty": "RSA", "kid": "b", "alg": "RS256", "n": "AQAB", "e": "AQAB"});
    put(
        "issuer",
        "keys",
        &[0],
        &json(&json!({"keys": [key_set, rsa]})),
    );
    let metadata =
        json!({"issuer": "$URL", "jwks_uri": "$URL/jwks", "token_endpoint": "$URL/token"});
    put("issuer", "metadata", &[1], &json(&metadata));
}

fn entries(put: Put<'_>) {
    let principal = Principal::parse("agent/helper").expect("a name");
    let event = Event {
        chain: vec![Principal::parse("alice").expect("a name")],
        entitlement: ASKED[1].parse().ok(),
        justification: Some("ticket 7".to_owned()),
        policies: vec!["routine".to_owned()],
        expires_at: Some(NOW),
        took_ms: [("decide".to_owned(), 1)].into(),
        ..Event::new(
            EventKind::Granted,
            NOW,
            GrantId::new(NOW, [7; 10]),
            principal,
            Origin::default(),
        )
    };
    put("event", "granted", &[], &json(&event));
    let page = json!({"events": [{
        "seq": 1, "hash": GENESIS, "kind": "granted", "at": NOW, "grant": event.grant,
        "principal": event.principal,
    }], "next": null});
    put("answer", "events", &[16, 0, 0], &json(&page));
    let checkpoint = Checkpoint {
        seq: 1042,
        hash: GENESIS.to_owned(),
        at: NOW,
    };
    put(
        "checkpoint",
        "note",
        &[],
        checkpoint.note("Az3grlgt").as_bytes(),
    );
}
