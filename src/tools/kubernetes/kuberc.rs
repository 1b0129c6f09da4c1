//! kubectl's own preferences (kuberc): the aliases and the defaults that its user has.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{argv::Arguments, kubeconfig, subcommands::innermost, verbs};
use crate::{
    domain::{environment::Environment, failure::Result},
    tools::task::Task,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Preferences {
    aliases: Option<Vec<Alias>>,
    /// `overrides` until v1alpha1.
    #[serde(alias = "overrides")]
    defaults: Option<Vec<Defaults>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Alias {
    name: String,
    command: String,
    prepend_args: Option<Vec<String>>,
    append_args: Option<Vec<String>>,
    /// `flags` until v1alpha1.
    #[serde(alias = "flags")]
    options: Option<Vec<Flag>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Flag {
    name: String,
    default: String,
}

/// Options that a command has where its user gives others none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Defaults {
    command: String,
    /// `flags` until v1alpha1.
    #[serde(alias = "flags")]
    options: Option<Vec<Flag>>,
}

/// The arguments that kubectl makes of these: what an alias stands for, or the options that are the
/// command's defaults. kubectl gives an alias none of the defaults of its command.
///
/// # Errors
/// The kuberc cannot be read as YAML, and kubectl would not do without it: it was named, or the verb may be
/// an alias in it.
pub(super) fn resolved(task: &Task<'_>) -> Result<Vec<OsString>> {
    let arguments = task.arguments();
    let read = Arguments::read(arguments);
    let Some(place) = place(task.environment, &read) else {
        return Ok(arguments.to_vec());
    };
    let first = arguments.iter().position(|argument| is_word(argument));
    // An alias is the first argument that is no flag, be it the value of one: kubectl's own rule.
    let word = first.and_then(|at| Some((at, arguments.get(at)?.to_str()?)));
    let strange = word.filter(|(_, word)| !verbs::is_builtin(word));
    let preferences = match preferences(&place.file) {
        Err(_) if strange.is_none() && !place.is_named => Preferences::default(),
        read => read?,
    };
    if let Some((at, name)) = strange {
        let mut aliases = preferences.aliases.into_iter().flatten();
        if let Some(alias) = aliases.find(|alias| alias.name == name) {
            return Ok(alias.put(arguments, at));
        }
    }
    let command = innermost(read.words.iter().map(String::as_str));
    let defaults = preferences.defaults.into_iter().flatten();
    let of_command = defaults.filter(|defaults| {
        command.is_some() && innermost(defaults.command.split_whitespace()) == command
    });
    let options: Vec<Flag> = of_command
        .flat_map(|defaults| defaults.options.unwrap_or_default())
        .collect();
    let mut all = ungiven(&options, arguments);
    all.extend(arguments.iter().cloned());
    Ok(all)
}

/// The options that the arguments do not have; in front of them, so that what the user gave counts.
fn ungiven(options: &[Flag], arguments: &[OsString]) -> Vec<OsString> {
    let is_given = |flag: &&Flag| {
        let long = format!("--{}", flag.name);
        let mut given = arguments.iter().map(|argument| argument.to_string_lossy());
        given.any(|given| given == long || given.starts_with(&format!("{long}=")))
    };
    let wanted = options.iter().filter(|flag| !is_given(flag));
    wanted
        .map(|flag| format!("--{}={}", flag.name, flag.default).into())
        .collect()
}

fn is_word(argument: &OsStr) -> bool {
    !argument.as_encoded_bytes().starts_with(b"-")
}

impl Alias {
    /// The arguments with what the alias at `at` stands for.
    fn put(self, arguments: &[OsString], at: usize) -> Vec<OsString> {
        let mut all = ungiven(&self.options.unwrap_or_default(), arguments);
        let before = arguments.get(..at).unwrap_or_default();
        let behind = arguments.get(at + 1..).unwrap_or_default();
        all.extend(before.iter().cloned());
        all.extend(self.command.split_whitespace().map(OsString::from));
        all.extend(self.prepend_args.into_iter().flatten().map(OsString::from));
        all.extend(behind.iter().cloned());
        all.extend(self.append_args.into_iter().flatten().map(OsString::from));
        all
    }
}

/// A file of preferences, and whether somebody named it: kubectl fails where it cannot read that one.
struct Place {
    file: PathBuf,
    is_named: bool,
}

/// The file that kubectl reads; none where a variable switches it off.
fn place(environment: &Environment, arguments: &Arguments) -> Option<Place> {
    let is_off = |name: &str, off: &str| environment.text(name) == Some(off);
    let named = arguments.value("kuberc").map(OsStr::new);
    if is_off("KUBECTL_KUBERC", "false") || (named.is_none() && is_off("KUBERC", "off")) {
        return None;
    }
    match named.or_else(|| environment.value("KUBERC")) {
        Some(named) => Some(Place {
            file: environment.directory.join(named),
            is_named: true,
        }),
        None => environment.in_home(".kube/kuberc").map(|file| Place {
            file,
            is_named: false,
        }),
    }
}

fn preferences(file: &Path) -> Result<Preferences> {
    match kubeconfig::text(file)? {
        Some(text) => kubeconfig::parse(file, &text),
        None => Ok(Preferences::default()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{domain::catalogue::Catalogue, platform::files};

    const KUBERC: &str = "\
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
aliases:
- {name: getn, command: get, prependArgs: [namespace], options: [{name: output, default: json}]}
- {name: undo, command: rollout undo, appendArgs: [--, last]}
- {name: old, command: delete, flags: [{name: now, default: 'true'}]}
- {name: get, command: delete}
";

    fn resolve(text: &str, line: &str) -> Result<String> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".kube")).unwrap();
        files::write_public(&home.path().join(".kube/kuberc"), text.as_bytes()).unwrap();
        let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let resolved = resolved(&Task {
            command: &command,
            on: None,
            role: None,
            catalogue: &Catalogue::default(),
            environment: &Environment {
                home: Some(home.path().to_owned()),
                directory: home.path().to_owned(),
                ..Environment::default()
            },
        })?;
        Ok(resolved.join(OsStr::new(" ")).into_string().unwrap())
    }

    #[test]
    fn an_alias_is_what_kubectl_makes_of_it() {
        for (line, wanted) in [
            ("kubectl getn x", "--output=json get namespace x"),
            ("kubectl getn --output yaml", "get namespace --output yaml"),
            (
                "kubectl --context=a getn",
                "--output=json --context=a get namespace",
            ),
            ("kubectl undo deploy/x", "rollout undo deploy/x -- last"),
            ("kubectl old pod x", "--now=true delete pod x"),
            // A verb of kubectl's own is never an alias, nor is what stands behind a flag's value.
            ("kubectl get pods", "get pods"),
            ("kubectl --context a getn", "--context a getn"),
            ("kubectl other", "other"),
        ] {
            assert_eq!(resolve(KUBERC, line).unwrap(), wanted, "{line}");
        }
    }

    #[test]
    fn defaults_are_put_in_front_of_a_command_that_does_not_have_them() {
        let rc = "\
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
defaults:
- {command: get, options: [{name: context, default: prod}, {name: output, default: wide}]}
- {command: set image, options: [{name: dry-run, default: server}]}
- {command: create, options: [{name: validate, default: strict}]}
aliases:
- {name: getn, command: get}
";
        for (line, wanted) in [
            ("kubectl get x", "--context=prod --output=wide get x"),
            (
                "kubectl --context a get x",
                "--output=wide --context a get x",
            ),
            (
                "kubectl get x --output=json",
                "--context=prod get x --output=json",
            ),
            (
                "kubectl set image deploy/x a=b",
                "--dry-run=server set image deploy/x a=b",
            ),
            ("kubectl set env deploy/x a=b", "set env deploy/x a=b"),
            ("kubectl create -f x", "--validate=strict create -f x"),
            ("kubectl create cm x", "create cm x"),
            ("kubectl getn x", "get x"),
            ("kubectl delete x", "delete x"),
        ] {
            assert_eq!(resolve(rc, line).unwrap(), wanted, "{line}");
            let before = rc
                .replace("defaults:", "overrides:")
                .replace("options:", "flags:");
            assert_eq!(resolve(&before, line).unwrap(), wanted, "{line}");
        }
        // A file that was named is one that kubectl does not do without.
        assert!(resolve("aliases: [", "kubectl --kuberc=.kube/kuberc get x").is_err());
    }

    #[test]
    fn only_an_unknown_verb_needs_a_kuberc_that_can_be_read() {
        assert_eq!(resolve("aliases: [", "kubectl get x").unwrap(), "get x");
        assert!(resolve("aliases: [", "kubectl getn x").is_err());
    }
}
