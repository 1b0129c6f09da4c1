//! `jit exec --if-known`: what reaches nothing of ours runs as it is, and nothing else does.

use std::path::Path;

use crate::support::{
    held::home_with_leases,
    home::{Home, Ran, run},
};

/// One resource of each kind, and a second cluster, account and database to contradict it. Without
/// policies everything that is asked for is denied, so that 121 means: it went through jit.
const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web.invalid", "bastion.invalid", "hooked.invalid"]
roles.deploy = {}
[resources."kubernetes/prod"]
server = "https://prod.invalid:6443"
contexts = ["prod"]
issuer = "token-request"
credential = "file:x"
roles.view = { service_account = "jit/view" }
roles.edit = { service_account = "jit/edit" }
[resources."kubernetes/stage"]
server = "https://stage.invalid:6443"
contexts = ["stage", "both"]
issuer = "token-request"
credential = "file:x"
roles.view = { service_account = "jit/view" }
[resources."postgres/orders"]
hosts = ["db.invalid:5432", "192.0.2.7"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
roles.admin = { arn = "arn:aws:iam::123456789012:role/admin" }
"#;

const KUBECONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: minikube
contexts:
- {name: minikube, context: {cluster: minikube, user: me}}
- {name: mine, context: {cluster: prod, user: me}}
- {name: both, context: {cluster: prod, user: me}}
clusters:
- {name: minikube, cluster: {server: 'https://127.0.0.1:8443'}}
- {name: prod, cluster: {server: 'https://prod.invalid:6443'}}
";

const SSH_CONFIG: &str = "Host w\n HostName web.invalid\n User deploy\nHost behind\n HostName behind.invalid\n \
                          ProxyJump deploy@bastion.invalid\nHost alice\n HostName web.invalid\n User alice\n\
                          Host hooked.invalid\n KnownHostsCommand /x/jit known-hosts ssh/web\nHost customer\n ProxyJump deploy@hooked.invalid\n";

/// Tools that say that they ran; ssh's own resolution is ssh's.
fn home() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.write(".kube/config", KUBECONFIG);
    let config = home.write("ssh_config", SSH_CONFIG);
    for tool in [
        "kubectl",
        "psql",
        "pg_dump",
        "pg_restore",
        "aws",
        "helm",
        "make",
    ] {
        home.tool(tool, "echo as it is: \"$@\"; exit 7");
    }
    home.tool("kubectl-ctx", "echo plugin");
    home.tool(
        "ssh",
        &format!(
            "case $1 in -G) exec /usr/bin/ssh -F {} \"$@\" ;; esac; echo as it is: \"$@\"; exit 7",
            config.display()
        ),
    );
    home
}

/// Variables in capitals, then the command; `·` is a space within a word.
fn exec(home: &Home, line: &str) -> Ran {
    let is_setting = |word: &&str| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c == '_' || c.is_ascii_uppercase()))
    };
    let words: Vec<&str> = line.split(' ').collect();
    let settings = words.iter().copied().take_while(is_setting);
    let command = words.iter().skip_while(|word| is_setting(word));
    run(home
        .jit(["exec", "--if-known", "--"])
        .args(command.map(|word| word.replace('·', " ")))
        .envs(settings.filter_map(|word| word.split_once('='))))
}

/// What reaches nothing that the catalogue has, or nobody can tell what.
const STRANGERS: &str = "
    ssh -V
    ssh -Q cipher
    ssh -4G w
    ssh
    ssh github.com
    ssh -J jump.invalid -p 22 me@other.invalid uptime
    ssh customer
    make deploy
    helm list
    kubectl get pods
    kubectl --context minikube get pods
    kubectl --context typo get pods
    kubectl --context prod ctx
    kubectl --server https://127.0.0.1:8443 get pods
    kubectl --context prod config view
    KUBECONFIG=/dev/null kubectl get pods
    kubectl __complete get pods --context m
    psql
    psql -l
    psql -h db.invalid orders --version
    psql -? -h db.invalid orders
    psql shop
    psql orders
    psql -p 5432 orders
    psql -U root orders
    pg_dump orders
    pg_restore -d orders dump
    psql -h other.invalid orders
    psql -h db.invalid -p 6432 orders
    PGHOST=other.invalid psql orders
    psql postgres://me@other.invalid/orders
    aws s3 ls
    aws --profile personal s3 ls
    AWS_PROFILE=personal aws s3 ls
    AWS_PROFILE=a AWS_DEFAULT_PROFILE=b aws s3 ls
    AWS_PROFILE=prod aws --profile personal s3 ls
    aws configure list
";

