//! The warm path, counted: threads, sockets and system calls, which no machine changes.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::support::{Home, held::home_with_leases, run, skip::skip};

/// How many system calls a warm path may make. A program that does nothing makes about 40.
const MOST: usize = 150;

/// One entry costs one call where it has not the tool.
const SHORT_PATH: &str = "/usr/bin:/bin";

/// What begins a thread or a process, or speaks to somebody.
const NEVER: [&str; 14] = [
    "accept",
    "accept4",
    "bind",
    "clone",
    "clone3",
    "connect",
    "epoll_create1",
    "fork",
    "io_uring_setup",
    "listen",
    "recvmsg",
    "sendto",
    "socket",
    "vfork",
];

/// What is read by those who resolve hosts, open TLS or a bus, or run a tool's own configuration.
const NEVER_READ: [&str; 10] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "ca-certificates",
    "dbus",
    ".aws/",
    ".kube/",
    "/policies",
    "ledger.db",
];

#[test]
fn a_cached_exec_is_one_thread_without_a_socket() {
    let Some(home) = home() else { return };
    // kubectl's namespace is that of the user's own context.
    for (on, needed) in [
        ("aws/held", ""),
        ("kubernetes/held", ".kube/"),
        ("postgres/held", ""),
    ] {
        let calls = traced(&home, &["exec", "--on", on, "--", "true"], "");
        let until_tool = calls.iter().skip(1).position(|call| call.name == "execve");
        let until_tool =
            until_tool.unwrap_or_else(|| panic!("{on}: the tool was not run:\n{calls:#?}"));
        check(&format!("exec --on {on}"), &calls[1..=until_tool], needed);
    }
}

#[test]
fn the_kubeconfig_plugin_is_one_thread_without_a_socket() {
    let Some(home) = home() else { return };
    let args = ["exec-credential", "kubernetes/held:view"];
    let calls = traced(&home, &args, "ExecCredential");
    check("exec-credential", &calls[1..], "");
}

fn home() -> Option<Home> {
    let there = Command::new("strace").arg("-V").output().is_ok();
    if !there {
        skip("strace is missing (Debian: strace)");
    }
    there.then(home_with_leases)
}

/// One system call: its name, and the line that strace wrote.
#[derive(Debug)]
struct Call {
    name: String,
    line: String,
}

/// Every system call of a `jit` that must succeed, print `answer` on stdout, and say nothing else.
fn traced(home: &Home, args: &[&str], answer: &str) -> Vec<Call> {
    let log = home.path("calls");
    // The first run may leave a private file; whoever comes later finds it.
    let first = run(home.jit(args).env("PATH", SHORT_PATH));
    assert_eq!((first.code, &*first.stderr), (0, ""), "{args:?}: {first:?}");
    let jit = home.jit(args);
    let mut command = home.command(Path::new("strace"));
    command
        .env("PATH", SHORT_PATH)
        .arg("-f")
        .arg("-o")
        .arg(&log)
        .arg(jit.get_program())
        .args(args);
    let ran = run(&mut command);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
    assert!(
        ran.stdout.contains(answer) && ran.stdout.is_empty() == answer.is_empty(),
        "{ran:?}"
    );
    fs::read_to_string(log)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let call = line.split_once(' ')?.1.trim_start();
            let name = call.split_once('(')?.0.to_owned();
            Some(Call {
                name,
                line: call.to_owned(),
            })
        })
        .collect()
}

#[expect(clippy::print_stdout, reason = "the count is worth a look")]
fn check(what: &str, calls: &[Call], needed: &str) {
    let mut times = BTreeMap::<&str, usize>::new();
    for call in calls {
        *times.entry(&call.name).or_default() += 1;
        assert!(!NEVER.contains(&&*call.name), "{what} calls {}", call.line);
        let reads = |name: &&str| *name != needed && call.line.contains(*name);
        assert!(!NEVER_READ.iter().any(reads), "{what} reads {}", call.line);
    }
    let shown = format!("{what}: {} system calls: {times:?}", calls.len());
    println!("{shown}");
    assert!(calls.len() < MOST, "{shown}, and may make {MOST}");
}
