//! A real API server that trusts an authority's own tokens, as `jit trust` says.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use jit::{
    authority::Authority,
    domain::{
        credential::{Credential, Secret, Token},
        elevation::Grant,
        key::EcKey,
        lifecycle::Lifecycles,
        time::Timestamp,
    },
    platform::{clock, keys},
    policy::set::Policies,
    protocol::elevation::ElevationView,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::served::Commands;
use crate::support::{
    Kube, Serve,
    home::Ran,
    serve::{Keys, with_authority},
    until,
    web::POLICIES,
};

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

/// A cluster that trusts a real server.
pub(super) struct Cluster {
    pub(super) kube: Kube,
    pub(super) serve: Serve,
    pub(super) commands: Commands,
}

/// What somebody was given.
pub(super) struct Elevated {
    pub(super) grant: Grant,
    pub(super) credential: Credential,
    pub(super) token: Token,
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
        let serve = Serve::start(CATALOGUE, POLICIES);
        let name = "kubernetes/prod".parse().unwrap();
        let trust = looking(&serve, async |authority| authority.trust(&name).await);
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
            serve,
            commands,
        };
        // It fetches the keys in its own time.
        until("the API server to know the issuer", || {
            let ran = cluster.whoami(&cluster.forged(|_| ()));
            (ran.code == 0).then_some(())
        });
        Some(cluster)
    }

    /// Looks at the server's authority, as another process of it does.
    pub(super) fn authority<T>(&self, look: impl AsyncFnOnce(&Authority) -> T) -> T {
        looking(&self.serve, look)
    }

    /// The key that the server signs with at that instant.
    pub(super) fn key_at(&self, now: Timestamp) -> EcKey {
        self.authority(async |authority| authority.store.ec_key("issuer", now).await.unwrap())
    }

    /// The key that the server signs with.
    pub(super) fn key(&self) -> EcKey {
        self.key_at(clock::now())
    }

    /// What alice gets from the server.
    pub(super) fn elevate(&self, entitlement: &str) -> Elevated {
        let alice = self.serve.let_in("alice@example.com", &[]);
        let answer = alice.ask(entitlement, &Keys::new());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let view: ElevationView = serde_json::from_slice(&answer.body).unwrap();
        Elevated {
            grant: view.grant.unwrap(),
            credential: view.credential.unwrap(),
            token: view.token.unwrap(),
        }
    }

    /// What a token says.
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.serve.url,
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

/// The server's authority with what it reads from its directory and knows of its own address.
fn looking<T>(serve: &Serve, look: impl AsyncFnOnce(&Authority) -> T) -> T {
    with_authority(&serve.path(""), async |opened| {
        let authority = Authority {
            catalogue: opened.catalogue.clone(),
            policies: Policies::parse(&[]).unwrap(),
            store: opened.store.clone(),
            directory: opened.directory.clone(),
            environment: opened.environment.clone(),
            clock: clock::now,
            approvers: true,
            lifecycles: Lifecycles::default(),
            issuer_url: Some(serve.url.clone()),
            issuer_ca: Some(fs::read_to_string(serve.ca()).unwrap()),
        };
        look(&authority).await
    })
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
