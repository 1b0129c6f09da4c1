//! kubectl's own list of plugins.

use std::path::Path;

use super::desk::{CANONICAL, Desk};

#[test]
fn a_kuberc_that_allows_some_plugins_allows_ours() {
    let rc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
    let listed =
        format!("{rc}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- KEY: aws\n");
    for (text, entry) in [
        (listed.replace("KEY", "name"), Some("- name: /opt/jit\n")),
        (
            listed.replace("KEY", "command"),
            Some("- command: /opt/jit\n"),
        ),
        (
            format!("{rc}credentialPluginPolicy: Allowlist\n"),
            Some("- name: /opt/jit\n"),
        ),
        (
            format!("{listed}- name: /opt/jit\n").replace("KEY", "name"),
            None,
        ),
        (rc.to_owned(), None),
        (format!("{rc}credentialPluginPolicy: AllowAll\n"), None),
    ] {
        let desk = Desk::with(CANONICAL);
        desk.put(".kube/kuberc", &text);
        desk.set_up().unwrap();
        let changed = desk.text(".kube/kuberc").unwrap();
        match entry {
            Some(entry) => assert!(changed.contains(entry), "{changed}"),
            None => assert_eq!(changed, text),
        }
        desk.undo();
        assert_eq!(desk.text(".kube/kuberc").unwrap(), text);
    }
    let desk = Desk::with(CANONICAL);
    for (text, note) in [
        (format!("{rc}credentialPluginPolicy: DenyAll\n"), "DenyAll"),
        (
            format!(
                "{rc}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{{name: aws}}]\n"
            ),
            "add to credentialPluginAllowlist: - name: /opt/jit",
        ),
        (format!("{rc}---\n{rc}"), "in a form that jit does not read"),
    ] {
        desk.put(".kube/kuberc", &text);
        let done = desk.set_up().unwrap();
        assert!(
            done.notes.iter().any(|said| said.contains(note)),
            "{done:?}"
        );
        assert_eq!(desk.text(".kube/kuberc").unwrap(), text);
    }
}

#[test]
fn another_place_of_the_kuberc_is_found() {
    let mut desk = Desk::with(CANONICAL);
    let text = "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: x\n";
    desk.put("rc", text);
    for (named, changes) in [("off", false), ("rc", true)] {
        desk.session.environment.variables = [("KUBERC".into(), named.into())].into();
        desk.set_up().unwrap();
        assert_eq!(desk.text("rc").unwrap() != text, changes);
    }
    assert!(!Path::new(&desk.path(".kube/kuberc")).exists());
}
