//! Tokens of a real API server, made and ended with the rights that `jit trust` prints.

use jit::{
    domain::credential::{Credential, Secret},
    issuers::order::Revocation,
    platform::clock,
};
use secrecy::ExposeSecret as _;

use super::Scene;
use crate::support::{Kube, home::Ran, until};

/// A namespace of its own, with what `jit trust` prints applied to it.
fn scene(kube: &Kube, namespace: &str) -> Scene {
    let mut scene = Scene::new(
        "kubernetes/prod",
        &format!(
            "server = \"{}\"
            certificate_authority = \"{}\"
            issuer = \"token-request\"
            credential = \"env:BASE\"
            namespace = \"{namespace}\"
            roles.view.service_account = \"{namespace}/view\"
            roles.admin.service_account = \"{namespace}-apps/admin\"
            roles.gone.service_account = \"{namespace}/gone\"
            roles.nowhere.service_account = \"{namespace}-nowhere/view\"",
            kube.url(),
            kube.ca().display(),
        ),
    );
    kube.apply(&scene.trust());
    kube.kubectl(&["-n", namespace, "delete", "serviceaccount", "gone"]);
    kube.kubectl(&[
        "delete",
        "namespace",
        &format!("{namespace}-nowhere"),
        "--wait=false",
    ]);
    let token = kube.kubectl(&["-n", namespace, "create", "token", "jit"]);
    scene.set("BASE", token.trim());
    scene
}

fn token(credential: &Credential) -> &str {
    let Secret::KubernetesToken(token) = &credential.secret else {
        panic!("another secret");
    };
    token.expose_secret()
}

fn whoami(kube: &Kube, token: &str) -> Ran {
    as_bearer(
        kube,
        token,
        &[
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
        ],
    )
}

fn as_bearer(kube: &Kube, token: &str, args: &[&str]) -> Ran {
    let (url, ca) = (kube.url(), kube.ca().display().to_string());
    let mut all = vec!["--kubeconfig=/dev/null", "-s", &url, "--token", token];
    all.extend(["--certificate-authority", &ca]);
    all.extend(args);
    kube.try_kubectl(&all)
}

#[tokio::test]
async fn a_token_lives_as_long_as_its_secret() {
    let Some(kube) = Kube::shared() else { return };
    let scene = scene(kube, "on");
    let grant = scene.grant("view");
    let first = scene.issue(&grant).await.unwrap();
    let second = scene.issue(&grant).await.unwrap();
    assert_ne!(first.serial, second.serial);
    assert_eq!(first.expires_at.left(clock::now()).as_secs() / 60, 9);
    for credential in [&first, &second] {
        let ran = whoami(kube, token(credential));
        assert_eq!(ran.stdout, "system:serviceaccount:on:view", "{ran:?}");
        let event = kube.audited(&format!("/credential-id\":[\"JTI={}", credential.serial));
        assert_eq!(event["user"]["username"], "system:serviceaccount:on:view");
        let made = format!("issued-credential-id\":\"JTI={}", credential.serial);
        assert_eq!(kube.audited(&made)["objectRef"]["name"], "view");
    }
    let name = format!("jit-{}", grant.id);
    let principal = "jsonpath={.metadata.annotations.jit/principal}";
    let shown = kube.kubectl(&["-n", "on", "get", "secret", &name, "-o", principal]);
    assert_eq!(shown, "alice@example.com");

    assert_eq!(scene.revoke(&grant).await.unwrap(), Revocation::Ended);
    assert_eq!(scene.revoke(&grant).await.unwrap(), Revocation::Ended);
    until("both tokens to die", || {
        let dead = |credential| {
            whoami(kube, token(credential))
                .stderr
                .contains("Unauthorized")
        };
        (dead(&first) && dead(&second)).then_some(())
    });
}

#[tokio::test]
async fn the_base_credential_may_do_this_and_nothing_else() {
    let Some(kube) = Kube::shared() else { return };
    let scene = scene(kube, "least");
    let base = scene.environment.text("BASE").unwrap();
    let admin = scene.issue(&scene.grant("admin")).await.unwrap();
    let ran = whoami(kube, token(&admin));
    assert_eq!(ran.stdout, "system:serviceaccount:least-apps:admin");
    let may = |args: &[&str]| as_bearer(kube, base, &[&["auth", "can-i"], args].concat()).stdout;
    assert_eq!(may(&["create", "secrets", "-n", "least"]), "yes\n");
    for denied in [
        ["get", "secrets", "-n", "least"],
        ["list", "secrets", "-n", "least"],
        ["create", "secrets", "-n", "default"],
        ["create", "pods", "-n", "least"],
        [
            "create",
            "serviceaccounts/jit --subresource=token",
            "-n",
            "least",
        ],
    ] {
        assert_eq!(may(&denied), "no\n", "{denied:?}");
    }
}

#[tokio::test]
async fn each_refusal_says_what_is_missing() {
    let Some(kube) = Kube::shared() else { return };
    let mut scene = scene(kube, "refused");
    let failure = scene.issue(&scene.grant("gone")).await.unwrap_err();
    assert_eq!(
        failure.message,
        "service account refused/gone is not there in kubernetes/prod"
    );
    assert!(
        failure
            .hint
            .ends_with("jit trust kubernetes/prod | kubectl apply -f -")
    );

    let failure = scene.issue(&scene.grant("nowhere")).await.unwrap_err();
    assert!(
        failure
            .hint
            .ends_with("jit trust kubernetes/prod | kubectl apply -f -"),
        "{failure:?}"
    );

    // Another account's token: known, and without the rights.
    let view = scene.issue(&scene.grant("view")).await.unwrap();
    scene.set("BASE", token(&view));
    let failure = scene.issue(&scene.grant("view")).await.unwrap_err();
    assert!(
        failure
            .message
            .starts_with("kubernetes/prod does not let the base credential create Secret"),
        "{failure:?}"
    );
    assert!(
        failure
            .cause
            .unwrap()
            .contains("cannot create resource \"secrets\"")
    );

    scene.set("BASE", "nobody's");
    let failure = scene.issue(&scene.grant("view")).await.unwrap_err();
    assert_eq!(
        failure.message,
        "kubernetes/prod does not accept the base credential"
    );
    let grant = scene.grant("view");
    assert_eq!(
        scene.revoke(&grant).await.unwrap_err().message,
        failure.message
    );
}

#[tokio::test]
async fn a_cluster_that_took_its_trust_back_makes_no_token_and_keeps_its_namespaces() {
    let Some(kube) = Kube::shared() else { return };
    let scene = scene(kube, "jit-removed");
    let grant = scene.grant("view");
    let credential = scene.issue(&grant).await.unwrap();
    assert_eq!(whoami(kube, token(&credential)).code, 0);
    let file = scene.home.write("removal.yaml", &scene.removal());
    for _ in ["once", "and again, which changes nothing"] {
        kube.kubectl(&["delete", "--ignore-not-found", "-f", file.to_str().unwrap()]);
    }
    until("the token to be refused", || {
        (whoami(kube, token(&credential)).code != 0).then_some(())
    });
    assert!(scene.issue(&scene.grant("view")).await.is_err());
    let left = kube.kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(left.contains("namespace/jit-removed"), "{left}");
    let left = kube.kubectl(&["get", "clusterrolebindings", "-o", "name"]);
    assert!(!left.contains("jit:jit-removed"), "{left}");
}
