//! What the user's kubeconfig should have: our user in each context of a cluster of the catalogue, and
//! a context for each role.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    super::ground::Ground,
    document::{self, Changes},
    entries,
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
        kubeconfig::{self, Cluster, Kubeconfig},
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
            for context in entries::of(&root, "contexts") {
                let name = entries::name(context).to_owned();
                desk.homes.entry(name).or_insert_with(|| file.clone());
            }
        }
        Ok(Some(desk))
    }
}

/// Where a context is, or is put.
struct Place {
    file: PathBuf,
    cluster: String,
    namespace: Option<String>,
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
    pub(super) fn of(ground: &'a Ground<'a>, desk: &'a Desk) -> Self {
        let mut wanted = Self {
            ground,
            desk,
            changes: BTreeMap::new(),
            notes: Vec::new(),
        };
        for (name, cluster) in kubernetes::clusters(&ground.catalogue) {
            wanted.resource(name, cluster);
        }
        wanted.current();
        wanted
    }

    fn resource(&mut self, name: &ResourceName, cluster: &KubernetesResource) {
        let reading = kubernetes::reading(&self.ground.catalogue, name).ok();
        let reading = reading.map(|found| found.entitlement.role);
        if reading.is_none() {
            self.notes.push(format!(
                "no role of {name} is known to read, so its contexts keep their users; give one verbs = [\"get\"] in authority.toml"
            ));
        }
        let own = self.own_contexts(name, cluster);
        let place = match own.first() {
            Some(first) => self.place_of(first),
            None => Place {
                file: self.desk.default.clone(),
                cluster: self.add_cluster(name, cluster),
                namespace: None,
            },
        };
        let reading = reading.as_ref();
        for context in reading.map_or(&[][..], |_| &own) {
            let file = self.place_of(context).file;
            let user = reading.map(|role| self.user(&file, name, role));
            self.of_file(&file)
                .users
                .extend(user.map(|user| (context.clone(), user)));
        }
        let mut roles: Vec<&RoleName> = cluster.roles.keys().collect();
        roles.sort_by_key(|role| Some(*role) != reading);
        for role in roles {
            let is_reading = Some(role) == reading;
            if is_reading && own.is_empty() {
                for context in self.free_names(name, cluster, role) {
                    self.add_context(&place, &context, name, role);
                }
            } else if !is_reading {
                self.add_context(&place, &of_role(name, role), name, role);
            }
        }
    }

    /// Where a context stands, and what it reaches.
    fn place_of(&self, context: &str) -> Place {
        let file = self.desk.homes.get(context).unwrap_or(&self.desk.default);
        let entry = self.desk.merged.contexts.get(context);
        Place {
            file: file.clone(),
            cluster: entry.map_or_else(String::new, |entry| entry.cluster.clone()),
            namespace: entry.and_then(|entry| entry.namespace.clone()),
        }
    }

    /// The contexts that reach the resource, in a way that the plugin gives its token for.
    fn own_contexts(&mut self, name: &ResourceName, cluster: &KubernetesResource) -> Vec<String> {
        let mut own = Vec::new();
        for (context, entry) in &self.desk.merged.contexts {
            let Some(there) = self.desk.merged.clusters.get(&entry.cluster) else {
                continue;
            };
            match self.means(context, there, name, cluster) {
                Ok(true) => own.push(context.clone()),
                Ok(false) => {}
                Err(why) => self
                    .notes
                    .push(format!("the context {context:?} stays as it is: {why}")),
            }
        }
        own
    }

    /// Whether a context that reaches that cluster means the resource; or why that is not believed.
    fn means(
        &self,
        context: &str,
        there: &Cluster,
        name: &ResourceName,
        cluster: &KubernetesResource,
    ) -> Result<bool, String> {
        let is_listed = cluster.contexts.contains(context);
        if !kubernetes::same_server(&there.server, &cluster.server) {
            let elsewhere = format!("it reaches {}, not {name}'s server", there.server);
            return if is_listed { Err(elsewhere) } else { Ok(false) };
        }
        let others = kubernetes::clusters(&self.ground.catalogue).filter(|(other, cluster)| {
            *other != name && kubernetes::same_server(&there.server, &cluster.server)
        });
        let others: Vec<_> = others.filter(|_| !is_listed).collect();
        if others
            .iter()
            .any(|(_, other)| other.contexts.contains(context))
        {
            return Ok(false);
        }
        if let Some((other, _)) = others.first() {
            return Err(format!(
                "it may mean {name} or {other}; list it in the `contexts` of one"
            ));
        }
        kubernetes::check(there, name, cluster, &self.ground.session.places)
            .map(|()| true)
            .map_err(|failure| format!("{failure}; {}", failure.hint))
    }

    /// What the contexts for the resource are called: as the catalogue says, and as nobody else's.
    fn free_names(
        &self,
        name: &ResourceName,
        cluster: &KubernetesResource,
        role: &RoleName,
    ) -> Vec<String> {
        let listed = cluster.contexts.iter().map(String::as_str);
        let own = Some(name.name()).filter(|_| cluster.contexts.is_empty());
        let is_free = |name: &&str| !self.desk.homes.contains_key(*name);
        let names: Vec<String> = listed
            .chain(own)
            .filter(is_free)
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            vec![of_role(name, role)]
        } else {
            names
        }
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
        let user = user_entry(&self.ground.program, &name, &format!("{resource}:{role}"));
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
        if let Some(name) = &cluster.tls_server_name {
            entry.insert("tls-server-name".into(), name.clone().into());
        }
        let default = self.desk.default.clone();
        self.add(
            &default,
            "clusters",
            json!({ "cluster": entry, "name": called }),
        );
        called
    }

    fn add_context(&mut self, place: &Place, called: &str, name: &ResourceName, role: &RoleName) {
        if self.desk.homes.contains_key(called) {
            let note = format!("there is a context {called:?} already, which stays as it is");
            self.notes.push(note);
            return;
        }
        let user = self.user(&place.file, name, role);
        let mut context = Map::new();
        context.insert("cluster".into(), place.cluster.clone().into());
        if let Some(namespace) = &place.namespace {
            context.insert("namespace".into(), namespace.clone().into());
        }
        context.insert("user".into(), user.into());
        self.add(
            &place.file,
            "contexts",
            json!({ "context": context, "name": called }),
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
                let name = entries::name(context).to_owned();
                changes.head.insert("current-context".into(), name.into());
            }
            _ => self.notes.push(
                "no context is current; choose one by \"kubectl config use-context NAME\""
                    .to_owned(),
            ),
        }
    }
}

/// What a context for one role is called.
fn of_role(name: &ResourceName, role: &RoleName) -> String {
    format!("{}:{role}", name.name())
}

fn user_entry(program: &[String], name: &str, entitlement: &str) -> Value {
    let (command, rest) = program
        .split_first()
        .map_or(("jit", &[][..]), |(c, r)| (c.as_str(), r));
    let mut arguments = vec!["exec-credential".to_owned(), entitlement.to_owned()];
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
