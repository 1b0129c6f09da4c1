//! The remote of a git command, resolved by git itself.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use super::{call::Call, destination::Destination};
use crate::{
    domain::failure::{Failure, Result},
    platform::{process, shell_words},
    tools::getopt::{self, Grammar},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// git's own options, before the subcommand (`git(1)`).
const GLOBAL: Grammar = Grammar {
    short: "C:c:p",
    long: &[
        ("config-env", ' ', true),
        ("git-dir", ' ', true),
        ("namespace", ' ', true),
        ("super-prefix", ' ', true),
        ("work-tree", ' ', true),
    ],
    permutes: false,
};

/// The letters of a subcommand that take a value; `None` where no remote can be told.
fn letters(subcommand: &str) -> Option<&'static str> {
    match subcommand {
        "clone" => Some("b:c:j:o:u:"),
        "fetch" => Some("j:o:"),
        "ls-remote" | "push" => Some("o:"),
        "pull" => Some("j:o:s:X:"),
        _ => None,
    }
}

/// Their long options that take a value as a word of its own.
const LONG: [(&str, char, bool); 26] = [
    ("branch", ' ', true),
    ("bundle-uri", ' ', true),
    ("config", ' ', true),
    ("deepen", ' ', true),
    ("depth", ' ', true),
    ("exec", ' ', true),
    ("filter", ' ', true),
    ("jobs", ' ', true),
    ("negotiation-tip", ' ', true),
    ("origin", ' ', true),
    ("push-option", ' ', true),
    ("receive-pack", ' ', true),
    ("reference", ' ', true),
    ("refmap", ' ', true),
    ("repo", 'R', true),
    ("separate-git-dir", ' ', true),
    ("server-option", ' ', true),
    ("shallow-exclude", ' ', true),
    ("shallow-since", ' ', true),
    ("sort", ' ', true),
    ("strategy", ' ', true),
    ("strategy-option", ' ', true),
    ("template", ' ', true),
    ("upload-pack", ' ', true),
    // So that they are not taken for shortened names of those above.
    ("all", 'A', false),
    ("multiple", 'A', false),
];

/// A git command line, split at its subcommand.
#[derive(Debug)]
struct Command<'a> {
    /// What stands before it and says in which repository git runs.
    global: &'a [OsString],
    subcommand: &'a str,
    rest: &'a [OsString],
}

fn split(arguments: &[OsString]) -> Option<Command<'_>> {
    let (place, subcommand) = *getopt::read(&GLOBAL, arguments).words.first()?;
    Some(Command {
        global: arguments.get(..place)?,
        subcommand: subcommand.to_str()?,
        rest: arguments.get(place + 1..)?,
    })
}

/// Where git logs in.
///
/// # Errors
/// Usage: the subcommand reaches no remote that can be told, or one that is not reached over ssh.
pub fn read(git: &Path, arguments: &[OsString]) -> Result<Call> {
    let shown = || {
        let words: Vec<_> = arguments
            .iter()
            .take(3)
            .map(|word| word.to_string_lossy())
            .collect();
        format!("git {}", words.join(" "))
    };
    let unclear = || {
        Failure::usage(format!(
            "jit cannot tell which remote {:?} reaches",
            shown()
        ))
        .hint("name its resource: jit exec --on ssh/NAME -- git …")
        .stranger()
    };
    let resolved = without_alias(git, arguments);
    let command = split(resolved.as_deref().unwrap_or(arguments)).ok_or_else(unclear)?;
    let grammar = Grammar {
        short: letters(command.subcommand).ok_or_else(unclear)?,
        long: &LONG,
        permutes: true,
    };
    let line = getopt::read(&grammar, command.rest);
    let named = line.last('R').map(|value| value.text);
    let named = line.words.first().map(|(_, word)| *word).or(named);
    let url = match command.subcommand {
        "push" => push_url(git, &command, named)?,
        _ if line.has('A') => return Err(unclear()),
        _ => url(git, &command, named)?,
    };
    let Some(destination) = Destination::of_git(&url)? else {
        let scheme = url.split("://").next().filter(|s| s.len() < url.len());
        let scheme = scheme.unwrap_or("a local path");
        return Err(
            Failure::usage(format!("{:?} goes over {scheme}, not ssh", shown()))
                .hint("jit gives access over ssh: git remote set-url NAME git@host:path")
                .stranger(),
        );
    };
    Ok(Call {
        destinations: vec![destination],
        ..Call::default()
    })
}

/// No chain of aliases is longer.
const LONGEST: usize = 8;

/// The arguments with git's own aliases replaced, where the subcommand is one (`alias.*` in `git-config(1)`).
/// One that is a shell's command stays, since nobody can tell what it does.
fn without_alias(git: &Path, arguments: &[OsString]) -> Option<Vec<OsString>> {
    let mut resolved: Option<Vec<OsString>> = None;
    for _ in 0..LONGEST {
        let current = resolved.as_deref().unwrap_or(arguments);
        let command = split(current)?;
        if letters(command.subcommand).is_some() {
            return resolved;
        }
        let key = format!("alias.{}", command.subcommand);
        let words: [&OsStr; 3] = ["config".as_ref(), "--get".as_ref(), key.as_ref()];
        let value = ask(git, &command, words.into_iter()).ok()?;
        let is_alias = !value.is_empty() && !value.starts_with('!');
        let words = shell_words::split(&value).filter(|_| is_alias)?;
        if is_own_command(git, command.subcommand) {
            return resolved;
        }
        let words = words.into_iter().map(OsString::from);
        let rest = command.rest.iter().cloned();
        resolved = Some(
            command
                .global
                .iter()
                .cloned()
                .chain(words)
                .chain(rest)
                .collect(),
        );
    }
    None
}

