//! Every tool of the family, as people and other programs call it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Site, certified, said};
use crate::support::{
    home::Home,
    run,
    skip::skip,
    stranger::silent,
    until,
    whereabouts::{ansible_bin, program},
};

/// The user's own agent, with their own key in it.
struct OwnAgent {
    process: Child,
}

impl OwnAgent {
    fn start(home: &Home) -> Self {
        let socket = home.path("own-agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the user's agent", || socket.exists().then_some(()));
        let added = run(home
            .command(Path::new("ssh-add"))
            .env("SSH_AUTH_SOCK", &socket)
            .arg(home.path("own")));
        assert_eq!(added.code, 0, "{added:?}");
        Self { process }
    }
}

impl Drop for OwnAgent {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn ssh_logs_in_with_nobody_typing_jit_and_offers_no_other_key() {
    let Some(site) = Site::new() else { return };
    let _agent = OwnAgent::start(&site.home);
    let own = site.home.path("own-agent");
    for _ in 0..2 {
        let mut ssh = site.tool(&["ssh", "-v", "-F", "CFG", "near", "echo here"]);
        let ran = run(ssh.env("SSH_AUTH_SOCK", &own));
        said(&ran, "here");
        let offered: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.contains("Offering public key"))
            .collect();
        assert_eq!(offered.len(), 1, "{offered:?}");
    }
    certified(&site, &site.near);
    assert_eq!(site.story(), ["granted", "issued"], "the lease is shared");
    assert_eq!(site.agents().len(), 1);
    let ran = site.ssh(&["near", "exit 7"]);
    assert_eq!((ran.code, &*ran.stderr), (7, ""), "nothing is said");
    let listed = run(site
        .home
        .command(Path::new("ssh-add"))
        .env("SSH_AUTH_SOCK", own)
        .arg("-l"));
    assert_eq!(
        listed.stdout.lines().count(),
        1,
        "the user's own: {listed:?}"
    );
}

#[test]
fn copies_go_the_same_way() {
    let Some(site) = Site::new() else { return };
    let file = site.home.write("there/file", "hello");
    let remote = format!("near:{}", file.display());
    for tool in [
        &["scp", "-q", "-F", "CFG", &remote, "copy"][..],
        &["rsync", "-e", "ssh -F CFG", &remote, "copy"][..],
    ] {
        let ran = run(&mut site.tool(tool));
        assert_eq!(ran.code, 0, "{ran:?}");
        let copy = site.home.path("copy");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "hello", "{tool:?}");
        fs::remove_file(copy).unwrap();
    }
    let list = format!("ls {}\n", file.display());
    let batch = site.home.write("batch", &list);
    let batch = batch.to_str().unwrap();
    let ran = run(&mut site.tool(&["sftp", "-F", "CFG", "-b", batch, "near"]));
    assert!(ran.stdout.contains("/there/file"), "{ran:?}");
    certified(&site, &site.near);
}

#[test]
fn git_clones_and_pushes() {
    let Some(site) = Site::new() else { return };
    let bare = site.home.path("bare");
    let url = format!("near:{}", bare.display());
    let git = |words: &[&str]| {
        let ran = run(site
            .tool(&[&["git"], words].concat())
            .env(
                "GIT_SSH_COMMAND",
                format!("ssh -F {}", site.config().display()),
            )
            .env("GIT_CONFIG_GLOBAL", "/dev/null"));
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
        ran.stdout
    };
    git(&["init", "-q", "--bare", bare.to_str().unwrap()]);
    git(&["clone", "-q", &url, "clone"]);
    let own = ["-c", "user.name=a", "-c", "user.email=a@b", "-C", "clone"];
    git(&[&own[..], &["commit", "-q", "--allow-empty", "-m", "one"]].concat());
    git(&["-C", "clone", "push", "-q", "origin", "HEAD:main"]);
    let log = git(&["-C", bare.to_str().unwrap(), "log", "--oneline", "main"]);
    assert!(log.contains("one"), "{log}");
    certified(&site, &site.near);
    assert_eq!(site.story(), ["granted", "issued"]);
}

/// Several hosts at once, with connections that ansible shares by options of its command line.
#[test]
fn ansible_keeps_its_own_connections() {
    let Some(site) = Site::new() else { return };
    let Some(ansible) = program("ansible", Some(&ansible_bin())) else {
        skip("ansible is missing (tests/servers/python.sh brings it)");
        return;
    };
    let sockets = site.home.path("cp");
    let python = program("python3", None).unwrap();
    let inventory = site.home.write("inventory", "near\nfar\n");
    for _ in 0..2 {
        let ran = run(site
            .home
            .command(&ansible)
            .env("ANSIBLE_HOME", site.home.path("ansible"))
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", &sockets)
            // Its own default, but for longer than the slowest machine takes.
            .env(
                "ANSIBLE_SSH_ARGS",
                "-C -o ControlMaster=auto -o ControlPersist=600s",
            )
            .env(
                "ANSIBLE_SSH_COMMON_ARGS",
                format!("-F {}", site.config().display()),
            )
            .env("ANSIBLE_PYTHON_INTERPRETER", &python)
            .args(["all", "-i"])
            .arg(&inventory)
            .args(["-m", "command", "-a", "echo reached"]));
        assert_eq!(ran.stdout.matches("reached").count(), 2, "{ran:?}");
    }
    certified(&site, &site.far);
    let shared = fs::read_dir(&sockets).unwrap().count();
    assert_eq!(shared, 2, "one connection a host");
    assert_eq!(site.far.log().matches("Accepted publickey").count(), 1);
    // Its masters stay, unless they are told.
    for host in ["near", "far"] {
        for socket in fs::read_dir(&sockets).unwrap() {
            let path = format!("ControlPath={}", socket.unwrap().path().display());
            site.ssh(&["-o", &path, "-O", "exit", host]);
        }
    }
}

/// As VS Code's remote does: a shell that stays, fed through stdin, with a port of its own, and a
/// second connection beside it.
#[test]
fn a_session_that_stays_has_others_beside_it() {
    let Some(site) = Site::new() else { return };
    // A port that was free a moment ago.
    let (_, port) = silent();
    let mut staying = site
        .tool(&[
            "ssh",
            "-T",
            "-F",
            "CFG",
            "-D",
            &port.to_string(),
            "near",
            "sh",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = staying.stdin.take().unwrap();
    let mut stdout = BufReader::new(staying.stdout.take().unwrap());
    let mut answer = |question: &str| {
        writeln!(stdin, "echo {question}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(answer("one"), "one\n");
    said(&site.ssh(&["-T", "near", "echo beside"]), "beside");
    // It needs neither the lease nor the agent any more.
    let forgotten = run(&mut site.home.jit(["forget", "--all"]));
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
    assert_eq!(answer("two"), "two\n");
    kill_process(Pid::from_child(&staying), Signal::TERM).unwrap();
    staying.wait().unwrap();
}

#[test]
fn many_at_once_make_one_request_and_share_one_agent() {
    let Some(site) = Site::new() else { return };
    let many: Vec<Child> = (0..20)
        .map(|_| {
            site.tool(&["ssh", "-F", "CFG", "near", "echo here"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for one in many {
        let ran = one.wait_with_output().unwrap().into();
        said(&ran, "here");
        assert_eq!(ran.stderr, "");
    }
    assert_eq!(site.story(), ["granted", "issued"]);
    assert_eq!(site.agents().len(), 1, "{:?}", site.agents());
}
