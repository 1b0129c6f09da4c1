//! What a launch prepares, given to the real kubectl, the real aws CLI and boto3.

use std::{ffi::OsString, fs, path::Path, process::Command, time::Duration};

use jit::{
    domain::{
        catalogue::Catalogue,
        credential::{Credential, Secret, Token},
        elevation::Grant,
        environment::{Environment, Places},
        id::GrantId,
        key::{PrivateKey, PublicKey},
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::process::{Launch, find},
    tools::{
        self,
        task::{Injection, Task},
    },
};
use serde_json::{Value, json};

use crate::support::{
    home::{Home, Ran, run},
    kubernetes::{ADMIN_TOKEN, Kube},
    moto::Moto,
};

fn lease(entitlement: &str, secret: Secret) -> Lease {
    let key = PrivateKey::new([0; 32], PublicKey([0; 32]));
    let (past, future) = (Timestamp::from_secs(0), Timestamp::from_secs(4_102_444_800));
    Lease {
        grant: Grant {
            id: GrantId::new(past, [0; 10]),
            principal: Principal::new(Class::Human, "alice").unwrap(),
            entitlement: entitlement.parse().unwrap(),
            granted_at: past,
            expires_at: future,
            credential_ttl: Duration::from_mins(15),
            policies: Vec::new(),
            break_glass: false,
            chain: Vec::new(),
        },
        token: Token("proof".into()),
        holder: key.clone(),
        credential: Credential {
            serial: "1".into(),
            expires_at: future,
            secret,
        },
        key,
        issued_at: past,
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

/// What `jit exec` does once it holds a lease: recognise, and launch.
fn launch(
    home: &Home,
    catalogue: &str,
    variables: &Command,
    line: &[&str],
    secret: Secret,
) -> Launch {
    let catalogue: Catalogue = toml::from_str(catalogue).unwrap();
    let set = variables.get_envs();
    let environment = Environment {
        variables: set
            .filter_map(|(name, value)| Some((name.into(), value?.into())))
            .collect(),
        directory: home.path(""),
        home: Some(home.path("")),
    };
    let command: Vec<OsString> = line.iter().map(Into::into).collect();
    let on = (line[0] != "kubectl" && line[0] != "aws").then(|| "aws/prod".parse().unwrap());
    let task = Task {
        command: &command,
        on: on.as_ref(),
        role: None,
        catalogue: &catalogue,
        environment: &environment,
    };
    let wanted = tools::recognise(&task).unwrap().entitlement;
    let lease = lease(&wanted.to_string(), secret);
    let places = Places {
        configuration: home.config(),
        state: home.path("state/jit"),
        cache: home.path("cache/jit"),
        runtime: home.path("run/jit"),
        job: None,
    };
    tools::launch(&Injection {
        task,
        resource: catalogue.resource(&wanted.resource).unwrap(),
        lease: &lease,
        via: &[],
        is_hooked: false,
        logins: &[],
        is_mixed: false,
        also: &[],
        places: &places,
        now: Timestamp::from_secs(0),
    })
    .unwrap()
}

/// Runs what was launched, in the environment that it was launched from.
fn finish(mut variables: Command, launch: &Launch) -> Ran {
    variables.args(&launch.arguments).envs(&launch.set);
    for name in &launch.unset {
        variables.env_remove(name);
    }
    run(&mut variables)
}

/// A launch of kubectl, with a stand-in for `jit exec-credential` that counts how often it is
/// called and whose credential ends `at`.
fn kubectl(home: &Home, kube: &Kube, line: &[&str], at: &str) -> (Ran, usize) {
    let ca = fs::read_to_string(kube.ca()).unwrap();
    home.configure("ca.crt", &ca);
    let catalogue = format!(
        r#"[resources."kubernetes/prod"]
        server = "{}"
        certificate_authority = "ca.crt"
        contexts = ["prod"]
        issuer = "token-request"
        credential = "env:NOTHING"
        roles.view = {{ service_account = "jit/view" }}"#,
        kube.url()
    );
    let own = format!(
        "contexts: [{{name: prod, context: {{cluster: c, user: u, namespace: kube-system}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{}'}}}}]\n\
         users: [{{name: u, user: {{token: standing}}}}]\n",
        kube.url()
    );
    let own = home.write(".kube/config", &own);
    let program = find("kubectl".as_ref(), &search(home)).unwrap();
    let mut line = line.to_vec();
    let flag = format!("--kubeconfig={}", own.display());
    line.extend(["--context", "prod", &flag]);
    let command = home.command(&program);
    let secret = Secret::KubernetesToken(ADMIN_TOKEN.into());
    let launch = launch(home, &catalogue, &command, &line, secret);
    let answer = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": ADMIN_TOKEN, "expirationTimestamp": at },
    });
    let calls = home.path("calls");
    let says = format!("echo \"$@\" >>'{}'\necho '{answer}'", calls.display());
    stand_in(
        Path::new(&launch.set["KUBECONFIG"]),
        &home.tool("plugin", &says),
    );
    let ran = finish(command, &launch);
    let called = fs::read_to_string(&calls).unwrap_or_default();
    for call in called.lines() {
        assert_eq!(call, "exec-credential kubernetes/prod:view");
    }
    fs::remove_file(&calls).ok();
    (ran, called.lines().count())
}

fn search(home: &Home) -> Environment {
    let command = home.command(Path::new("/bin/true"));
    let path = command.get_envs().find(|(name, _)| *name == "PATH");
    Environment {
        variables: [("PATH".into(), path.unwrap().1.unwrap().into())].into(),
        directory: home.path(""),
        home: None,
    }
}

fn stand_in(kubeconfig: &Path, plugin: &Path) {
    let mut written: Value = serde_json::from_slice(&fs::read(kubeconfig).unwrap()).unwrap();
    written["users"][0]["user"]["exec"]["command"] = plugin.to_str().unwrap().into();
    fs::write(kubeconfig, written.to_string()).unwrap();
}

#[test]
fn kubectl_takes_its_credential_from_the_plugin_and_asks_again_when_it_ends() {
    let Some(kube) = Kube::shared() else {
        return;
    };
    let home = Home::new();
    let line = [
        "kubectl",
        "get",
        "namespaces,serviceaccounts,configmaps",
        "-o",
        "name",
    ];
    let (ran, calls) = kubectl(&home, kube, &line, "2100-01-01T00:00:00Z");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("namespace/kube-system"), "{ran:?}");
    assert_eq!(calls, 1, "one process asks once");
    let (ran, calls) = kubectl(&home, kube, &line, "2000-01-01T00:00:00Z");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        calls > 1,
        "a credential that has ended is asked for again: {calls}"
    );
}

