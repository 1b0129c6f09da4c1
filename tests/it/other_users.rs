//! Other users of the machine, and other processes of the same user.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, lchown},
        process::CommandExt as _,
    },
    path::Path,
};

use rustix::process::{Signal, geteuid};

use crate::support::{
    Home,
    daemon::Daemon,
    home::run,
    skip::skip,
    wait::read_log,
    web::{CATALOGUE, POLICIES},
    whereabouts::copy_jit,
};

/// Somebody who is not root.
const SOMEBODY: u32 = 12345;

/// Gives a file or a directory with all that is in it to somebody.
fn give(path: &Path) {
    lchown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

/// What below a directory belongs to root.
fn of_root(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.uid() == 0 {
            found.push(path.display().to_string());
        } else if metadata.is_dir() {
            found.extend(of_root(&path));
        }
    }
    found
}

#[test]
fn root_makes_nothing_in_the_home_of_another_user() {
    if !geteuid().is_root() {
        return skip("only root can make what belongs to root");
    }
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    home.write(".aws/config", "[profile prod]\n");
    give(&home.path(""));
    // As `sudo -E` would.
    for verb in [
        &["status"] as &[&str],
        &["request", "ssh/web:deploy"],
        &["exec", "--on", "ssh/web", "--", "true"],
        &["audit"],
        &["setup", "shell"],
        &["init"],
        &["doctor"],
        &["prompt"],
    ] {
        let ran = run(home.jit(verb).env("SHELL", "/bin/bash"));
        assert!(!ran.stderr.contains("chown"), "{verb:?}: {ran:?}");
        assert_eq!(of_root(&home.path("")), [""; 0], "{verb:?}: {ran:?}");
    }
    let asked = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(asked.code, 125, "{asked:?}");
    assert!(
        asked.stderr.contains("belongs to another user"),
        "{asked:?}"
    );
    assert!(asked.stderr.contains("sudo -H"), "{asked:?}");
}

/// Whose `/proc/PID/mem` is: root's, where a process may not be dumped or traced.
fn owner(process: u32) -> u32 {
    fs::metadata(format!("/proc/{process}/mem")).unwrap().uid()
}

#[test]
fn a_process_that_holds_keys_cannot_be_dumped_and_a_tool_can() {
    if !geteuid().is_root() {
        return skip("the program is given to another user first");
    }
    let home = Home::new();
    home.write("server/authority.toml", CATALOGUE);
    home.write("server/policies/all.cedar", POLICIES);
    home.write("server/server.toml", "listen = \"127.0.0.1:0\"\n");
    // Where another user finds it, whatever the directory of the build is.
    let program = home.path("bin/jit");
    copy_jit(&program);
    give(&home.path(""));
    let mut serve = home.command(&program);
    serve.args(["serve", "--config"]).arg(home.path("server"));
    serve.uid(SOMEBODY).gid(SOMEBODY);
    let mut serve = Daemon::spawn("serve", &mut serve, &home.path("run"));
    let id = serve.ready(|log| {
        let text = read_log(log);
        text.contains("jit: serving ").then_some(())
    });
    id.expect("a free port");
    assert_eq!(owner(serve.id()), 0);
    serve.stop(Signal::TERM);

    let mut tool = home.command(&program);
    tool.args([
        "exec",
        "--if-known",
        "--",
        "stat",
        "-c",
        "%u",
        "/proc/self/mem",
    ]);
    let tool = run(tool.uid(SOMEBODY).gid(SOMEBODY));
    assert_eq!((tool.code, tool.stdout), (0, format!("{SOMEBODY}\n")));
}

#[test]
fn what_only_looks_needs_no_home_that_can_be_written() {
    if !geteuid().is_root() {
        return skip("the home is given to another user first");
    }
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    let program = home.path("bin/jit");
    copy_jit(&program);
    for path in ["", "config", "config/jit", "config/jit/policies"] {
        fs::set_permissions(home.path(path), Permissions::from_mode(0o755)).unwrap();
    }
    for file in ["authority.toml", "policies/all.cedar"] {
        let file = home.config().join(file);
        fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    }
    let ran = |words: &[&str]| {
        let mut command = home.command(&program);
        run(command.args(words).uid(SOMEBODY).gid(SOMEBODY))
    };
    for words in [&["status"] as &[&str], &["audit"], &["revoke", "--all"]] {
        let looked = ran(words);
        assert_eq!(
            (looked.code, looked.stderr.as_str()),
            (0, ""),
            "{words:?}: {looked:?}"
        );
    }
    let asked = ran(&["request", "ssh/web:deploy"]);
    assert_eq!(asked.code, 125, "{asked:?}");
    assert!(asked.stderr.contains("XDG_STATE_HOME"), "{asked:?}");
}
