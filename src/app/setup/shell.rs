//! `jit setup shell`: a script for each shell, which its rc file sources; no process runs for it.

use std::{
    iter::once,
    path::{Path, PathBuf},
};

use super::{
    block::{self, Place},
    edit::Edit,
    ground::{Ground, Plan},
};
use crate::{
    domain::failure::{Failure, Result},
    platform::process,
};

const KIND: &str = "shell";

/// A shell that has a script of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("shell/jit.bash"),
            Self::Zsh => include_str!("shell/jit.zsh"),
            Self::Fish => include_str!("shell/jit.fish"),
        }
    }

    /// A word that the shell reads as that text.
    fn quoted(self, text: &str) -> String {
        let inner = match self {
            Self::Bash | Self::Zsh => text.replace('\'', r"'\''"),
            Self::Fish => text.replace('\\', r"\\").replace('\'', r"\'"),
        };
        format!("'{inner}'")
    }

    /// The line of the rc file. It ends as a comment, so that a carriage return behind it, as the
    /// file's other lines may have one, is no part of a word.
    fn sources(self, script: &str) -> String {
        let script = self.quoted(script);
        match self {
            Self::Bash | Self::Zsh => format!("if [ -r {script} ]; then . {script}; fi #"),
            Self::Fish => format!("if test -r {script}; source {script}; end #"),
        }
    }

    /// The files that the shell reads at its start: the one to write first, then one that an earlier
    /// setup may have written.
    fn rc_files(self, ground: &Ground<'_>) -> Result<Vec<PathBuf>> {
        let elsewhere = |variable: &str| {
            let path = ground.environment().value(variable).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let (own, below, file) = match self {
            Self::Bash => (None, "", ".bashrc"),
            Self::Zsh => (elsewhere("ZDOTDIR"), "", ".zshrc"),
            Self::Fish => (
                elsewhere("XDG_CONFIG_HOME"),
                ".config",
                "fish/conf.d/jit.fish",
            ),
        };
        let usual = ground.in_home(below)?.join(file);
        let named = own.map(|directory| directory.join(file));
        let mut files: Vec<PathBuf> = named.into_iter().chain([usual]).collect();
        files.dedup();
        Ok(files)
    }

    /// Whether this is a shell of the user's: it has been configured, or is the one that they log in
    /// with and is installed.
    fn is_used(self, ground: &Ground<'_>, rc: &Path) -> bool {
        let configured = match self {
            Self::Bash | Self::Zsh => rc.exists(),
            // Its directory: a file of ours in it is the only one that we need.
            Self::Fish => rc.ancestors().nth(2).is_some_and(Path::exists),
        };
        let environment = ground.environment();
        let own = environment.text("SHELL").map(Path::new);
        let is_own = own
            .and_then(Path::file_name)
            .is_some_and(|n| n == self.name());
        configured || is_own && process::find(self.name().as_ref(), environment).is_ok()
    }
}

/// What they should be.
pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    for shell in Shell::ALL {
        let Some(rc) = shell.rc_files(ground)?.into_iter().next() else {
            continue;
        };
        if !shell.is_used(ground, &rc) {
            continue;
        }
        let file = script_file(ground, shell);
        let line = shell.sources(&text(&file)?);
        let script = filled(ground, shell);
        plan.edits.extend(Edit::whole(file, Some(script))?);
        plan.edits
            .extend(Edit::of(rc, |before| sourced(before, line))?);
        plan.notes
            .push(format!("start a new {} to have it", shell.name()));
    }
    if plan.notes.is_empty() {
        let none =
            "neither bash nor zsh nor fish is in use: there is no rc file, and $SHELL is another";
        plan.notes.push(none.to_owned());
    } else if plan.edits.is_empty() {
        plan.notes.clear();
    }
    Ok(plan)
}

/// What they were.
pub(super) fn undo(ground: &Ground<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    for shell in Shell::ALL {
        for rc in shell.rc_files(ground)? {
            plan.edits.extend(Edit::without_blocks(rc, KIND)?);
        }
        plan.edits
            .extend(Edit::whole(script_file(ground, shell), None)?);
    }
    Ok(plan)
}

/// The rc file with the block at its end; one that is there already stays where it is.
fn sourced(before: Option<&str>, line: String) -> Result<Option<String>> {
    let Some(before) = before else {
        return Ok(Some(block::put(None, KIND, Place::End, &[line])));
    };
    let plain = block::take(before, KIND)?;
    if block::is_in(before, KIND) && before.lines().any(|known| known == line) {
        return Ok(Some(before.to_owned()));
    }
    Ok(Some(block::put(
        plain.as_deref(),
        KIND,
        Place::End,
        &[line],
    )))
}

fn script_file(ground: &Ground<'_>, shell: Shell) -> PathBuf {
    ground.own(&format!("jit.{}", shell.name()))
}

fn filled(ground: &Ground<'_>, shell: Shell) -> String {
    let mut words = ground.program.iter().map(|word| shell.quoted(word));
    let program = words.next().unwrap_or_default();
    let options: Vec<String> = once(String::new()).chain(words).collect();
    let script = shell.script().replace(" @OPTIONS@", &options.join(" "));
    script.replace("@JIT@", &program)
}

fn text(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    text.map(str::to_owned).ok_or_else(|| {
        Failure::failed(format!(
            "{} cannot be written into a shell's script",
            path.display()
        ))
        .hint("move it to a path of plain UTF-8 text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_it_is() {
        let hostile = r"/a b/$(id)`'\'x";
        assert_eq!(Shell::Zsh.quoted(hostile), r"'/a b/$(id)`'\''\'\''x'");
        assert_eq!(Shell::Fish.quoted(hostile), r"'/a b/$(id)`\'\\\'x'");
    }

    #[test]
    fn the_block_stays_where_it_is_and_an_older_one_is_replaced() {
        let old = sourced(Some("a\n"), "old".to_owned()).unwrap();
        let written = format!("{}b\n", old.unwrap());
        let same = sourced(Some(&written), "old".to_owned()).unwrap();
        assert_eq!(same.as_deref(), Some(written.as_str()));
        let newer = sourced(Some(&written), "new".to_owned()).unwrap().unwrap();
        assert!(
            newer.starts_with("a\nb\n# >>> jit setup shell >>>\nnew\n"),
            "{newer}"
        );
        let taken = block::take(&newer, KIND).unwrap();
        assert_eq!(taken.as_deref(), Some("a\nb\n"));
        let made = sourced(None, "new".to_owned()).unwrap().unwrap();
        assert_eq!(block::take(&made, KIND).unwrap(), None);
    }
}
