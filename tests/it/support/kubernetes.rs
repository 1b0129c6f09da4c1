//! A real Kubernetes API server with its etcd; without kubelets, so pods are only recorded.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::home::{Ran, run};
use super::skip::skip;
use super::tls::Tls;
use super::wait::{on_free_port, read_log, until_logged};
use super::whereabouts::{kubernetes_bin, program};

/// The bearer token of the administrator.
pub(crate) const ADMIN_TOKEN: &str = "admin-of-a-test";

/// One API server on loopback. It authorises by RBAC, refuses the anonymous, and writes an audit log.
/// There is no controller manager: the roles `view` and `edit` are empty, so tests bring their own.
pub(crate) struct Kube {
    // Before the directory, so that they end before their files go.
    _server: Daemon,
    _etcd: Daemon,
    binaries: Binaries,
    port: u16,
    tls: Tls,
    dir: TempDir,
}

struct Binaries {
    server: PathBuf,
    etcd: PathBuf,
    kubectl: PathBuf,
}

impl Kube {
    /// This cluster as a plugin is told of it.
    pub(crate) fn as_asked(&self) -> Value {
        let authority = fs::read(self.ca()).unwrap();
        json!({
            "server": self.url(),
            "certificate-authority-data": STANDARD.encode(authority),
        })
    }

    /// The one that all tests of this process share, since it takes seconds to start; each test
    /// works in a namespace of its own.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Kube>> = OnceLock::new();
        let kube =
            SHARED.get_or_init(|| Some(Self::boot(Binaries::find()?, &[], Tls::for_loopback)));
        if kube.is_none() {
            skip_without_binaries();
        }
        kube.as_ref()
    }

    /// One for this test alone, with further flags of kube-apiserver.
    pub(crate) fn start(flags: &[&str]) -> Option<Self> {
        let Some(binaries) = Binaries::find() else {
            skip_without_binaries();
            return None;
        };
        Some(Self::boot(binaries, flags, Tls::for_loopback))
    }

    /// One whose certificate is its own authority and has another name than its address.
    pub(crate) fn start_self_signed_elsewhere() -> Option<Self> {
        let Some(binaries) = Binaries::find() else {
            skip_without_binaries();
            return None;
        };
        Some(Self::boot(binaries, &[], Tls::self_signed_elsewhere))
    }

    fn boot(binaries: Binaries, flags: &[&str], make: fn(&Path) -> Tls) -> Self {
        let dir = TempDir::new().expect("temporary directory");
        let path = dir.path();
        let tls = make(path);
        write_files(path);
        let (etcd, store) = start_etcd(&binaries.etcd, path);
        let (server, port) = on_free_port(|port| {
            let mut command = Command::new(&binaries.server);
            command
                .args(kept(server_flags(path, &tls, &store, port), flags))
                .args(flags);
            let mut server = Daemon::spawn("kube-apiserver", &mut command, path);
            write_kubeconfig(path, &tls, port);
            server.ready(|_| {
                let ready = kubectl(&binaries.kubectl, path, &["get", "--raw=/readyz"]);
                (ready.code == 0).then_some(())
            })?;
            Some((server, port))
        });
        Self {
            _server: server,
            _etcd: etcd,
            binaries,
            port,
            tls,
            dir,
        }
    }

    /// Its address, as it stands in a kubeconfig.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The file of the authority that its own certificate is from.
    pub(crate) fn ca(&self) -> &Path {
        &self.tls.authority
    }

    /// The name of its certificate, where that is not its address.
    pub(crate) fn tls_server_name(&self) -> Option<&'static str> {
        self.tls.other_name
    }

    /// A kubeconfig whose only context, `admin`, may do anything.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        kubeconfig(self.dir.path())
    }

    /// What kubectl prints, as the administrator; panics where it fails.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let ran = self.try_kubectl(args);
        assert_eq!(ran.code, 0, "kubectl {args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Runs kubectl as the administrator.
    pub(crate) fn try_kubectl(&self, args: &[&str]) -> Ran {
        kubectl(&self.binaries.kubectl, self.dir.path(), args)
    }

    /// Applies a manifest as the administrator.
    pub(crate) fn apply(&self, yaml: &str) {
        let mut child = kubectl_command(&self.binaries.kubectl, self.dir.path())
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("kubectl");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(yaml.as_bytes())
            .expect("kubectl reads it");
        assert!(
            child.wait().expect("kubectl ends").success(),
            "kubectl apply:\n{yaml}"
        );
    }

    /// The events of the audit log so far.
    pub(crate) fn audit_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join("audit.log")).unwrap_or_default();
        let events = text.lines();
        events
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The first event of the audit log that contains `needle`, once it is written: one JSON object.
    pub(crate) fn audited(&self, needle: &str) -> Value {
        let log = self.dir.path().join("audit.log");
        let line = until_logged(&log, needle);
        serde_json::from_str(&line).expect("an event")
    }
}

