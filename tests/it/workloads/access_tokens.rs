//! Access tokens (RFC 9068) of a real provider: a job's own is its identity, and a person's is none.

use jit::{domain::failure::Code, platform::clock};
use serde_json::json;

use super::{Place, SERVER, block_on, why};
use crate::support::{Openid, issuer::Issuer, jwt::Algorithm};

fn entry(issuer: &str, wanted: &str) -> String {
    format!(
        "[[workloads]]\nname = 'job'\nkind = 'oidc'\nissuer = '{issuer}'\nprincipal = 'job-{{sub}}'\n\
         match = {{ {wanted} }}\n"
    )
}

#[test]
fn a_client_comes_by_the_access_token_that_it_gets_for_itself() {
    let Some(provider) = Openid::start() else {
        return;
    };
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "runner"),
        ("client_secret", "runner-secret"),
        ("resource", SERVER),
    ];
    let answer = provider.site().post_form("/token", &fields);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    block_on(async {
        let wanted = "sub = 'runner', client_id = 'runner'";
        let place = Place::new("", &entry(provider.issuer(), wanted)).await;
        let admitted = place.by_token(&token).await.unwrap();
        assert_eq!(admitted.caller.principal.written(), "workload/job-runner");
    });
}

#[test]
fn a_persons_access_token_of_the_same_client_is_no_workload() {
    let issuer = Issuer::http(Algorithm::Es256);
    block_on(async {
        let wanted = "client_id = 'runner', sub = 'runner'";
        let place = Place::new("", &entry(issuer.url(), wanted)).await;
        let now = clock::now().secs();
        let of = |sub: &str| {
            let said = json!({
                "sub": sub, "aud": SERVER, "client_id": "runner", "azp": "runner",
                "iat": now, "exp": now + 300, "jti": sub,
            });
            let mut header = issuer.key().header();
            header["typ"] = json!("at+jwt");
            issuer.key().sign_as(&header, &issuer.with_issuer(&said))
        };
        assert!(place.by_token(&of("runner")).await.is_ok());
        let failure = why(place.by_token(&of("alice")).await);
        assert_eq!(failure.code, Code::Denied, "{failure:?}");
    });
}

#[test]
fn a_signature_that_is_not_supported_and_a_token_that_is_too_long_are_told_as_such() {
    let issuer = Issuer::http(Algorithm::Es256);
    block_on(async {
        let place = Place::new("", &entry(issuer.url(), "sub = 'runner'")).await;
        let mut header = issuer.key().header();
        header["alg"] = json!("ES512");
        let said = issuer.with_issuer(&json!({ "sub": "runner", "aud": SERVER }));
        let failure = why(place.by_token(&issuer.key().sign_as(&header, &said)).await);
        assert!(
            failure
                .message
                .contains("its algorithm ES512 is not supported"),
            "{failure}"
        );
        assert!(
            failure.hint.contains("RS256, ES256 or EdDSA"),
            "{failure:?}"
        );
        let groups: Vec<String> = (0..4000)
            .map(|number| format!("group-of-many-{number:08}"))
            .collect();
        let said = json!({ "sub": "runner", "aud": SERVER, "groups": groups });
        let failure = why(place.by_token(&issuer.sign(&said)).await);
        assert!(
            failure.message.contains("is longer than 64 KiB"),
            "{failure}"
        );
        assert!(!failure.hint.contains("jit login"), "{failure:?}");
    });
}
