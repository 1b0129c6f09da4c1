//! What the user's kubeconfig should have: our user in each context of a cluster of the catalogue, and
//! a context for each role.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    super::ground::Ground,
    document::{self, Changes},
    former::OURS,
};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::{ResourceName, RoleName},
        failure::Result,
    },
    tools::kubernetes::{
        self,
        kubeconfig::{self, Kubeconfig},
    },
};

/// The user's kubeconfig without what is ours.
pub(super) struct Desk {
    /// All files together, as kubectl sees them.
    merged: Kubeconfig,
    /// Context → the first file that has it.
    homes: BTreeMap<String, PathBuf>,
    /// Where kubectl itself puts what is new.
    default: PathBuf,
    /// Whether nothing stands there yet.
    is_blank: bool,
}

impl Desk {
    /// Reads the texts of the files in their order; a file that is not there has none.
    ///
    /// # Errors
    /// One is not a kubeconfig.
    pub(super) fn of(files: &[(PathBuf, Option<String>)]) -> Result<Option<Self>> {
        let there = files.iter().find(|(_, text)| text.is_some());
        let Some((default, _)) = there.or_else(|| files.first()) else {
            return Ok(None);
        };
        let mut desk = Self {
            merged: Kubeconfig::default(),
            homes: BTreeMap::new(),
            default: default.clone(),
            is_blank: true,
        };
        for (file, text) in files {
            let text = text.as_deref().unwrap_or_default();
            kubeconfig::merge(file, text, &mut desk.merged)?;
            let root = document::value(text).unwrap_or_default();
            desk.is_blank &= root.is_null();
            for context in root["contexts"].as_array().into_iter().flatten() {
                let name = context["name"].as_str().unwrap_or_default().to_owned();
                desk.homes.entry(name).or_insert_with(|| file.clone());
            }
        }
        Ok(Some(desk))
    }
}

/// What should change, file by file.
pub(super) struct Wanted<'a> {
    ground: &'a Ground<'a>,
    desk: &'a Desk,
    /// File → its changes.
    pub(super) changes: BTreeMap<PathBuf, Changes>,
    /// What cannot be done, and why.
    pub(super) notes: Vec<String>,
}

impl<'a> Wanted<'a> {
    /// What should change.
    ///
    /// # Errors
    /// A certificate authority cannot be read.
    pub(super) fn of(ground: &'a Ground<'a>, desk: &'a Desk) -> Result<Self> {
        let mut wanted = Self {
            ground,
            desk,
            changes: BTreeMap::new(),
            notes: Vec::new(),
        };
        for (name, cluster) in kubernetes::clusters(&ground.catalogue) {
            wanted.resource(name, cluster)?;
        }
        wanted.current();
        Ok(wanted)
    }

    fn resource(&mut self, name: &ResourceName, cluster: &KubernetesResource) -> Result<()> {
        let reading = kubernetes::reading(&self.ground.catalogue, name).ok();
        let reading = reading.map(|found| found.entitlement.role);
        if reading.is_none() {
            self.notes.push(format!(
                "no role of {name} is known to read, so its contexts keep their users; give one verbs = [\"get\"] in authority.toml"
            ));
        }
        let own = self.own_contexts(name, cluster)?;
        let (file, entry, namespace) = match own.first() {
            Some(first) => {
                let file = self
                    .desk
                    .homes
                    .get(first)
                    .unwrap_or(&self.desk.default)
                    .clone();
                let context = self
                    .desk
                    .merged
                    .contexts
                    .get(first)
                    .cloned()
                    .unwrap_or_default();
                (file, context.cluster, context.namespace)
            }
            None => (
                self.desk.default.clone(),
                self.add_cluster(name, cluster),
                None,
            ),
        };
        if let Some(role) = &reading {
            for context in &own {
                let file = self
                    .desk
                    .homes
                    .get(context)
                    .unwrap_or(&self.desk.default)
                    .clone();
                let user = self.user(&file, name, role);
                self.of_file(&file).users.insert(context.clone(), user);
            }
            if own.is_empty() {
                for context in names_of(name, cluster) {
                    self.add_context(&file, &context, &entry, None, (name, role));
                }
            }
        }
        for role in cluster
            .roles
            .keys()
            .filter(|role| Some(*role) != reading.as_ref())
        {
            let context = format!("{}:{role}", name.name());
            self.add_context(&file, &context, &entry, namespace.as_deref(), (name, role));
        }
        Ok(())
    }

