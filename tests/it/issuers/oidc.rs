//! Tokens of the authority's own issuer at a real API server that trusts it as `jit trust` says.

use std::{fs, sync::OnceLock};

use jit::{
    authority::{Authority, discovery::Jwks},
    domain::{
        catalogue::Resource,
        credential::{Credential, Secret},
        elevation::Grant,
        environment::Environment,
        key::EcKey,
        principal::{Class, Principal},
    },
    issuers::{
        self,
        order::{Issuer, Order, Revocation, Site},
    },
    platform::{clock, keys},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::served::{Commands, elevate, served};
use crate::support::{
    Home, Kube,
    home::{Ran, run},
    issuer::Issuer as Server,
    jwt, until,
    web::POLICIES,
};

const CATALOGUE: &str = r#"
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
struct Cluster {
    kube: Kube,
    /// Where the authority's documents are served.
    server: Server,
    dir: TempDir,
    commands: Commands,
}

impl Cluster {
    /// The one that all tests share, since it takes seconds to start.
    fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
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
            let keys: Jwks = authority.jwks().await.unwrap();
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

    fn url(&self) -> String {
        self.server.url().to_owned()
    }

    /// The key that the authority signs with.
    fn key(&self) -> EcKey {
        block_on(async {
            open(&self.dir, &self.server)
                .await
                .store
                .ec_key("issuer")
                .await
        })
        .unwrap()
    }

    /// A token as the authority makes them, but for what is changed; signed with its key.
    fn forged(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": self.url(),
            "sub": "mallory",
            "aud": "kubernetes/prod",
            "jti": "1",
            "iat": clock::now().secs(),
            "nbf": clock::now().secs(),
            "exp": clock::now().secs() + 600,
            "groups": ["jit:view"],
            "jit": { "grant": "g", "entitlement": "kubernetes/prod:view", "chain": [] },
        });
        change(&mut claims);
        signed(&claims, &self.key(), &self.key())
    }

    fn kubectl(&self, token: &str, args: &[&str]) -> Ran {
        let (url, ca) = (self.kube.url(), self.kube.ca().display().to_string());
        let mut all = vec!["--kubeconfig=/dev/null", "-s", &url, "--token", token];
        all.extend(["--certificate-authority", &ca]);
        all.extend(args);
        self.kube.try_kubectl(&all)
    }

    fn whoami(&self, token: &str) -> Ran {
        self.kubectl(token, &["auth", "whoami", "-o", "json"])
    }

    /// Whom the cluster knows a token by.
    #[track_caller]
    fn user(&self, token: &str) -> Value {
        let ran = self.whoami(token);
        assert_eq!(ran.code, 0, "{ran:?}");
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        answer["status"]["userInfo"].clone()
    }

    #[track_caller]
    fn refuses(&self, token: &str) {
        let ran = self.whoami(token);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("Unauthorized"), "{ran:?}");
    }
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(test)
}

async fn open(dir: &TempDir, server: &Server) -> Authority {
    Authority {
        issuer_ca: Some(certificate_authority(server)),
        ..served(dir.path(), CATALOGUE, server.url()).await
    }
}

fn certificate_authority(server: &Server) -> String {
    fs::read_to_string(server.ca().unwrap()).unwrap()
}

fn signed(claims: &Value, named: &EcKey, with: &EcKey) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(keys::thumbprint(&named.public()));
    let key = EncodingKey::from_ec_der(with.expose_pkcs8());
    encode(&header, claims, &key).unwrap()
}

fn token(credential: &Credential) -> &str {
    let Secret::KubernetesToken(token) = &credential.secret else {
        panic!("another secret");
    };
    token.expose_secret()
}

#[test]
fn the_cluster_knows_the_principal_the_groups_and_the_grant() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let answer = block_on(async {
        let authority = open(&cluster.dir, &cluster.server).await;
        elevate(&authority, "kubernetes/prod:view").await
    });
    let answer = answer.unwrap();
    let (grant, serial) = (answer.grant.id.as_str(), &answer.credential.serial);
    let token = token(&answer.credential);
    let user = cluster.user(token);
    assert_eq!(user["username"], "jit:alice@example.com");
    assert_eq!(user["uid"], "alice@example.com");
    assert_eq!(user["groups"], json!(["jit:view", "system:authenticated"]));
    let extra = json!({
        "authentication.kubernetes.io/credential-id": [format!("JTI={serial}")],
        "jit.dev/entitlement": ["kubernetes/prod:view"],
        "jit.dev/grant": [grant],
    });
    assert_eq!(user["extra"], extra);

    let listed = cluster.kubectl(token, &["get", "namespaces", "-o", "name"]);
    assert!(listed.stdout.contains("namespace/default"), "{listed:?}");
    let made = cluster.kubectl(token, &["create", "namespace", "more"]);
    assert!(made.stderr.contains("Forbidden"), "{made:?}");
    let event = cluster
        .kube
        .audited(&format!("\"jit.dev/grant\":[\"{grant}\"]"));
    assert_eq!(event["user"]["username"], "jit:alice@example.com");
}

