//! The ssh family on real servers: who logs in as whom, with what, and what is left behind.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::support::{Home, Sshd, client_config, home::Ran, run, until};

const POLICY: &str = "@id(\"all\") permit (principal, action == Action::\"elevate\", resource);\n";

/// Two hosts of one resource, `near` and, behind it, `far`; the login is who runs the tests.
struct Site {
    home: Home,
    near: Sshd,
    far: Sshd,
    config: PathBuf,
}

impl Site {
    fn new() -> Option<Self> {
        let home = Home::new();
        home.configure("policies/all.cedar", POLICY);
        let user = run(Command::new("id").arg("-un"));
        let catalogue = format!(
            "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{}\" = {{}}\nroles.nobody = {{}}\n",
            user.stdout.trim()
        );
        home.configure("authority.toml", &catalogue);
        let trusted = run(&mut home.jit(["trust", "ssh/web", "--ca"]));
        assert_eq!(trusted.code, 0, "{trusted:?}");
        let authority = home.write("authority.pub", &trusted.stdout);
        let (near, far) = (Sshd::start(&authority)?, Sshd::start(&authority)?);
        let hosts = [("near", &near, None), ("far", &far, Some("near"))];
        let config = client_config(&home.path("."), &hosts);
        Some(Self {
            home,
            near,
            far,
            config,
        })
    }

    fn exec(&self, words: &[&str]) -> Command {
        let config = self.config.to_str().unwrap();
        let words = words.iter().map(|word| word.replace("CFG", config));
        let words = ["exec".to_owned(), "--".to_owned()]
            .into_iter()
            .chain(words);
        self.home.jit(words)
    }

    /// What is in the directory of sockets.
    fn sockets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home.path("run/jit"))
            .into_iter()
            .flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("ssh-")
            })
            .collect()
    }

    fn nothing_is_left(&self) {
        until("the agent to end and its directory to go", || {
            self.sockets().is_empty().then_some(())
        });
    }
}

fn said(ran: &Ran, wanted: &str) {
    assert_eq!((ran.code, ran.stdout.trim()), (0, wanted), "{ran:?}");
}

/// The server's log names the certificate by its key id: grant and principal.
fn certified(server: &Sshd) {
    let line = server.logged("Accepted publickey");
    assert!(
        line.contains("ED25519-CERT") && line.contains(" ID "),
        "{line}"
    );
}

#[test]
fn ssh_logs_in_with_our_certificate_also_through_a_jump_and_leaves_nothing() {
    let Some(site) = Site::new() else { return };
    let ran = run(&mut site.exec(&["ssh", "-F", "CFG", "near", "echo", "here"]));
    said(&ran, "here");
    certified(&site.near);
    let ran = run(&mut site.exec(&["ssh", "-F", "CFG", "far", "echo", "there"]));
    said(&ran, "there");
    certified(&site.far);
    let ran = run(&mut site.exec(&["ssh", "-F", "CFG", "near", "exit 7"]));
    assert_eq!(ran.code, 7, "the exit code is the tool's own");
    site.nothing_is_left();
}

#[test]
fn a_jump_through_another_resource_is_an_entitlement_of_its_own() {
    let Some(site) = Site::new() else { return };
    // `near` by another of its names is in another resource, whose certificates `far` refuses.
    let user = site.near.user();
    let text = fs::read_to_string(site.home.config().join("authority.toml")).unwrap();
    let bastion =
        format!("[resources.\"ssh/bastion\"]\nhosts = [\"localhost\"]\nroles.\"{user}\" = {{}}\n");
    site.home
        .configure("authority.toml", &format!("{text}{bastion}"));
    let trusted = run(&mut site.home.jit(["trust", "ssh/bastion", "--ca"]));
    assert_eq!(trusted.code, 0, "{trusted:?}");
    let authority = site.home.write("bastion.pub", &trusted.stdout);
    let Some(bastion) = Sshd::start(&authority) else {
        return;
    };
    let config = fs::read_to_string(&site.config).unwrap();
    let known = site.home.path("./known_hosts");
    let mut hosts = fs::read_to_string(&known).unwrap();
    writeln!(
        hosts,
        "[localhost]:{} {}",
        bastion.port(),
        bastion.host_key()
    )
    .unwrap();
    fs::write(known, hosts).unwrap();
    let jump = format!(
        "Host bastion\n  HostName localhost\n  Port {}\n  User {user}\nHost far\n  ProxyJump bastion\n",
        bastion.port()
    );
    fs::write(&site.config, jump + &config).unwrap();
    let ran = run(&mut site.exec(&["ssh", "-F", "CFG", "far", "echo", "there"]));
    said(&ran, "there");
    certified(&site.far);
    certified(&bastion);
    let story = run(&mut site.home.jit(["audit"])).stdout;
    assert!(
        story.contains("ssh/bastion:") && story.contains("ssh/web:"),
        "{story}"
    );
    site.nothing_is_left();
}