    /// The contexts that reach the resource, in a way that the plugin gives its token for.
    fn own_contexts(
        &mut self,
        name: &ResourceName,
        cluster: &KubernetesResource,
    ) -> Result<Vec<String>> {
        let mut own = Vec::new();
        for (context, entry) in &self.desk.merged.contexts {
            let Some(there) = self.desk.merged.clusters.get(&entry.cluster) else {
                continue;
            };
            let listed = cluster.contexts.contains(context);
            if !kubernetes::same_server(&there.server, &cluster.server) {
                if listed {
                    self.notes.push(format!(
                        "the context {context:?} reaches {}, not {name}'s server, so it stays as it is",
                        there.server
                    ));
                }
                continue;
            }
            let mut others = kubernetes::clusters(&self.ground.catalogue)
                .filter(|(other, _)| *other != name)
                .map(|(_, other)| other)
                .filter(|other| kubernetes::same_server(&other.server, &cluster.server));
            if !listed && others.next().is_some() {
                self.notes.push(format!(
                    "the context {context:?} may mean more than one resource, so it stays as it is; list it in the `contexts` of one"
                ));
                continue;
            }
            match kubernetes::check(there, name, cluster, &self.ground.session.places) {
                Ok(()) => own.push(context.clone()),
                Err(failure) => self.notes.push(format!(
                    "the context {context:?} stays as it is: {failure}; {}",
                    failure.hint
                )),
            }
        }
        Ok(own)
    }

    fn of_file(&mut self, file: &Path) -> &mut Changes {
        self.changes.entry(file.to_owned()).or_default()
    }

    /// Puts an item into a list, unless it is there already.
    fn add(&mut self, file: &Path, list: &'static str, item: Value) {
        let items = self.of_file(file).items.entry(list).or_default();
        if !items.contains(&item) {
            items.push(item);
        }
    }

    /// The name of our user for a role, which the file then has.
    fn user(&mut self, file: &Path, resource: &ResourceName, role: &RoleName) -> String {
        let name = format!("{OURS}{}:{role}", resource.name());
        let user = user_entry(&self.ground.program, &name, resource, role);
        self.add(file, "users", user);
        name
    }

    /// The name of a cluster for the resource, which the kubeconfig then has.
    fn add_cluster(&mut self, name: &ResourceName, cluster: &KubernetesResource) -> String {
        let taken = self.desk.merged.clusters.contains_key(name.name());
        let called = if taken {
            format!("{OURS}{}", name.name())
        } else {
            name.name().to_owned()
        };
        let session = self.ground.session;
        let mut entry = Map::new();
        if let Some(file) = &cluster.certificate_authority {
            let file = session.places.configuration.join(file);
            let file = session.environment.directory.join(file);
            entry.insert(
                "certificate-authority".into(),
                file.to_string_lossy().into(),
            );
        }
        entry.insert("server".into(), cluster.server.clone().into());
        let default = self.desk.default.clone();
        self.add(
            &default,
            "clusters",
            json!({ "cluster": entry, "name": called }),
        );
        called
    }

    fn add_context(
        &mut self,
        file: &Path,
        name: &str,
        cluster: &str,
        namespace: Option<&str>,
        (resource, role): (&ResourceName, &RoleName),
    ) {
        if self.desk.homes.contains_key(name) {
            self.notes.push(format!(
                "there is a context {name:?} already, which stays as it is"
            ));
            return;
        }
        let user = self.user(file, resource, role);
        let mut context = Map::new();
        context.insert("cluster".into(), cluster.into());
        if let Some(namespace) = namespace {
            context.insert("namespace".into(), namespace.into());
        }
        context.insert("user".into(), user.into());
        self.add(
            file,
            "contexts",
            json!({ "context": context, "name": name }),
        );
    }

    /// A kubeconfig of our own has a current context, where there is only one cluster to mean.
    fn current(&mut self) {
        if !self.desk.is_blank {
            return;
        }
        let mut clusters = kubernetes::clusters(&self.ground.catalogue);
        let only = clusters.next().filter(|_| clusters.next().is_none());
        let Some(changes) = self.changes.get_mut(&self.desk.default) else {
            return;
        };
        changes.head.insert("apiVersion".into(), "v1".into());
        changes.head.insert("kind".into(), "Config".into());
        let first = changes
            .items
            .get("contexts")
            .and_then(|contexts| contexts.first());
        match (only, first) {
            (Some(_), Some(context)) => {
                changes
                    .head
                    .insert("current-context".into(), context["name"].clone());
            }
            _ => self.notes.push(
                "no context is current; choose one by \"kubectl config use-context NAME\""
                    .to_owned(),
            ),
        }
    }
}

fn names_of(name: &ResourceName, cluster: &KubernetesResource) -> BTreeSet<String> {
    let mut names = cluster.contexts.clone();
    if names.is_empty() {
        names.insert(name.name().to_owned());
    }
    names
}

fn user_entry(program: &[String], name: &str, resource: &ResourceName, role: &RoleName) -> Value {
    let (command, rest) = program
        .split_first()
        .map_or(("jit", &[][..]), |(c, r)| (c.as_str(), r));
    let mut arguments = vec!["exec-credential".to_owned(), format!("{resource}:{role}")];
    arguments.extend_from_slice(rest);
    json!({
        "name": name,
        "user": {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "args": arguments,
                "command": command,
                "installHint": "jit was moved or removed; install it again, then run: jit setup kubernetes",
                "interactiveMode": "Never",
                "provideClusterInfo": true,
            },
        },
    })
}
