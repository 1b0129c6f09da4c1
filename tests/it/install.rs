//! `install.sh` with a program that is built already: what it puts, puts once, and takes away again.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::support::{
    home::{Home, Ran, run},
    web::{CATALOGUE, POLICIES},
    whereabouts::copy_jit,
};

/// Where it installs to: a name that a careless script would split.
const PREFIX: &str = "my prefix";

const INSTALLED: [&str; 6] = [
    "bin/jit",
    "share/bash-completion/completions/jit",
    "share/fish/vendor_completions.d/jit.fish",
    "share/man/man1/jit-exec.1",
    "share/man/man1/jit.1",
    "share/zsh/site-functions/_jit",
];

/// A home with a cargo of that version, which has built `jit` before.
fn home(version: &str) -> Home {
    let home = Home::new();
    let built = home.path("target/release/jit");
    fs::create_dir_all(built.parent().unwrap()).unwrap();
    copy_jit(&built);
    let target = home.path("target");
    home.tool(
        "cargo",
        &format!(
            "case $1 in\n--version) echo 'cargo {version} (0 2026-01-01)' ;;\n\
             metadata) echo '{{\"packages\":[],\"target_directory\":\"{}\",\"version\":1}}' ;;\n\
             rustc) echo \"$*\" >> \"$HOME/built\" ;;\n*) exit 9 ;;\nesac",
            target.display()
        ),
    );
    home
}

fn install(home: &Home, arguments: &[&str]) -> Ran {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    let mut command = home.command(&script);
    command.env("PREFIX", home.path(PREFIX)).args(arguments);
    run(&mut command)
}

fn written(home: &Home) -> Vec<(PathBuf, SystemTime)> {
    let files = INSTALLED.map(|name| home.path(PREFIX).join(name));
    let written_at = |file: PathBuf| {
        let at = file.metadata().unwrap().modified().unwrap();
        (file, at)
    };
    files.map(written_at).into()
}

