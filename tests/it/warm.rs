//! The warm path, counted: threads, sockets and system calls, which no machine changes.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::support::{
    Home,
    held::{home_with_leases, served_home_with_leases, served_home_with_profile_among},
    run,
    skip::skip,
};

/// How many system calls a warm path may make. A program that does nothing makes about 40.
const MOST: usize = 150;
/// The same with a private agent, its configuration of ssh and the programs that name that.
const MOST_WITH_AGENT: usize = 170;

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

/// What kubectl asks where it says what it reaches: for that the catalogue is read, once.
const REACHES: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://kubernetes.invalid:6443"},"interactive":false}}"#;

#[test]
fn a_cached_exec_is_one_thread_without_a_socket() {
    let Some(home) = home() else { return };
    // kubectl's namespace is that of the user's own context.
    for (on, needed) in [
        ("aws/held", ""),
        ("kubernetes/held", ".kube/"),
        ("postgres/held", ""),
    ] {
        let calls = exec(&home, on);
        let never = calls.iter().find(|call| NEVER.contains(&&*call.name));
        assert!(never.is_none(), "{on} calls {never:?}");
        check(&format!("exec --on {on}"), &calls, needed);
    }
}

/// After `jit setup postgres` a keeper is at work, which costs the warm path one look at its lock.
#[test]
fn a_cached_exec_beside_a_keeper_starts_nothing() {
    let Some(home) = home() else { return };
    let set_up = run(&mut home.jit(["setup", "postgres", "--anyway"]));
    assert_eq!(set_up.code, 0, "{set_up:?}");
    let calls = exec(&home, "postgres/held");
    let never = calls.iter().find(|call| NEVER.contains(&&*call.name));
    assert!(never.is_none(), "{never:?}");
    check("exec --on postgres/held beside a keeper", &calls, "");
    let looks = calls.iter().filter(|call| call.name == "flock");
    assert_eq!(looks.count(), 1, "{calls:#?}");
    // Its keeper ends with the lease.
    let forgotten = run(&mut home.jit(["forget", "postgres/held:read"]));
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
}

/// The private agent outlives `jit`, so that it is a process, and listens.
#[test]
fn a_cached_exec_for_ssh_starts_its_agent_and_nothing_else() {
    let Some(home) = home() else { return };
    let calls = exec(&home, "ssh/held");
    let count = |names: &[&str]| {
        let named = calls.iter().filter(|call| names.contains(&&*call.name));
        named.count()
    };
    assert_eq!(
        count(&["clone", "clone3", "fork", "vfork"]),
        1,
        "{calls:#?}"
    );
    assert_eq!(count(&["socket"]), 1, "{calls:#?}");
    assert_eq!(count(&["connect", "sendto", "recvmsg"]), 0, "{calls:#?}");
    check("exec --on ssh/held", &calls, "");
}

/// A command that names what it reaches costs the same whatever else the catalogue has.
#[test]
fn a_cached_exec_reads_no_more_of_a_large_catalogue_than_of_a_small_one() {
    if home().is_none() {
        return;
    }
    let [small, large] = [0, 2000].map(served_home_with_profile_among);
    for (name, words) in ways() {
        let [small, large] = [&small, &large].map(|home| {
            let words: Vec<String> = words.iter().map(|word| tool(home, word)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let answer = if name == "exec-credential" {
                "ExecCredential"
            } else {
                ""
            };
            traced_when(home, &words, answer, REACHES)
        });
        let [small, large] = [small, large].map(|calls| read_of_catalogue(&calls));
        // The head, the index, and one resource, once or twice; only the index is larger.
        assert_eq!(small.len(), large.len(), "{name}: {large:?}");
        assert!((3..=4).contains(&large.len()), "{name}: {large:?}");
        assert!(large.iter().sum::<usize>() < 250_000, "{name}: {large:?}");
    }
    let unknown = run(&mut large.jit(["exec", "--on", "aws/filer-7", "--", "true"]));
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("jit list"), "{unknown:?}");
    assert!(unknown.stderr.contains("aws/filler-7"), "{unknown:?}");
    assert!(unknown.stderr.len() < 600, "{unknown:?}");
}

