//! OpenBao's `ssh/sign` where `bao` is on the PATH: its storage in memory, and a file as audit device, which
//! it does not sync.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    daemon::Daemon,
    http::{Connection, Site},
    tls::Tls,
    until,
    wait::on_free_port,
    whereabouts::program,
};

/// A server that signs user certificates of ten minutes for the login `deploy`.
pub(crate) struct Bao {
    // Before the directory, so that it ends before its files go.
    server: Daemon,
    site: Site,
    token: String,
    _dir: TempDir,
}

impl Bao {
    /// Starts one; nothing where it is not there.
    pub(crate) fn start() -> Option<Self> {
        let bao = program("bao", None)?;
        let dir = TempDir::new().expect("temporary directory");
        let tls = Tls::for_loopback(dir.path());
        let (server, site) = on_free_port(|port| {
            let mut command = Command::new(&bao);
            command
                .arg("server")
                .arg("-config")
                .arg(configuration(&dir, &tls, port))
                .env("HOME", dir.path());
            let mut server = Daemon::spawn("bao", &mut command, dir.path());
            let site = Site::new(&format!("https://127.0.0.1:{port}"), Some(&tls.authority));
            server.ready(|_| site.send("GET", "/v1/sys/init", &[], b"").ok())?;
            Some((server, site))
        });
        let mut this = Self {
            server,
            site,
            token: String::new(),
            _dir: dir,
        };
        this.open();
        Some(this)
    }

    fn open(&mut self) {
        let begun = self.put(
            "sys/init",
            &json!({ "secret_shares": 1, "secret_threshold": 1 }),
        );
        self.put("sys/unseal", &json!({ "key": begun["keys"][0] }));
        begun["root_token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.token);
        until("an open vault", || {
            let mounted = self.put("sys/mounts/ssh", &json!({ "type": "ssh" }));
            mounted["errors"].is_null().then_some(())
        });
        let ca = json!({ "generate_signing_key": true, "key_type": "ed25519" });
        self.put("ssh/config/ca", &ca);
        let role = json!({
            "key_type": "ca",
            "allow_user_certificates": true,
            "allowed_users": "deploy",
            "default_user": "deploy",
            "ttl": "10m",
        });
        self.put("ssh/roles/deploy", &role);
    }

    fn put(&self, path: &str, body: &Value) -> Value {
        self.ask(&mut self.connect(), path, body)
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.server.id()
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        self.site.connect().expect("bao listens")
    }

    /// Signs a public key, as it stands in `authorized_keys`.
    pub(crate) fn sign(&self, connection: &mut Connection, public_key: &str) {
        let answer = self.ask(
            connection,
            "ssh/sign/deploy",
            &json!({ "public_key": public_key }),
        );
        assert!(answer["data"]["signed_key"].is_string(), "{answer}");
    }

    fn ask(&self, connection: &mut Connection, path: &str, body: &Value) -> Value {
        let headers = [("x-vault-token", &*self.token)];
        let body = body.to_string();
        connection
            .send("POST", &format!("/v1/{path}"), &headers, body.as_bytes())
            .expect("bao answers")
            .json()
    }
}

fn configuration(dir: &TempDir, tls: &Tls, port: u16) -> PathBuf {
    let file = dir.path().join("bao.hcl");
    let text = format!(
        "storage \"inmem\" {{}}
listener \"tcp\" {{
  address = \"127.0.0.1:{port}\"
  tls_cert_file = \"{}\"
  tls_key_file = \"{}\"
}}
audit \"file\" \"file\" {{
  options = {{ file_path = \"{}\" }}
}}
log_level = \"error\"
",
        tls.certificate.display(),
        tls.key.display(),
        dir.path().join("audit.log").display(),
    );
    fs::write(&file, text).expect("bao.hcl");
    file
}