/// What jit recognises, also under `exec` without the flag.
const OURS: &str = "
    ssh deploy@web.invalid
    ssh w uptime
    ssh -o HostName=web.invalid -l deploy other
    kubectl --context prod get pods
    kubectl --context mine get pods
    kubectl --server https://prod.invalid get pods --server https://PROD.invalid:6443/
    kubectl --cluster prod get pods
    kubectl --context stage ctx
    psql -h DB.invalid. orders
    psql service=orders
    psql service=orders:read
    psql -d postgres://db.invalid/orders
    PGHOST=db.invalid psql orders
    aws --profile prod s3 ls
    aws s3 ls --prof=prod
    AWS_PROFILE=prod aws s3 ls
";

/// What is wrong at a resource of ours, or partly reaches one.
const WRONG: &str = "
    ssh root@web.invalid
    ssh alice
    ssh behind
    ssh -J deploy@web.invalid github.com
    kubectl --context prod drain node
    kubectl --context prod nonsense
    kubectl --context prod --token x get pods
    psql -h db.invalid shop
    psql -h db.invalid,other.invalid orders
    psql -h other.invalid,db.invalid orders
    psql hostaddr=192.0.2.7·host=other.invalid·dbname=orders
    psql -U root -h db.invalid orders
    AWS_PROFILE=prod AWS_DEFAULT_PROFILE=personal aws s3 ls
";

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[test]
fn a_stranger_runs_as_it_is_and_nothing_is_said_or_recorded() {
    let home = home();
    for line in lines(STRANGERS) {
        let ran = exec(&home, line);
        assert_eq!((ran.code, ran.stderr.as_str()), (7, ""), "{line}: {ran:?}");
        assert!(ran.stdout.starts_with("as it is:"), "{line}: {ran:?}");
    }
    // git's remotes are told by git itself.
    for line in ["git --version", "git init -q", "git ls-remote ."] {
        assert_eq!(exec(&home, line).code, 0, "{line}");
    }
    assert!(
        !home.path("state/jit/ledger.db").exists(),
        "something was asked"
    );
}

#[test]
fn what_is_ours_goes_through_jit_as_without_the_flag() {
    let home = home();
    for line in lines(OURS) {
        let ran = exec(&home, line);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (121, ""),
            "{line}: {ran:?}"
        );
    }
}

#[test]
fn what_is_wrong_at_a_resource_of_ours_is_an_error() {
    let home = home();
    for line in lines(WRONG) {
        let ran = exec(&home, line);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(ran.stderr.contains("\nhint: "), "{line}: {ran:?}");
    }
}

#[test]
fn without_a_catalogue_or_a_home_everything_runs_as_it_is() {
    let home = home();
    std::fs::remove_file(home.config().join("authority.toml")).unwrap();
    for line in lines(OURS)
        .chain(lines(WRONG))
        .filter(|line| !line.contains('='))
    {
        let ran = exec(&home, line);
        assert_eq!((ran.code, ran.stderr.as_str()), (7, ""), "{line}: {ran:?}");
    }
    let mut homeless = home.jit(["exec", "--if-known", "--", "kubectl", "get", "a b"]);
    for name in [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
    ] {
        homeless.env_remove(name);
    }
    let ran = run(&mut homeless);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert_eq!(ran.stdout, "as it is: get a b\n");
}

#[test]
fn a_broken_catalogue_is_an_error_also_for_a_stranger() {
    let home = home();
    home.configure("authority.toml", "[resources");
    let ran = exec(&home, "kubectl --context minikube get pods");
    assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{ran:?}");
    assert!(ran.stderr.contains("authority.toml:1"), "{ran:?}");
}

#[test]
fn a_completion_uses_what_is_held_and_asks_for_nothing() {
    let home = home_with_leases();
    home.tool("kubectl", "echo \"${KUBECONFIG:-as it is}\"");
    let complete = |line: &str| {
        let words = line.split(' ');
        let mut command = home.jit(["exec", "--if-known", "--", "kubectl"]);
        run(command.args(words)).stdout
    };
    let held = complete("__complete --context held get pods ");
    assert!(held.contains("cache/jit/"), "{held}");
    for line in [
        "__complete get pods --context ",
        "__complete --context held config ",
        "__complete --context other get pods ",
    ] {
        assert_eq!(complete(line), "as it is\n", "{line}");
    }
    assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    for line in [
        "__complete --context held get pods ",
        "__completeNoDesc --context held logs ",
    ] {
        assert_eq!(complete(line), "as it is\n", "{line}");
    }
    // The same for any command, where a shell says that it completes.
    let line = ["exec", "--if-known", "--if-held", "--"];
    let plain = run(home
        .jit(line)
        .args(["kubectl", "--context", "held", "get", "pods"]));
    assert_eq!(plain.stdout, "as it is\n", "{plain:?}");
    assert!(
        !home.path("state/jit/ledger.db").exists(),
        "something was asked"
    );
}

#[test]
fn a_stranger_that_is_missing_is_not_found() {
    let home = home();
    let ran = run(home
        .jit(["exec", "--if-known", "--", "kubectl"])
        .env("PATH", home.path("empty")));
    assert_eq!(ran.code, 127, "{ran:?}");
    assert!(!Path::new("empty").exists());
}
