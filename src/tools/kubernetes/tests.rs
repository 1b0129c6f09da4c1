//! kubectl and its kin, from a command line to an entitlement and to a launch.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::domain::{
    catalogue::Catalogue,
    credential::{Credential, Secret, Token},
    elevation::Grant,
    environment::{Environment, Places},
    id::GrantId,
    key::{PrivateKey, PublicKey},
    lease::Lease,
    principal::{Class, Principal},
    time::Timestamp,
};

const CATALOGUE: &str = r#"
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

const KUBECONFIG: &str = "
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

struct Desk {
    directory: TempDir,
    catalogue: Catalogue,
    environment: Environment,
    places: Places,
}

impl Desk {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_owned();
        fs::create_dir_all(path.join(".kube")).unwrap();
        fs::write(path.join(".kube/config"), KUBECONFIG).unwrap();
        fs::write(path.join("prod-ca.crt"), "-----BEGIN CERTIFICATE-----\n").unwrap();
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
            },
            directory,
        }
    }

    fn without_kubeconfig() -> Self {
        let desk = Self::new();
        fs::remove_file(desk.directory.path().join(".kube/config")).unwrap();
        desk
    }

    fn recognise(&self, line: &str, on: Option<&str>, role: Option<&str>) -> Result<Recognised> {
        let command: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        recognise(&Task {
            command: &command,
            on: on.map(|on| on.parse().unwrap()).as_ref(),
            role: role.map(|role| role.parse().unwrap()).as_ref(),
            catalogue: &self.catalogue,
            environment: &self.environment,
        })
    }

    fn entitlement(&self, line: &str) -> String {
        match self.recognise(line, None, None) {
            Ok(recognised) => recognised.entitlement.to_string(),
            Err(failure) => panic!("{line}: {failure:?}"),
        }
    }

    fn launch(&self, command: &[&str], on: Option<&str>, entitlement: &str) -> Result<Launch> {
        let command: Vec<OsString> = command.iter().map(Into::into).collect();
        let lease = lease(entitlement);
        launch(&Injection {
            task: Task {
                command: &command,
                on: on.map(|on| on.parse().unwrap()).as_ref(),
                role: None,
                catalogue: &self.catalogue,
                environment: &self.environment,
            },
            resource: self.catalogue.resource(&lease.grant.entitlement.resource)?,
            lease: &lease,
            places: &self.places,
            now: Timestamp::from_secs(0),
        })
    }
}

