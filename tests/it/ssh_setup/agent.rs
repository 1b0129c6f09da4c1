//! The agent that all log-ins share: one a certificate, replaced and ended as its lease is.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};

use super::{POLICIES, Site, said};
use crate::support::{home::Ran, run, until, whereabouts::user_name};

fn listed(socket: &Path) -> Ran {
    run(Command::new("ssh-add")
        .arg("-l")
        .env("SSH_AUTH_SOCK", socket))
}

/// The directory of the agent that the link leads to.
fn current(site: &Site) -> PathBuf {
    let link = site.place().join("s");
    let target = fs::read_link(&link).unwrap();
    link.with_file_name(target).parent().unwrap().to_owned()
}

/// The process that listens at a socket, which `/proc/net/unix` names by its inode.
fn process(socket: &Path) -> Pid {
    let table = fs::read_to_string("/proc/net/unix").unwrap();
    let line = table
        .lines()
        .find(|line| line.ends_with(socket.to_str().unwrap()))
        .unwrap();
    let inode = line.split_whitespace().nth(6).unwrap();
    let wanted = format!("socket:[{inode}]");
    let holds = |id: &str| {
        let descriptors = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
        descriptors
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|target| target.to_str() == Some(&wanted))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let id = ids.find(|id| id.parse::<i32>().is_ok() && holds(id));
    Pid::from_raw(id.unwrap().parse().unwrap()).unwrap()
}

/// Whether the agent at the other end lists an identity; not, once it has ended.
fn serves(connection: &mut UnixStream) -> bool {
    let mut asked = || -> io::Result<Vec<u8>> {
        connection.write_all(&[0, 0, 0, 1, 11])?;
        let mut length = [0; 4];
        connection.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        connection.read_exact(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer[..5] == [12, 0, 0, 0, 1])
}

#[test]
fn it_lists_and_signs_for_its_login_and_no_key_is_in_a_file() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["near", "echo here"]), "here");
    let socket = site.place().join("s");
    let shown = listed(&socket).stdout;
    assert!(
        shown.contains("ED25519-CERT") && shown.lines().count() == 1,
        "{shown}"
    );
    let script = "ssh-add -L > listed; ssh-add -D || echo kept; ssh-add own || echo refused; \
        ssh-keygen -Y sign -f listed -n file text || echo unsigned";
    site.home.write("text", "text");
    let ran = run(site
        .home
        .command(Path::new("sh"))
        .env("SSH_AUTH_SOCK", &socket)
        .args(["-c", script]));
    assert_eq!(ran.stdout, "kept\nrefused\nunsigned\n", "{ran:?}");
    for directory in [site.place(), current(&site)] {
        let mode = fs::metadata(directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    let names = fs::read_dir(current(&site)).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["s"]);
    let ran = site.ssh(&["-A", "near", "ssh-add -l"]);
    assert!(
        !ran.stdout.contains("ED25519"),
        "forwarded, it serves nobody: {ran:?}"
    );
}

#[test]
fn one_that_was_killed_is_noticed_and_replaced() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["near", "echo here"]), "here");
    let first = current(&site);
    kill_process(process(&first.join("s")), Signal::KILL).unwrap();
    until("the agent to be gone", || {
        (listed(&first.join("s")).code == 2).then_some(())
    });
    said(&site.ssh(&["near", "echo again"]), "again");
    assert_ne!(current(&site), first);
    assert_eq!(site.agents().len(), 1, "what it left is swept");
    assert_eq!(site.story(), ["granted", "issued"]);
}

#[test]
fn a_renewed_lease_gets_an_agent_of_its_own_and_the_old_one_ends() {
    let Some(site) = Site::before() else { return };
    let short = POLICIES.replacen("@id", "@credential_ttl(\"24s\")\n@id", 1);
    site.home.configure("policies/all.cedar", &short);
    site.set_up();
    said(&site.ssh(&["near", "echo here"]), "here");
    let first = current(&site);
    let mut open = UnixStream::connect(first.join("s")).unwrap();
    assert!(serves(&mut open));
    until("the lease to be renewed", || {
        said(&site.ssh(&["near", "echo here"]), "here");
        (current(&site) != first).then_some(())
    });
    assert!(serves(&mut open), "who is connected still is");
    drop(open);
    until("the old agent to end", || (!first.exists()).then_some(()));
    let story = site.story();
    assert_eq!(story[..3], ["granted", "issued", "issued"], "{story:?}");
}

#[test]
fn it_ends_with_the_certificate() {
    let Some(site) = Site::before() else { return };
    let short = POLICIES.replacen("@id", "@credential_ttl(\"16s\")\n@id", 1);
    site.home.configure("policies/all.cedar", &short);
    site.set_up();
    said(&site.ssh(&["near", "echo here"]), "here");
    until("the agent to end", || {
        site.agents().is_empty().then_some(())
    });
}

