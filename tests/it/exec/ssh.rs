//! `jit exec -- ssh …` and its kin against a real sshd.

use std::path::PathBuf;

use super::{Home, events, home, jit, last, story, works};
use crate::support::{Sshd, client_config, until};

/// An sshd that trusts the home's authority, and the client configuration that names it `web`.
pub(crate) struct Web {
    pub(crate) home: Home,
    pub(crate) sshd: Sshd,
    config: PathBuf,
}

impl Web {
    pub(crate) fn new() -> Option<Self> {
        let user = whoami();
        let home = home(&format!(
            "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\nroles.nobody-else = {{ tier = \"sensitive\" }}\n"
        ));
        let ca = home.write("ca.pub", &works(&home, &["trust", "ssh/web", "--ca"]));
        let sshd = Sshd::start(&ca)?;
        let config = client_config(
            &home.path(""),
            &[("web", &sshd, None), ("behind", &sshd, Some("web"))],
        );
        Some(Self { home, sshd, config })
    }

    fn exec(&self, command: &[&str]) -> String {
        works(&self.home, &[&["exec", "--"][..], command].concat())
    }

    pub(crate) fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }
}

fn whoami() -> String {
    let output = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn ssh_gets_a_certificate_and_the_server_knows_the_grant() {
    let Some(web) = Web::new() else { return };
    let said = web.exec(&["ssh", "-F", web.config(), "web", "echo", "hello"]);
    assert_eq!(said, "hello\n");
    let entitlement = format!("ssh/web:{}", web.sshd.user());
    assert_eq!(
        story(&web.home),
        [
            format!("granted {entitlement}"),
            format!("issued {entitlement}")
        ]
    );
    let (grant, serial) = last(&web.home);
    let line = web.sshd.logged(&grant);
    assert!(line.contains(&serial), "{line}");
    assert_eq!(web.exec(&["ssh", "-F", web.config(), "web", "exit 0"]), "");
    assert_eq!(events(&web.home).len(), 2, "the lease was used again");
}

#[test]
fn the_remote_commands_exit_code_and_input_are_its_own() {
    let Some(web) = Web::new() else { return };
    let failed = jit(
        &web.home,
        &["exec", "--", "ssh", "-F", web.config(), "web", "exit 7"],
    );
    assert_eq!((failed.code, failed.stderr.as_str()), (7, ""));
}

#[test]
fn scp_sftp_rsync_git_and_jumps_work_too() {
    let Some(web) = Web::new() else { return };
    let source = web.home.write("source", "carried\n");
    let source = source.to_str().unwrap();
    for name in ["scp", "sftp", "rsync", "jump"] {
        let target = web.home.path(name);
        let remote = format!("web:{}", target.display());
        let far = format!("behind:{}", target.display());
        let batch = web
            .home
            .write("batch", &format!("put {source} {}\n", target.display()));
        let shell = format!("ssh -F {}", web.config());
        match name {
            "scp" => web.exec(&["scp", "-q", "-F", web.config(), source, &remote]),
            "sftp" => web.exec(&[
                "sftp",
                "-q",
                "-F",
                web.config(),
                "-b",
                batch.to_str().unwrap(),
                "web",
            ]),
            "rsync" => web.exec(&["rsync", "-e", &shell, source, &remote]),
            _ => web.exec(&["scp", "-q", "-F", web.config(), source, &far]),
        };
        assert_eq!(
            std::fs::read_to_string(target).unwrap(),
            "carried\n",
            "{name}"
        );
    }
    let repository = web.home.path("repository");
    let git = |args: &[&str]| {
        let mut command = web.home.command(std::path::Path::new("git"));
        assert_eq!(crate::support::run(command.args(args)).code, 0, "{args:?}");
    };
    git(&["init", "-q", "--bare", repository.to_str().unwrap()]);
    let url = format!(
        "ssh://{}@127.0.0.1:{}{}",
        web.sshd.user(),
        web.sshd.port(),
        repository.display()
    );
    let command = format!("core.sshCommand=ssh -F {}", web.config());
    let known = web.home.path("known_hosts");
    assert!(known.exists());
    web.exec(&["git", "-c", &command, "ls-remote", &url]);
    assert_eq!(events(&web.home).len(), 2, "one grant served them all");
}

#[test]
fn the_private_agent_is_not_forwarded_whatever_is_asked_for() {
    let Some(web) = Web::new() else { return };
    let text = std::fs::read_to_string(web.config()).unwrap();
    let forwarding = web
        .home
        .write("forwarding", &format!("ForwardAgent yes\n{text}"));
    let config = forwarding.to_str().unwrap();
    let seen = "echo \"[$SSH_AUTH_SOCK]\"";
    for options in [&[][..], &["-A"], &["-oForwardAgent=yes"]] {
        let command = [&["ssh", "-F", config][..], options, &["web", seen]].concat();
        assert_eq!(web.exec(&command), "[]\n", "{options:?}");
    }
    let behind = ["ssh", "-F", config, "web", "-A", seen];
    assert_eq!(web.exec(&behind), "[]\n");
    // By the command lines that git and rsync are given.
    let shell = format!("ssh -vA -F {config}");
    let ran = jit(
        &web.home,
        &[
            "exec",
            "--",
            "rsync",
            "-e",
            &shell,
            "web:/etc/hostname",
            "copy",
        ],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        !ran.stderr
            .contains("Requesting authentication agent forwarding"),
        "{ran:?}"
    );
}

#[test]
fn nothing_stays_behind_once_ssh_has_ended() {
    let Some(web) = Web::new() else { return };
    web.exec(&["ssh", "-F", web.config(), "web", "true"]);
    until("the private agent to end", || {
        let sockets = walk(&web.home.path("run"));
        sockets.is_empty().then_some(())
    });
}

fn walk(directory: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = directory.read_dir() else {
        return vec![];
    };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_host_or_login_that_nobody_knows_is_an_error() {
    let Some(web) = Web::new() else { return };
    let unknown = jit(&web.home, &["exec", "--", "ssh", "-F", web.config(), "wbe"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let login = jit(
        &web.home,
        &["exec", "--", "ssh", "-F", web.config(), "nobody-els@web"],
    );
    assert_eq!(login.code, 2, "{login:?}");
    assert!(
        login.stderr.contains("did you mean \"nobody-else\"?"),
        "{login:?}"
    );
    for hostile in [
        "-oProxyCommand=touch pwned",
        "a b",
        "a;b",
        "a\nb",
        "$(touch pwned)",
    ] {
        let ran = jit(
            &web.home,
            &["exec", "--", "ssh", "-F", web.config(), "--", hostile],
        );
        assert_eq!(ran.code, 2, "{hostile:?}: {ran:?}");
    }
    assert!(!web.home.path("pwned").exists());
    assert_eq!(works(&web.home, &["audit"]), "", "nothing was asked for");
}
