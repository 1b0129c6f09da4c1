//! `jit exec -- kubectl …` against a real API server.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use super::{Home, events, home, jit, last, story, works};
use crate::support::{
    Kube,
    home::{Ran, run},
    kubernetes::question,
    until,
};

/// A home whose authority the cluster trusts, as `jit trust` says, in namespaces of its own.
pub(crate) fn trusted(kube: &Kube, namespace: &str) -> Home {
    let home = home(&format!(
        r#"
[resources."kubernetes/prod"]
server = "{}"
certificate_authority = "{}"
contexts = ["prod"]
{}
issuer = "token-request"
namespace = "{namespace}"
credential = "file:base.token"
roles.view = {{ service_account = "{namespace}/view" }}
roles.edit = {{ service_account = "{namespace}/edit", tier = "elevated" }}
roles.admin = {{ service_account = "{namespace}/admin", tier = "sensitive" }}
"#,
        kube.url(),
        kube.ca().display(),
        kube.tls_server_name()
            .map_or_else(String::new, |name| format!("tls_server_name = \"{name}\"")),
    ));
    // The aggregated roles are empty without a controller manager.
    for (role, verbs) in [
        ("view", r#"["get", "list", "watch"]"#),
        ("edit", r#"["*"]"#),
    ] {
        kube.apply(&format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {role}}}\n\
             rules: [{{apiGroups: [\"\"], resources: [namespaces, configmaps], verbs: {verbs}}}]"
        ));
    }
    kube.apply(&works(&home, &["trust", "kubernetes/prod"]));
    let token = kube.kubectl(&["-n", namespace, "create", "token", "jit", "--duration=1h"]);
    home.configure("base.token", &token);
    // The API server's own view of RBAC lags behind by a moment.
    let account = format!("system:serviceaccount:{namespace}:edit");
    until("the roles to be bound", || {
        let can = [
            "auth",
            "can-i",
            "create",
            "configmaps",
            "-n",
            "default",
            "--as",
            &account,
        ];
        (kube.try_kubectl(&can).code == 0).then_some(())
    });
    home
}

fn kubectl(home: &Home, args: &[&str]) -> Ran {
    let mut command = home.jit(["exec", "-j", "a test", "--", "kubectl", "--context", "prod"]);
    run(command.args(args))
}

#[test]
fn kubectl_gets_the_smallest_role_and_the_cluster_knows_the_grant() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-smallest");
    let got = kubectl(&home, &["get", "namespaces", "-o", "name"]);
    assert_eq!(got.code, 0, "{got:?}");
    assert!(got.stdout.contains("namespace/jit-smallest\n"), "{got:?}");
    assert_eq!(got.stderr, "");
    assert_eq!(
        story(&home),
        [
            "granted kubernetes/prod:view",
            "issued kubernetes/prod:view"
        ]
    );

    let made = kubectl(&home, &["-n", "default", "create", "configmap", "made"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(
        story(&home)[2..],
        [
            "granted kubernetes/prod:edit",
            "issued kubernetes/prod:edit"
        ]
    );

    let gone = kubectl(&home, &["get", "secrets", "-A"]);
    assert_ne!(
        gone.code, 0,
        "what the role may not, the cluster refuses: {gone:?}"
    );

    // The credential's id is in the cluster's own log, at what was done with it.
    let (_, serial) = last(&home);
    let id = format!("\"authentication.kubernetes.io/credential-id\":[\"JTI={serial}\"]");
    let user = &kube.audited(&id)["user"];
    assert_eq!(user["username"], "system:serviceaccount:jit-smallest:edit");
}

#[test]
fn a_second_kubectl_asks_nobody() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-cached");
    for _ in 0..3 {
        assert_eq!(kubectl(&home, &["get", "namespaces"]).code, 0);
    }
    assert_eq!(events(&home).len(), 2);
}

#[test]
fn another_reason_for_a_lease_that_is_held_is_recorded() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-reasons");
    assert_eq!(kubectl(&home, &["get", "namespaces"]).code, 0);
    let line = ["exec", "-j", "INC-7", "--", "kubectl", "--context", "prod"];
    for _ in 0..2 {
        let mut command = home.jit(line);
        let ran = run(command.args(["get", "namespaces"]));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    }
    assert_eq!(
        story(&home)[2..],
        ["justified kubernetes/prod:view"],
        "once, and no other grant"
    );
    let reason = events(&home)[2]["justification"].clone();
    assert_eq!(reason, "INC-7");
}

#[test]
fn a_revoked_grant_is_refused_by_the_cluster() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-revoked");
    let export = "cat \"$KUBECONFIG\"";
    let kubeconfig = works(
        &home,
        &["exec", "--on", "kubernetes/prod", "--", "sh", "-c", export],
    );
    assert!(
        !kubeconfig.contains("token"),
        "the kubeconfig holds no secret: {kubeconfig}"
    );
    let mut plugin = home.jit(["exec-credential", "kubernetes/prod:view"]);
    let plugin = run(plugin.env("KUBERNETES_EXEC_INFO", question(&kube.as_asked())));
    let credential: serde_json::Value = serde_json::from_str(&plugin.stdout).unwrap();
    let token = credential["status"]["token"].as_str().unwrap().to_owned();
    let (server, ca) = (kube.url(), kube.ca().display().to_string());
    let direct = || {
        let mut command = home.command(std::path::Path::new("kubectl"));
        let arguments = [
            "--kubeconfig=/dev/null",
            "--server",
            &server,
            "--certificate-authority",
            &ca,
            "--token",
            &token,
            "get",
            "namespaces",
        ];
        run(command.args(arguments)).code
    };
    assert_eq!(direct(), 0, "the token works");
    let (grant, _) = last(&home);
    let revoked = works(&home, &["revoke", &grant]);
    assert!(
        revoked.contains("its target refuses it from now on"),
        "{revoked}"
    );
    // The API server notices the missing Secret within seconds.
    until("the token to be refused", || (direct() != 0).then_some(()));
    assert_eq!(
        works(&home, &["status", "--json"]),
        "",
        "the lease is forgotten"
    );
    assert_eq!(works(&home, &["revoke", "--all"]), "nothing to revoke\n");
}

/// A watch outlives its credential: kubectl asks the plugin again.
#[test]
fn a_long_watch_outlives_its_credential() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-watch");
    home.configure(
        "policies/all.cedar",
        "@id(\"short\") @credential_ttl(\"8s\") permit (principal, action == Action::\"elevate\", resource);",
    );
    let mut watch = home
        .jit([
            "exec",
            "--",
            "kubectl",
            "--context",
            "prod",
            "get",
            "configmaps",
            "-A",
            "-w",
            "-o",
            "name",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // Another command, long after the first credential's end, under the same grant.
    std::thread::sleep(std::time::Duration::from_secs(9));
    let again = kubectl(&home, &["get", "namespaces"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(
        story(&home)
            .iter()
            .filter(|line| line.starts_with("granted"))
            .count(),
        1
    );
    assert!(
        story(&home).len() >= 3,
        "renewed under the same grant: {:?}",
        story(&home)
    );
    kube.kubectl(&["-n", "jit-watch", "create", "configmap", "late"]);
    assert!(
        lines.any(|line| line.unwrap() == "configmap/late"),
        "the watch goes on"
    );
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn the_users_own_kubeconfig_is_read_and_left_alone() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-own");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: work\nclusters:\n- name: c\n  cluster: {{server: \"{}\"}}\n\
         users:\n- name: u\n  user: {{token: standing}}\ncontexts:\n- name: work\n  context: {{cluster: c, user: u, namespace: jit-own}}\n",
        kube.url()
    );
    let file = home.write(".kube/config", &text);
    kube.kubectl(&["-n", "jit-own", "create", "configmap", "mine"]);
    let got = jit(
        &home,
        &["exec", "--", "kubectl", "get", "configmaps", "-o", "name"],
    );
    assert_eq!(got.code, 0, "{got:?}");
    assert!(
        got.stdout.contains("configmap/mine"),
        "the context's namespace is kept: {got:?}"
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    let unknown = jit(
        &home,
        &["exec", "--", "kubectl", "--context", "pord", "get", "ns"],
    );
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown.stderr.contains("did you mean \"prod\"?"),
        "{unknown:?}"
    );
}

#[test]
fn any_other_command_gets_a_private_kubeconfig() {
    let Some(kube) = Kube::shared() else { return };
    let home = trusted(kube, "jit-other");
    let script = "exec kubectl get namespaces -o name";
    let got = works(
        &home,
        &["exec", "--on", "kubernetes/prod", "--", "sh", "-c", script],
    );
    assert!(got.contains("namespace/jit-other\n"), "{got}");
    assert_eq!(story(&home)[0], "granted kubernetes/prod:view");
}

#[test]
fn a_cluster_is_asked_for_by_the_name_of_its_certificate_which_may_be_self_signed() {
    let Some(kube) = Kube::start_self_signed_elsewhere() else {
        return;
    };
    let home = trusted(&kube, "elsewhere");
    let ran = kubectl(&home, &["get", "namespaces"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("default"), "{ran:?}");
    assert_eq!(
        story(&home).last().unwrap(),
        "issued kubernetes/prod:view",
        "by a token of the API server's own"
    );
    // By its address alone, the certificate is another's.
    let file = home.config().join("authority.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let name = format!("tls_server_name = \"{}\"", kube.tls_server_name().unwrap());
    home.configure("authority.toml", &text.replace(&name, ""));
    let refused = jit(&home, &["request", "kubernetes/prod:edit", "-j", "a test"]);
    assert_eq!(refused.code, 125, "{refused:?}");
    assert!(
        refused.stderr.contains("certificate that is not trusted"),
        "{refused:?}"
    );
}