fn lease(entitlement: &str) -> Lease {
    let key = PrivateKey::new([0; 32], PublicKey([0; 32]));
    let at = Timestamp::from_secs;
    Lease {
        grant: Grant {
            id: GrantId::new(at(0), [0; 10]),
            principal: Principal::new(Class::Human, "alice").unwrap(),
            entitlement: entitlement.parse().unwrap(),
            granted_at: at(0),
            expires_at: at(3600),
            credential_ttl: Duration::from_secs(600),
            policies: Vec::new(),
            break_glass: false,
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
    }
}

fn written(launch: &Launch) -> (PathBuf, Value) {
    let file = PathBuf::from(&launch.set["KUBECONFIG"]);
    let text = fs::read_to_string(&file).unwrap();
    (file, serde_json::from_str(&text).unwrap())
}

#[test]
fn the_context_and_the_verb_make_the_entitlement() {
    let desk = Desk::new();
    for (line, wanted) in [
        ("kubectl get pods", "kubernetes/stage:oncall"),
        ("kubectl get secrets", "kubernetes/stage:all"),
        ("kubectl neat -f x", "kubernetes/stage:oncall"),
        ("kubectl --context prod get pods", "kubernetes/prod:view"),
        ("kubectl get pods --context=prod-eu", "kubernetes/prod:view"),
        (
            "/usr/bin/kubectl get pods --context=renamed",
            "kubernetes/prod:view",
        ),
        ("kubectl get pods --cluster prod", "kubernetes/prod:view"),
        (
            "kubectl get pods -s prod.example.com:6443",
            "kubernetes/prod:view",
        ),
        (
            "kubectl get secret x --context prod",
            "kubernetes/prod:edit",
        ),
        (
            "kubectl delete pod x --context prod",
            "kubernetes/prod:edit",
        ),
        (
            "kubectl drain x --context prod --as=bob",
            "kubernetes/prod:admin",
        ),
    ] {
        assert_eq!(desk.entitlement(line), wanted, "{line}");
    }
}

#[test]
fn on_and_role_override() {
    let desk = Desk::new();
    let prod = Some("kubernetes/prod");
    for (line, role, wanted) in [
        ("kubectl get pods", None, "kubernetes/prod:view"),
        (
            "kubectl get pods --context renamed",
            Some("admin"),
            "kubernetes/prod:admin",
        ),
        ("kubectl gett pods", Some("edit"), "kubernetes/prod:edit"),
        ("terraform apply", None, "kubernetes/prod:view"),
        ("helm list", None, "kubernetes/prod:edit"),
        ("helm --debug template x", None, "kubernetes/prod:view"),
        ("k9s", Some("edit"), "kubernetes/prod:edit"),
    ] {
        let recognised = desk.recognise(line, prod, role).unwrap();
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
    let recognised = desk.recognise("kubectl get pods", prod, None).unwrap();
    assert_eq!(
        recognised.because,
        "get reads: view is the smallest role that covers it"
    );
}

#[test]
fn what_is_unknown_or_does_not_fit_is_an_error_with_a_way_out() {
    let desk = Desk::new();
    let prod = Some("kubernetes/prod");
    for (line, on, message, hint) in [
        (
            "kubectl get pods --context prd",
            None,
            "the context \"prd\" is no resource",
            "did you mean \"prod\"?",
        ),
        (
            "kubectl get pods --context foreign",
            None,
            "the context \"foreign\" is no resource",
            "name one with --context or --on: kubernetes/prod (context prod, prod-eu), kubernetes/stage (context stage)",
        ),
        (
            "kubectl get pods --cluster prot",
            None,
            "the kubeconfig has no cluster \"prot\"",
            "did you mean \"prod\"?",
        ),
        (
            "kubectl get pods --server https://evil",
            None,
            "no resource has the server \"https://evil\"",
            "",
        ),
        (
            "kubectl get pods --server https://evil",
            prod,
            "--server names \"https://evil\", and the credential would be for kubernetes/prod",
            "",
        ),
        (
            "kubectl get pods --context prod -s https://evil",
            None,
            "no resource has the server",
            "",
        ),
        (
            "kubectl get pods --cluster stage",
            prod,
            "--cluster names \"stage\", and",
            "",
        ),
        (
            "kubectl get pods --context stage",
            prod,
            "the context \"stage\" is kubernetes/stage's, and",
            "",
        ),
        (
            "kubectl get pods --token x",
            None,
            "--token brings a credential of its own",
            "leave --token out",
        ),
        (
            "kubectl get pods --user me",
            None,
            "--user brings a credential of its own",
            "",
        ),
        (
            "kubectl get pods --client-key=k",
            None,
            "--client-key brings a credential of its own",
            "",
        ),
        (
            "helm list --kube-token x",
            prod,
            "--kube-token brings a credential of its own",
            "",
        ),
        (
            "kubectl gett pods",
            prod,
            "\"gett\" is not a verb that jit knows, and no role of kubernetes/prod is known to cover it",
            "name one with --role; its roles are admin, edit, view",
        ),
        (
            "kubectl config view",
            None,
            "this command speaks to no cluster",
            "run it without jit",
        ),
        (
            "kubectl get pods --kubeconfig none",
            None,
            "the kubeconfig ",
            "correct --kubeconfig",
        ),
        (
            "terraform apply",
            Some("kubernetes/prot"),
            "kubernetes/prot is not in the catalogue",
            "",
        ),
    ] {
        let failure = desk.recognise(line, on, None).unwrap_err();
        assert!(failure.message.starts_with(message), "{line}: {failure:?}");
        assert!(
            failure.hint.starts_with(hint) && !failure.hint.is_empty(),
            "{line}: {failure:?}"
        );
    }
    let failure = desk
        .recognise("kubectl get x", prod, Some("vew"))
        .unwrap_err();
    assert!(
        failure.hint.starts_with("did you mean \"view\"?"),
        "{failure:?}"
    );
}

#[test]
fn without_a_kubeconfig_nothing_is_the_default() {
    let desk = Desk::without_kubeconfig();
    let failure = desk.recognise("kubectl get pods", None, None).unwrap_err();
    assert_eq!(failure.message, "no context is named or current");
    assert_eq!(
        desk.entitlement("kubectl get pods --context prod"),
        "kubernetes/prod:view"
    );
}

#[test]
fn a_name_that_reaches_another_cluster_is_not_believed() {
    let desk = Desk::new();
    let swapped = KUBECONFIG.replace(
        "{name: stage, context: {cluster: stage",
        "{name: stage, context: {cluster: prod",
    );
    fs::write(desk.directory.path().join(".kube/config"), swapped).unwrap();
    let failure = desk.recognise("kubectl get pods", None, None).unwrap_err();
    assert_eq!(
        failure.message,
        "the context \"stage\" is kubernetes/stage's, but its cluster in the kubeconfig is kubernetes/prod"
    );
}

#[test]
fn a_launch_has_a_private_kubeconfig_and_nothing_that_leads_past_it() {
    let desk = Desk::new();
    let kubeconfig = desk.directory.path().join(".kube/config");
    let own = kubeconfig.to_str().unwrap();
    let line = ["sh", "--kubeconfig", own, "--context=prod", "get", "pods"];
    let launch = desk
        .launch(&line, Some("kubernetes/prod"), "kubernetes/prod:view")
        .unwrap();
    let (file, written) = written(&launch);
    assert_eq!(launch.arguments[1], file.as_os_str());
    assert_eq!(launch.set["KUBE_CONFIG_PATH"], file.as_os_str());
    assert!(launch.unset.iter().any(|name| name == "HELM_KUBETOKEN"));
    assert!(
        !launch
            .unset
            .iter()
            .any(|name| launch.set.contains_key(name))
    );
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        written,
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "prod",
            "contexts": [{ "name": "prod", "context": { "cluster": "prod", "user": "jit", "namespace": "shop" } }],
            "clusters": [{ "name": "prod", "cluster": {
                "server": "https://prod.example.com:6443",
                "certificate-authority-data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
                "proxy-url": "http://proxy:3128",
            } }],
            "users": [{ "name": "jit", "user": { "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": process::own_file().unwrap().to_str().unwrap(),
                "args": ["exec-credential", "kubernetes/prod:view"],
                "interactiveMode": "Never", "provideClusterInfo": false,
                "installHint": "jit was moved or removed; install it again",
            } } }],
        })
    );
    assert_eq!(
        fs::read_to_string(&kubeconfig).unwrap(),
        KUBECONFIG,
        "the user's file was touched"
    );
}

