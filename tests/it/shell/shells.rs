//! The three shells, each on a terminal in a home where `jit setup shell` has been run.

use std::{fs, path::Path};

use crate::support::{
    home::{Home, run},
    pty::Pty,
    skip::skip,
    whereabouts::program,
};

/// A shell, and what the tests say in its own words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shell {
    pub(super) name: &'static str,
    /// Its rc file, below the home.
    pub(super) rc: &'static str,
    /// What it calls the last status.
    pub(super) status: &'static str,
    /// An rc file whose prompt shows the last status: `st-0> `.
    pub(super) prompt: &'static str,
    /// Flags that make it quick and sure on a terminal that is none.
    flags: &'static str,
}

pub(super) const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        rc: ".bashrc",
        status: "$?",
        prompt: "PS1='st-$?> '\n",
        flags: "-i",
    },
    Shell {
        name: "zsh",
        rc: ".zshrc",
        status: "$?",
        prompt: "unsetopt prompt_cr prompt_sp\nPROMPT='st-%?> '\n",
        flags: "-i -d",
    },
    Shell {
        name: "fish",
        rc: "config/fish/config.fish",
        status: "$status",
        prompt: "function fish_prompt; printf 'st-%s> ' $status; end\nset -g fish_greeting\n",
        flags: "-i",
    },
];

impl Shell {
    /// Whether it is installed; else the test is skipped.
    pub(super) fn is_there(&self) -> bool {
        let there = program(self.name, None).is_some();
        if !there {
            skip(&format!("{0} is missing (Debian: {0})", self.name));
        }
        there
    }

    /// Adds to the rc file, before the block of setup, as far as this shell has one.
    pub(super) fn configure(&self, home: &Home, text: &str) {
        let file = home.path(self.rc);
        let before = fs::read_to_string(&file).unwrap_or_default();
        home.write(self.rc, &format!("{before}{text}\n"));
    }

    /// The file that setup made for it.
    pub(super) fn script(&self, home: &Home) -> String {
        fs::read_to_string(home.path(&format!("state/jit/setup/jit.{}", self.name))).unwrap()
    }

    /// An interactive one.
    pub(super) fn open(&self, home: &Home) -> Pty {
        self.open_under(home, "")
    }

    /// An interactive one, run by another program.
    pub(super) fn open_under(&self, home: &Home, wrapper: &str) -> Pty {
        let line = format!("stty cols 200; {wrapper} {} {}", self.name, self.flags);
        let pty = Pty::run(home, &line);
        pty.wait_for("st-0> ");
        pty
    }
}

/// Sets up every shell in that home, whose rc files then exist.
pub(super) fn set_up(home: &Home) {
    for shell in SHELLS {
        shell.configure(home, shell.prompt);
    }
    // Else fish reads all manual pages of the machine, behind one's back.
    fs::create_dir_all(home.path("data/fish/generated_completions")).unwrap();
    let ran = run(&mut home.jit(["setup", "shell"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
}

/// Has the scripts call jit through this link, which a test can take away.
pub(super) fn link_to_jit(home: &Home) -> std::path::PathBuf {
    let link = home.path("bin/linked-jit");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_jit"), &link).unwrap();
    for shell in SHELLS {
        let text = shell.script(home);
        let own = fs::canonicalize(env!("CARGO_BIN_EXE_jit")).unwrap();
        let changed = text.replace(own.to_str().unwrap(), link.to_str().unwrap());
        assert_ne!(text, changed);
        home.write(&format!("state/jit/setup/jit.{}", shell.name), &changed);
    }
    link
}

/// Types a line, and waits until the shell has shown what comes of it.
pub(super) fn says(pty: &mut Pty, line: &str, answer: &str) {
    let before = pty.shown().len();
    pty.type_in(&format!("{line}\n"));
    pty.wait_behind(before, answer);
}

/// Whether there is a file.
pub(super) fn exists(home: &Home, name: &str) -> bool {
    Path::new(&home.path(name)).exists()
}
