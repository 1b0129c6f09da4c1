//! From kubectl's question to an entitlement, and from a lease to its answer.

use std::{fs, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use serde_json::{Value, json};

use super::desk::{Desk, lease, put};
use crate::{
    domain::{
        credential::Secret, environment::Environment, failure::Result, lease::Freshness,
        time::Timestamp,
    },
    tools::{
        kubernetes::{Question, exec_credential, plugin::wanted},
        task::Recognised,
    },
};

fn asked(info: &str) -> Question {
    Question::asked(&Environment {
        variables: [("KUBERNETES_EXEC_INFO".into(), info.into())].into(),
        ..Environment::default()
    })
    .unwrap()
}

/// A caller that is about to speak to a cluster.
fn reaching(cluster: &Value) -> Question {
    let info = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": { "cluster": cluster, "interactive": false },
    });
    asked(&info.to_string())
}

fn answer(desk: &Desk, question: &Question, named: &str, role: &str) -> Result<Recognised> {
    let named = Some(named).filter(|named| !named.is_empty());
    let role = Some(role).filter(|role| !role.is_empty());
    wanted(
        question,
        named.map(|named| named.parse().unwrap()).as_ref(),
        role.map(|role| role.parse().unwrap()).as_ref(),
        &desk.places,
        &desk.catalogue,
    )
}

/// A cluster with that server, which trusts what the catalogue trusts.
fn trusting(desk: &Desk, server: &str) -> Value {
    let authority = fs::read(desk.directory.path().join("prod-ca.crt")).unwrap();
    let authority = Some(STANDARD.encode(authority)).filter(|_| server.contains(":6443"));
    json!({ "server": server, "certificate-authority-data": authority })
}

fn certificate(name: &str) -> String {
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let made = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    made.pem()
}

#[test]
fn a_kubeconfig_that_does_not_say_what_it_reaches_is_given_nothing() {
    let desk = Desk::new();
    for (named, what) in [
        (
            "kubernetes/prod:view",
            "kubernetes/prod:view is not handed out",
        ),
        ("", "no token is handed out"),
    ] {
        let failure = answer(&desk, &Question::default(), named, "").unwrap_err();
        assert!(failure.message.ends_with(what), "{failure:?}");
        assert!(
            failure.hint.contains("provideClusterInfo: true"),
            "{failure:?}"
        );
    }
    let failure = answer(&desk, &Question::default(), "aws/prod:read", "").unwrap_err();
    assert!(
        failure
            .hint
            .contains("jit exec-credential kubernetes/NAME:ROLE")
    );
}

#[test]
fn the_server_that_is_reached_says_which_cluster_it_is() {
    let desk = Desk::new();
    for (server, role, found) in [
        ("https://prod.example.com:6443", "", "kubernetes/prod:view"),
        (
            "https://PROD.example.com:6443/",
            "edit",
            "kubernetes/prod:edit",
        ),
        (
            "https://stage.example.com:443",
            "",
            "kubernetes/stage:oncall",
        ),
    ] {
        let question = reaching(&trusting(&desk, server));
        let wanted = answer(&desk, &question, "", role).unwrap();
        assert_eq!(wanted.entitlement.to_string(), found, "{server}");
    }
    for (server, role, message) in [
        (
            "https://evil.example.com",
            "",
            "no resource has the server \"https://evil.example.com\"",
        ),
        (
            "https://prod.example.com:6443",
            "vew",
            "kubernetes/prod has no role \"vew\"",
        ),
    ] {
        let question = reaching(&trusting(&desk, server));
        let failure = answer(&desk, &question, "", role).unwrap_err();
        assert_eq!(failure.message, message);
    }
}