#[test]
fn a_policy_of_kubectls_own_against_plugins_is_kept() {
    let Some(kube) = Kube::shared() else {
        return;
    };
    let home = Home::new();
    let rc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ncredentialPluginPolicy: DenyAll\n";
    home.write(".kube/kuberc", rc);
    let (ran, calls) = kubectl(
        &home,
        kube,
        &["kubectl", "get", "ns"],
        "2100-01-01T00:00:00Z",
    );
    assert_eq!((ran.code, calls), (1, 0), "{ran:?}");
    assert!(
        ran.stderr
            .contains("not allowed: policy set to \"DenyAll\""),
        "{ran:?}"
    );
}

const ACCOUNT: &str = r#"[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }"#;

const ANYBODY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
const BUCKETS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListAllMyBuckets","sts:GetCallerIdentity"],"Resource":"*"}]}"#;

/// A home whose profile `prod` has standing keys that nobody knows, and a session of STS.
fn session(home: &Home, moto: &Moto) -> Secret {
    home.write(
        ".aws/config",
        "[profile prod]\nregion = eu-west-1\naws_access_key_id = AKIASTANDING\naws_secret_access_key = standing\n",
    );
    let role = moto.create_role("read", ANYBODY, BUCKETS);
    let made = moto.aws(&[
        "sts",
        "assume-role",
        "--role-arn",
        &role,
        "--role-session-name",
        "alice",
    ]);
    let part = |name: &str| made["Credentials"][name].as_str().unwrap().to_owned();
    Secret::AwsSession {
        access_key_id: part("AccessKeyId"),
        secret_access_key: part("SecretAccessKey").into(),
        session_token: part("SessionToken").into(),
        account: None,
    }
}

fn reach(home: &Home, moto: &Moto, line: &[&str], secret: Secret) -> Ran {
    let program = find(line[0].as_ref(), &search(home)).unwrap();
    let mut command = home.command(&program);
    command
        .env("AWS_ENDPOINT_URL", moto.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PROFILE", "prod")
        // Where the user has keys in the environment, the session takes their place there; a private profile
        // would ask this test's own program for it.
        .env("AWS_ACCESS_KEY_ID", "AKIASTANDING")
        .env("AWS_SECRET_ACCESS_KEY", "standing")
        .env("AWS_SECURITY_TOKEN", "stale");
    let launch = launch(home, ACCOUNT, &command, line, secret);
    finish(command, &launch)
}

#[test]
fn the_aws_cli_and_boto3_use_the_session_whatever_the_profile_says() {
    let Some(moto) = Moto::start() else {
        return;
    };
    let home = Home::new();
    let secret = session(&home, &moto);
    moto.begin_checks();
    let script = "import boto3; s = boto3.Session(); print(s.region_name, s.client('sts').get_caller_identity()['Arn'])";
    for line in [
        &["aws", "--profile", "prod", "sts", "get-caller-identity"][..],
        &["aws", "sts", "get-caller-identity", "--prof=prod"],
        &["aws", "sts", "get-caller-identity"],
        &["python3", "-c", script],
    ] {
        let ran = reach(&home, &moto, line, secret.clone());
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        assert!(
            ran.stdout.contains("assumed-role/read/alice"),
            "{line:?}: {ran:?}"
        );
        if line[0] == "python3" {
            assert!(ran.stdout.starts_with("eu-west-1 "), "{ran:?}");
        }
    }
    let line = ["aws", "--profile", "prod", "s3api", "list-buckets"];
    let ran = reach(&home, &moto, &line, secret.clone());
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = ["aws", "--profile", "prod", "s3", "mb", "s3://new"];
    let ran = reach(&home, &moto, &line, secret);
    assert_ne!(ran.code, 0, "the role may not: {ran:?}");
    assert!(ran.stderr.contains("AccessDenied"), "{ran:?}");
}
