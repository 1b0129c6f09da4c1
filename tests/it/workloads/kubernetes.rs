//! Service accounts of a real cluster: by its issuer, or by its own review; and their namesakes.

use std::{fs, os::unix::fs::PermissionsExt as _};

use jit::domain::failure::Code;
use tempfile::TempDir;

use super::{Place, SERVER, block_on, why};
use crate::support::{Kube, issuer::Issuer, jwt::Algorithm, kubernetes::ADMIN_TOKEN};

/// A catalogue with that cluster, whose credential may review tokens.
fn catalogue(kube: &Kube, directory: &TempDir) -> String {
    let token = directory.path().join("cluster.token");
    fs::write(&token, ADMIN_TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    format!(
        "[resources.\"kubernetes/prod\"]\nserver = \"{}\"\ncertificate_authority = \"{}\"\n\
         issuer = \"token-request\"\ncredential = \"file:cluster.token\"\n\
         roles.view = {{ service_account = \"jit/view\" }}\n",
        kube.url(),
        kube.ca().display()
    )
}

/// Makes a namespace with a service account; the account's uid.
pub(super) fn account(kube: &Kube, namespace: &str, name: &str) -> String {
    if kube.try_kubectl(&["get", "namespace", namespace]).code != 0 {
        kube.kubectl(&["create", "namespace", namespace]);
    }
    kube.kubectl(&["-n", namespace, "create", "serviceaccount", name]);
    let uid = [
        "-n",
        namespace,
        "get",
        "serviceaccount",
        name,
        "-o",
        "jsonpath={.metadata.uid}",
    ];
    kube.kubectl(&uid)
}

pub(super) fn token(kube: &Kube, namespace: &str, name: &str, audience: &str) -> String {
    let flag = format!("--audience={audience}");
    let made = kube.kubectl(&["-n", namespace, "create", "token", name, &flag]);
    made.trim().to_owned()
}

fn reviewed(uid: &str) -> String {
    format!(
        "[[workloads]]\nname = 'build'\nkind = 'kubernetes'\ntoken_review = 'kubernetes/prod'\n\
         principal = 'k8s-{{service_account}}@{{namespace}}'\n\
         match = {{ namespace = 'reviewed', service_account_uid = '{uid}' }}\n"
    )
}

#[test]
fn a_cluster_says_itself_whose_a_token_is() {
    let Some(kube) = Kube::shared() else { return };
    let uid = account(kube, "reviewed", "build");
    let directory = TempDir::new().unwrap();
    let catalogue = catalogue(kube, &directory);
    block_on(async {
        let place = Place::within(directory, &catalogue, &reviewed(&uid)).await;
        let good = token(kube, "reviewed", "build", SERVER);
        let admitted = place.by_token(&good).await.unwrap();
        assert_eq!(admitted.source, "kubernetes/prod");
        assert_eq!(
            admitted.caller.principal.written(),
            "workload/k8s-build@reviewed"
        );
        assert_eq!(admitted.caller.attributes["service_account_uid"], uid);
        // Made for the API server, or for somebody else.
        for audience in [
            "https://kubernetes.default.svc",
            "https://other.example.com",
        ] {
            let failure = why(place
                .by_token(&token(kube, "reviewed", "build", audience))
                .await);
            assert_eq!(failure.code, Code::SignIn, "{failure:?}");
        }
        account(kube, "reviewed", "other");
        why(place
            .by_token(&token(kube, "reviewed", "other", SERVER))
            .await);
        // Its end takes the token with it, and whoever is called so afterwards is somebody else.
        kube.kubectl(&["-n", "reviewed", "delete", "serviceaccount", "build"]);
        assert_ne!(account(kube, "reviewed", "build"), uid);
        why(place
            .by_token(&token(kube, "reviewed", "build", SERVER))
            .await);
        drop(place.directory);
    });
}

#[test]
fn a_namesake_in_another_cluster_is_somebody_else() {
    let (Some(kube), Some(other)) = (Kube::shared(), Kube::start(&[])) else {
        return;
    };
    let uid = account(kube, "namesake", "build");
    account(&other, "namesake", "build");
    let directory = TempDir::new().unwrap();
    let catalogue = catalogue(kube, &directory);
    block_on(async {
        // By name, so that the token is shown to the cluster at all.
        let workloads = "[[workloads]]\nname = 'build'\nkind = 'kubernetes'\n\
             token_review = 'kubernetes/prod'\nprincipal = 'k8s-{service_account_uid}'\n\
             match = { namespace = 'namesake', service_account = 'build' }\n";
        let place = Place::within(directory, &catalogue, workloads).await;
        let own = place
            .by_token(&token(kube, "namesake", "build", SERVER))
            .await
            .unwrap();
        assert_eq!(own.caller.principal.name(), format!("k8s-{uid}"));
        let foreign = token(&other, "namesake", "build", SERVER);
        let failure = why(place.by_token(&foreign).await);
        assert_eq!(failure.code, Code::SignIn, "{failure:?}");
    });
}

#[test]
fn a_cluster_whose_issuer_can_be_reached_is_not_asked() {
    // An API server publishes its keys only for an issuer with TLS.
    let issuer = Issuer::https(Algorithm::Es256);
    let file = issuer.ca().unwrap().display().to_string();
    let flag = format!("--service-account-issuer={}", issuer.url());
    let Some(kube) = Kube::start(&[&flag, "--api-audiences=https://kubernetes.default.svc"]) else {
        return;
    };
    issuer.put("/jwks", &kube.kubectl(&["get", "--raw", "/openid/v1/jwks"]));
    let uid = account(&kube, "ci", "build");
    block_on(async {
        let workloads = format!(
            "[[workloads]]\nname = 'build'\nkind = 'kubernetes'\nissuer = '{}'\n\
             certificate_authority = '{file}'\nprincipal = 'build'\n\
             match = {{ service_account_uid = '{uid}' }}\n",
            issuer.url()
        );
        let place = Place::new("", &workloads).await;
        let caller = place
            .by_token(&token(&kube, "ci", "build", SERVER))
            .await
            .unwrap()
            .caller;
        assert_eq!(caller.attributes["namespace"], "ci");
        assert_eq!(caller.attributes["service_account"], "build");
        let failure = why(place.by_token(&token(&kube, "ci", "build", "other")).await);
        assert!(failure.message.contains("audience"), "{failure}");
    });
}