#[test]
fn the_cluster_knows_for_whom_an_agent_acts() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let key = cluster.key();
    let issued = block_on(async {
        let authority = open(&cluster.dir, &cluster.server).await;
        let name = "kubernetes/prod".parse().unwrap();
        let resource: &Resource = authority.catalogue.resource(&name).unwrap();
        let principal = |class, name| Principal::new(class, name).unwrap();
        // An agent that is named after a person.
        let grant = Grant {
            principal: principal(Class::Agent, "alice@example.com"),
            entitlement: "kubernetes/prod:edit".parse().unwrap(),
            chain: vec![
                principal(Class::Agent, "planner"),
                principal(Class::Human, "bob"),
            ],
            ..elevate(&authority, "kubernetes/prod:view")
                .await
                .unwrap()
                .grant
        };
        let now = grant.granted_at;
        let order = Order {
            grant: &grant,
            public_key: keys::generate().unwrap().public(),
            serial: 7,
            now,
        };
        let site = Site {
            authority: None,
            issuer: Some(Issuer {
                url: &cluster.url(),
                key: &key,
                certificate_authority: None,
            }),
            directory: cluster.dir.path(),
            environment: &Environment::default(),
            now,
        };
        let issued = issuers::issue(resource, &order, &site).await.unwrap();
        let revoked = issuers::revoke(resource, &grant, &site).await.unwrap();
        assert_eq!(revoked, Revocation::EndsByItself);
        issued
    });
    let user = cluster.user(token(&issued));
    assert_eq!(user["username"], "jit:agent/alice@example.com");
    let groups = json!(["developers", "jit:edit", "system:authenticated"]);
    assert_eq!(user["groups"], groups);
    let chain = &user["extra"]["jit.dev/chain"];
    assert_eq!(*chain, json!(["agent/planner", "bob"]));
    let bound = ["get", "rolebinding", "-n", "default", "jit:prod:edit", "-o"];
    let bound = cluster.kube.kubectl(&[&bound[..], &["json"]].concat());
    assert!(bound.contains("developers"), "{bound}");
}

#[test]
fn a_token_for_another_cluster_says_nothing_here() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let answer = block_on(async {
        let authority = open(&cluster.dir, &cluster.server).await;
        elevate(&authority, "kubernetes/other:view").await
    });
    cluster.refuses(token(&answer.unwrap().credential));
}

#[test]
fn what_is_not_quite_a_token_is_refused() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    cluster.user(&cluster.forged(|_| ()));
    let now = clock::now().secs();
    let changes: [(&str, Value); 8] = [
        ("exp", json!(now - 1)),
        ("nbf", json!(now + 3600)),
        ("aud", json!("sts.amazonaws.com")),
        ("iss", json!("https://evil.example")),
        // An hour and a second.
        ("exp", json!(now + 3605)),
        ("groups", json!(["jit:view", "system:masters"])),
        ("groups", json!("jit:admin")),
        ("jit", json!({})),
    ];
    for (claim, value) in changes {
        cluster.refuses(&cluster.forged(|claims| claims[claim] = value));
    }
}

#[test]
fn what_another_key_signed_is_refused() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let token = cluster.forged(|_| ());
    let parts: Vec<&str> = token.split('.').collect();
    let (ours, other) = (cluster.key(), keys::generate_ec().unwrap());
    let claims = {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let bytes = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    cluster.user(&signed(&claims, &ours, &ours));
    cluster.refuses(&signed(&claims, &ours, &other));
    cluster.refuses(&signed(&claims, &other, &other));
    // alg: none
    cluster.refuses(&format!("eyJhbGciOiJub25lIn0.{}.", parts[1]));
    // The public key as the secret of an HMAC.
    let public = ours.public();
    let secret = EncodingKey::from_secret(&[&[4], &public.x[..], &public.y[..]].concat());
    cluster.refuses(&encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap());
    // The key of the elevation tokens.
    let elevation = block_on(async {
        let authority = open(&cluster.dir, &cluster.server).await;
        let answer = elevate(&authority, "kubernetes/prod:view").await.unwrap();
        answer.token.0.expose_secret().to_owned()
    });
    cluster.refuses(&elevation);
}

#[test]
fn what_is_to_be_trusted_is_printed_for_scripts_too() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    // One more says how a role is bound whose name does not say what it may.
    assert_eq!(cluster.commands.len(), 3);
    block_on(async {
        let authority = open(&cluster.dir, &cluster.server).await;
        let name = "kubernetes/prod".parse().unwrap();
        let ca = authority.trust_ca(&name).await.unwrap();
        assert_eq!(ca, certificate_authority(&cluster.server));
        let public = Authority {
            issuer_ca: None,
            ..authority
        };
        let failure = public.trust_ca(&name).await.unwrap_err();
        assert_eq!(
            failure.message,
            "kubernetes/prod trusts no certificate of this authority"
        );
    });
}

/// The embedded authority has no server, so nobody could fetch its keys.
#[test]
fn without_a_server_nothing_is_issued_and_nothing_stays_granted() {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    let said = "jit: kubernetes/prod takes tokens of this authority's own issuer, whose keys only a \
                server can publish\nhint: run this authority as \"jit serve\", or choose issuer = \
                \"token-request\" in authority.toml\n";
    for args in [
        &["request", "kubernetes/prod:view"][..],
        &["trust", "kubernetes/prod"],
        &["trust", "kubernetes/prod", "--ca"],
    ] {
        let ran = run(&mut home.jit(args));
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (125, "", said));
    }
    let revoked = run(&mut home.jit(["revoke", "--all"]));
    assert_eq!(revoked.stdout, "nothing to revoke\n");
}
