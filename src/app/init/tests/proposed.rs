//! What a friendly home becomes.

use insta::assert_snapshot;

use super::home::{Home, SSH};
use crate::{app::init::template, config::authority, platform::files};

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
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."ssh/inner"]
    # hosts = ["inner.example.com"]
    # roles."everybody" = {}

    # From the hosts ["web", "web-alias"] of ~/.ssh/config, which are one.
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."ssh/web"]
    # hosts = ["web-1.example.com"]
    # roles."deploy" = {}

    # From the host "db" of ~/.ssh/config.
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."ssh/db"]
    # hosts = ["db.example.com"]
    # roles."everybody" = {}

    # From the host "quoted" of ~/.ssh/config.
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."ssh/quoted"]
    # hosts = ["10.0.0.1"]
    # roles."root" = { tier = "sensitive" }

    # From the host "dotted.example.com" of ~/.ssh/config.
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."ssh/dotted.example.com"]
    # hosts = ["dotted.example.com"]
    # roles."everybody" = {}

    # From the PostgreSQL service "orders".
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."postgres/orders"]
    # hosts = ["db.internal:5432"]
    # databases = ["orders"]
    # issuer = "certificate"
    # roles."orders_ro" = { role = "orders_ro" }

    # From the PostgreSQL service "nobody".
    # It still needs the database role, instead of ROLE, and a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."postgres/nobody"]
    # hosts = ["other.internal"]
    # issuer = "certificate"
    # roles."read" = { role = "ROLE" }
    "##);
}

#[test]
fn a_forge_is_left_out_and_one_host_under_two_names_is_one_resource() {
    let home = Home::new(&[(
        ".ssh/config",
        "Host github.com\n User git\n IdentityFile ~/.ssh/id\nHost gh-work\n HostName ssh.github.com\n User git\n\
         Host work\n HostName git.corp.example\n User git\n IdentityFile ~/.ssh/work\n\
         Host private\n HostName git.corp.example\n User git\n IdentityFile ~/.ssh/private\n",
    )]);
    assert_snapshot!(proposed(&home), @r##"

    # From the hosts ["work", "private"] of ~/.ssh/config, which are one.
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it): its names log in with different keys, as different accounts do at a git server; then remove the "# " before each line:
    # [resources."ssh/work"]
    # hosts = ["git.corp.example"]
    # roles."git" = {}
    "##);
}

#[test]
fn a_service_that_verifies_its_server_is_proposed_with_its_authority() {
    let home = Home::new(&[
        (".pg_service.conf", ""),
        ("root.crt", "-----BEGIN CERTIFICATE-----\n"),
    ]);
    let root = home.path("root.crt").display().to_string();
    let services = format!(
        "[full]\nhost=a\nuser=x\nsslmode=verify-full\nsslrootcert={root}\n\
         [gone]\nhost=b\nuser=x\nsslmode=verify-full\nsslrootcert=/nowhere.crt\n\
         [system]\nhost=c\nuser=x\nsslrootcert=system\n"
    );
    files::write_public(&home.path(".pg_service.conf"), services.as_bytes()).unwrap();
    let said = proposed(&home);
    let lines = |needle: &str| said.lines().filter(|line| line.contains(needle)).count();
    assert_eq!(
        lines("# certificate_authority = \"~/root.crt\""),
        1,
        "{said}"
    );
    assert_eq!(lines("the file of the authority"), 2, "{said}");
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
fn profiles_with_other_base_profiles_are_other_resources() {
    let text = "[profile a]\n  role_arn = arn:aws:iam::123456789012:role/x\n  source_profile = one\n  region = eu-west-1  # home\n[profile b] # mine\nrole_arn = arn:aws:iam::123456789012:role/y\nsource_profile = two\n";
    let home = Home::new(&[(".aws/config", text)]);
    assert_snapshot!(proposed(&home), @r#"

    # From the AWS profiles ["a"].
    [resources."aws/a"]
    account = "123456789012"
    profiles = ["a"]
    issuer = "assume-role"
    base_profile = "one"
    roles."x" = { arn = "arn:aws:iam::123456789012:role/x" }

    # From the AWS profiles ["b"].
    [resources."aws/b"]
    account = "123456789012"
    profiles = ["b"]
    issuer = "assume-role"
    base_profile = "two"
    roles."y" = { arn = "arn:aws:iam::123456789012:role/y" }
    "#);
}