#[test]
fn what_it_installs_runs_is_put_once_and_goes_again() {
    let home = home("1.99.0");
    let first = install(&home, &[]);
    assert_eq!((first.code, first.stdout.as_str()), (0, ""), "{first:?}");
    let jit = home.path(PREFIX).join("bin/jit");
    for said in [
        format!("jit: installed {}\n", jit.display()),
        format!("jit: ready: {}\n", jit.display()),
        "is not in your PATH; add it: export PATH=".to_owned(),
    ] {
        assert!(first.stderr.contains(&said), "{said}: {first:?}");
    }
    let version = run(home.command(&jit).arg("--version"));
    assert_eq!(
        version.stdout,
        format!("jit {}\n", env!("CARGO_PKG_VERSION"))
    );
    let build = fs::read_to_string(home.path("built")).unwrap();
    assert!(build.contains("--release --locked --bin jit"), "{build}");

    // zsh is told where to look by its user, and no longer once it knows.
    home.tool("zsh", "exit 0");
    let functions = home.path(PREFIX).join("share/zsh/site-functions");
    let line = format!("fpath=('{}' $fpath)", functions.display());
    assert!(install(&home, &[]).stderr.contains(&line), "{line}");
    home.write(
        ".zshrc",
        &format!("{line}\nautoload -Uz compinit && compinit\n"),
    );

    let before = written(&home);
    let second = install(&home, &[]);
    assert_eq!(second.code, 0, "{second:?}");
    assert!(!second.stderr.contains("jit: installed"), "{second:?}");
    assert!(!second.stderr.contains("fpath"), "{second:?}");
    assert_eq!(written(&home), before, "a second run writes nothing anew");

    // What somebody else put beside it stays.
    let theirs = home.write(
        &format!("{PREFIX}/share/zsh/site-functions/_theirs"),
        "#compdef theirs\n",
    );
    let gone = install(&home, &["--uninstall"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    assert!(
        INSTALLED
            .iter()
            .all(|name| !home.path(PREFIX).join(name).exists())
    );
    assert!(
        !home.path(PREFIX).join("bin").exists(),
        "nor its directories"
    );
    assert!(theirs.exists());
    let again = install(&home, &["--uninstall"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(
        again.stderr.starts_with("jit: nothing is installed in "),
        "{again:?}"
    );
}

#[test]
fn uninstalling_says_what_stays_in_the_home_and_at_targets() {
    let home = home("1.99.0");
    assert_eq!(install(&home, &[]).code, 0);
    let jit = home.path(PREFIX).join("bin/jit");
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    let removal = ["trust", "ssh/web", "--remove"];
    for args in [&["request", "ssh/web:deploy"][..], &removal] {
        let ran = run(home.command(&jit).args(args));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let gone = install(&home, &["--uninstall"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    for place in ["config", "state", "cache"] {
        let kept = home.path(place).join("jit");
        assert!(kept.exists(), "{place}");
        let said = format!("jit: stays: {}\n", kept.display());
        assert!(gone.stderr.contains(&said), "{said}: {gone:?}");
    }
    let said = "jit trust KIND/NAME --remove";
    assert!(gone.stderr.contains(said), "{gone:?}");
    // Where nothing was ever recorded, nothing is said.
    let empty = self::home("1.99.0");
    assert_eq!(install(&empty, &[]).code, 0);
    let gone = install(&empty, &["--uninstall"]);
    assert!(!gone.stderr.contains("stays"), "{gone:?}");
}

#[test]
fn what_other_tools_call_is_not_taken_from_them() {
    let home = home("1.99.0");
    assert_eq!(install(&home, &[]).code, 0);
    let jit = home.path(PREFIX).join("bin/jit");
    home.write(".bashrc", "alias ll='ls -l'\n");
    let done = run(home.command(&jit).args(["setup", "--anyway"]));
    assert_eq!(done.code, 0, "{done:?}");
    let refused = install(&home, &["--uninstall"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let undo = format!("first run: '{}' setup --undo", jit.display());
    assert!(refused.stderr.contains(&undo), "{refused:?}");
    assert!(jit.exists());
    let undone = run(home.command(&jit).args(["setup", "--undo"]));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(install(&home, &["--uninstall"]).code, 0);
}

#[test]
fn without_the_rust_that_it_needs_it_says_how_to_get_it() {
    let home = home("1.50.0");
    let refused = install(&home, &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .starts_with("jit: cargo 1.50.0 is too old; install Rust "),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("https://rustup.rs"), "{refused:?}");
    assert!(!home.path(PREFIX).exists(), "nothing was put");
    let mistaken = install(&home, &["--frobnicate"]);
    assert_eq!(mistaken.code, 2, "{mistaken:?}");
    assert!(
        mistaken.stderr.contains("unknown argument: --frobnicate"),
        "{mistaken:?}"
    );
}

/// The same in a shell with that umask.
fn install_under(home: &Home, umask: &str, arguments: &[&str]) -> Ran {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
    let mut command = home.command(Path::new("sh"));
    command
        .arg("-c")
        .arg(format!("umask {umask}; exec \"$0\" \"$@\""));
    command.arg(script).args(arguments);
    run(command.env("PREFIX", home.path(PREFIX)))
}

#[test]
fn what_is_installed_is_writable_by_nobody_else_whatever_the_umask() {
    let home = home("1.99.0");
    let done = install_under(&home, "000", &[]);
    assert_eq!(done.code, 0, "{done:?}");
    let list = fs::read_to_string(home.path(PREFIX).join("share/jit/installed")).unwrap();
    assert!(list.contains("/bin/jit\n"), "{list}");
    let own = home.path(PREFIX).join("share/jit/installed");
    for path in list.lines().map(Path::new).chain([own.as_path()]) {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0, "{} {mode:o}", path.display());
    }
    let left = fs::read_dir(home.path(PREFIX).join("bin")).unwrap().count();
    assert_eq!(left, 1, "a temporary file stayed");
}

#[test]
fn uninstalling_removes_nothing_beyond_the_prefix_and_trusts_no_list_of_others() {
    let home = home("1.99.0");
    assert_eq!(install(&home, &[]).code, 0);
    let theirs = home.write("theirs", "precious\n");
    let list = home.path(PREFIX).join("share/jit/installed");
    let before = fs::read_to_string(&list).unwrap();
    let prefix = home.path(PREFIX).display().to_string();
    for planted in [
        theirs.display().to_string(),
        format!("{prefix}/../theirs"),
        format!("{prefix}/bin/../../theirs"),
        "theirs".to_owned(),
    ] {
        fs::write(&list, format!("{before}{planted}\n")).unwrap();
        let refused = install(&home, &["--uninstall"]);
        assert_eq!(refused.code, 1, "{planted}: {refused:?}");
        assert!(refused.stderr.contains("is not below"), "{refused:?}");
        assert!(theirs.exists() && home.path(PREFIX).join("bin/jit").exists());
    }
    fs::write(&list, &before).unwrap();
    fs::set_permissions(&list, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = install(&home, &["--uninstall"]);
    assert!(
        refused.stderr.contains("can be written by others"),
        "{refused:?}"
    );
    fs::set_permissions(&list, fs::Permissions::from_mode(0o644)).unwrap();
    let gone = run(home
        .command(&Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh"))
        .args(["--uninstall", "--prefix", &format!("{prefix}//")]));
    assert_eq!(gone.code, 0, "{gone:?}");
    assert!(!home.path(PREFIX).exists());
}