impl Binaries {
    fn find() -> Option<Self> {
        let first = kubernetes_bin();
        let find = |name| program(name, Some(&first));
        Some(Self {
            server: find("kube-apiserver")?,
            etcd: find("etcd")?,
            kubectl: find("kubectl")?,
        })
    }
}

fn skip_without_binaries() {
    skip("kube-apiserver, etcd or kubectl is missing (tests/servers/kubernetes.sh brings them)");
}

fn start_etcd(binary: &Path, dir: &Path) -> (Daemon, String) {
    on_free_port(|port| {
        let clients = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(binary);
        command.arg("--data-dir").arg(dir.join("etcd")).args([
            "--unsafe-no-fsync",
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
            // Peers: there are none, and a port of the kernel's choice disturbs nobody.
            "--listen-peer-urls",
            "http://127.0.0.1:0",
        ]);
        let mut etcd = Daemon::spawn("etcd", &mut command, dir);
        etcd.ready(|log| {
            read_log(log)
                .contains("ready to serve client requests")
                .then_some(())
        })?;
        Some((etcd, clients))
    })
}

/// The flags that a test does not set otherwise.
fn kept(flags: Vec<String>, others: &[&str]) -> Vec<String> {
    let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
    let others: Vec<String> = others.iter().map(|flag| name(flag)).collect();
    let mut flags = flags;
    flags.retain(|flag| !others.contains(&name(flag)));
    flags
}

fn server_flags(dir: &Path, tls: &Tls, store: &str, port: u16) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        format!("--etcd-servers={store}"),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", tls.certificate.display()),
        format!("--tls-private-key-file={}", tls.key.display()),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-signing-key-file={}", tls.key.display()),
        // A certificate names a public key too.
        format!("--service-account-key-file={}", tls.certificate.display()),
        "--authorization-mode=RBAC".into(),
        "--anonymous-auth=false".into(),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--audit-policy-file={}", file("audit.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
        "--audit-log-mode=blocking".into(),
        format!("--cert-dir={}", file("certificates")),
    ]
}

fn write_files(dir: &Path) {
    let tokens = format!("{ADMIN_TOKEN},admin,admin,system:masters\n");
    fs::write(dir.join("tokens.csv"), tokens).expect("tokens.csv");
    let audit = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";
    fs::write(dir.join("audit.yaml"), audit).expect("audit.yaml");
}

fn write_kubeconfig(dir: &Path, tls: &Tls, port: u16) {
    let mut config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": tls.authority,
        }}],
        "users": [{ "name": "admin", "user": { "token": ADMIN_TOKEN } }],
        "contexts": [{ "name": "admin", "context": { "cluster": "test", "user": "admin" } }],
        "current-context": "admin",
    });
    if let Some(name) = tls.other_name {
        config["clusters"][0]["cluster"]["tls-server-name"] = name.into();
    }
    fs::write(kubeconfig(dir), config.to_string()).expect("kubeconfig");
}

fn kubeconfig(dir: &Path) -> PathBuf {
    dir.join("admin.kubeconfig")
}

fn kubectl(binary: &Path, dir: &Path, args: &[&str]) -> Ran {
    run(kubectl_command(binary, dir).args(args))
}

fn kubectl_command(binary: &Path, dir: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("HOME", dir)
        .env("KUBECONFIG", kubeconfig(dir));
    command
}

/// What kubectl asks its plugin for a cluster, as its kubeconfig has it (`KUBERNETES_EXEC_INFO`).
pub(crate) fn question(cluster: &Value) -> String {
    json!({
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": { "cluster": cluster, "interactive": false },
    })
    .to_string()
}
