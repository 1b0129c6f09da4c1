//! What the plugin refuses, and how it says so; and clocks that differ.

use std::{process::Stdio, thread};

use serde_json::{Value, json};

use super::Desk;
use crate::{
    exec::{events, works},
    support::{home::Ran, kubernetes::question, run, skip::skip, whereabouts::program},
};

#[track_caller]
fn refused(ran: &Ran, code: i32, says: &str) {
    assert_eq!((ran.code, &*ran.stdout), (code, ""), "{ran:?}");
    let line = ran.stderr.strip_suffix('\n').expect("a line");
    assert!(line.starts_with("jit: ") && !line.contains('\n'), "{ran:?}");
    assert!(line.contains(says), "{line} does not say {says:?}");
}

#[test]
fn a_question_that_makes_no_sense_is_one_line() {
    let Some(desk) = Desk::without_setup("hook-sense") else {
        return;
    };
    let named = &["kubernetes/prod:view"][..];
    for (question, args, says) in [
        ("nonsense", named, "KUBERNETES_EXEC_INFO is not JSON"),
        (
            "{\"kind\":\"Pod\\n\",\"apiVersion\":\"v1\"}",
            named,
            "holds a \"Pod\\n\"",
        ),
        ("", &[], "no token is handed out"),
        ("", named, "kubernetes/prod:view is not handed out"),
        ("", &["aws/prod:read"], "is not a cluster's role"),
        (
            "",
            &["kubernetes/prod:view", "--role=edit"],
            "cannot be used with",
        ),
    ] {
        refused(&desk.plugin(question, args), 2, says);
    }
    assert_eq!(events(&desk.home).len(), 0, "nothing was asked for");
}

#[test]
fn the_cluster_that_is_reached_is_told_by_its_server() {
    let Some(desk) = Desk::without_setup("hook-reached") else {
        return;
    };
    let url = desk.kube.url();
    let here = question(&desk.kube.as_asked());
    let answer = desk.plugin(&here, &[]);
    assert_eq!((answer.code, &*answer.stderr), (0, ""), "{answer:?}");
    assert!(answer.stdout.contains("\"token\""), "{answer:?}");
    refused(
        &desk.plugin(&here, &["--role=edit"]),
        121,
        "kubernetes/prod:edit needs a justification",
    );
    for (cluster, says) in [
        (
            json!({ "server": "https://127.0.0.1:1" }),
            "no resource has the server",
        ),
        (
            json!({ "server": url, "insecure-skip-tls-verify": true }),
            "does not verify the server",
        ),
        (
            json!({ "server": url, "tls-server-name": "localhost" }),
            "expects the server's name to be \"localhost\"",
        ),
        (
            json!({ "server": url }),
            "names no certificate authority, and the catalogue does",
        ),
    ] {
        refused(&desk.plugin(&question(&cluster), &[]), 2, says);
    }
}

/// Somebody else's kubeconfig that names our plugin and his own server.
#[test]
fn kubectl_takes_the_token_to_no_other_server() {
    let Some(desk) = Desk::new("hook-other") else {
        return;
    };
    let url = desk.kube.url();
    let own = desk.config();
    for (from, to, says) in [
        (
            url.clone(),
            format!("https://localhost:{}", url.rsplit(':').next().unwrap()),
            "reaches",
        ),
        (
            format!("server: {url}"),
            format!("server: {url}\n    tls-server-name: localhost"),
            "expects the server's name to be",
        ),
    ] {
        desk.home.write(".kube/config", &own.replace(&from, &to));
        let got = desk.kubectl(&["get", "ns"]);
        assert_eq!(got.code, 1, "{got:?}");
        assert!(got.stderr.contains(says), "{got:?}");
    }
    let authority = own
        .lines()
        .find(|line| line.contains("certificate-authority"))
        .unwrap();
    let insecure = own.replace(authority, "    insecure-skip-tls-verify: true");
    desk.home.write(".kube/config", &insecure);
    let got = desk.kubectl(&["get", "ns"]);
    assert!(got.stderr.contains("does not verify the server"), "{got:?}");
    assert_eq!(events(&desk.home).len(), 0, "nothing was asked for");
}

#[test]
fn neither_a_home_nor_stdin_nor_a_terminal_is_needed() {
    let Some(desk) = Desk::new("hook-bare") else {
        return;
    };
    let ran = run(desk.asked().env_remove("HOME"));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    let mut closed = desk.program("sh");
    let line = "exec \"$0\" exec-credential kubernetes/prod:view <&- 2>&-";
    let info = question(&desk.kube.as_asked());
    let ran = run(closed
        .env("KUBERNETES_EXEC_INFO", info)
        .args(["-c", line])
        .arg(desk.home.jit([""]).get_program()));
    assert!(ran.stdout.contains("\"token\""), "{ran:?}");
    // A stdin that never ends is never read.
    let mut waiting = desk
        .asked()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = waiting.stdin.take();
    assert!(waiting.wait().unwrap().success());
    drop(stdin);
}

/// The plugin where this machine's clock is off by this much.
fn at(desk: &Desk, offset: &str) -> Option<Value> {
    let Some(faketime) = program("faketime", None) else {
        skip("faketime is not installed");
        return None;
    };
    let mut command = desk.home.command(&faketime);
    command
        .env("KUBERNETES_EXEC_INFO", question(&desk.kube.as_asked()))
        .env("DONT_FAKE_MONOTONIC", "1")
        .args(["-f", offset]);
    command.arg(env!("CARGO_BIN_EXE_jit"));
    let ran = run(command.args(["exec-credential", "kubernetes/prod:view"]));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{offset}: {ran:?}");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    Some(answer["status"].clone())
}

/// A lease is kept for as long as its token lives, whatever the server's clock says; but kubectl is not
/// told an end that means nothing to it.
#[test]
fn a_clock_that_is_off_costs_neither_the_cache_nor_the_credential() {
    for (namespace, offset, told) in [
        ("hook-on-time", "+0", true),
        ("hook-ahead", "+2h", false),
        ("hook-behind", "-2h", false),
        ("hook-little", "-20s", true),
    ] {
        let Some(desk) = Desk::without_setup(namespace) else {
            return;
        };
        let Some(first) = at(&desk, offset) else {
            return;
        };
        assert_eq!(
            first.get("expirationTimestamp").is_some(),
            told,
            "{offset}: {first}"
        );
        let again = at(&desk, offset).unwrap();
        assert_eq!(again["token"], first["token"], "{offset}");
        let counted = desk.counted();
        assert_eq!(counted, (1, 1), "{offset}");
    }
}

/// A token that is asked for by many threads of one program at the end of its life.
#[test]
fn a_program_that_runs_on_is_given_the_next_credential() {
    let Some(desk) = Desk::new("hook-renewed") else {
        return;
    };
    let short = "@id(\"short\") @credential_ttl(\"4s\") permit (principal, action == Action::\"elevate\", resource);";
    desk.home.configure("policies/all.cedar", short);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let mut watch = desk.program("kubectl");
            watch.args(["get", "ns", "-o", "name", "--watch", "--request-timeout=2s"]);
            thread::spawn(move || run(&mut watch))
        })
        .collect();
    for thread in threads {
        let ran = thread.join().unwrap();
        assert!(ran.stdout.contains("namespace/hook-renewed"), "{ran:?}");
    }
    works(&desk.home, &["audit", "verify"]);
}