/// Whether it is one of git's own commands, of whose names git takes no alias.
fn is_own_command(git: &Path, subcommand: &str) -> bool {
    let listed = process::ask(git, &["--list-cmds=builtins".into()], PATIENCE);
    let listed = listed.unwrap_or_default();
    String::from_utf8_lossy(&listed)
        .lines()
        .any(|name| name == subcommand)
}

/// The URL of a remote (or a URL), as git rewrites it; the current branch's where none is named.
fn url(git: &Path, command: &Command<'_>, named: Option<&OsStr>) -> Result<String> {
    let words: [&OsStr; 3] = ["ls-remote".as_ref(), "--get-url".as_ref(), "--".as_ref()];
    let words = words.into_iter().chain(named);
    ask(git, command, words).map_err(|failure| Failure {
        hint: "check the remote's name: git remote -v".to_owned(),
        ..failure
    })
}

/// The URL that git pushes to, which may be another.
fn push_url(git: &Path, command: &Command<'_>, named: Option<&OsStr>) -> Result<String> {
    let words = |all: &[&str]| all.iter().map(OsString::from).collect::<Vec<_>>();
    let run = |all: Vec<OsString>| {
        let answer = ask(git, command, all.iter().map(OsString::as_os_str));
        answer.ok().filter(|text| !text.is_empty())
    };
    let remote = named.map(OsStr::to_owned).or_else(|| {
        let branch = run(words(&["symbolic-ref", "-q", "HEAD"]))?;
        run(words(&[
            "for-each-ref",
            "--format=%(push:remotename)",
            &branch,
        ]))
        .map(OsString::from)
    });
    let known = remote.as_ref().and_then(|remote| {
        let mut all = words(&["remote", "get-url", "--push", "--"]);
        all.push(remote.clone());
        run(all)
    });
    known.map_or_else(|| url(git, command, remote.as_deref()), Ok)
}

/// One line of what git answers in the command's repository.
fn ask<'a>(
    git: &Path,
    command: &Command<'_>,
    words: impl Iterator<Item = &'a OsStr>,
) -> Result<String> {
    let global = command.global.iter().cloned();
    let arguments: Vec<OsString> = global.chain(words.map(OsStr::to_owned)).collect();
    let answer = process::ask(git, &arguments, PATIENCE)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The repository's `core.sshCommand`, where it has one.
pub fn ssh_command(git: &Path, arguments: &[OsString]) -> Option<String> {
    let command = split(arguments)?;
    let words: [&OsStr; 3] = [
        "config".as_ref(),
        "--get".as_ref(),
        "core.sshCommand".as_ref(),
    ];
    ask(git, &command, words.into_iter()).ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;

    fn git(directory: &Path, words: &str) {
        let done = Process::new("git")
            .arg("-C")
            .arg(directory)
            .args(words.split(' '))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(done.unwrap().success(), "git {words}");
    }

    #[test]
    fn the_remote_is_the_one_that_git_would_reach() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        git(path, "init -q -b main");
        git(path, "remote add origin git@web:org/repo");
        git(path, "remote add mirror https://web/repo");
        git(path, "remote add both fetch@web:repo");
        git(path, "remote set-url --push both push@web:repo");
        git(path, "config url.ssh://me@short/.insteadOf s:");
        git(path, "config alias.up pull");
        git(path, "config alias.again up");
        git(path, "config alias.away !git");
        git(path, "config alias.status fetch");
        let program = Path::new("git");
        for (words, read_as) in [
            ("fetch", "git@web"),
            ("pull --rebase origin main", "git@web"),
            ("push", "git@web"),
            ("push -u both main", "push@web"),
            ("fetch both", "fetch@web"),
            ("clone -b x s:repo", "me@short"),
            ("ls-remote ssh://a@b:22/c", "a@b"),
            ("fetch mirror", "goes over https, not ssh"),
            ("up --rebase", "git@web"),
            ("again", "git@web"),
            ("away fetch", "cannot tell which remote"),
            ("fetch --all", "cannot tell which remote"),
            ("status", "cannot tell which remote"),
            ("clone ssh://-oProxyCommand=id/x", "is no destination"),
        ] {
            let mut arguments = vec!["-C".into(), path.as_os_str().to_owned()];
            arguments.extend(words.split(' ').map(OsString::from));
            match read(program, &arguments) {
                Ok(call) => assert_eq!(call.destinations[0].word(), read_as, "{words}"),
                Err(failure) => assert!(failure.message.contains(read_as), "{words}: {failure:?}"),
            }
        }
    }
}