#[test]
fn the_token_goes_to_no_other_server() {
    let desk = Desk::new();
    let own = "https://prod.example.com:6443";
    for (cluster, why) in [
        (
            json!({"server": "https://evil"}),
            "reaches \"https://evil\"",
        ),
        (json!({"server": "https://stage.example.com"}), "reaches"),
        (
            json!({"server": "https://prod.example.com:6443@evil"}),
            "reaches",
        ),
        (json!({"server": "http://prod.example.com:6443"}), "reaches"),
        (json!({"server": "prod.example.com:6443"}), "reaches"),
        (json!({"server": ""}), "reaches"),
        (
            json!({"server": own, "insecure-skip-tls-verify": true}),
            "does not verify the server",
        ),
        (
            json!({"server": own, "tls-server-name": "evil"}),
            "expects the server's name to be \"evil\"",
        ),
        (
            json!({"server": own}),
            "names no certificate authority, and the catalogue does",
        ),
        (
            json!({"server": own, "certificate-authority-data": ""}),
            "names no certificate authority, and the catalogue does",
        ),
        (
            json!({"server": own, "certificate-authority": "/dev/null"}),
            "trusts a certificate authority",
        ),
        (
            json!({"server": own, "certificate-authority-data": "QQ=="}),
            "trusts a certificate authority",
        ),
        (
            json!({"server": own, "certificate-authority-data": "%%"}),
            "trusts a certificate authority",
        ),
    ] {
        let failure = answer(&desk, &reaching(&cluster), "kubernetes/prod:view", "").unwrap_err();
        assert!(
            failure
                .message
                .starts_with(&format!("the kubeconfig {why}")),
            "{failure:?}"
        );
        assert_eq!(failure.code as u8, 2);
        assert!(!failure.hint.is_empty());
    }
    let authority = desk.directory.path().join("prod-ca.crt");
    let fine = json!({"server": own, "insecure-skip-tls-verify": false, "tls-server-name": "", "certificate-authority": authority});
    answer(&desk, &reaching(&fine), "kubernetes/prod:view", "").unwrap();
    let unknown = reaching(&trusting(&desk, own));
    assert!(answer(&desk, &unknown, "kubernetes/prot:view", "").is_err());
    assert!(answer(&desk, &unknown, "kubernetes/prod:vew", "").is_err());
}

#[test]
fn only_authorities_of_the_catalogue_are_trusted() {
    let desk = Desk::new();
    let (own, next, other) = (
        certificate("own"),
        certificate("next"),
        certificate("other"),
    );
    let file = desk.directory.path().join("prod-ca.crt");
    put(&file, &format!("# two\n{own}{next}"));
    let trusts = |text: &str, named: &str, server: &str| {
        let data = STANDARD.encode(text);
        let cluster = json!({ "server": server, "certificate-authority-data": data });
        answer(&desk, &reaching(&cluster), named, "").is_ok()
    };
    let prod = |text: &str| {
        trusts(
            text,
            "kubernetes/prod:view",
            "https://prod.example.com:6443",
        )
    };
    for text in [
        own.clone(),
        format!("{next}\n{own}"),
        format!("# two\n{own}{next}"),
        format!("{own}{own}"),
        own.replace('\n', "\r\n"),
        own.replace("-----\n", "-----  \n\n"),
    ] {
        assert!(prod(&text), "{text}");
    }
    let hidden = other.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    let torn = other.replace("-----END CERTIFICATE-----", "");
    for text in [
        other.clone(),
        format!("{own}{other}"),
        format!("{own}{hidden}"),
        format!("{torn}{own}"),
        own.replace("-----BEGIN", "----BEGIN"),
        String::from("nothing"),
    ] {
        assert!(!prod(&text), "{text}");
    }
    // Where the catalogue trusts the system's authorities, a kubeconfig cannot name another one.
    assert!(!trusts(
        &own,
        "kubernetes/stage:oncall",
        "https://stage.example.com"
    ));
}

#[test]
fn kubectl_is_answered_in_the_version_that_it_asks_for() {
    let lease = lease("kubernetes/prod:view");
    let v1 = exec_credential(&lease, &Question::default()).unwrap();
    assert_eq!(
        *v1,
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"to\"ken","expirationTimestamp":"1970-01-01T00:09:30Z"}}"#
    );
    let info = r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false}}"#;
    let older = exec_credential(&lease, &asked(info)).unwrap();
    assert!(older.contains("/v1beta1\""));
}

#[test]
fn what_kubectl_keeps_is_gone_when_the_lease_is_renewable() {
    for life in [0, 1, 7, 60, 119, 121, 600, 3600] {
        let mut lease = lease("kubernetes/prod:view");
        lease.issued_at = Timestamp::from_millis(1_234_567);
        lease.credential.expires_at = lease.issued_at.after(Duration::from_secs(life));
        let answer = exec_credential(&lease, &Question::default()).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let ends = Timestamp::parse(answer["status"]["expirationTimestamp"].as_str().unwrap());
        assert_ne!(lease.freshness(ends.unwrap()), Freshness::Fresh, "{life}");
    }
}

#[test]
fn no_end_is_told_where_the_clocks_differ() {
    for (made, told) in [
        (1000, true),
        (1060, true),
        (940, true),
        (1061, false),
        (939, false),
    ] {
        let mut lease = lease("kubernetes/prod:view");
        lease.issued_at = Timestamp::from_secs(1000);
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":{made}}}"#));
        lease.credential.secret = Secret::KubernetesToken(format!("e30.{claims}.x").into());
        let answer = exec_credential(&lease, &Question::default()).unwrap();
        assert_eq!(answer.contains("expirationTimestamp"), told, "{made}");
    }
}