/// With a server it is the same: nothing is asked, and nothing more is read than who decides.
#[test]
fn what_is_held_of_a_server_needs_no_server() {
    if home().is_none() {
        return;
    }
    let home = served_home_with_leases();
    for on in ["aws/held", "postgres/held"] {
        let calls = exec(&home, on);
        let never = calls.iter().find(|call| NEVER.contains(&&*call.name));
        assert!(never.is_none(), "{on} calls {never:?}");
        check(&format!("exec --on {on} of a server"), &calls, "");
    }
    for (line, answer, asked) in [
        (
            ["exec-credential", "kubernetes/held:view"],
            "ExecCredential",
            REACHES,
        ),
        (["credential-process", "aws/held:read"], "AccessKeyId", ""),
    ] {
        let calls = traced_when(&home, &line, answer, asked);
        let never = calls.iter().find(|call| NEVER.contains(&&*call.name));
        assert!(never.is_none(), "{line:?} calls {never:?}");
        let of_catalogue = |call: &&Call| call.opens("catalogue.json");
        let read = calls.iter().filter(of_catalogue).count();
        assert_eq!(read, usize::from(!asked.is_empty()), "{line:?}: {calls:#?}");
        check(&format!("{} of a server", line[0]), &calls, "");
    }
}

#[test]
fn the_plugins_are_one_thread_without_a_socket() {
    let Some(home) = home() else { return };
    let config = home.config();
    let config = config.to_str().unwrap();
    let credential = &["exec-credential", "kubernetes/held:view"][..];
    for (line, answer, asked) in [
        (credential, "ExecCredential", REACHES),
        (&["credential-process", "aws/held:read"], "AccessKeyId", ""),
        (&["prompt"], "ssh/held:deploy", ""),
    ] {
        let verb = line[0];
        // As a hook is called where the configuration is elsewhere.
        for options in [&[] as &[&str], &["--config-dir", config]] {
            let calls = traced_when(&home, &[options, line].concat(), answer, asked);
            let never = calls.iter().find(|call| NEVER.contains(&&*call.name));
            assert!(never.is_none(), "{verb} calls {never:?}");
            let of_catalogue = |call: &&Call| call.opens("authority.toml");
            let read = calls.iter().filter(of_catalogue).count();
            assert_eq!(read, usize::from(!asked.is_empty()), "{verb}: {calls:#?}");
            check(verb, &calls, "");
        }
    }
}

/// It asks the agent whether it serves the lease, and neither starts nor waits for anything else.
#[test]
fn the_hook_of_ssh_speaks_to_its_agent_alone() {
    let Some(home) = home() else { return };
    let socket = home.own("run/jit", "ssh").join("held/deploy/s");
    let agent = format!("--agent={}", socket.display());
    let words = [
        "known-hosts",
        "ssh/held",
        "--user=deploy",
        "--host=ssh.invalid",
        "--alias=held",
        &agent,
    ];
    let calls = traced(&home, &words, "");
    let spoken: Vec<&str> = calls
        .iter()
        .map(|call| &*call.name)
        .filter(|name| NEVER.contains(name))
        .collect();
    assert_eq!(spoken, ["socket", "connect", "sendto"]);
    check("known-hosts", &calls, "");
}

/// How many bytes each read of the catalogue had.
fn read_of_catalogue(calls: &[Call]) -> Vec<usize> {
    let answer = |call: &Call| {
        call.line
            .rsplit("= ")
            .next()
            .map(|text| text.trim().to_owned())
    };
    let opened = calls.iter().filter(|call| call.opens("catalogue.json"));
    let opened: Vec<String> = opened.filter_map(answer).collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
    let from = format!("pread64({}, ", opened[0]);
    let after = calls
        .iter()
        .skip_while(|call| !call.opens("catalogue.json"));
    let reads = after
        .take_while(|call| call.name != "execve")
        .filter(|call| call.line.starts_with(&from));
    // The answer of one that another process interrupted stands elsewhere.
    reads
        .map(|call| answer(call).and_then(|text| text.parse().ok()).unwrap_or(0))
        .collect()
}

