//! Sign-ins by a code on another device, where a server takes none.

use jit::platform::{keys, proof::thumbprint};
use serde_json::json;

use super::{
    Team,
    stolen::{at, claims, exchange},
};
use crate::support::{home::run, issuer::Issuer, jwt::Algorithm, web};

#[test]
fn without_the_nonce_of_its_own_sign_in_nobody_begins_a_session_where_codes_are_off() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = at(&issuer, "device = false\n");
    let holder = keys::generate().unwrap();
    let with = |id: &str, nonce: Option<String>| {
        let mut said = claims();
        said["jti"] = json!(id);
        if let Some(nonce) = nonce {
            said["nonce"] = json!(nonce);
        }
        issuer.sign(&said)
    };
    // What somebody confirmed who was sent a code.
    let phished = exchange(&serve, &with("1", None), &holder);
    assert_eq!(phished.status, 400, "{phished:?}");
    let problem = phished.json();
    assert_eq!(problem["error"], "invalid_grant");
    assert!(
        problem["detail"].as_str().unwrap().contains("no nonce"),
        "{problem}"
    );
    let nonce = thumbprint(holder.public()).unwrap();
    assert_eq!(
        exchange(&serve, &with("2", Some(nonce)), &holder).status,
        200
    );
    // A refreshed ID token need not have it: it goes on with the session of its key, and begins no other.
    assert_eq!(exchange(&serve, &with("3", None), &holder).status, 200);
    let other = keys::generate().unwrap();
    assert_eq!(exchange(&serve, &with("4", None), &other).status, 400);
}

#[test]
fn a_person_is_not_sent_to_another_device_where_codes_are_off() {
    let Some(team) = Team::configured(web::POLICIES, "device = false\n", web::CATALOGUE) else {
        return;
    };
    let ran = run(&mut team.home.jit(["login", "--device"]));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("takes no sign-in by a code"), "{ran:?}");
    team.login("alice");
    // A remote shell is shown the address, and no code.
    let mut remote = team.jit("alice", &["login"]);
    let ran = run(remote.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("enter the code"), "{ran:?}");
}
