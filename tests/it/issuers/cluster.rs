//! A real API server that trusts an authority's own tokens, as `jit trust` says.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use jit::{
    authority::Authority,
    domain::{
        credential::{Credential, Secret},
        key::EcKey,
    },
    platform::{clock, keys},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::served::{Commands, served};
use crate::support::{Kube, home::Ran, issuer::Issuer as Server, jwt, until};

pub(super) const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://127.0.0.1:1"
issuer = "oidc"
roles.view = { groups = ["jit:view"] }
roles.edit = { groups = ["jit:edit", "developers"] }
roles.deploy = { groups = ["jit:deploy"] }

[resources."kubernetes/other"]
server = "https://127.0.0.1:2"
issuer = "oidc"
roles.view = { groups = ["jit:view"] }
"#;

/// A cluster that trusts an authority, and what that one has on the disk.
pub(super) struct Cluster {
    pub(super) kube: Kube,
    /// Where the authority's documents are served.
    pub(super) server: Server,
    pub(super) dir: TempDir,
    pub(super) commands: Commands,
}

impl Cluster {
    /// One that all tests which run at the same time share, since it takes seconds to start.
    pub(super) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    fn start() -> Option<Self> {
        let (server, dir) = (
            Server::https(jwt::Algorithm::Es256),
            TempDir::new().unwrap(),
        );
        let trust = block_on(async {
            let authority = open(&dir, &server).await;
            let discovery = authority.discovery().unwrap();
            let path = "/.well-known/openid-configuration";
            server.put(path, &serde_json::to_string(&discovery).unwrap());
            let keys = authority.jwks().await.unwrap();
            server.put("/jwks", &serde_json::to_string(&keys).unwrap());
            authority.trust(&"kubernetes/prod".parse().unwrap()).await
        });
        let commands = Commands::of(&trust.unwrap());
        commands.run(0, &[]);
        let file = commands.wrote("authentication.yaml");
        let kube = Kube::start(&[&format!("--authentication-config={}", file.display())])?;
        // The aggregated roles are empty without a controller manager.
        kube.apply(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: view}\n\
             rules: [{apiGroups: [\"\"], resources: [namespaces], verbs: [get, list]}]",
        );
        let kubeconfig = kube.admin_kubeconfig();
        commands.run(1, &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
        let cluster = Self {
            kube,
            server,
            dir,
            commands,
        };
        // It fetches the keys in its own time.
        until("the API server to know the issuer", || {
            let ran = cluster.whoami(&cluster.forged(|_| ()));
            (ran.code == 0).then_some(())
        });
        Some(cluster)
    }

    pub(super) fn url(&self) -> String {
        self.server.url().to_owned()
    }

    /// The authority, opened anew.
    pub(super) async fn authority(&self) -> Authority {
        open(&self.dir, &self.server).await
    }

    /// The key that the authority signs with.
    pub(super) fn key(&self) -> EcKey {
        block_on(async { self.authority().await.store.ec_key("issuer").await }).unwrap()
    }

    /// What a token says.
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.url(),
            "sub": "mallory",
            "aud": "kubernetes/prod",
            "jti": "1",
            "iat": clock::now().secs(),
            "nbf": clock::now().secs(),
            "exp": clock::now().secs() + 600,
            "groups": ["jit:view"],
            "jit": { "grant": "g", "entitlement": "kubernetes/prod:view", "chain": [] },
        })
    }

    /// A token as the authority makes them, but for what is changed; signed with its key.
    pub(super) fn forged(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        signed(&claims, &self.key(), &self.key())
    }

    pub(super) fn kubectl(&self, token: &str, args: &[&str]) -> Ran {
        let (url, ca) = (self.kube.url(), self.kube.ca().display().to_string());
        let mut all = vec!["--kubeconfig=/dev/null", "-s", &url, "--token", token];
        all.extend(["--certificate-authority", &ca]);
        all.extend(args);
        self.kube.try_kubectl(&all)
    }

    pub(super) fn whoami(&self, token: &str) -> Ran {
        self.kubectl(token, &["auth", "whoami", "-o", "json"])
    }

    /// Whom the cluster knows a token by.
    #[track_caller]
    pub(super) fn user(&self, token: &str) -> Value {
        let ran = self.whoami(token);
        assert_eq!(ran.code, 0, "{ran:?}");
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        answer["status"]["userInfo"].clone()
    }

    #[track_caller]
    pub(super) fn refuses(&self, token: &str) {
        let ran = self.whoami(token);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("Unauthorized"), "{ran:?}");
    }
}

pub(super) fn block_on<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(test)
}

async fn open(dir: &TempDir, server: &Server) -> Authority {
    Authority {
        issuer_ca: Some(certificate_authority(server)),
        ..served(dir.path(), CATALOGUE, server.url()).await
    }
}

pub(super) fn certificate_authority(server: &Server) -> String {
    fs::read_to_string(server.ca().unwrap()).unwrap()
}

pub(super) fn signed(claims: &Value, named: &EcKey, with: &EcKey) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(keys::thumbprint(&named.public()));
    let key = EncodingKey::from_ec_der(with.expose_pkcs8());
    encode(&header, claims, &key).unwrap()
}

pub(super) fn token(credential: &Credential) -> &str {
    let Secret::KubernetesToken(token) = &credential.secret else {
        panic!("another secret");
    };
    token.expose_secret()
}
