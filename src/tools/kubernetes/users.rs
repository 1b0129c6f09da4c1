//! The users of a kubeconfig that bring a credential of their own, told by kind and name only.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    clusters::same_server,
    kubeconfig::{self, files_of},
};
use crate::domain::{catalogue::KubernetesResource, environment::Environment, failure::Result};

/// What a user brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brings {
    /// A bearer token, or a file with one.
    Token,
    /// The key of a client certificate.
    Key,
    /// A password.
    Password,
    /// What another program gives: its name.
    Plugin(String),
}

impl fmt::Display for Brings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("a token"),
            Self::Key => f.write_str("a client key"),
            Self::Password => f.write_str("a password"),
            Self::Plugin(program) => write!(f, "what {program:?} gives"),
        }
    }
}

/// A user, and where it logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name in the kubeconfig.
    pub name: String,
    /// What it brings.
    pub brings: Brings,
    /// The contexts that log in as it, each with the URL of its API server (empty where the kubeconfig
    /// does not say).
    pub contexts: Vec<(String, String)>,
}

impl User {
    /// The first of its contexts that reaches that cluster, whatever it is called.
    pub fn context_of(&self, cluster: &KubernetesResource) -> Option<&str> {
        let mut contexts = self.contexts.iter();
        let found = contexts.find(|(_, server)| same_server(server, &cluster.server));
        found.map(|(context, _)| &**context)
    }
}

/// Only whether a secret is there is read, not the secret.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Written {
    users: Option<Vec<NamedUser>>,
    contexts: Option<Vec<NamedContext>>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: Option<WrittenUser>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct WrittenUser {
    token: Option<IgnoredAny>,
    #[serde(rename = "tokenFile")]
    token_file: Option<IgnoredAny>,
    client_key: Option<IgnoredAny>,
    client_key_data: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
    auth_provider: Option<Provider>,
    exec: Option<Plugin>,
}

#[derive(Deserialize)]
struct Provider {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Plugin {
    command: Option<String>,
    args: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Option<WrittenContext>,
}

#[derive(Deserialize)]
struct WrittenContext {
    user: Option<String>,
}

impl WrittenUser {
    /// client-go takes a certificate and a token both; a plugin only where neither is there.
    fn brings(self) -> Option<Brings> {
        if self.client_key.is_some() || self.client_key_data.is_some() {
            return Some(Brings::Key);
        }
        if self.token.is_some() || self.token_file.is_some() {
            return Some(Brings::Token);
        }
        if self.password.is_some() {
            return Some(Brings::Password);
        }
        if let Some(provider) = self.auth_provider {
            return Some(Brings::Plugin(provider.name.unwrap_or_default()));
        }
        let plugin = self.exec.filter(|plugin| !plugin.is_ours())?.command;
        let name = plugin.as_deref().map(Path::new).and_then(Path::file_name);
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        Some(Brings::Plugin(name))
    }
}

impl Plugin {
    /// Whether it is jit, whatever its file is called.
    fn is_ours(&self) -> bool {
        let mut words = self.args.iter().flatten();
        words.any(|word| word == "exec-credential")
    }
}

/// The users that bring something, by name. Of several with one name the first counts, as for kubectl.
///
/// # Errors
/// A file cannot be read or is not a kubeconfig; the message names it.
pub fn bringing(environment: &Environment) -> Result<Vec<User>> {
    let mut users: BTreeMap<String, Option<Brings>> = BTreeMap::new();
    let mut logins: BTreeMap<String, String> = BTreeMap::new();
    for file in files_of(environment) {
        let Some(text) = kubeconfig::text(&file)? else {
            continue;
        };
        let written: Written = kubeconfig::parse(&file, &text)?;
        for NamedUser { name, user } in written.users.unwrap_or_default() {
            let brings = user.and_then(WrittenUser::brings);
            users.entry(name).or_insert(brings);
        }
        for NamedContext { name, context } in written.contexts.unwrap_or_default() {
            let user = context.and_then(|context| context.user);
            logins
                .entry(name)
                .or_insert_with(|| user.unwrap_or_default());
        }
    }
    let kubeconfig = kubeconfig::load(environment, None)?;
    let server = |context: &str| {
        let cluster = &kubeconfig.contexts.get(context)?.cluster;
        Some(kubeconfig.clusters.get(cluster)?.server.clone())
    };
    let contexts = |user: &str| {
        let own = logins.iter().filter(|(_, login)| *login == user);
        own.map(|(context, _)| (context.clone(), server(context).unwrap_or_default()))
            .collect()
    };
    let bringing = users.into_iter().filter_map(|(name, brings)| {
        Some(User {
            contexts: contexts(&name),
            brings: brings?,
            name,
        })
    });
    Ok(bringing.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::files;

    const TEXT: &str = "\
contexts:
- {name: prod, context: {cluster: c, user: token}}
- {name: ours, context: {cluster: c, user: jit}}
- {name: broken}
- {name: loginless, context: {cluster: c, user: null}}
clusters:
- {name: c, cluster: {server: 'https://c'}}
users:
- {name: token, user: {token: hunter2}}
- {name: file, user: {tokenFile: /t}}
- {name: key, user: {client-certificate-data: x, client-key-data: hunter2}}
- {name: basic, user: {username: a, password: [hunter2]}}
- {name: eks, user: {exec: {command: /usr/bin/aws, args: null}}}
- {name: old, user: {auth-provider: {name: gcp}}}
- {name: jit, user: {exec: {command: /opt/renamed, args: [exec-credential, 'kubernetes/prod:view']}}}
- {name: nothing, user: {}}
- {name: absent}
- {name: token, user: {password: second}}
";

    #[test]
    fn users_are_told_by_what_they_bring_and_no_secret_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        files::write_public(&file, TEXT.as_bytes()).unwrap();
        let environment = Environment {
            variables: [("KUBECONFIG".into(), file.into())].into(),
            ..Environment::default()
        };
        let users = bringing(&environment).unwrap();
        assert!(!format!("{users:?}").contains("hunter2"));
        let shown: Vec<String> = users
            .iter()
            .map(|user| format!("{} brings {} {:?}", user.name, user.brings, user.contexts))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        basic brings a password []
        eks brings what "aws" gives []
        file brings a token []
        key brings a client key []
        old brings what "gcp" gives []
        token brings a token [("prod", "https://c")]
        "#);
    }
}