#[test]
fn what_is_forgotten_or_revoked_is_not_served_any_more() {
    let Some(site) = Site::new() else { return };
    let entitlement = format!("ssh/web:{}", user_name());
    for words in [
        &["forget", &entitlement][..],
        &["forget", "--all"],
        &["revoke", "--all"],
    ] {
        said(&site.ssh(&["near", "echo here"]), "here");
        let directory = current(&site);
        let agent = process(&directory.join("s"));
        // A connection that is open already is served no more, either, nor one by another name.
        let mut open = UnixStream::connect(directory.join("s")).unwrap();
        assert!(serves(&mut open));
        let held = site.home.path("held");
        fs::hard_link(directory.join("s"), &held).unwrap();
        assert!(listed(&held).stdout.contains("ED25519-CERT"));
        let ran = run(&mut site.home.jit(words));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!serves(&mut open), "{words:?}");
        assert!(!listed(&held).stdout.contains("ED25519"), "{words:?}");
        assert!(site.agents().is_empty());
        until("the agent to end", || {
            rustix::process::test_kill_process(agent)
                .is_err()
                .then_some(())
        });
        fs::remove_file(held).unwrap();
    }
    said(&site.ssh(&["near", "echo anew"]), "anew");
}

#[test]
fn jit_exec_keeps_an_agent_of_its_own() {
    let Some(site) = Site::new() else { return };
    let config = site.config().display().to_string();
    let exec = |words: &[&str]| {
        let words = words.iter().map(|word| word.replace("CFG", &config));
        let words = ["exec".to_owned(), "--".to_owned()]
            .into_iter()
            .chain(words);
        run(&mut site.home.jit(words))
    };
    said(&exec(&["ssh", "-F", "CFG", "near", "echo here"]), "here");
    let file = site.home.write("there/file", "hello");
    let remote = format!("near:{}", file.display());
    for tool in [
        &["scp", "-q", "-F", "CFG", &remote, "copy"][..],
        &["rsync", "-e", "ssh -F CFG", &remote, "copy"][..],
    ] {
        let ran = exec(tool);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{tool:?}: {ran:?}");
    }
    assert!(!site.place().exists(), "the shared agent was not started");
    // The ssh that jumps is told nothing by the one that it jumps for.
    said(&exec(&["ssh", "-F", "CFG", "far", "echo there"]), "there");
    assert_eq!(site.story(), ["granted", "issued"]);
}

#[test]
fn nobody_waits_for_ever_for_a_log_in_that_was_stopped() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["near", "echo here"]), "here");
    let lock = fs::File::open(site.place().join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let entitlement = format!("ssh/web:{}", user_name());
    let forgot = run(&mut site.home.jit(["forget", &entitlement]));
    assert_eq!(forgot.code, 0, "{forgot:?}");
    assert!(site.agents().is_empty(), "{:?}", site.agents());
    let refused = site.ssh(&["near", "echo here"]);
    assert_eq!(refused.code, 255, "{refused:?}");
    assert!(refused.stderr.contains("another jit"), "{refused:?}");
    drop(lock);
    said(&site.ssh(&["near", "echo here"]), "here");
}

#[test]
fn it_is_ended_also_from_an_environment_that_knows_no_runtime_directory() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["near", "echo here"]), "here");
    let mut forget = site.home.jit(["forget", "--all"]);
    let ran = run(forget.env_remove("XDG_RUNTIME_DIR"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(site.agents().is_empty(), "{:?}", site.agents());
}

#[test]
fn it_keeps_nothing_open_that_its_starter_happened_to_have() {
    let Some(site) = Site::new() else { return };
    let agent = site.place().join("s");
    let script = r#"exec 9>&1; "$@" >/dev/null"#;
    let mut hook = site.home.jit(["known-hosts", "ssh/web"]);
    hook.args(["--host=127.0.0.1", "--alias=near"])
        .arg(format!("--user={}", user_name()))
        .arg(format!("--agent={}", agent.display()));
    let mut shell = site.home.command(Path::new("sh"));
    shell.args(["-c", script, "sh"]).arg(hook.get_program());
    // It is read to its end.
    let ran = run(shell.args(hook.get_args()));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(site.agents().len(), 1);
}

#[test]
fn plain_ssh_logs_in_after_the_log_in_that_set_it_up_is_over() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["near", "echo here"]), "here");
    // What a log-in had goes with it, although a terminal multiplexer still names it.
    fs::remove_dir_all(site.home.path("run")).unwrap();
    said(&site.ssh(&["near", "echo there"]), "there");
    let mut ssh = site.tool(&["ssh", "-F", "CFG", "far", "echo far"]);
    said(&run(ssh.env_remove("XDG_RUNTIME_DIR")), "far");
    let config = site.config().display().to_string();
    let exec = ["exec", "--", "ssh", "-F", &config, "near", "echo exec"];
    said(&run(&mut site.home.jit(exec)), "exec");
}
