//! How resources are found in a catalogue: by name, or by what tools and their files call them, without a
//! look at all others.

use std::{borrow::Cow, fmt};

use super::{
    entitlement::{Kind, ResourceName},
    resource::Resource,
};

/// A resource with its name.
pub type Named<'a> = (&'a ResourceName, &'a Resource);

/// What a command line, an environment or a file of a tool calls a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A host or a pattern of hosts, as the catalogue has it: of ssh, or of PostgreSQL with its port.
    Host(Cow<'a, str>),
    /// An API server, as [`normal_server`] writes it.
    Server(Cow<'a, str>),
    /// A context of a kubeconfig.
    Context(Cow<'a, str>),
    /// A database that the resource names.
    Database(Cow<'a, str>),
    /// A profile of AWS.
    Profile(Cow<'a, str>),
}

/// A catalogue that rests in a file and is read one resource at a time.
pub trait Index: fmt::Debug + Send + Sync {
    /// The resource of that name.
    fn named(&self, name: &ResourceName) -> Option<Named<'_>>;
    /// Those of a kind that have a key which fits, by name.
    fn found(&self, kind: Kind, fits: &dyn Fn(&Key<'_>) -> bool) -> Vec<Named<'_>>;
    /// All of a kind, by name.
    fn of_kind(&self, kind: Kind) -> Vec<Named<'_>>;
    /// Whether there is one of that kind.
    fn has_kind(&self, kind: Kind) -> bool;
    /// The names of all.
    fn names(&self) -> Vec<ResourceName>;
    /// How many resources were read so far.
    fn read(&self) -> usize;
}

impl Resource {
    /// What tools call it.
    pub fn keys(&self) -> Vec<Key<'_>> {
        let text = |text: &'_ String| Cow::Owned(text.clone());
        match self {
            Self::Ssh(resource) => resource.hosts.iter().map(text).map(Key::Host).collect(),
            Self::Kubernetes(resource) => {
                let server = Key::Server(normal_server(&resource.server).into());
                let contexts = resource.contexts.iter().map(text).map(Key::Context);
                [server].into_iter().chain(contexts).collect()
            }
            Self::Postgres(resource) => {
                let hosts = resource.hosts.iter().map(text).map(Key::Host);
                let databases = resource.databases.iter().map(text).map(Key::Database);
                hosts.chain(databases).collect()
            }
            Self::Aws(resource) => {
                let profiles = resource.profiles.iter().map(text);
                profiles.map(Key::Profile).collect()
            }
        }
    }
}

/// The URL of an API server in the one form of all that mean the same scheme, host, port and path.
pub fn normal_server(url: &str) -> String {
    let (scheme, rest) = url
        .trim()
        .split_once("://")
        .unwrap_or_else(|| ("https", url.trim()));
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.trim_end_matches('/');
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.to_ascii_lowercase();
    let usual = if scheme == "http" { ":80" } else { ":443" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    format!("{scheme}://{host}/{path}")
}
