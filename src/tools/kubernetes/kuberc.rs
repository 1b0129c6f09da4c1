//! kubectl's own preferences (kuberc): the aliases that its user has.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{argv::Arguments, kubeconfig, verbs};
use crate::{
    domain::{environment::Environment, failure::Result},
    tools::task::Task,
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Preferences {
    aliases: Option<Vec<Alias>>,
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

/// The arguments that kubectl makes of these, where they begin with an alias.
///
/// # Errors
/// The kuberc cannot be read as YAML, and the verb may be an alias in it.
pub(super) fn resolved(task: &Task<'_>) -> Result<Vec<OsString>> {
    let arguments = task.arguments();
    let first = arguments.iter().position(|argument| is_word(argument));
    // An alias is the first argument that is no flag, be it the value of one: kubectl's own rule.
    let word = first.and_then(|at| Some((at, arguments.get(at)?.to_str()?)));
    let Some((at, name)) = word.filter(|(_, word)| !verbs::is_builtin(word)) else {
        return Ok(arguments.to_vec());
    };
    let aliases = match file(task.environment, &Arguments::read(arguments)) {
        Some(file) => read(&file)?,
        None => Vec::new(),
    };
    let alias = aliases.into_iter().find(|alias| alias.name == name);
    Ok(alias.map_or_else(|| arguments.to_vec(), |alias| alias.put(arguments, at)))
}

fn is_word(argument: &OsStr) -> bool {
    !argument.as_encoded_bytes().starts_with(b"-")
}

impl Alias {
    /// The arguments with what the alias at `at` stands for.
    fn put(self, arguments: &[OsString], at: usize) -> Vec<OsString> {
        let is_given = |flag: &&Flag| {
            let long = format!("--{}", flag.name);
            let mut given = arguments.iter().map(|argument| argument.to_string_lossy());
            !given.any(|given| given == long || given.starts_with(&format!("{long}=")))
        };
        let options = self.options.unwrap_or_default();
        // In front, so that what the user gave counts.
        let mut all: Vec<OsString> = options
            .iter()
            .filter(is_given)
            .map(|flag| format!("--{}={}", flag.name, flag.default).into())
            .collect();
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

/// The file that kubectl reads; none where `KUBERC` says so.
fn file(environment: &Environment, arguments: &Arguments) -> Option<PathBuf> {
    let named = arguments.value("kuberc").map(OsStr::new);
    match (named, environment.value("KUBERC")) {
        (None, Some(off)) if off == "off" => None,
        (Some(named), _) | (None, Some(named)) => Some(environment.directory.join(named)),
        (None, None) => environment.in_home(".kube/kuberc"),
    }
}

fn read(file: &Path) -> Result<Vec<Alias>> {
    let Some(text) = kubeconfig::text(file)? else {
        return Ok(Vec::new());
    };
    let preferences: Preferences = kubeconfig::parse(file, &text)?;
    Ok(preferences.aliases.unwrap_or_default())
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
    fn only_an_unknown_verb_needs_a_kuberc_that_can_be_read() {
        assert_eq!(resolve("aliases: [", "kubectl get x").unwrap(), "get x");
        assert!(resolve("aliases: [", "kubectl getn x").is_err());
    }
}
