//! Where a token goes: to the cluster that the catalogue names, proven by the authority that it names.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Desk;
use crate::{
    exec::{events, jit, works},
    support::{home::run, kubernetes::ADMIN_TOKEN, tls::Tls},
};

/// A kubeconfig whose context has the catalogue's name, at another server.
fn elsewhere(desk: &Desk) -> String {
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
        clusters: [{name: dev, cluster: {server: 'https://127.0.0.1:1'}}]\n\
        contexts: [{name: prod, context: {cluster: dev, user: me}}]\n\
        users: [{name: me, user: {token: own}}]\n";
    desk.home.write("dev.yaml", text).display().to_string()
}

#[test]
fn a_context_of_the_catalogues_name_at_another_server_is_not_taken_to_the_resource() {
    let Some(desk) = Desk::without_setup("bound-name") else {
        return;
    };
    desk.kube
        .kubectl(&["-n", "bound-name", "create", "configmap", "web"]);
    let other = format!("--kubeconfig={}", elsewhere(&desk));
    let line = [
        "kubectl",
        &other,
        "-n",
        "bound-name",
        "delete",
        "configmap",
        "web",
    ];
    let refused = jit(
        &desk.home,
        &[&["exec", "-j", "a test", "--"][..], &line].concat(),
    );
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("reaches \"https://127.0.0.1:1\", which is no resource"),
        "{refused:?}"
    );
    // The wrapper lets it go where kubectl would have gone.
    let passed = jit(
        &desk.home,
        &[&["exec", "--if-known", "--"][..], &line].concat(),
    );
    assert!(
        passed.stderr.contains("127.0.0.1:1 was refused"),
        "{passed:?}"
    );
    // Neither does --on together with that context.
    let on = [
        "exec",
        "--on",
        "kubernetes/prod",
        "--",
        "kubectl",
        &other,
        "--context=prod",
        "get",
        "ns",
    ];
    let refused = jit(&desk.home, &on);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("leave one of them out"),
        "{refused:?}"
    );
    assert_eq!(events(&desk.home).len(), 0, "nothing was asked for");
    desk.kube
        .kubectl(&["-n", "bound-name", "get", "configmap", "web"]);
}

/// Without cluster information, nobody knows where the token goes.
#[test]
fn a_kubeconfig_that_withholds_its_cluster_is_given_no_token() {
    let Some(desk) = Desk::new("bound-silent") else {
        return;
    };
    desk.works(&["get", "ns"]);
    let silent = desk
        .config()
        .replace("provideClusterInfo: true", "provideClusterInfo: false");
    desk.home.write(".kube/config", &silent);
    let refused = desk.kubectl(&["get", "ns"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("does not say which cluster it reaches"),
        "{refused:?}"
    );
}

#[test]
fn flags_that_switch_verification_off_are_refused() {
    let Some(desk) = Desk::without_setup("bound-flags") else {
        return;
    };
    fs::create_dir(desk.home.path("other")).unwrap();
    let other = Tls::for_loopback(&desk.home.path("other"));
    let other = format!("--certificate-authority={}", other.authority.display());
    let own = format!("--certificate-authority={}", desk.kube.ca().display());
    let exec = |line: &[&str]| jit(&desk.home, &[&["exec", "--"][..], line].concat());
    for flag in [
        "--insecure-skip-tls-verify",
        "--insecure-skip-tls-verify=1",
        "--tls-server-name=x",
    ] {
        let refused = exec(&["kubectl", "--context=prod", "get", "ns", flag]);
        assert_eq!(
            (refused.code, &*refused.stdout),
            (2, ""),
            "{flag}: {refused:?}"
        );
    }
    let refused = exec(&["kubectl", "--context=prod", "get", "ns", &other]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("is not the certificate authority"),
        "{refused:?}"
    );
    assert_eq!(events(&desk.home).len(), 0, "nothing was asked for");
    for flag in [&*own, "--insecure-skip-tls-verify=0"] {
        let allowed = exec(&["kubectl", "--context=prod", "get", "ns", flag]);
        assert_eq!(allowed.code, 0, "{flag}: {allowed:?}");
    }
    // A program that jit knows nothing of is refused by the plugin, which is told of its cluster.
    for flag in ["--insecure-skip-tls-verify", &*other] {
        let script = format!("kubectl get ns {flag}");
        let on = ["exec", "--on=kubernetes/prod", "--", "sh", "-c", &script];
        let refused = jit(&desk.home, &on);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(
            refused
                .stderr
                .contains("so kubernetes/prod is not handed out"),
            "{refused:?}"
        );
    }
}

#[test]
fn an_authority_is_the_same_however_it_is_written() {
    let Some(desk) = Desk::without_setup("bound-authority") else {
        return;
    };
    let authority = fs::read_to_string(desk.kube.ca()).unwrap();
    // Twice, as a rotation leaves it, with other line ends, and base64 as `base64` wraps it.
    let twice = format!("\n{authority}\n# the same\n{authority}").replace('\n', "\r\n");
    let data = STANDARD.encode(twice);
    let lines: Vec<_> = data
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect();
    let wrapped = format!("      {}\n", lines.join("\n      "));
    desk.home.write(
        ".kube/config",
        &format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: work\nclusters:\n- name: c\n  cluster:\n    server: {}\n    \
             certificate-authority-data: |\n{wrapped}contexts:\n- name: work\n  context:\n    cluster: c\n    user: u\n\
             users:\n- name: u\n  user: {{}}\n",
            desk.kube.url()
        ),
    );
    desk.set_up();
    let got = desk.works(&["get", "ns", "-o", "name"]);
    assert!(got.contains("namespace/bound-authority\n"), "{got}");
}