#[test]
fn an_agent_of_the_user_s_own_stays_for_jumps_that_are_not_ours() {
    let Some(site) = Site::new() else { return };
    let proxy = "ProxyCommand=sh -c 'echo agent=$SSH_AUTH_SOCK >&2'";
    let mut command = site.exec(&["ssh", "-F", "CFG", "-o", proxy, "near"]);
    let ran = run(command.env("SSH_AUTH_SOCK", "/mine"));
    assert!(ran.stderr.contains("agent=/mine"), "{ran:?}");
}

#[test]
fn copies_and_git_go_the_same_way() {
    let Some(site) = Site::new() else { return };
    let file = site.home.write("there/file", "hello");
    let remote = format!("near:{}", file.display());
    for tool in [
        &["scp", "-q", "-F", "CFG", &remote, "copy"][..],
        &["rsync", "-e", "ssh -F CFG", &remote, "copy"][..],
    ] {
        let ran = run(&mut site.exec(tool));
        assert_eq!(ran.code, 0, "{ran:?}");
        let copy = site.home.path("copy");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "hello", "{tool:?}");
        fs::remove_file(copy).unwrap();
    }
    let batch = site
        .home
        .write("batch", &format!("ls {}\n", file.display()));
    let batch = batch.to_str().unwrap();
    let ran = run(&mut site.exec(&["sftp", "-F", "CFG", "-b", batch, "near"]));
    assert!(ran.stdout.contains("/there/file"), "{ran:?}");
    let bare = site.home.path("bare");
    assert_eq!(
        run(Command::new("git")
            .args(["init", "-q", "--bare"])
            .arg(&bare))
        .code,
        0
    );
    let user = site.near.user();
    let url = format!(
        "ssh://{user}@127.0.0.1:{}{}",
        site.near.port(),
        bare.display()
    );
    let ran = run(site.exec(&["git", "clone", "-q", &url, "clone"]).env(
        "GIT_SSH_COMMAND",
        format!("ssh -F {}", site.config.display()),
    ));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(site.home.path("clone/.git").is_dir());
    site.nothing_is_left();
}

#[test]
fn a_key_and_a_shared_connection_of_the_user_s_own_are_not_used() {
    let Some(site) = Site::new() else { return };
    let own = site.home.path("own");
    let made = run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&own));
    assert_eq!(made.code, 0, "{made:?}");
    let text = fs::read_to_string(&site.config).unwrap();
    let shared = site.home.path("shared-%C");
    let lines = format!(
        "IdentityFile {}\nIdentityAgent none\nControlMaster auto\nControlPath {}\nControlPersist 60\n",
        own.display(),
        shared.display()
    );
    fs::write(&site.config, lines + &text).unwrap();
    let ran = run(&mut site.exec(&["ssh", "-v", "-F", "CFG", "near", "echo", "here"]));
    said(&ran, "here");
    let offered = ran
        .stderr
        .lines()
        .filter(|line| line.contains("Offering public key"));
    let offered: Vec<&str> = offered.collect();
    assert_eq!(offered.len(), 1, "{offered:?}");
    assert!(offered[0].contains("ED25519-CERT"), "{offered:?}");
    let left = fs::read_dir(site.home.path(".")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.into_iter().any(|name| name.starts_with("shared-")));
}

