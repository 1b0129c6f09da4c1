//! Homes on file systems that lack something: NFS, sshfs. The kernel refuses here what they refuse.

use std::{fs, path::Path, process::Command};

use crate::{
    setup::home,
    support::{
        Home,
        home::{Ran, run},
        whereabouts::{jit, program},
    },
};

const PROFILES: &str = "[profile prod]\noutput = json\n";

/// `jit` on a file system that refuses `what`.
fn refused(home: &Home, what: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/refuse.py");
    let mut command = home.command(&program("python3", None).expect("python3"));
    command.arg(script).arg(what).arg(jit());
    command
}

fn setup(home: &Home, what: &str, more: &[&str]) -> Ran {
    let ran = run(refused(home, what).args(["setup", "aws"]).args(more));
    assert_eq!(ran.code, 0, "{more:?}: {ran:?}");
    ran
}

fn config(home: &Home) -> String {
    fs::read_to_string(home.path(".aws/config")).unwrap()
}

#[test]
fn setup_replaces_files_where_two_cannot_be_exchanged_and_says_so() {
    let home = home();
    // A file that is made and taken away again.
    let made = setup(&home, "rename", &["--anyway"]);
    assert!(config(&home).contains("credential_process"), "{made:?}");
    setup(&home, "rename", &["--undo"]);
    assert!(!home.path(".aws/config").exists());
    // One that is there.
    home.write(".aws/config", PROFILES);
    let ran = setup(&home, "rename", &["--anyway"]);
    assert!(
        ran.stderr
            .contains("cannot exchange two files (NFS and sshfs"),
        "{ran:?}"
    );
    assert!(config(&home).contains("credential_process"));
    setup(&home, "rename", &["--undo"]);
    assert_eq!(config(&home), PROFILES);
    let left = fs::read_dir(home.path(".aws")).unwrap().count();
    assert_eq!(left, 1, "a temporary file stayed");
}

#[test]
fn setup_goes_on_without_locks_where_there_are_none_and_says_so() {
    let home = home();
    let ran = setup(&home, "lock", &["--anyway"]);
    assert!(ran.stderr.contains("has no locks"), "{ran:?}");
    assert!(config(&home).contains("credential_process"));
}