/// Two shells in one cluster: what one sets in its kubeconfig is nothing to the other.
#[test]
fn each_exec_has_a_kubeconfig_of_its_own() {
    let Some(desk) = Desk::without_setup("bound-own") else {
        return;
    };
    let set = "kubectl config set-context --current --namespace=mine && read line && \
               kubectl config view --minify -o 'jsonpath={..namespace}'";
    let shell = |script: &str| {
        desk.home
            .jit(["exec", "--on=kubernetes/prod", "--", "sh", "-c", script])
    };
    let mut first = shell(set)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("modified"));
    let second = run(&mut shell(
        "kubectl config view --minify -o 'jsonpath={..namespace}'",
    ));
    assert_eq!((second.code, &*second.stdout), (0, ""), "{second:?}");
    first.stdin.take().unwrap().write_all(b"on\n").unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "mine");
    assert!(first.wait().unwrap().success());
}

/// `--help=0` is no help: the command runs, and it must not run with what stands around.
#[test]
fn a_command_whose_help_is_switched_off_needs_its_role() {
    let Some(desk) = Desk::without_setup("bound-help") else {
        return;
    };
    let standing = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters: [{{name: c, cluster: {{server: '{}', \
         certificate-authority: '{}'}}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{token: {ADMIN_TOKEN}}}}}]\n",
        desk.kube.url(),
        desk.kube.ca().display()
    );
    desk.home.write(".kube/config", &standing);
    desk.kube
        .kubectl(&["-n", "bound-help", "create", "configmap", "web"]);
    for help in ["--help=0", "--help=f", "--help=FALSE", "-h=false"] {
        let line = [
            "kubectl",
            "-n",
            "bound-help",
            "delete",
            "configmap",
            "web",
            help,
        ];
        let refused = jit(
            &desk.home,
            &[&["exec", "--if-known", "--"][..], &line].concat(),
        );
        assert_eq!(refused.code, 121, "{help}: {refused:?}");
        assert!(
            refused
                .stderr
                .contains("kubernetes/prod:edit needs a justification"),
            "{refused:?}"
        );
    }
    desk.kube
        .kubectl(&["-n", "bound-help", "get", "configmap", "web"]);
    let shown = works(
        &desk.home,
        &[
            "exec",
            "--",
            "kubectl",
            "delete",
            "configmap",
            "web",
            "--help=T",
        ],
    );
    assert!(shown.contains("Delete resources"), "{shown}");
}
