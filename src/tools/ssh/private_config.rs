//! A configuration of ssh for one command: our options for our hosts, and behind them what the user has.
//!
//! ssh hands it to the ssh that jumps, and a tool that logs in to several hosts shows our certificate to
//! ours alone.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::passwd,
};

/// The configuration of the whole system, which ssh does not read beside one that it is given.
const SYSTEM: &str = "/etc/ssh/ssh_config";

/// Our options for some hosts.
#[derive(Debug)]
pub struct Entry {
    /// Patterns of `Host`.
    pub hosts: Vec<String>,
    /// `Keyword=value` each.
    pub options: Vec<String>,
}

/// The text of the file; `own` is the configuration that the user names for the command, if any.
///
/// # Errors
/// Usage: ssh would read the path of that file as more than a path.
pub fn text(entries: &[Entry], own: Option<&OsStr>, environment: &Environment) -> Result<String> {
    let mut text = String::new();
    for entry in entries {
        let hosts = entry.hosts.iter().map(String::as_str);
        let hosts: Vec<&str> = hosts.filter(|host| is_pattern(host)).collect();
        if hosts.is_empty() {
            continue;
        }
        let _ = writeln!(text, "Host {}", hosts.join(" "));
        for option in &entry.options {
            let (keyword, value) = option.split_once('=').unwrap_or((option, ""));
            let _ = writeln!(text, "    {keyword} {value}");
        }
    }
    let _ = writeln!(text, "Match all");
    for file in included(own, environment) {
        let _ = writeln!(text, "    Include \"{}\"", plain(&file)?);
    }
    Ok(text)
}

/// What ssh reads for the command without us.
fn included(own: Option<&OsStr>, environment: &Environment) -> Vec<PathBuf> {
    match own {
        Some(none) if none == "none" => Vec::new(),
        Some(file) => vec![environment.directory.join(file)],
        None => {
            let home = passwd::home().or_else(|| environment.home.clone());
            let user = home.map(|home| home.join(".ssh/config"));
            user.into_iter().chain([PathBuf::from(SYSTEM)]).collect()
        }
    }
}

/// Whether ssh reads a host as the pattern that it is and as nothing else.
fn is_pattern(host: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "._-:%*?!".contains(c);
    !host.is_empty() && host.chars().all(is_plain)
}

fn plain(file: &Path) -> Result<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || " /._-+@,=:~".contains(c);
    let text = file.to_str().filter(|text| text.chars().all(is_plain));
    text.ok_or_else(|| {
        Failure::usage(format!(
            "ssh would read {:?} as more than a path",
            file.display()
        ))
        .hint("move the configuration to a path of letters, digits and spaces")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_options_are_for_our_hosts_and_the_users_configuration_follows() {
        let environment = Environment {
            directory: "/work".into(),
            ..Environment::default()
        };
        let entries = [
            Entry {
                hosts: vec!["web".into(), "a b".into(), "*.internal".into()],
                options: vec!["User=deploy".into(), "KnownHostsCommand=\"/j\" x=y".into()],
            },
            Entry {
                hosts: vec!["#".into()],
                options: vec!["User=root".into()],
            },
        ];
        let text = text(&entries, Some(OsStr::new("my config")), &environment).unwrap();
        insta::assert_snapshot!(text, @r#"
        Host web *.internal
            User deploy
            KnownHostsCommand "/j" x=y
        Match all
            Include "/work/my config"
        "#);
    }

    #[test]
    fn a_path_that_ssh_would_expand_is_refused() {
        for file in ["a*b", "a\"b", "a%h", "a\nb", "a?b"] {
            let failure = text(&[], Some(OsStr::new(file)), &Environment::default()).unwrap_err();
            assert!(failure.hint.starts_with("move"), "{file}");
        }
    }
}