#[test]
fn a_second_launch_writes_nothing_and_another_need_has_another_file() {
    let desk = Desk::new();
    let launch = |command: &[&str]| {
        desk.launch(command, None, "kubernetes/stage:oncall")
            .unwrap()
    };
    let (first, content) = written(&launch(&["sh", "get", "pods"]));
    assert_eq!(content["clusters"][0]["cluster"]["tls-server-name"], "kube");
    assert_eq!(
        content["clusters"][0]["cluster"]["certificate-authority-data"],
        "QQ=="
    );
    let before = fs::metadata(&first).unwrap().ino();
    let (again, _) = written(&launch(&["sh", "get", "pods"]));
    assert_eq!(
        (again, fs::metadata(&first).unwrap().ino()),
        (first.clone(), before)
    );
    fs::write(&first, "changed by a tool").unwrap();
    assert_eq!(written(&launch(&["sh", "get", "pods"])).1, content);
    let (other, _) = written(&launch(&["sh", "get", "pods", "--context", "new"]));
    assert_ne!(other, first);
}

#[test]
fn a_resource_without_a_context_lends_its_name() {
    let desk = Desk::without_kubeconfig();
    let launch = desk
        .launch(&["sh"], Some("kubernetes/stage"), "kubernetes/stage:all")
        .unwrap();
    assert_eq!(written(&launch).1["current-context"], "stage");
    fs::remove_file(desk.directory.path().join("prod-ca.crt")).unwrap();
    let failure = desk
        .launch(&["sh"], Some("kubernetes/prod"), "kubernetes/prod:view")
        .unwrap_err();
    assert!(
        failure.message.ends_with("prod-ca.crt is not there"),
        "{failure:?}"
    );
    let failure = desk.launch(
        &["no-such-tool"],
        Some("kubernetes/stage"),
        "kubernetes/stage:all",
    );
    assert_eq!(
        failure.unwrap_err().message,
        "no-such-tool is not installed"
    );
}

