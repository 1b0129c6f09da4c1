//! Credentials that stand in the user's kubeconfig for clusters which `jit` could give one for.

use serde::{Deserialize, de::IgnoredAny};

use super::{
    kubeconfig::{self, Kubeconfig},
    target,
};
use crate::{
    domain::{
        catalogue::Catalogue, entitlement::ResourceName, environment::Environment, failure::Result,
    },
    platform::files,
};

/// A context of a cluster of the catalogue whose user brings a credential of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The context.
    pub context: String,
    /// The cluster that it reaches.
    pub resource: ResourceName,
    /// Its user.
    pub user: String,
    /// What the user brings, in words: "a token", "the plugin aws".
    pub brings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    contexts: Option<Vec<NamedContext>>,
    users: Option<Vec<NamedUser>>,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: Option<Context>,
}

#[derive(Debug, Deserialize)]
struct Context {
    user: Option<String>,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    user: Option<User>,
}

/// Only whether something is there: no secret is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    token: Option<IgnoredAny>,
    #[serde(rename = "tokenFile")]
    token_file: Option<IgnoredAny>,
    client_certificate: Option<IgnoredAny>,
    client_certificate_data: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
    auth_provider: Option<IgnoredAny>,
    exec: Option<Exec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exec {
    command: Option<String>,
    args: Option<Vec<String>>,
}

/// The contexts that reach clusters of the catalogue with something else than `jit`, by name. The
/// first file of the list that has a context or a user counts, as for kubectl.
///
/// # Errors
/// A file cannot be read or is not a kubeconfig; the message names file and line.
pub fn standing(environment: &Environment, catalogue: &Catalogue) -> Result<Vec<Standing>> {
    let mut merged = Kubeconfig::default();
    let (mut contexts, mut users) = (Vec::new(), Vec::new());
    for file in kubeconfig::files_of(environment) {
        let Some(text) = files::read_text(&file)? else {
            continue;
        };
        kubeconfig::merge(&file, &text, &mut merged)?;
        let written: Written = kubeconfig::parse(&file, &text)?;
        contexts.extend(written.contexts.unwrap_or_default());
        users.extend(written.users.unwrap_or_default());
    }
    let mut found = Vec::new();
    for (name, context) in &merged.contexts {
        let cluster = merged.clusters.get(&context.cluster);
        let here =
            |server: &str| cluster.is_some_and(|own| target::same_server(&own.server, server));
        let resource = target::clusters(catalogue).find(|(_, cluster)| here(&cluster.server));
        let own = contexts.iter().find(|context| context.name == *name);
        let user = own.and_then(|own| own.context.as_ref()?.user.as_ref());
        let (Some((resource, _)), Some(user)) = (resource, user) else {
            continue;
        };
        let named = users.iter().find(|entry| entry.name == *user);
        let brings = named
            .and_then(|entry| entry.user.as_ref())
            .map_or_else(Vec::new, brings);
        if !brings.is_empty() {
            found.push(Standing {
                context: name.clone(),
                resource: resource.clone(),
                user: user.clone(),
                brings,
            });
        }
    }
    Ok(found)
}

fn brings(user: &User) -> Vec<String> {
    let certificate = user.client_certificate.or(user.client_certificate_data);
    let mut brings: Vec<String> = [
        (user.token.or(user.token_file), "a token"),
        (certificate, "a client certificate"),
        (user.password, "a password"),
        (user.auth_provider, "an auth provider"),
    ]
    .into_iter()
    .filter(|(there, _)| there.is_some())
    .map(|(_, what)| what.to_owned())
    .collect();
    let other = user.exec.as_ref().filter(|exec| !is_ours(exec));
    brings
        .extend(other.map(|exec| format!("the plugin {}", exec.command.as_deref().unwrap_or("?"))));
    brings
}

fn is_ours(exec: &Exec) -> bool {
    let words = exec.args.iter().flatten();
    words
        .map(String::as_str)
        .any(|word| word == "exec-credential")
}