#[test]
fn the_agent_lists_and_signs_and_nothing_else() {
    let Some(site) = Site::new() else { return };
    let own = site.home.path("own");
    let made = run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&own));
    assert_eq!(made.code, 0, "{made:?}");
    site.home.write("text", "text");
    let script = "ssh-add -L > listed; \
        ssh-add -D || echo kept; ssh-add own || echo refused; ssh-add -x </dev/null || echo unlocked; \
        ssh-keygen -Y sign -f listed -n file text || echo unsigned; \
        stat -c %a $(dirname $SSH_AUTH_SOCK)";
    let user = site.near.user();
    let mut command = site.home.jit([
        "exec", "--on", "ssh/web", "--role", user, "--", "sh", "-c", script,
    ]);
    let ran = run(&mut command);
    assert_eq!(
        ran.stdout, "kept\nrefused\nunlocked\nunsigned\n700\n",
        "{ran:?}"
    );
    let listed = fs::read_to_string(site.home.path("listed")).unwrap();
    assert_eq!(listed.lines().count(), 1);
    assert!(
        listed.starts_with("ssh-ed25519-cert-v01@openssh.com "),
        "{listed}"
    );
    site.nothing_is_left();
}

#[test]
fn a_host_that_the_agent_is_forwarded_to_gets_nothing() {
    let Some(site) = Site::new() else { return };
    let ran = run(&mut site.exec(&["ssh", "-A", "-F", "CFG", "near", "ssh-add -l"]));
    assert!(!ran.stdout.contains("ED25519"), "{ran:?}");
}

/// A tool that waits, and its agent's socket, which `script` prints first.
fn waiting(site: &Site, script: &str) -> (Child, PathBuf) {
    let user = site.near.user().to_owned();
    let mut command = site.home.jit([
        "exec",
        "--on",
        "ssh/web",
        "--role",
        &user,
        "--",
        // A shell's background job, as which the tests may run, ignores Ctrl-C, and so its children.
        "env",
        "--default-signal=INT",
        "sh",
        "-c",
        script,
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    (child, PathBuf::from(line.trim()))
}

#[test]
fn the_agent_ends_with_the_tool_however_that_ends() {
    let Some(site) = Site::new() else { return };
    for signal in [Signal::KILL, Signal::INT] {
        let (mut child, socket) = waiting(&site, "echo $SSH_AUTH_SOCK; exec sleep 60");
        assert!(listed(&socket).contains("ED25519-CERT"));
        match signal {
            // As a terminal sends it: to the whole group.
            Signal::INT => kill_process_group(Pid::from_child(&child), signal).unwrap(),
            _ => kill_process(Pid::from_child(&child), signal).unwrap(),
        }
        child.wait().unwrap();
        site.nothing_is_left();
    }
}

#[test]
fn ctrl_c_that_the_tool_survives_does_not_end_the_agent() {
    let Some(site) = Site::new() else { return };
    let (mut child, socket) = waiting(
        &site,
        "trap 'touch caught' INT; echo $SSH_AUTH_SOCK; while :; do sleep 0.05; done",
    );
    kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
    until("the tool to catch the signal", || {
        site.home.path("caught").exists().then_some(())
    });
    assert!(listed(&socket).contains("ED25519-CERT"));
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let children = fs::read_to_string(children).unwrap();
    assert!(
        children.split_whitespace().count() <= 1,
        "a child of ours: {children}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    site.nothing_is_left();
}

fn listed(socket: &Path) -> String {
    run(Command::new("ssh-add")
        .arg("-l")
        .env("SSH_AUTH_SOCK", socket))
    .stdout
}

#[test]
fn no_key_is_in_a_file() {
    let Some(site) = Site::new() else { return };
    let (mut child, socket) = waiting(&site, "echo $SSH_AUTH_SOCK; exec sleep 60");
    let directory = socket.parent().unwrap();
    let mode = fs::metadata(directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bin", "config", "id-0.pub", "s"]);
    child.kill().unwrap();
    child.wait().unwrap();
    site.nothing_is_left();
}

#[test]
fn what_is_not_known_is_refused_before_anything_starts() {
    let Some(site) = Site::new() else { return };
    for (words, said) in [
        (
            &[
                "ssh",
                "-F",
                "CFG",
                "-o",
                "HostName=elsewhere.example",
                "near",
            ][..],
            "no resource has the host",
        ),
        (
            &["ssh", "-F", "CFG", "nobod@near"][..],
            "did you mean \"nobody\"?",
        ),
        (
            &["ssh", "--", "-oProxyCommand=touch hacked"][..],
            "is no destination",
        ),
        (&["ssh"][..], "names no host"),
        (
            &["git", "clone", "https://127.0.0.1/x"][..],
            "goes over https",
        ),
    ] {
        let ran = run(&mut site.exec(words));
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{words:?}: {ran:?}");
    }
    assert!(!site.home.path("hacked").exists());
    assert!(site.sockets().is_empty());
}