#[test]
fn hostile_names_stay_text() {
    let desk = Desk::without_kubeconfig();
    let name = "a\"b\n--token=x\\ $(id)";
    let flag = format!("--context={name}");
    let launch = desk
        .launch(
            &["sh", &flag],
            Some("kubernetes/stage"),
            "kubernetes/stage:all",
        )
        .unwrap();
    let (file, written) = written(&launch);
    assert_eq!(written["current-context"], name);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("stage.all.") && name.len() == 26, "{name}");
}

#[test]
fn kubectl_is_answered_in_the_version_that_it_asks_for() {
    let lease = lease("kubernetes/prod:view");
    let v1 = exec_credential(&lease, ApiVersion::asked(None).unwrap()).unwrap();
    assert_eq!(
        *v1,
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"to\"ken","expirationTimestamp":"1970-01-01T00:09:30Z"}}"#
    );
    let info = r#"{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false}}"#;
    let asked = ApiVersion::asked(Some(info)).unwrap();
    assert_eq!(asked, ApiVersion::V1Beta1);
    assert!(
        exec_credential(&lease, asked)
            .unwrap()
            .contains("/v1beta1\"")
    );
    for info in [
        "",
        "{}",
        "null",
        r#"{"apiVersion":"client.authentication.k8s.io/v9"}"#,
    ] {
        assert!(ApiVersion::asked(Some(info)).is_err(), "{info}");
    }
}

#[test]
fn what_kubectl_keeps_is_gone_when_the_lease_is_renewable() {
    use crate::domain::lease::Freshness;
    for life in [0, 1, 7, 60, 119, 121, 600, 3600] {
        let mut lease = lease("kubernetes/prod:view");
        lease.issued_at = Timestamp::from_millis(1_234_567);
        lease.credential.expires_at = lease.issued_at.after(Duration::from_secs(life));
        let answer = exec_credential(&lease, ApiVersion::V1).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let ends = Timestamp::parse(answer["status"]["expirationTimestamp"].as_str().unwrap());
        assert_ne!(lease.freshness(ends.unwrap()), Freshness::Fresh, "{life}");
    }
}

proptest! {
    #[test]
    fn no_command_line_panics(line in proptest::collection::vec("(-{0,2}[a-z=]{0,9}|get|secrets?/?|--context|--on|.{0,6})", 0..7)) {
        let desk = Desk::without_kubeconfig();
        let mut command = vec![OsString::from("kubectl")];
        command.extend(line.iter().map(Into::into));
        let task = Task { command: &command, on: None, role: None, catalogue: &desk.catalogue, environment: &desk.environment };
        let _needs = needs_nothing(&task);
        if let Err(failure) = recognise(&task) {
            prop_assert!(!failure.hint.is_empty());
        }
    }
}

/// kubectl's real parser must read what is written, and call the plugin.
#[test]
fn kubectl_reads_the_private_kubeconfig() {
    let kubectl = Path::new("/usr/bin/kubectl");
    if !kubectl.exists() {
        return;
    }
    let desk = Desk::new();
    let line = [
        "kubectl",
        "--context=renamed",
        "config",
        "view",
        "--minify",
        "-o",
        "json",
    ];
    let launch = desk.launch(&line, None, "kubernetes/prod:view").unwrap();
    let ran = std::process::Command::new(kubectl)
        .args(&launch.arguments)
        .env_clear()
        .envs(&launch.set)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let seen: BTreeMap<String, Value> = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(seen["current-context"], "renamed");
    assert_eq!(seen["contexts"][0]["context"]["namespace"], "other");
    assert_eq!(seen["users"][0]["user"]["exec"]["interactiveMode"], "Never");
}
