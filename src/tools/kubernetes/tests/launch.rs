//! From a lease to a launch.

use std::{fs, os::unix::fs::MetadataExt as _, process::id};

use serde_json::json;

use super::desk::{Desk, KUBECONFIG, written};
use crate::platform::{files, process};

#[test]
fn a_launch_has_a_private_kubeconfig_and_nothing_that_leads_past_it() {
    let desk = Desk::new();
    let kubeconfig = desk.directory.path().join(".kube/config");
    let own = kubeconfig.to_str().unwrap();
    let line = ["sh", "--kubeconfig", own, "--context=prod", "get", "pods"];
    let launch = desk
        .launch(&line, Some("kubernetes/prod"), "kubernetes/prod:view")
        .unwrap();
    let (file, written) = written(&launch);
    assert_eq!(launch.arguments[1], file.as_os_str());
    assert_eq!(launch.set["KUBE_CONFIG_PATH"], file.as_os_str());
    assert!(launch.unset.iter().any(|name| name == "HELM_KUBETOKEN"));
    assert!(
        !launch
            .unset
            .iter()
            .any(|name| launch.set.contains_key(name))
    );
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        written,
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "prod",
            "contexts": [{ "name": "prod", "context": { "cluster": "prod", "user": "jit", "namespace": "shop" } }],
            "clusters": [{ "name": "prod", "cluster": {
                "server": "https://prod.example.com:6443",
                "certificate-authority-data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
                "proxy-url": "http://proxy:3128",
            } }],
            "users": [{ "name": "jit", "user": { "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": process::own_file().unwrap().to_str().unwrap(),
                "args": ["exec-credential", "kubernetes/prod:view"],
                "interactiveMode": "Never", "provideClusterInfo": true,
                "installHint": "jit was moved or removed; install it again",
            } } }],
        })
    );
    assert_eq!(
        fs::read_to_string(&kubeconfig).unwrap(),
        KUBECONFIG,
        "the user's file was touched"
    );
}

#[test]
fn a_second_launch_writes_nothing_and_another_need_has_another_file() {
    let desk = Desk::new();
    let launch = |command: &[&str]| {
        desk.launch(command, None, "kubernetes/stage:oncall")
            .unwrap()
    };
    let (first, content) = written(&launch(&["sh", "get", "pods"]));
    // Whom to trust is the catalogue's affair, whatever the user's kubeconfig says.
    let cluster = json!({ "server": "https://stage.example.com" });
    assert_eq!(content["clusters"][0]["cluster"], cluster);
    let before = fs::metadata(&first).unwrap().ino();
    let (again, _) = written(&launch(&["sh", "get", "pods"]));
    assert_eq!(
        (again, fs::metadata(&first).unwrap().ino()),
        (first.clone(), before)
    );
    files::write_private(&first, b"changed by a tool").unwrap();
    assert_eq!(written(&launch(&["sh", "get", "pods"])).1, content);
    let (other, _) = written(&launch(&["sh", "get", "pods", "--context", "new"]));
    assert_ne!(other, first);
}

#[test]
fn a_resource_without_a_context_lends_its_name() {
    let desk = Desk::without_kubeconfig();
    let launch = desk
        .launch(&["sh"], Some("kubernetes/stage"), "kubernetes/stage:all")
        .unwrap();
    assert_eq!(written(&launch).1["current-context"], "stage");
    fs::remove_file(desk.directory.path().join("prod-ca.crt")).unwrap();
    let failure = desk
        .launch(&["sh"], Some("kubernetes/prod"), "kubernetes/prod:view")
        .unwrap_err();
    assert!(
        failure.message.ends_with("prod-ca.crt is not there"),
        "{failure:?}"
    );
    let failure = desk.launch(
        &["no-such-tool"],
        Some("kubernetes/stage"),
        "kubernetes/stage:all",
    );
    assert_eq!(
        failure.unwrap_err().message,
        "no-such-tool is not installed"
    );
}

#[test]
fn hostile_names_stay_text() {
    let desk = Desk::without_kubeconfig();
    let name = "a\"b\n--token=x\\ $(id)";
    let flag = format!("--context={name}");
    let launch = desk
        .launch(
            &["sh", &flag],
            Some("kubernetes/stage"),
            "kubernetes/stage:all",
        )
        .unwrap();
    let (file, written) = written(&launch);
    assert_eq!(written["current-context"], name);
    let name = file.file_name().unwrap().to_str().unwrap();
    let own = format!(".{}", id());
    let shared = name.strip_suffix(&own).unwrap();
    assert!(
        shared.starts_with("stage.all.") && shared.len() == 26,
        "{name}"
    );
}
