//! What is found in a home directory, a friendly one and a hostile one.

use std::{
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::{
    config::client::Config,
    domain::{
        catalogue::Catalogue,
        environment::{Environment, Places},
        time::Timestamp,
    },
    policy::set::Policies,
};

const WRITE: Args = Args {
    discover: false,
    server: server::Server::NONE,
};

struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            files::write_public(&path, text.as_bytes()).unwrap();
        }
        Self { directory }
    }

    fn session(&self) -> Session {
        let home = self.directory.path();
        Session {
            environment: Environment {
                home: Some(home.to_owned()),
                directory: home.to_owned(),
                ..Environment::default()
            },
            places: Places {
                configuration: home.join("jit"),
                state: home.join("state"),
                cache: home.join("cache"),
                runtime: home.join("run"),
                job: None,
            },
            config: Ok(Config::default()),
            clock: || Timestamp::from_secs(0),
            fetch: |_| Ok(Catalogue::default()),
            json: false,
            verbose: false,
        }
    }

    fn proposal(&self) -> Proposal {
        let finds = finds::all(&self.session()).unwrap();
        assert_eq!(finds.unreadable, [""; 0]);
        let mut proposal = Proposal::new(template::AUTHORITY);
        let found = finds.found.iter();
        found.for_each(|found| proposal.add(found));
        proposal
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

const SSH: &str = "\
Include conf.d/*.conf
Host web web-alias *.internal !no
  HostName=web-1.example.com
  User deploy
Host db
  HostName %h.example.com # the database
host \"quoted\"
  HOSTNAME 10.0.0.1
  user root
Host nameless
Host *
  User everybody
Host dotted.example.com
Match host x
  HostName no.example.com
";

const KUBECONFIG: &str = "\
contexts:
- {name: prod, context: {cluster: c, user: u}}
- {name: prod-ns, context: {cluster: c, namespace: shop}}
- {name: 'arn:aws:eks:eu-west-1:1:cluster/dev', context: {cluster: d}}
- {name: plain, context: {cluster: e}}
- {name: gone, context: {cluster: missing}}
clusters:
- {name: c, cluster: {server: 'https://203.0.113.5:6443/', certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==}}
- {name: d, cluster: {server: 'https://dev.example.com', certificate-authority: ca.pem}}
- {name: e, cluster: {server: 'http://plain.example.com'}}
";

const SERVICES: &str = "\
# mine
[orders]
host=db.internal
port=5432
dbname=orders
user=orders_ro

[nobody]
host=other.internal
[socket]
host=/var/run/postgresql
user=x
";

const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n";

const AWS: &str = "\
[default]
region = us-east-1
[profile prod]
role_arn = arn:aws:iam::123456789012:role/team/read
source_profile = default
region = eu-west-1
[profile prod-admin]
role_arn = arn:aws:iam::123456789012:role/Administrator
[profile sso]
sso_account_id = 210987654321
sso_role_name = Dev
";

/// What is proposed beyond the start; all of it still holds with nothing commented out.
fn proposed(home: &Home) -> String {
    let proposal = home.proposal();
    assert!(authority::parse(authority::FILE, proposal.whole()).is_ok());
    let text = proposal.text.strip_prefix(template::AUTHORITY).unwrap();
    text.replace(&home.directory.path().display().to_string(), "~")
}

#[test]
fn hosts_and_services_become_a_proposal() {
    let inner = "Host inner\n HostName inner.example.com\nInclude conf.d/a.conf\n";
    let home = Home::new(&[
        (".ssh/config", SSH),
        (".ssh/conf.d/a.conf", inner),
        (".pg_service.conf", SERVICES),
    ]);
    assert_snapshot!(proposed(&home), @r##"

    # From the host "inner" of ~/.ssh/config.
    [resources."ssh/inner"]
    hosts = ["inner.example.com"]
    roles."everybody" = {}

    # From the host "web" of ~/.ssh/config.
    [resources."ssh/web"]
    hosts = ["web-1.example.com"]
    roles."deploy" = {}

    # From the host "db" of ~/.ssh/config.
    [resources."ssh/db"]
    hosts = ["db.example.com"]
    roles."everybody" = {}

    # From the host "quoted" of ~/.ssh/config.
    [resources."ssh/quoted"]
    hosts = ["10.0.0.1"]
    roles."root" = { tier = "sensitive" }

    # From the host "dotted.example.com" of ~/.ssh/config.
    [resources."ssh/dotted.example.com"]
    hosts = ["dotted.example.com"]
    roles."everybody" = {}

    # From the PostgreSQL service "orders".
    [resources."postgres/orders"]
    hosts = ["db.internal:5432"]
    databases = ["orders"]
    issuer = "certificate"
    roles."orders_ro" = { role = "orders_ro" }

    # From the PostgreSQL service "nobody".
    # It still needs the database role, instead of ROLE; then remove the "# " before each line:
    # [resources."postgres/nobody"]
    # hosts = ["other.internal"]
    # issuer = "certificate"
    # roles."read" = { role = "ROLE" }
    "##);
}

#[test]
fn clusters_and_accounts_become_a_proposal() {
    let home = Home::new(&[(".kube/config", KUBECONFIG), (".aws/config", AWS)]);
    assert_snapshot!(proposed(&home), @r##"

    # From the contexts ["prod", "prod-ns"] of your kubeconfig.
    # It still needs a token in the file that `credential` names; then remove the "# " before each line:
    # [resources."kubernetes/prod"]
    # server = "https://203.0.113.5:6443"
    # certificate_authority = "prod-ca.crt"
    # contexts = ["prod", "prod-ns"]
    # issuer = "token-request"
    # credential = "file:prod.token"
    # roles."view" = { service_account = "jit/view" }
    # roles."edit" = { service_account = "jit/edit", tier = "elevated" }
    # roles."admin" = { service_account = "jit/admin", tier = "sensitive" }

    # From the contexts ["arn:aws:eks:eu-west-1:1:cluster/dev"] of your kubeconfig.
    # It still needs a token in the file that `credential` names; then remove the "# " before each line:
    # [resources."kubernetes/arn-aws-eks-eu-west-1-1-cluster-dev"]
    # server = "https://dev.example.com"
    # certificate_authority = "~/.kube/ca.pem"
    # contexts = ["arn:aws:eks:eu-west-1:1:cluster/dev"]
    # issuer = "token-request"
    # credential = "file:arn-aws-eks-eu-west-1-1-cluster-dev.token"
    # roles."view" = { service_account = "jit/view" }
    # roles."edit" = { service_account = "jit/edit", tier = "elevated" }
    # roles."admin" = { service_account = "jit/admin", tier = "sensitive" }

    # From the AWS profiles ["prod", "prod-admin"].
    [resources."aws/prod"]
    account = "123456789012"
    profiles = ["prod", "prod-admin"]
    issuer = "assume-role"
    region = "eu-west-1"
    base_profile = "default"
    roles."read" = { arn = "arn:aws:iam::123456789012:role/team/read" }
    roles."Administrator" = { arn = "arn:aws:iam::123456789012:role/Administrator", tier = "sensitive" }

    # From the AWS profiles ["sso"].
    # It still needs the role that jit may assume, instead of ROLE; then remove the "# " before each line:
    # [resources."aws/sso"]
    # account = "210987654321"
    # profiles = ["sso"]
    # issuer = "assume-role"
    # roles."read" = { arn = "arn:aws:iam::210987654321:role/ROLE" }
    "##);
}

#[test]
fn a_second_run_changes_nothing_and_everything_written_is_right() {
    let home = Home::new(&[(".ssh/config", SSH), (".kube/config", "\t")]);
    let session = home.session();
    run(&WRITE, &session).unwrap();
    let catalogue = session.catalogue().unwrap();
    assert_eq!(catalogue.resources.0.len(), 4);
    client::load(&session.places).unwrap();
    let policies = policies::load(&session.places).unwrap();
    assert_eq!(policies.len(), starter::FILES.len());
    let written = Policies::parse(&policies).unwrap();
    assert!(written.strangers(&catalogue).is_empty());

    fs::remove_file(home.path("jit/policies/40-break-glass.cedar")).unwrap();
    files::write_private(&home.path("jit/authority.toml"), b"# mine\n").unwrap();
    run(&WRITE, &session).unwrap();
    assert!(!home.path("jit/policies/40-break-glass.cedar").exists());
    assert_eq!(
        fs::read(home.path("jit/authority.toml")).unwrap(),
        b"# mine\n"
    );
}

#[test]
fn what_is_written_is_private() {
    let home = Home::new(&[]);
    run(&WRITE, &home.session()).unwrap();
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("jit"), 0o700);
    assert_eq!(mode("jit/policies"), 0o700);
    assert_eq!(mode("jit/authority.toml"), 0o600);
    assert_eq!(mode("jit/policies/10-routine.cedar"), 0o600);
}

#[test]
fn a_link_that_leads_nowhere_is_kept() {
    let home = Home::new(&[("jit/x", "")]);
    symlink("/nonexistent", home.path("jit/authority.toml")).unwrap();
    run(&WRITE, &home.session()).unwrap();
    assert!(
        fs::symlink_metadata(home.path("jit/authority.toml"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn a_foreign_name_injects_nothing() {
    let evil = "x\"]\\n[evil\n[resources.\"ssh/evil\"]\nhosts = [\"evil\"]\nroles.root = {}\n";
    let quoted = serde_json::to_string(evil).unwrap();
    let home = Home::new(&[
        (
            ".ssh/config",
            "Host x\"]\n HostName a\nHost $(id)\n HostName b;c\nHost ok\n HostName -oProxyCommand=id\nHost fine\n HostName fine.example.com\n User a\"b\n",
        ),
        (
            ".kube/config",
            &format!(
                "contexts:\n- {{name: {quoted}, context: {{cluster: c}}}}\nclusters:\n- {{name: c, cluster: {{server: 'https://a\"b'}}}}\n- {{name: c2, cluster: {{server: {quoted}}}}}\n"
            ),
        ),
        (
            ".pg_service.conf",
            "[a\"]\nhost=x\"]\nuser=\"\n[../../etc]\nhost=db\nuser=a b\n",
        ),
        (
            ".aws/config",
            "[profile a\"]\nrole_arn=arn:aws:iam::123456789012:role/\"x\nsource_profile=\"\n[profile b]\nsso_account_id=1\"\n",
        ),
    ]);
    let proposal = home.proposal();
    let catalogue = authority::parse(authority::FILE, proposal.whole()).unwrap();
    let names: Vec<String> = catalogue
        .resources
        .0
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_snapshot!(names.join("\n"), @r#"
    ssh/x
    postgres/etc
    aws/a
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_files_hold_the_proposal_is_right(
        ssh in "((Host|HostName|User|Include|Match) [ -~]{0,12}\n){0,8}",
        services in "(\\[[ -~]{0,9}\\]\n((host|port|dbname|user)=[ -~]{0,9}\n){0,4}){0,4}",
        aws in "(\\[profile [ -~]{0,9}\\]\n((role_arn|source_profile|region)=(arn:aws:iam::123456789012:role/)?[ -~]{0,9}\n){0,3}){0,4}",
        context in "\\PC{0,20}",
        passwords in "(([ -~]{0,9}:){4}[ -~]{0,9}\n){0,4}",
        known in "([ -~]{0,12} ssh-ed25519 AAAA\n){0,4}",
    ) {
        let context = serde_json::to_string(&context).unwrap();
        let kube = format!("contexts:\n- {{name: {context}, context: {{cluster: c}}}}\nclusters:\n- {{name: c, cluster: {{server: 'https://a'}}}}\n");
        let home = Home::new(&[(".ssh/config", &ssh), (".kube/config", &kube), (".pg_service.conf", &services), (".aws/config", &aws), (".pgpass", &passwords), (".ssh/known_hosts", &known), (".ssh/id_rsa", KEY)]);
        let proposal = home.proposal();
        prop_assert!(authority::parse(authority::FILE, &proposal.text).is_ok());
        prop_assert!(authority::parse(authority::FILE, proposal.whole()).is_ok());
    }
}