/// Each way on which a resource is recognised and its credential given.
fn ways() -> [(&'static str, Vec<&'static str>); 10] {
    let on = |on: &'static str| vec!["exec", "--on", on, "--", "true"];
    [
        ("aws/held", on("aws/held")),
        ("kubernetes/held", on("kubernetes/held")),
        ("postgres/held", on("postgres/held")),
        ("ssh/held", on("ssh/held")),
        (
            "kubectl",
            vec![
                "exec",
                "--",
                "bin/kubectl",
                "--context",
                "held",
                "get",
                "pods",
            ],
        ),
        (
            "psql",
            vec![
                "exec",
                "--",
                "bin/psql",
                "-h",
                "postgres.invalid",
                "-d",
                "x",
            ],
        ),
        (
            "aws",
            vec!["exec", "--", "bin/aws", "--profile", "held", "s3", "ls"],
        ),
        ("ssh", vec!["exec", "--", "bin/ssh", "deploy@ssh.invalid"]),
        ("exec-credential", vec!["exec-credential", "--role", "view"]),
        (
            "known-hosts",
            vec![
                "known-hosts",
                "ssh/held",
                "--user=deploy",
                "--host=ssh.invalid",
                "--alias=held",
                "--agent=AGENT",
            ],
        ),
    ]
}

/// A word of a command line, with the path of what it names in a home: a tool that does nothing, or the agent.
fn tool(home: &Home, word: &str) -> String {
    let Some(name) = word.strip_prefix("bin/") else {
        let agent = home.own("cache/jit/run", "ssh").join("held/deploy/s");
        return word.replace("AGENT", agent.to_str().unwrap());
    };
    let script = "if [ \"$1\" = -G ]; then exec ssh \"$@\"; fi";
    home.tool(name, script).display().to_string()
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

impl Call {
    fn opens(&self, file: &str) -> bool {
        self.name.starts_with("open") && self.line.contains(file)
    }
}

/// Every system call of the process of a `jit`, which must succeed, print `answer` on stdout, and say
/// nothing else.
fn traced(home: &Home, args: &[&str], answer: &str) -> Vec<Call> {
    traced_when(home, args, answer, "")
}

/// The same where a kubectl asks that.
fn traced_when(home: &Home, args: &[&str], answer: &str, asked: &str) -> Vec<Call> {
    let log = home.path("calls");
    // The first run may leave a private file, and note what it compared; whoever comes later finds it.
    let mut first = home.jit(args);
    let first = run(first
        .env("PATH", SHORT_PATH)
        .env("KUBERNETES_EXEC_INFO", asked));
    assert_eq!((first.code, &*first.stderr), (0, ""), "{args:?}: {first:?}");
    let jit = home.jit(args);
    let mut command = home.command(Path::new("strace"));
    command
        .env("PATH", SHORT_PATH)
        .env("KUBERNETES_EXEC_INFO", asked)
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
    let log = fs::read_to_string(log).unwrap();
    let (first, _) = log.split_once(' ').expect("a process's id");
    let own = log.lines().filter_map(|line| line.strip_prefix(first));
    own.skip(1) // its own execve
        .filter_map(|line| {
            let line = line.trim_start();
            // What another process interrupted in the log goes on as "<... name resumed>".
            let (name, _) = line.split_once('(').filter(|_| !line.starts_with('<'))?;
            Some(Call {
                name: name.to_owned(),
                line: line.to_owned(),
            })
        })
        .collect()
}

/// What a `jit exec -- true` calls before it is `true`.
fn exec(home: &Home, on: &str) -> Vec<Call> {
    let mut calls = traced(home, &["exec", "--on", on, "--", "true"], "");
    let tool = calls.iter().position(|call| call.name == "execve");
    calls.truncate(tool.unwrap_or_else(|| panic!("{on}: the tool was not run: {calls:#?}")));
    calls
}

#[expect(clippy::print_stdout, reason = "the count is worth a look")]
fn check(what: &str, calls: &[Call], needed: &str) {
    let mut times = BTreeMap::<&str, usize>::new();
    for call in calls {
        *times.entry(&call.name).or_default() += 1;
        let reads = |name: &&str| *name != needed && call.line.contains(*name);
        assert!(!NEVER_READ.iter().any(reads), "{what} reads {}", call.line);
    }
    let shown = format!("{what}: {} system calls: {times:?}", calls.len());
    println!("{shown}");
    let has_agent = calls.iter().any(|call| call.name == "bind");
    let most = if has_agent { MOST_WITH_AGENT } else { MOST };
    assert!(calls.len() < most, "{shown}, and may make {most}");
}
