//! A desk: a home with a kubeconfig, and a catalogue.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    domain::{
        catalogue::Catalogue,
        credential::{Credential, Secret, Token},
        elevation::Grant,
        environment::{Environment, Places},
        failure::Result,
        id::GrantId,
        key::{PrivateKey, PublicKey},
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::{files, process::Launch},
    tools::{
        kubernetes,
        task::{Injection, Recognised, Task},
    },
};

pub(super) const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://prod.example.com:6443"
certificate_authority = "prod-ca.crt"
contexts = ["prod", "prod-eu"]
issuer = "token-request"
credential = "env:NOTHING"
roles.view = { service_account = "jit/view" }
roles.edit = { service_account = "jit/edit" }
roles.admin = { service_account = "jit/admin", tier = "sensitive" }
[resources."kubernetes/stage"]
server = "https://stage.example.com"
contexts = ["stage"]
issuer = "token-request"
credential = "env:NOTHING"
roles.oncall = { service_account = "jit/oncall", verbs = ["get", "neat"] }
roles.all = { service_account = "jit/all", verbs = ["*"], tier = "sensitive" }
"#;

pub(super) const KUBECONFIG: &str = "
current-context: stage
contexts:
- {name: prod, context: {cluster: prod, user: me, namespace: shop}}
- {name: stage, context: {cluster: stage, user: me}}
- {name: renamed, context: {cluster: prod, user: me, namespace: other}}
- {name: foreign, context: {cluster: foreign, user: me}}
clusters:
- {name: prod, cluster: {server: 'https://PROD.example.com:6443/', proxy-url: 'http://proxy:3128', insecure-skip-tls-verify: true}}
- {name: stage, cluster: {server: 'https://stage.example.com:443', tls-server-name: kube, certificate-authority-data: QQ==}}
- {name: foreign, cluster: {server: 'https://elsewhere.example.com'}}
users:
- {name: me, user: {token: hunter2}}
";

/// The rows of a table: a command line, and what else stands behind each bar.
pub(super) fn rows<const N: usize>(table: &str) -> impl Iterator<Item = (&str, [&str; N])> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let first = cells.next().unwrap();
        (first, [(); N].map(|()| cells.next().unwrap()))
    })
}

pub(super) fn put(path: &Path, text: &str) {
    files::write_public(path, text.as_bytes()).unwrap();
}

pub(super) struct Desk {
    pub(super) directory: TempDir,
    pub(super) catalogue: Catalogue,
    pub(super) environment: Environment,
    pub(super) places: Places,
}

impl Desk {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_owned();
        fs::create_dir_all(path.join(".kube")).unwrap();
        put(&path.join(".kube/config"), KUBECONFIG);
        put(&path.join("prod-ca.crt"), "-----BEGIN CERTIFICATE-----\n");
        let variables = [("PATH".into(), "/usr/bin:/bin".into())].into();
        Self {
            catalogue: toml::from_str(CATALOGUE).unwrap(),
            environment: Environment {
                variables,
                directory: path.clone(),
                home: Some(path.clone()),
            },
            places: Places {
                configuration: path.clone(),
                state: path.clone(),
                cache: path.join("cache"),
                runtime: path,
                job: None,
            },
            directory,
        }
    }

    pub(super) fn without_kubeconfig() -> Self {
        let desk = Self::new();
        fs::remove_file(desk.directory.path().join(".kube/config")).unwrap();
        desk
    }

    pub(super) fn recognise(
        &self,
        line: &str,
        on: Option<&str>,
        role: Option<&str>,
    ) -> Result<Recognised> {
        let command: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        kubernetes::recognise(&Task {
            command: &command,
            on: on.map(|on| on.parse().unwrap()).as_ref(),
            role: role.map(|role| role.parse().unwrap()).as_ref(),
            catalogue: &self.catalogue,
            environment: &self.environment,
        })
    }

    pub(super) fn entitlement(&self, line: &str) -> String {
        match self.recognise(line, None, None) {
            Ok(recognised) => recognised.entitlement.to_string(),
            Err(failure) => panic!("{line}: {failure:?}"),
        }
    }

    pub(super) fn launch(
        &self,
        command: &[&str],
        on: Option<&str>,
        entitlement: &str,
    ) -> Result<Launch> {
        let command: Vec<OsString> = command.iter().map(Into::into).collect();
        let lease = lease(entitlement);
        kubernetes::launch(&Injection {
            task: Task {
                command: &command,
                on: on.map(|on| on.parse().unwrap()).as_ref(),
                role: None,
                catalogue: &self.catalogue,
                environment: &self.environment,
            },
            resource: self.catalogue.resource(&lease.grant.entitlement.resource)?,
            lease: &lease,
            via: &[],
            is_hooked: false,
            logins: &[],
            is_mixed: false,
            also: &[],
            places: &self.places,
            now: Timestamp::from_secs(0),
        })
    }
}

pub(super) fn lease(entitlement: &str) -> Lease {
    let key = PrivateKey::new([0; 32], PublicKey([0; 32]));
    let at = Timestamp::from_secs;
    Lease {
        grant: Grant {
            id: GrantId::new(at(0), [0; 10]),
            principal: Principal::new(Class::Human, "alice").unwrap(),
            entitlement: entitlement.parse().unwrap(),
            granted_at: at(0),
            expires_at: at(3600),
            credential_ttl: Duration::from_mins(10),
            policies: Vec::new(),
            break_glass: false,
            chain: Vec::new(),
        },
        token: Token(SecretString::from("proof")),
        holder: key.clone(),
        credential: Credential {
            serial: "1".into(),
            expires_at: at(600),
            secret: Secret::KubernetesToken(SecretString::from("to\"ken")),
        },
        key,
        issued_at: at(0),
        took: Duration::ZERO,
        because: String::new(),
        binding: Binding::default(),
        justification: None,
        asked_ttl: None,
        confirmed_at: None,
        catalogue_stamp: String::new(),
        is_longest: false,
    }
}

pub(super) fn written(launch: &Launch) -> (PathBuf, Value) {
    let file = PathBuf::from(&launch.set["KUBECONFIG"]);
    let text = fs::read_to_string(&file).unwrap();
    (file, serde_json::from_str(&text).unwrap())
}
