//! Elevations over HTTPS: asked for, used at a real sshd, renewed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use jit::domain::key::PrivateKey;
use jit::platform::{keys, proof};
use serde_json::json;
use ssh_key::{
    LineEnding, PublicKey, private,
    public::{Ed25519PublicKey, KeyData},
};

use super::member::POLICIES as MEMBERS;
use crate::support::serve::Keys;
use crate::support::web::{CATALOGUE, POLICIES};
use crate::support::whereabouts::user_name;
use crate::support::{Serve, Sshd, client_config};

/// The key in OpenSSH's format.
fn write_key(file: &Path, key: &PrivateKey) {
    let seed: [u8; 32] = key.expose_seed().try_into().unwrap();
    let pair = private::Ed25519Keypair::from_seed(&seed);
    let key = private::PrivateKey::from(pair);
    fs::write(file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_certificate_of_the_server_opens_a_real_sshd() {
    let user = user_name();
    let catalogue =
        format!("[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\n");
    let serve = Serve::start(&catalogue, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let ca = alice.get("/v1/resources/ssh/web/trust?ca=true");
    assert_eq!(ca.status, 200, "{}", ca.text());
    let Some(sshd) = Sshd::start(&serve.home.write("ca.pub", &ca.text())) else {
        return;
    };
    let keys = Keys::new();
    let answer = alice.ask(&format!("ssh/web:{user}"), &keys);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let first = answer.json();
    assert_eq!(first["state"], "granted");
    assert_eq!(first["principal"], "alice");
    let renewed = alice.post(
        &format!(
            "/v1/elevations/{}/credential",
            first["id"].as_str().unwrap()
        ),
        &keys.renewal(&first),
    );
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let key = serve.home.path("id");
    write_key(&key, &keys.key);
    let config = client_config(&serve.home.path(""), &[("web", &sshd, None)]);
    for credential in [&first, &renewed.json()] {
        let certificate = credential["credential"]["secret"]["ssh_certificate"]
            .as_str()
            .unwrap();
        fs::write(serve.home.path("id-cert.pub"), certificate).unwrap();
        let ran = Command::new("ssh")
            .arg("-F")
            .arg(&config)
            .args(["-o", "IdentitiesOnly=yes", "-i"])
            .arg(&key)
            .args(["web", "echo", "hello"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            "hello\n",
            "{}{}",
            String::from_utf8_lossy(&ran.stderr),
            sshd.log()
        );
    }
    sshd.logged(first["id"].as_str().unwrap());
}

#[test]
fn whoever_does_not_show_a_session_of_its_own_is_told_to_sign_in() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let (alice, bob) = (serve.let_in("alice", &[]), serve.let_in("bob", &[]));
    let own = alice.get("/v1/session");
    assert_eq!(own.status, 200, "{}", own.text());
    assert_eq!(own.json()["principal"], "alice");
    let path = "/v1/session";
    let token = &alice.headers("GET", path)[0];
    let cases: [(&str, Vec<(&str, String)>); 6] = [
        ("nothing", vec![]),
        ("a token without a proof", vec![token.clone()]),
        (
            "a stolen token",
            vec![token.clone(), bob.headers("GET", path)[1].clone()],
        ),
        ("a proof for another path", {
            let other = alice.headers("GET", "/v1/elevations");
            vec![token.clone(), other[1].clone()]
        }),
        ("a bearer", {
            let text = token.1.replace("DPoP", "Bearer");
            vec![
                ("authorization", text),
                alice.headers("GET", path)[1].clone(),
            ]
        }),
        ("a token of its own making", {
            let own = proof::sign(
                &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA),
                &serde_json::json!({"sid": alice.session.id, "sub": "alice", "iat": 0, "exp": 9_000_000_000_i64, "cnf": {"jkt": ""}}),
                &alice.holder,
            );
            let proof = alice.headers("GET", path)[1].clone();
            vec![("authorization", format!("DPoP {}", own.unwrap())), proof]
        }),
    ];
    for (what, headers) in cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = serve.site().send("GET", path, &headers, b"").unwrap();
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert_eq!(
            answer.header("www-authenticate"),
            Some("DPoP algs=\"EdDSA\"")
        );
        assert_eq!(answer.json()["type"], "urn:jit:sign-in", "{what}");
    }
    assert_eq!(serve.site().get("/healthz").status, 200);
    assert_eq!(serve.site().get("/readyz").status, 200);
}

#[test]
fn a_certificate_for_no_host_is_a_usage_error() {
    let serve = Serve::start(CATALOGUE, MEMBERS);
    let olga = serve.let_in("olga", &["administrators"]);
    let key = KeyData::Ed25519(Ed25519PublicKey(keys::generate().unwrap().public().0));
    let key = PublicKey::from(key).to_openssh().unwrap();
    for (hosts, status) in [(json!([]), 400), (json!(["web.example.com"]), 200)] {
        let body = json!({"key": key, "hosts": hosts, "ttl": 3600});
        let answer = olga.post("/v1/resources/ssh/web/trust", &body);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
}
