//! `jit demo` as a newcomer runs it: to its end, without some program, and cut short by Ctrl-C.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::support::{
    home::{Home, run},
    skip::skip,
    until,
    whereabouts::program,
};

/// A home with files of a user's own, and where temporary files go, which servers can reach as `/tmp`.
struct Stage {
    home: Home,
    temporary: TempDir,
}

type Snapshot = Vec<(PathBuf, Vec<u8>, SystemTime)>;

impl Stage {
    fn new() -> Option<Self> {
        for name in ["ssh", "sshd", "psql", "initdb"] {
            if program(name, None).is_none() {
                skip(&format!("{name} is not installed"));
                return None;
            }
        }
        let stage = Self {
            home: Home::new(),
            temporary: TempDir::new().unwrap(),
        };
        fs::set_permissions(stage.temporary.path(), Permissions::from_mode(0o1777)).unwrap();
        stage
            .home
            .write(".ssh/config", "Host *\n  ProxyCommand false\n");
        stage.home.write(".ssh/known_hosts", "# mine\n");
        stage.home.write(".psqlrc", "\\echo mine\n");
        stage
            .home
            .configure("authority.toml", "this is not for the demo\n");
        Some(stage)
    }

    fn demo(&self) -> Command {
        let mut command = self.home.jit(["demo"]);
        command.env("TMPDIR", self.temporary.path());
        command
    }

    /// Every file of the home, and each directory by its name.
    fn snapshot(&self) -> Snapshot {
        let mut found = Vec::new();
        let mut waiting = vec![self.home.path("")];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let written_at = path.symlink_metadata().unwrap().modified().unwrap();
                let bytes = fs::read(&path).unwrap_or_default();
                if path.is_dir() {
                    waiting.push(path.clone());
                }
                found.push((path, bytes, written_at));
            }
        }
        found.sort();
        found
    }

    /// No directory and no process of a sandbox stays, and the user's own files are as they were.
    fn is_clean(&self, before: &Snapshot) {
        until("the last process of the sandbox to end", || {
            processes(self.temporary.path()).is_empty().then_some(())
        });
        let left: Vec<_> = fs::read_dir(self.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(&self.snapshot(), before);
    }
}

/// The command lines that name a directory, of all processes.
fn processes(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(directory))
        .collect()
}

#[test]
fn it_tells_the_whole_story_in_under_a_minute() {
    let Some(stage) = Stage::new() else { return };
    let before = stage.snapshot();
    let began = Instant::now();
    let told = run(&mut stage.demo());
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:?}");
    assert!(
        began.elapsed() < Duration::from_mins(1),
        "{:?}",
        began.elapsed()
    );
    for line in [
        "  sshd runs on 127.0.0.1\n",
        "  PostgreSQL runs on 127.0.0.1\n",
        "\n1. Routine: ",
        "a kite",
        "\n2. Again: ",
        "\n3. Sensitive: ",
        "   jit: postgres/orders:owner needs somebody else's approval",
        "\n4. Who had what",
        "   the ledger is whole: 5 entries",
        "For your own systems: jit init\n",
    ] {
        assert!(
            told.stdout.contains(line),
            "{line:?} is missing in\n{}",
            told.stdout
        );
    }
    stage.is_clean(&before);
}

/// A PATH on which only these programs are.
fn path_of(stage: &Stage, names: &[&str]) -> PathBuf {
    let directory = TempDir::new_in(stage.home.path("run")).unwrap().keep();
    for name in names {
        symlink(program(name, None).unwrap(), directory.join(name)).unwrap();
    }
    directory
}

#[test]
fn it_says_what_it_left_out_and_which_package_brings_it() {
    let Some(stage) = Stage::new() else { return };
    let path = path_of(&stage, &["psql", "setpriv", "sh"]);
    let before = stage.snapshot();
    let told = run(stage.demo().env("PATH", path));
    assert_eq!(told.code, 0, "{told:?}");
    for line in [
        "  sshd is left out: ssh is not installed (Debian: apt-get install openssh-client)\n",
        "  PostgreSQL runs on 127.0.0.1\n",
        "   the ledger is whole: 3 entries",
    ] {
        assert!(
            told.stdout.contains(line),
            "{line:?} is missing in\n{}",
            told.stdout
        );
    }
    stage.is_clean(&before);
}

#[test]
fn with_nothing_to_show_it_names_both_packages_and_fails() {
    let Some(stage) = Stage::new() else { return };
    let path = path_of(&stage, &[]);
    let before = stage.snapshot();
    let told = run(stage.demo().env("PATH", path));
    assert_eq!(told.code, 127, "{told:?}");
    assert!(
        told.stdout.contains("apt-get install openssh-client"),
        "{told:?}"
    );
    assert!(
        told.stdout.contains("apt-get install postgresql-client"),
        "{told:?}"
    );
    assert_eq!(
        told.stderr,
        "jit: ssh is not installed\nhint: Debian: apt-get install openssh-client\n"
    );
    stage.is_clean(&before);
}

/// Ctrl-C reaches the whole group, as a terminal sends it: at the start, between servers, in a step.
#[test]
fn it_cleans_up_after_ctrl_c_too() {
    let Some(stage) = Stage::new() else { return };
    let before = stage.snapshot();
    for moment in ["jit demo:", "PostgreSQL runs", "2. Again", "$ jit audit"] {
        let mut demo = stage
            .demo()
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(moment)), "{moment}");
        kill_process_group(Pid::from_child(&demo), Signal::INT).unwrap();
        let began = Instant::now();
        drop(lines);
        let ended = demo.wait().unwrap();
        assert!(!ended.success(), "{moment}: {ended}");
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{moment}: {:?}",
            began.elapsed()
        );
        stage.is_clean(&before);
    }
}
