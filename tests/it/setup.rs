//! `jit setup` on files as they may be: links, read-only, with CRLF, malformed, changed meanwhile; and
//! killed at any moment. What each kind writes is told beside its hook.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    thread,
};

use crate::support::{
    Home,
    home::{Ran, run},
    skip::skip,
};

const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web.internal"]
roles.deploy = {}
[resources."kubernetes/prod"]
server = "https://203.0.113.5:6443"
contexts = ["prod"]
issuer = "token-request"
credential = "env:TOKEN"
roles.view = { service_account = "jit/view" }
[resources."postgres/orders"]
hosts = ["db.internal"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
issuer = "assume-role"
base_profile = "base"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
"#;

const PROFILES: &str = "[profile base]\nregion = eu-west-1\n\n[profile prod]\noutput = json\n";

/// A home whose catalogue has one resource of each kind.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home
}

fn setup(home: &Home, args: &[&str]) -> Ran {
    let mut command = home.jit(["setup"]);
    // No doctor has seen these targets.
    let anyway = (!args.contains(&"--undo")).then_some("--anyway");
    run(command.args(args).args(anyway).env("SHELL", "/bin/bash"))
}

fn works(home: &Home, args: &[&str]) -> String {
    let ran = setup(home, args);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
    ran.stdout
}

fn text(home: &Home, file: &str) -> String {
    fs::read_to_string(home.path(file)).unwrap()
}

/// The files of other programs, with what is in them.
fn dotfiles(home: &Home) -> Vec<(String, String)> {
    let known = [
        ".aws/config",
        ".bashrc",
        ".kube/config",
        ".ssh/config",
        "config/fish/conf.d/jit.fish",
        ".zshrc",
    ];
    let there = known.iter().filter(|file| home.path(file).exists());
    there
        .map(|file| ((*file).to_owned(), text(home, file)))
        .collect()
}

#[test]
fn everything_is_set_up_once_and_taken_back_to_the_byte() {
    let home = home();
    home.write(".aws/config", PROFILES);
    home.write(
        ".ssh/config",
        "Host web\r\n  HostName web.internal\r\n  User deploy",
    );
    home.write(".bashrc", "alias ll='ls -l'");
    let before = dotfiles(&home);
    let shown = works(&home, &["--dry-run"]);
    assert!(shown.contains("+credential_process = "), "{shown}");
    assert_eq!(dotfiles(&home), before, "--dry-run writes nothing");

    assert_eq!(
        works(&home, &[]).replace(" changed\n", " to change\n"),
        shown,
        "what was shown is what is done"
    );
    let after = dotfiles(&home);
    assert!(after.len() > before.len() && after.iter().all(|one| !before.contains(one)));
    let again = works(&home, &[]);
    assert_eq!(again.matches("nothing to change").count(), 5, "{again}");
    works(&home, &["--undo"]);
    assert_eq!(dotfiles(&home), before);
}

#[test]
fn what_the_catalogue_does_not_have_is_said() {
    let home = Home::new();
    let said = works(&home, &["aws"]);
    assert!(said.starts_with("aws: nothing to change\n"), "{said}");
    assert!(
        said.contains("aws: the catalogue has no aws/NAME: \"jit init --discover\""),
        "{said}"
    );
    let said = works(&home, &[]);
    assert!(
        said.contains("shell: the catalogue is empty, so nothing else was set up: \"jit init\""),
        "{said}"
    );
    assert!(!works(&home, &["--undo"]).contains("catalogue"));
}

#[test]
fn a_catalogue_whose_targets_wait_for_doctor_is_not_called_empty() {
    let home = home();
    let ran = run(home.jit(["setup"]).env("SHELL", "/bin/bash"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = "ssh/web is left as it is, since \"jit doctor\" has not seen it let you in";
    assert!(ran.stdout.contains(said), "{ran:?}");
    assert!(!ran.stdout.contains("is empty"), "{ran:?}");
}

#[test]
fn a_link_stays_a_link_and_its_file_keeps_its_mode() {
    let home = home();
    let real = home.write("dotfiles/aws", PROFILES);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(home.path(".aws")).unwrap();
    let link = home.path(".aws/config");
    symlink("../dotfiles/aws", &link).unwrap();
    works(&home, &["aws"]);
    assert!(link.is_symlink());
    assert!(text(&home, "dotfiles/aws").contains("credential_process"));
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    works(&home, &["aws", "--undo"]);
    assert_eq!(text(&home, "dotfiles/aws"), PROFILES);
}

#[test]
fn what_cannot_be_written_stays_and_does_not_hold_up_the_rest() {
    let home = home();
    let profiles = home.write(".aws/config", PROFILES);
    fs::set_permissions(&profiles, fs::Permissions::from_mode(0o400)).unwrap();
    home.write(".kube/config", "contexts: [");
    let ran = setup(&home, &[]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains(".aws/config is read-only")
            && ran.stderr.contains("hint: run: chmod u+w"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains(".kube/config is not a kubeconfig"),
        "each failure is told: {ran:?}"
    );
    assert_eq!(text(&home, ".aws/config"), PROFILES);
    assert_eq!(text(&home, ".kube/config"), "contexts: [");
    assert!(text(&home, ".ssh/config").contains("Include"));
}

#[test]
fn many_at_once_are_as_one() {
    let home = home();
    home.write(".aws/config", PROFILES);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| works(&home, &["aws"]));
        }
    });
    assert_eq!(
        text(&home, ".aws/config")
            .matches("credential_process")
            .count(),
        1
    );
    works(&home, &["aws", "--undo"]);
    assert_eq!(text(&home, ".aws/config"), PROFILES);
}

/// At each system call that touches a name or the disk, the process is killed instead.
#[test]
fn killed_at_any_moment_the_file_is_the_old_or_the_new_one() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace is missing (Debian: strace)");
    }
    let whole = {
        let home = home();
        home.write(".aws/config", PROFILES);
        works(&home, &["aws"]);
        text(&home, ".aws/config")
    };
    for (call, times) in [("renameat2", 1), ("fsync", 3), ("rename", 2), ("unlink", 1)] {
        for time in 1..=times {
            let home = home();
            home.write(".aws/config", PROFILES);
            let jit = home.jit(["setup", "aws", "--anyway"]);
            let ran = run(home
                .command(Path::new("strace"))
                .args(["-f", "-o", "/dev/null", "-e"])
                .arg(format!("inject={call}:signal=KILL:when={time}"))
                .arg(jit.get_program())
                .args(jit.get_args()));
            let left = text(&home, ".aws/config");
            assert!(
                left == PROFILES || left == whole,
                "{call} {time}: {left}\n{ran:?}"
            );
            works(&home, &["aws"]);
            assert_eq!(text(&home, ".aws/config"), whole, "{call} {time}");
            works(&home, &["aws", "--undo"]);
            assert_eq!(text(&home, ".aws/config"), PROFILES, "{call} {time}");
        }
    }
}
