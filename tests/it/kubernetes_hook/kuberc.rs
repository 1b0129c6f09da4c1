//! kubectl's own allow-list of plugins.

use super::Desk;
use crate::{exec::jit, support::home::Ran};

const RC: &str = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: aws\n";

fn in_exec(desk: &Desk) -> Ran {
    jit(
        &desk.home,
        &[
            "exec",
            "--",
            "kubectl",
            "--context",
            "prod",
            "get",
            "ns",
            "-o",
            "name",
        ],
    )
}

#[test]
fn a_list_of_plugins_has_ours_after_setup_and_no_longer_after_undo() {
    let Some(desk) = Desk::new("hook-kuberc") else {
        return;
    };
    for rc in [RC.to_owned(), RC.replace("name:", "command:")] {
        desk.home.write(".kube/kuberc", &rc);
        for refused in [desk.kubectl(&["get", "ns"]), in_exec(&desk)] {
            assert_eq!(refused.code, 1, "{refused:?}");
            assert!(
                refused
                    .stderr
                    .contains("not permitted by the credential plugin allowlist"),
                "{refused:?}"
            );
        }
        desk.set_up();
        desk.works(&["get", "ns"]);
        // The private kubeconfig of `jit exec` names the same program.
        let got = in_exec(&desk);
        assert_eq!((got.code, &*got.stderr), (0, ""), "{got:?}");
        let undone = jit(&desk.home, &["setup", "kubernetes", "--undo"]);
        assert_eq!(undone.code, 0, "{undone:?}");
        let text = std::fs::read_to_string(desk.home.path(".kube/kuberc")).unwrap();
        assert_eq!(text, rc);
        desk.home.write(".kube/kuberc", "");
        desk.set_up();
    }
}

#[test]
fn a_policy_against_all_plugins_is_named() {
    let Some(desk) = Desk::without_setup("hook-denyall") else {
        return;
    };
    let rc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: DenyAll\n";
    desk.home.write(".kube/kuberc", rc);
    let done = jit(&desk.home, &["setup", "kubernetes", "--anyway"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("DenyAll"), "{done:?}");
    let text = std::fs::read_to_string(desk.home.path(".kube/kuberc")).unwrap();
    assert_eq!(text, rc);
}

#[test]
fn a_default_of_a_command_leads_where_kubectl_takes_it() {
    let Some(desk) = Desk::without_setup("hook-defaults") else {
        return;
    };
    let rc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults:\n\
              - command: get\n  options: [{name: context, default: prod}, {name: output, default: name}]\n";
    desk.home.write(".kube/kuberc", rc);
    let exec = |more: &[&str]| {
        let line = ["exec", "--", "kubectl", "get", "ns"];
        jit(&desk.home, &[&line[..], more].concat())
    };
    let got = exec(&[]);
    assert_eq!((got.code, &*got.stderr), (0, ""), "{got:?}");
    assert!(got.stdout.contains("namespace/default\n"), "{got:?}");
    let got = exec(&["--output", "jsonpath={.kind}"]);
    assert_eq!((got.code, &*got.stdout), (0, "List"), "{got:?}");
    let unknown = exec(&["--context", "elsewhere"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    // A default that would hand the token to another server is refused as the flag is.
    let evil = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults:\n\
                - command: get\n  options: [{name: context, default: prod}, {name: insecure-skip-tls-verify, default: 'true'}]\n";
    desk.home.write(".kube/kuberc", evil);
    let refused = exec(&[]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("would hand the credential"),
        "{refused:?}"
    );
}
