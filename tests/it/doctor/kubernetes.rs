//! Clusters, and clocks that are off.

use super::{Home, doctor, gave_back, hints, home, jit, run, says};
use crate::support::{Kube, skip::skip, until, whereabouts::program};

/// A home whose authority the cluster trusts, in a namespace of its own.
fn cluster(kube: &Kube, namespace: &str) -> Home {
    let home = home(&format!(
        "[resources.\"kubernetes/prod\"]\nserver = \"{}\"\ncertificate_authority = \"{}\"\n\
         issuer = \"token-request\"\nnamespace = \"{namespace}\"\ncredential = \"file:base.token\"\n\
         roles.view.service_account = \"{namespace}/view\"\n",
        kube.url(),
        kube.ca().display(),
    ));
    kube.apply(&jit(&home, &["trust", "kubernetes/prod"]).stdout);
    let token = kube.kubectl(&["-n", namespace, "create", "token", "jit", "--duration=1h"]);
    home.configure("base.token", &token);
    home
}

/// What a cluster's administrator forgot.
fn bind_view(kube: &Kube, namespace: &str) {
    kube.apply(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {namespace}-look}}\n\
         rules: [{{apiGroups: [\"\"], resources: [namespaces], verbs: [get, list]}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {namespace}-look}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {namespace}-look}}\n\
         subjects: [{{kind: ServiceAccount, name: view, namespace: {namespace}}}]\n"
    ));
    let account = format!("system:serviceaccount:{namespace}:view");
    until("the role to be bound", || {
        let can = ["auth", "can-i", "list", "namespaces", "--as", &account];
        (kube.try_kubectl(&can).code == 0).then_some(())
    });
}

#[test]
fn a_cluster_tells_whom_it_knows_and_what_that_one_may() {
    let Some(kube) = Kube::shared() else { return };
    let home = cluster(kube, "doctor-on");
    bind_view(kube, "doctor-on");
    let ran = doctor(&home, &["kubernetes/prod"]);
    let said = says(&ran, "targets", "kubernetes/prod");
    assert!(
        said.starts_with("ok: view is system:serviceaccount:doctor-on:view, and may get, list"),
        "{ran:?}"
    );
    assert_eq!(
        says(&ran, "clock", "clock"),
        "ok: it agrees with kubernetes/prod"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    gave_back(&home);
}

#[test]
fn an_account_that_nobody_bound_to_a_role_is_told() {
    let Some(kube) = Kube::shared() else { return };
    let home = cluster(kube, "doctor-bare");
    let text = std::fs::read_to_string(home.config().join("authority.toml")).unwrap();
    let bare = text
        .replace("roles.view", "roles.bare")
        .replace("/view", "/bare");
    home.configure("authority.toml", &bare);
    kube.apply(&jit(&home, &["trust", "kubernetes/prod"]).stdout);
    let ran = doctor(&home, &["kubernetes/prod"]);
    assert_eq!(
        says(&ran, "targets", "kubernetes/prod"),
        "warn: bare is system:serviceaccount:doctor-bare:bare, which may do nothing in the namespace default"
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    gave_back(&home);
}

#[test]
fn a_cluster_that_does_not_let_tokens_be_made_says_so() {
    let Some(kube) = Kube::shared() else { return };
    let home = cluster(kube, "doctor-off");
    let token = kube.kubectl(&["-n", "doctor-off", "create", "token", "view"]);
    home.configure("base.token", &token);
    let ran = doctor(&home, &["kubernetes/prod"]);
    let said = says(&ran, "targets", "kubernetes/prod");
    assert!(
        said.starts_with("fail: kubernetes/prod does not let the base credential create Secret"),
        "{ran:?}"
    );
    assert!(hints(&ran).contains("jit trust kubernetes/prod | kubectl apply -f -"));
    assert!(!ran.stdout.contains(token.trim()), "{ran:?}");
    assert_eq!(ran.code, 125);
    assert_eq!(jit(&home, &["status", "--json"]).stdout, "");
}

#[test]
fn a_clock_that_is_off_is_said_with_what_it_breaks() {
    let (Some(kube), Some(faketime)) = (Kube::shared(), program("faketime", None)) else {
        return skip("faketime is not installed, or there is no API server");
    };
    let home = cluster(kube, "doctor-clock");
    for (offset, said) in [("+10m", "ahead of"), ("-10m", "behind")] {
        let mut command = home.command(&faketime);
        command.env("DONT_FAKE_MONOTONIC", "1");
        command.args(["-f", offset]).arg(env!("CARGO_BIN_EXE_jit"));
        let ran = run(command.args(["doctor", "--json", "kubernetes/prod"]));
        let about = says(&ran, "targets", "kubernetes/prod");
        assert!(
            about.contains(&format!(" {said} its clock: ")),
            "{offset}: {ran:?}"
        );
        assert_eq!(ran.code, 125, "{offset}");
    }
}
