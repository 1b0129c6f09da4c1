//! Our options go to our hosts, the jumps on the way among them, and to no other.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Home, jit, ssh::Web, story, works};
use crate::support::{
    Sshd,
    home::{Ran, run},
    skip::skip,
    whereabouts::{ansible_bin, program},
};

/// `web` of ours, and `other`, which lets in the user's own key.
struct Both {
    web: Web,
    other: Sshd,
    config: PathBuf,
}

impl Both {
    fn new() -> Option<Self> {
        let web = Web::new()?;
        let home = &web.home;
        let key = home.path("own");
        let made = run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key));
        assert_eq!(made.code, 0, "{made:?}");
        let public = home.path("own.pub");
        let other = Sshd::start_with(&public, |_| {
            format!("AuthorizedKeysFile {}\n", public.display())
        })?;
        let known = home.path("known_hosts");
        let mut hosts = fs::read_to_string(&known).unwrap();
        writeln!(hosts, "[localhost]:{} {}", other.port(), other.host_key()).unwrap();
        fs::write(known, hosts).unwrap();
        let text = fs::read_to_string(web.config()).unwrap();
        let text = format!(
            "Host other localhost\n  HostName localhost\n  Port {}\n{text}  IdentityFile {}\n",
            other.port(),
            key.display()
        );
        let config = home.write("both", &text);
        Some(Self { web, other, config })
    }

    fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    /// The other host was logged in to, and saw no certificate.
    fn only_the_own_key_was_shown(&self) {
        self.other.logged("Accepted publickey");
        let log = self.other.log();
        assert!(!log.contains("CERT") && !log.contains("Failed"), "{log}");
    }
}

fn git(home: &Home, words: &[&str]) -> Ran {
    let ran = run(home
        .command(Path::new("git"))
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(words));
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran
}

#[test]
fn a_jump_gets_our_certificate_whatever_the_configuration_says_for_all_hosts() {
    let Some(web) = Web::new() else { return };
    let text = fs::read_to_string(web.config()).unwrap();
    let text = format!("{text}  IdentityAgent ~/.1password/agent.sock\n  IdentitiesOnly yes\n");
    let config = web.home.write("strict", &text);
    let config = config.to_str().unwrap();
    let hello = works(
        &web.home,
        &["exec", "--", "ssh", "-F", config, "behind", "echo", "hello"],
    );
    assert_eq!(hello, "hello\n");
    // For rsync the jump is told as well.
    let shell = format!("ssh -F {config}");
    let source = web.home.write("source", "carried\n");
    let remote = format!("behind:{}", source.display());
    let copied = jit(
        &web.home,
        &["exec", "--", "rsync", "-e", &shell, &remote, "copy"],
    );
    assert_eq!(copied.code, 0, "{copied:?}");
}

#[test]
fn an_ssh_that_another_program_starts_is_told_of_the_agent_for_our_hosts_alone() {
    let Some(web) = Web::new() else { return };
    let known = web.home.path("known_hosts");
    let script = format!(
        "unset SSH_AUTH_SOCK; ssh -p {} -o UserKnownHostsFile={} 127.0.0.1 echo hello; \
         ssh -G elsewhere.invalid | grep -c identityagent",
        web.sshd.port(),
        known.display()
    );
    let ran = jit(
        &web.home,
        &["exec", "--on", "ssh/web", "--", "sh", "-c", &script],
    );
    assert_eq!(ran.stdout, "hello\n0\n", "{ran:?}");
}

#[test]
fn a_copy_to_a_host_of_others_shows_it_nothing_of_ours() {
    let Some(both) = Both::new() else { return };
    let home = &both.web.home;
    let source = home.write("source", "carried\n");
    let target = home.path("target");
    let (from, to) = (
        format!("web:{}", source.display()),
        format!("other:{}", target.display()),
    );
    works(
        home,
        &["exec", "--", "scp", "-q", "-F", both.config(), &from, &to],
    );
    assert_eq!(fs::read_to_string(target).unwrap(), "carried\n");
    both.only_the_own_key_was_shown();
}

#[test]
fn a_submodule_at_a_host_of_others_is_fetched_with_the_users_own_key() {
    let Some(both) = Both::new() else { return };
    let home = &both.web.home;
    let (outer, inner) = (home.path("outer"), home.path("inner"));
    for repository in [&inner, &outer] {
        git(home, &["init", "-q", repository.to_str().unwrap()]);
    }
    let inner = inner.to_str().unwrap();
    git(
        home,
        &["-C", inner, "commit", "-q", "--allow-empty", "-m", "one"],
    );
    let user = both.web.sshd.user();
    let url = format!("ssh://{user}@localhost:{}{inner}", both.other.port());
    let outer = outer.to_str().unwrap();
    let shell = format!("ssh -F {}", both.config());
    let core = format!("core.sshCommand={shell}");
    git(
        home,
        &[
            "-c",
            &core,
            "-C",
            outer,
            "submodule",
            "--quiet",
            "add",
            &url,
            "inner",
        ],
    );
    git(home, &["-C", outer, "commit", "-q", "-m", "two"]);
    let before = both.other.log().len();
    let ours = format!("ssh://{user}@127.0.0.1:{}{outer}", both.web.sshd.port());
    let clone = [
        "exec",
        "--",
        "git",
        "clone",
        "-q",
        "--recurse-submodules",
        &ours,
        "clone",
    ];
    let cloned = run(home.jit(clone).env("GIT_SSH_COMMAND", &shell));
    assert_eq!(cloned.code, 0, "{cloned:?}");
    assert!(home.path("clone/inner/.git").exists());
    let log = &both.other.log()[before..];
    assert!(
        log.contains("Accepted publickey") && !log.contains("CERT"),
        "{log}"
    );
}

