//! kubectl, helm, and programs of client-go and kube-rs, at once.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::Desk;
use crate::{
    exec::{events, jit, last, works},
    support::{
        home::{Ran, run},
        until,
        whereabouts::client,
    },
};

fn begin(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn ended_well(child: Child) -> String {
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout
}

/// helm that keeps its releases where the roles of the tests can read and write.
fn helm(desk: &Desk, args: &[&str]) -> Option<Command> {
    let mut command = desk.program(client("helm")?);
    command.env("HELM_DRIVER", "configmap").args(args);
    Some(command)
}

#[test]
fn helm_installs_a_chart() {
    let Some(desk) = Desk::new("hook-helm") else {
        return;
    };
    desk.home.write(
        "chart/Chart.yaml",
        "apiVersion: v2\nname: small\nversion: 0.1.0\n",
    );
    desk.home.write(
        "chart/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-helm}\ndata: {who: {{ .Release.Name }}}\n",
    );
    works(
        &desk.home,
        &["request", "kubernetes/prod:edit", "-j", "a test"],
    );
    let namespaced = ["--kube-context=prod:edit", "--namespace=default"];
    let run_helm = |args: &[&str]| Some(run(helm(&desk, args)?.args(namespaced)));
    let Some(installed) = run_helm(&["install", "hook-helm", "chart"]) else {
        return;
    };
    assert_eq!(installed.code, 0, "{installed:?}");
    let listed = run_helm(&["list", "--short", "--filter=hook-helm"]).unwrap();
    assert_eq!(listed.stdout, "hook-helm\n", "{listed:?}");
    let map = desk.works(&[
        "-n",
        "default",
        "get",
        "cm",
        "of-helm",
        "-o",
        "jsonpath={.data.who}",
    ]);
    assert_eq!(map, "hook-helm");
    let removed = run_helm(&["uninstall", "hook-helm"]).unwrap();
    assert_eq!(removed.code, 0, "{removed:?}");
}

#[test]
fn all_kinds_of_programs_work_at_once_on_one_grant() {
    let Some(desk) = Desk::new("hook-kinds") else {
        return;
    };
    let Some(mut list) = helm(&desk, &["list", "--short", "--namespace=hook-kinds"]) else {
        return;
    };
    let (Some(go), Some(rust)) = (client("client-go"), client("kube-rs")) else {
        return;
    };
    let mut running = vec![begin(&mut list)];
    for _ in 0..2 {
        running.push(begin(
            desk.program("kubectl").args(["get", "ns", "-o", "name"]),
        ));
        running.push(begin(&mut desk.program(&go)));
        running.push(begin(desk.program(&rust).arg("prod")));
    }
    let mut said = running.into_iter().map(ended_well);
    assert_eq!(said.next().unwrap(), "", "helm has no release");
    for namespaces in said {
        assert!(namespaces.contains("hook-kinds\n"), "{namespaces}");
    }
    assert_eq!(desk.counted(), (1, 1));
}

#[test]
fn forty_at_once_make_one_request() {
    let Some(desk) = Desk::new("hook-forty") else {
        return;
    };
    let running: Vec<Child> = (0..40)
        .map(|_| begin(desk.program("kubectl").args(["get", "ns", "-o", "name"])))
        .collect();
    for child in running {
        assert!(ended_well(child).contains("namespace/hook-forty\n"));
    }
    assert_eq!(desk.counted(), (1, 1));
}

#[test]
fn a_grant_that_ended_is_asked_for_again_and_one_that_policy_forbids_is_not() {
    let Some(desk) = Desk::new("hook-ended") else {
        return;
    };
    desk.works(&["get", "ns"]);
    let (grant, _) = last(&desk.home);
    works(&desk.home, &["revoke", &grant]);
    desk.works(&["get", "ns"]);
    assert_eq!(desk.counted(), (2, 2), "revoked, and decided anew");
    works(&desk.home, &["revoke", "--all"]);
    desk.home.configure("policies/all.cedar", "");
    let refused = desk.kubectl(&["get", "ns"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains(" may not have kubernetes/prod:view: "),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("failed with exit code 121"),
        "{refused:?}"
    );
}

#[test]
fn a_grant_that_is_over_is_asked_for_again() {
    let Some(desk) = Desk::new("hook-over") else {
        return;
    };
    let short =
        "@id(\"short\") @ttl(\"3s\") permit (principal, action == Action::\"elevate\", resource);";
    desk.home.configure("policies/all.cedar", short);
    desk.works(&["get", "ns"]);
    until("the grant to be over", || {
        (works(&desk.home, &["status", "--json"]).is_empty()).then_some(())
    });
    desk.works(&["get", "ns"]);
    let granted = events(&desk.home)
        .into_iter()
        .filter(|event| event["kind"] == "granted");
    assert_eq!(granted.count(), 2);
}

/// Killed anywhere on its way: the next one does as if nothing had been.
#[test]
fn a_plugin_that_is_killed_leaves_nothing_broken() {
    let Some(desk) = Desk::new("hook-killed") else {
        return;
    };
    for milliseconds in [0, 1, 2, 4, 6, 8, 10, 12, 15, 20, 30] {
        works(&desk.home, &["forget", "--all"]);
        let mut plugin = begin(&mut desk.asked());
        thread::sleep(Duration::from_millis(milliseconds));
        plugin.kill().unwrap();
        plugin.wait().unwrap();
        desk.works(&["get", "ns"]);
    }
    assert_eq!(jit(&desk.home, &["audit", "verify"]).code, 0);
}
