//! A desk: a home with a kubeconfig, set up and undone.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::{
    app::{
        session::Session,
        setup::{
            ground::{Ground, Plan},
            kubernetes::{plan, undo},
        },
    },
    config::client::Config,
    domain::{
        catalogue::Catalogue,
        environment::{Environment, Places},
        failure::Result,
        time::Timestamp,
    },
    platform::files,
};

pub(super) const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://prod.example.com:6443"
contexts = ["prod"]
issuer = "token-request"
credential = "env:NOTHING"
roles.view = { service_account = "jit/view" }
roles.edit = { service_account = "jit/edit" }
"#;

/// As a person writes it.
pub(super) const OWN: &str = "\
# mine
apiVersion: v1
kind: Config
current-context: prod # the careful one
contexts:
  # all of them
  - name: prod
    context:
      cluster: c1
      namespace: shop
      user: me   # with a token
  - name: other
    context: {cluster: c2, user: me}
clusters:
  - name: c1
    cluster:
      server: https://PROD.example.com:6443/
  - name: c2
    cluster: {server: 'https://elsewhere'}
users:
  - name: me
    user:
      token: hunter2
";

/// As kubectl writes it.
pub(super) const CANONICAL: &str = "\
apiVersion: v1
clusters:
- cluster:
    server: https://prod.example.com:6443
  name: c1
contexts:
- context:
    cluster: c1
    user: me
  name: prod
current-context: prod
kind: Config
users:
- name: me
  user:
    token: hunter2
";

pub(super) struct Desk {
    pub(super) directory: TempDir,
    pub(super) session: Session,
}

impl Desk {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        for name in ["conf", ".kube"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let session = Session {
            environment: Environment {
                directory: path.to_owned(),
                home: Some(path.to_owned()),
                ..Environment::default()
            },
            places: Places {
                configuration: path.join("conf"),
                state: path.join("state"),
                cache: path.join("cache"),
                runtime: path.join("run"),
                job: None,
            },
            config: Ok(Config::default()),
            clock: || Timestamp::from_secs(0),
            fetch: |_| Ok(Catalogue::default()),
            json: false,
            verbose: false,
        };
        fs::create_dir_all(path.join("state/setup")).unwrap();
        Self { directory, session }
    }

    pub(super) fn with(text: &str) -> Self {
        let desk = Self::new();
        desk.put(".kube/config", text);
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        files::write_public(&self.path(name), text.as_bytes()).unwrap();
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        files::read_text(&self.path(name)).unwrap()
    }

    pub(super) fn run(
        &self,
        catalogue: &str,
        what: fn(&Ground<'_>) -> Result<Plan>,
    ) -> Result<Plan> {
        let ground = Ground {
            session: &self.session,
            catalogue: toml::from_str(catalogue).unwrap(),
            program: vec!["/opt/jit".to_owned()],
        };
        let plan = what(&ground)?;
        for edit in &plan.edits {
            match &edit.after {
                Some(text) => files::write_public(&edit.file, text.as_bytes())?,
                None => files::remove(&edit.file)?,
            }
        }
        Ok(plan)
    }

    pub(super) fn set_up(&self) -> Result<Plan> {
        self.run(CATALOGUE, plan)
    }

    pub(super) fn undo(&self) -> Plan {
        // Whatever became of the catalogue.
        self.run("", undo).unwrap()
    }

    pub(super) fn config(&self) -> Option<String> {
        self.text(".kube/config")
    }

    pub(super) fn litter(&self) -> usize {
        fs::read_dir(self.path("state/setup")).unwrap().count()
    }
}