#[test]
fn ansible_shows_our_certificate_to_our_hosts_of_its_inventory_alone() {
    let Some(both) = Both::new() else { return };
    let Some(ansible) = program("ansible", Some(&ansible_bin())) else {
        skip("ansible is missing (tests/servers/python.sh brings it)");
        return;
    };
    let home = &both.web.home;
    let inventory = home.write("inventory", "127.0.0.1\nother\n");
    let text = fs::read_to_string(&both.config).unwrap();
    let port = format!("Host 127.0.0.1\n  Port {}\n", both.web.sshd.port());
    fs::write(&both.config, format!("{port}{text}")).unwrap();
    let ran = run(home
        .jit(["exec", "--on", "ssh/web", "--"])
        .arg(&ansible)
        .env("ANSIBLE_HOME", home.path("ansible"))
        .env("ANSIBLE_SSH_COMMON_ARGS", format!("-F {}", both.config()))
        .args(["all", "-i"])
        .arg(&inventory)
        .args(["-m", "raw", "-a", "echo reached"]));
    assert_eq!(ran.stdout.matches("reached").count(), 2, "{ran:?}");
    both.web.sshd.logged("ED25519-CERT");
    both.only_the_own_key_was_shown();
}

/// Tells its command that it was given these entitlements.
fn tells(home: &Home, exec: &[&str], entitlements: &str) {
    let print = ["sh", "-c", "echo \"$JIT_ENTITLEMENTS\""];
    let told = run(home.jit(exec).args(print));
    assert_eq!(told.stdout, entitlements, "{told:?}");
}

#[test]
fn ansible_logs_in_to_the_hosts_of_two_resources_each_by_its_own_certificate() {
    let (Some(web), Some(ansible)) = (Web::new(), program("ansible", Some(&ansible_bin()))) else {
        skip("ansible is missing (tests/servers/python.sh brings it)");
        return;
    };
    let (home, user) = (&web.home, web.sshd.user());
    let file = home.config().join("authority.toml");
    let more = format!(
        "[resources.\"ssh/db\"]\nhosts = [\"127.0.0.2\"]\nroles.\"{user}\" = {{ tier = \"elevated\" }}\n"
    );
    home.configure(
        "authority.toml",
        &(fs::read_to_string(file).unwrap() + &more),
    );
    let ca = home.write("db.pub", &works(home, &["trust", "ssh/db", "--ca"]));
    let Some(db) = Sshd::start(&ca) else { return };
    let known = home.path("known_hosts");
    let mut hosts = fs::read_to_string(&known).unwrap();
    writeln!(hosts, "[127.0.0.1]:{} {}", db.port(), db.host_key()).unwrap();
    fs::write(&known, hosts).unwrap();
    let config = home.write(
        "two",
        &format!(
            "Host 127.0.0.1\n  Port {}\nHost 127.0.0.2\n  HostName 127.0.0.1\n  Port {}\n\
             Host *\n  UserKnownHostsFile {}\n",
            web.sshd.port(),
            db.port(),
            known.display()
        ),
    );
    let inventory = home.write("inventory", "127.0.0.1\n127.0.0.2\n");
    let both = [
        "exec", "-j", "a test", "--on", "ssh/web", "--on", "ssh/db", "--",
    ];
    tells(home, &both, &format!("ssh/web:{user} ssh/db:{user}\n"));
    let ran = run(home
        .jit(both)
        .arg(&ansible)
        .env("ANSIBLE_HOME", home.path("ansible"))
        .env(
            "ANSIBLE_SSH_COMMON_ARGS",
            format!("-F {}", config.display()),
        )
        .args(["all", "-i"])
        .arg(&inventory)
        .args(["-m", "raw", "-a", "echo reached"]));
    assert_eq!(ran.stdout.matches("reached").count(), 2, "{ran:?}");
    for sshd in [&web.sshd, &db] {
        sshd.logged("ED25519-CERT");
        assert!(!sshd.log().contains("Failed"), "{}", sshd.log());
    }
    for resource in ["web", "db"] {
        let granted = format!("granted ssh/{resource}:{user}");
        assert!(story(home).contains(&granted), "{granted}");
    }
    let refused = jit(home, &[&both[..], &["ssh", "127.0.0.1"]].concat());
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("logs in to one host"),
        "{refused:?}"
    );
}
