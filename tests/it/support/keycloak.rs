//! A real Keycloak, with a realm for each test.

use std::{
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    browser,
    daemon::Daemon,
    home::{Home, Ran},
    http::{Answer, Site},
    skip::skip,
    wait::{on_free_port, read_log},
    whereabouts::{keycloak, program},
};

/// It takes ten seconds on an idle machine.
const PATIENCE: Duration = Duration::from_mins(4);
const ADMIN: &str = "admin";

/// The one that all tests of this process share.
struct Keycloak {
    _daemon: Daemon,
    url: String,
    _dir: TempDir,
}

/// A realm of its own for one test, with the public client `jit`: browser and device flow, both with PKCE.
pub(crate) struct Realm {
    site: Site,
    name: String,
    issuer: String,
}

impl Realm {
    /// One with further settings of Keycloak's `RealmRepresentation`; nothing where Keycloak is missing.
    pub(crate) fn start(settings: &Value) -> Option<Self> {
        static SHARED: OnceLock<Option<Keycloak>> = OnceLock::new();
        static REALMS: AtomicU32 = AtomicU32::new(0);
        let Some(keycloak) = SHARED.get_or_init(Keycloak::boot) else {
            skip("java or Keycloak is missing (tests/servers/keycloak.sh brings them)");
            return None;
        };
        let name = format!("realm-{}", REALMS.fetch_add(1, Ordering::Relaxed));
        let realm = Self {
            site: Site::new(&keycloak.url, None),
            issuer: format!("{}/realms/{name}", keycloak.url),
            name,
        };
        let mut wanted = json!({ "realm": realm.name, "enabled": true, "clients": [client()] });
        let settings = settings.as_object().expect("an object");
        wanted
            .as_object_mut()
            .expect("an object")
            .extend(settings.clone());
        realm.administer("POST", "/admin/realms", &wanted);
        Some(realm)
    }

    /// Its identifier, the claim `iss`.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Gives somebody an account, whose password is the name, in these groups.
    pub(crate) fn account(&self, name: &str, groups: &[&str]) {
        for group in groups {
            self.administer("POST", &self.path("groups"), &json!({ "name": group }));
        }
        let user = json!({
            "username": name,
            "enabled": true,
            "email": format!("{name}@example.com"),
            "emailVerified": true,
            "firstName": name,
            "lastName": name,
            "groups": groups,
            "credentials": [{ "type": "password", "value": name }],
        });
        self.administer("POST", &self.path("users"), &user);
    }

    /// From now on neither a login nor a refresh works for somebody.
    pub(crate) fn disable(&self, name: &str) {
        let path = self.path(&format!("users/{}", self.id(name)));
        self.administer("PUT", &path, &json!({ "enabled": false }));
    }

    /// Ends all sessions of somebody, as an administrator does.
    pub(crate) fn sign_out(&self, name: &str) {
        let path = self.path(&format!("users/{}/logout", self.id(name)));
        self.administer("POST", &path, &Value::Null);
    }

    /// Has a refresh token answered, as `jit` does.
    pub(crate) fn refresh(&self, token: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "jit"),
            ("refresh_token", token),
        ];
        let path = format!("/realms/{}/protocol/openid-connect/token", self.name);
        self.site.post_form(&path, &fields)
    }

    /// Somebody opens a URL in the browser of a home.
    pub(crate) fn open_in(&self, home: &Home, name: &str, url: &str) -> Ran {
        assert!(url.starts_with(&self.issuer), "{url}");
        browser::open_in(home, name, url, None)
    }

    fn id(&self, name: &str) -> String {
        let path = self.path(&format!("users?exact=true&username={name}"));
        let found = self.administer("GET", &path, &Value::Null);
        found[0]["id"].as_str().expect("an id").to_owned()
    }

    fn path(&self, rest: &str) -> String {
        format!("/admin/realms/{}/{rest}", self.name)
    }

    /// One call of the administrator's; panics where it is refused.
    fn administer(&self, method: &str, path: &str, body: &Value) -> Value {
        let fields = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", ADMIN),
            ("password", ADMIN),
        ];
        let path_of_tokens = "/realms/master/protocol/openid-connect/token";
        let token = self.site.post_form(path_of_tokens, &fields).json();
        let token = token["access_token"].as_str().expect("a token");
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.site.send(method, path, &headers, body.as_bytes());
        let answer = answer.expect("Keycloak answers");
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.json()
    }
}

impl Keycloak {
    fn boot() -> Option<Self> {
        let home = keycloak();
        program("java", None)?;
        let start = home.join("bin/kc.sh");
        if !start.is_file() {
            return None;
        }
        let dir = TempDir::new().expect("temporary directory");
        let (daemon, port) = on_free_port(|port| {
            let mut command = Command::new(&start);
            command
                .args([
                    "start",
                    "--optimized",
                    "--cache=local",
                    "--http-enabled=true",
                ])
                .args(["--http-host=127.0.0.1", "--hostname-strict=false"])
                .arg(format!("--http-port={port}"))
                .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN)
                .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN)
                .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx512m")
                .env("HOME", dir.path());
            let mut daemon = Daemon::spawn("keycloak", &mut command, dir.path());
            daemon.ready_within(PATIENCE, |log| {
                read_log(log).contains("Listening on:").then_some(())
            })?;
            Some((daemon, port))
        });
        Some(Self {
            _daemon: daemon,
            url: format!("http://127.0.0.1:{port}"),
            _dir: dir,
        })
    }
}

/// The client, with the claim `groups`.
pub(crate) fn client() -> Value {
    json!({
        "clientId": "jit",
        "publicClient": true,
        "redirectUris": ["http://127.0.0.1/callback"],
        "attributes": {
            "oauth2.device.authorization.grant.enabled": "true",
            "pkce.code.challenge.method": "S256",
        },
        "protocolMappers": [{
            "name": "groups",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-group-membership-mapper",
            "config": {
                "claim.name": "groups",
                "full.path": "false",
                "id.token.claim": "true",
            },
        }],
    })
}
