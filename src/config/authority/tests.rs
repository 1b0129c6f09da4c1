//! Mistakes in `authority.toml`, each named with its line.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::domain::entitlement::Tier;

const SSH: &str = "[resources.\"ssh/web\"]\nhosts = [\"web-1\"]\nroles.deploy = {}\n";
const KUBERNETES: &str = r#"
[resources."kubernetes/prod"]
server = "https://203.0.113.5:6443"
certificate_authority = "prod-ca.crt"
contexts = ["prod"]
issuer = "token-request"
credential = "file:/etc/jit/prod.token"
roles.view = { service_account = "jit/view" }
roles.admin = { service_account = "jit/admin", tier = "sensitive" }
"#;
const OIDC: &str = r#"
[resources."kubernetes/prod"]
server = "https://203.0.113.5:6443"
issuer = "oidc"
roles.view = { groups = ["jit:view"] }
roles.admin = { groups = ["jit:admin"], tier = "sensitive" }
"#;

const POSTGRES: &str = r#"
[resources."postgres/orders"]
hosts = ["db.internal:5432"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
"#;
const AWS: &str = r#"
[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
region = "eu-west-1"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
"#;

fn wrong(text: &str) -> String {
    let failure = parse(FILE, text).unwrap_err();
    format!("{failure}\n  {}", failure.hint)
}

/// What is wrong once `from` is replaced by `to`.
fn turned(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the text");
    wrong(&text.replacen(from, to, 1))
}

#[test]
fn the_four_kinds_are_read() {
    let text = format!("[groups]\non-call = [\"alice\"]\n{SSH}{KUBERNETES}{POSTGRES}{AWS}");
    let catalogue = parse(FILE, &text).unwrap();
    assert_eq!(catalogue.resources.0.len(), 4);
    let admin = "kubernetes/prod:admin".parse().unwrap();
    assert_eq!(catalogue.tier(&admin).unwrap(), Tier::Sensitive);
    assert_eq!(
        catalogue.groups["on-call"],
        BTreeSet::from(["alice".to_owned()])
    );
}

#[test]
fn an_unknown_word_is_named_with_the_nearest() {
    assert_snapshot!([
        turned(SSH, "hosts", "hots"),
        turned(SSH, "ssh/web", "shs/web"),
        turned(SSH, "ssh/web", "ssh/we b"),
        turned(SSH, "\"ssh/web\"", "web"),
        turned(SSH, "deploy", "\"a;b\""),
        turned(SSH, "roles.deploy = {}", "roles.deploy = { teir = \"routine\" }"),
        turned(SSH, "{}", "{ tier = \"sensitiv\" }"),
        turned(SSH, "hosts = [\"web-1\"]\n", ""),
        turned(SSH, "[\"web-1\"]", "\"web-1\""),
        turned(KUBERNETES, "service_account", "service-account"),
        turned(KUBERNETES, "token-request", "token"),
        turned(KUBERNETES, "file:/etc/jit/prod.token", "eyJhbGciOiJSUzI1NiJ9"),
        turned(POSTGRES, "databases", "database"),
        turned(AWS, "issuer", "isuer"),
    ].join("\n"), @r#"
    authority.toml:2: unknown key "hots" in [resources."ssh/web"]
      did you mean "hosts"? its keys are hosts, labels, roles
    authority.toml:1: "shs" is not a kind of resource in [resources."shs/web"]
      kinds are ssh, kubernetes, postgres and aws
    authority.toml:1: "we b" cannot name a resource in [resources."ssh/we b"]
      use letters, digits and . _ - @ +, 64 at most
    authority.toml:1: "web" is not a resource in [resources.web]
      write it as kind/name, for example kubernetes/prod
    authority.toml:3: "a;b" cannot name a role in [resources."ssh/web"]
      use letters, digits and . _ - @ +, 64 at most
    authority.toml:3: unknown key "teir" in [resources."ssh/web"]
      did you mean "tier"? its keys are tier
    authority.toml:3: "sensitiv" makes no sense here in [resources."ssh/web"]
      did you mean "sensitive"? it may be routine, elevated, sensitive
    authority.toml:1: "hosts" is missing in [resources."ssh/web"]
      add hosts = …
    authority.toml:2: "hosts" has the wrong type in [resources."ssh/web"]
      write it as a list, ["…"]
    authority.toml:8: unknown key "service-account" in [resources."kubernetes/prod"]
      did you mean "service_account"? its keys are service_account, groups, verbs, tier
    authority.toml:6: "token" makes no sense here in [resources."kubernetes/prod"]
      did you mean "token-request"? it may be token-request, oidc
    authority.toml:7: a credential is named, never written here: "file:PATH", "env:NAME", "keyring:NAME" or "credential:NAME" in [resources."kubernetes/prod"]
      correct it, then run: jit policy check
    authority.toml:4: unknown key "database" in [resources."postgres/orders"]
      did you mean "databases"? its keys are hosts, databases, issuer, credential, certificate_authority, labels, roles
    authority.toml:6: unknown key "isuer" in [resources."aws/prod"]
      did you mean "issuer"? its keys are account, profiles, region, issuer, base_profile, endpoint, labels, roles
    "#);
}

#[test]
fn what_has_the_wrong_shape_is_named_with_the_right_one() {
    assert_snapshot!([
        wrong("[resouces.\"ssh/web\"]\nhosts = []"),
        wrong(&format!("{SSH}\n{SSH}")),
        wrong("[resources.\"ssh/web\"\n"),
        wrong("[resources]\n\"ssh/web\" = 5"),
        turned(AWS, "\"123456789012\"", "123456789012"),
        turned(KUBERNETES, "\"file:/etc/jit/prod.token\"", "31337"),
    ].join("\n"), @r#"
    authority.toml:1: unknown key "resouces" in [resouces."ssh/web"]
      did you mean "resources"? its keys are groups, resources
    authority.toml:5: duplicate key in [resources."ssh/web"]
      correct it, then run: jit policy check
    authority.toml:1: unclosed table, expected `]` in [resources."ssh/web"
      correct it, then run: jit policy check
    authority.toml:2: "\"ssh/web\"" has the wrong type in [resources]
      write it as a table, { … }
    authority.toml:3: "account" has the wrong type in [resources."aws/prod"]
      write it as text in quotes, "…"
    authority.toml:7: "credential" has the wrong type in [resources."kubernetes/prod"]
      write it as text in quotes, "…"
    "#);
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    assert_snapshot!([
        turned(SSH, "[\"web-1\"]", "[]"),
        turned(SSH, "[\"web-1\"]", "[\"ok\",\n  \"a b\"]"),
        turned(SSH, "web-1", "$(id)"),
        turned(SSH, "web-1", "-oProxyCommand=id"),
        turned(SSH, "web-1", "a\\nb"),
        turned(SSH, "roles.deploy = {}", "roles = {}"),
        turned(SSH, "roles", "labels = [\"\"]\nroles"),
        turned(KUBERNETES, "https://203", "http://203"),
        turned(KUBERNETES, "https://203", "https://user:password@203"),
        turned(KUBERNETES, "jit/admin", "admin"),
        turned(KUBERNETES, "issuer", "namespace = \"Jit\"\nissuer"),
    ].join("\n"), @r#"
    authority.toml:2: there are no hosts in ssh/web
      name at least one: hosts = ["host.example.com"]
    authority.toml:3: "a b" is not a host in ssh/web
      write a host name or an address; * stands for any run of characters
    authority.toml:2: "$(id)" is not a host in ssh/web
      write a host name or an address; * stands for any run of characters
    authority.toml:2: "-oProxyCommand=id" is not a host in ssh/web
      write a host name or an address; * stands for any run of characters
    authority.toml:2: "a\nb" is not a host in ssh/web
      write a host name or an address; * stands for any run of characters
    authority.toml:3: there are no roles in ssh/web
      add at least one role; without one nobody can be given anything
    authority.toml:3: "" is not a label in ssh/web
      use one line of text
    authority.toml:3: "http://203.0.113.5:6443" is not an API server's address in kubernetes/prod
      write it as https://HOST:PORT
    authority.toml:3: "203.0.113.5:6443" is not an API server's address in kubernetes/prod
      write it as https://HOST:PORT
    authority.toml:9: "admin" is not a service account in kubernetes/prod
      write it as namespace/name, for example jit/view
    authority.toml:6: "Jit" is not a namespace in kubernetes/prod
      use lower-case letters, digits and -, 63 at most
    "#);
}

#[test]
fn what_cannot_be_a_database_or_an_account_is_refused() {
    assert_snapshot!([
        turned(POSTGRES, "5432", "54321x"),
        turned(POSTGRES, "orders_ro", "orders\\\"; drop table x"),
        turned(POSTGRES, "\"certificate\"", "\"dynamic-role\""),
        turned(POSTGRES, "issuer", "credential = \"env:URL\"\nissuer"),
        turned(AWS, "\"123456789012\"", "\"1234\""),
        turned(AWS, "::123456789012", "::210987654321"),
        turned(AWS, "arn:aws:iam", "arn:aws:sts"),
        turned(AWS, "eu-west-1", "eu west"),
        turned(AWS, "/read\"", "/read\", session_policy = \"x\""),
        wrong("[groups]\na = [\"bob\"]\nb = [\"a b\"]"),
    ].join("\n"), @r#"
    authority.toml:3: "db.internal:54321x" is not a server's address in postgres/orders
      write it as HOST or HOST:PORT
    authority.toml:6: "orders\"; drop table x" is not a database role in postgres/orders
      use letters, digits and _ - . @ $, 63 at most
    authority.toml:5: the issuer dynamic-role has no credential in postgres/orders
      add credential = "file:PATH", a file with the URL of a user that may create roles
    authority.toml:5: the issuer certificate needs no credential in postgres/orders
      remove it, or choose issuer = "dynamic-role"
    authority.toml:3: "1234" is not an account in aws/prod
      write the 12 digits: aws sts get-caller-identity --query Account
    authority.toml:7: the role "arn:aws:iam::210987654321:role/read" belongs to account 210987654321 in aws/prod
      this resource is account 123456789012; give the other its own
    authority.toml:7: "arn:aws:sts::123456789012:role/read" is not a role's ARN in aws/prod
      write it as arn:aws:iam::123456789012:role/NAME
    authority.toml:5: "eu west" is not a region in aws/prod
      write it as eu-west-1
    authority.toml:7: the session policy cannot be one in aws/prod
      write an IAM policy as JSON, 2,048 characters at most
    authority.toml:3: "a b" in group "b" cannot be a principal's name
      a principal's name is letters, digits and . _ - @ +, 128 at most; an account at the provider is sub:SUBJECT
    "#);
}

#[test]
fn each_issuer_of_a_cluster_is_given_what_it_needs_and_nothing_else() {
    assert_snapshot!([
        turned(KUBERNETES, "credential", "#"),
        turned(KUBERNETES, "issuer", "audience = \"prod\"\nissuer"),
        turned(KUBERNETES, "service_account = \"jit/admin\", ", ""),
        turned(KUBERNETES, "service_account = \"jit/view\"", "groups = [\"jit:view\"]"),
        turned(OIDC, "issuer", "credential = \"env:X\"\nissuer"),
        turned(OIDC, "issuer", "namespace = \"jit\"\nissuer"),
        turned(OIDC, "groups = [\"jit:view\"]", ""),
        turned(OIDC, "groups = [\"jit:view\"]", "service_account = \"jit/view\""),
        turned(OIDC, "jit:view", "system:masters"),
        turned(OIDC, "jit:view", "jit' ]"),
        turned(OIDC, "jit:view", "jit:admin"),
        turned(OIDC, "issuer", "audience = \"a b\"\nissuer"),
        turned(OIDC, "issuer", "audience = \"sts.amazonaws.com\"\nissuer"),
        wrong(&format!("{OIDC}{}", OIDC.replace("prod", "other").replace("issuer", "audience = \"kubernetes/prod\"\nissuer"))),
        turned(AWS, "\"assume-role\"", "\"web-identity\"\nbase_profile = \"base\""),
    ].join("\n"), @r#"
    authority.toml:6: the issuer token-request has no credential in kubernetes/prod
      add credential = "file:PATH", a file with a token that may create tokens
    authority.toml:6: the issuer token-request needs no audience in kubernetes/prod
      remove it, or choose another issuer
    authority.toml:9: the role "admin" has no service account in kubernetes/prod
      add service_account = "namespace/name", for example jit/view
    authority.toml:8: the issuer token-request gives nobody groups in kubernetes/prod
      name a service_account, or choose issuer = "oidc"
    authority.toml:4: the issuer oidc needs no credential in kubernetes/prod
      remove it, or choose another issuer
    authority.toml:4: the issuer oidc needs no namespace in kubernetes/prod
      remove it, or choose another issuer
    authority.toml:5: the role "view" has no groups in kubernetes/prod
      add groups = ["jit:view"], and bind them in the cluster
    authority.toml:5: the issuer oidc makes no tokens of service accounts in kubernetes/prod
      name groups = ["…"], or choose issuer = "token-request"
    authority.toml:5: "system:masters" is not a group in kubernetes/prod
      use letters, digits and . _ - / : @ +; system: is the cluster's own
    authority.toml:5: "jit' ]" is not a group in kubernetes/prod
      use letters, digits and . _ - / : @ +; system: is the cluster's own
    authority.toml:5: the group "jit:admin" is role "admin" already in kubernetes/prod
      a group names one role: give each its own
    authority.toml:4: "a b" is not an audience of a cluster in kubernetes/prod
      use letters, digits and . _ - / : @ +; leave it out to use the resource's name
    authority.toml:4: "sts.amazonaws.com" is not an audience of a cluster in kubernetes/prod
      use letters, digits and . _ - / : @ +; leave it out to use the resource's name
    authority.toml:2: the audience "kubernetes/prod" is another cluster's already in kubernetes/prod
      a token for one would open the other: give each its own
    authority.toml:7: the issuer web-identity needs no base_profile in aws/prod
      remove it, or choose issuer = "assume-role"
    "#);
}

#[test]
fn nothing_is_claimed_twice() {
    let again =
        |text: &str, from: &str, to: &str| wrong(&format!("{text}{}", text.replacen(from, to, 1)));
    assert_snapshot!([
        again(SSH, "ssh/web", "ssh/other"),
        again(KUBERNETES, "kubernetes/prod", "kubernetes/other"),
        again(POSTGRES, "postgres/orders", "postgres/other"),
        again(AWS, "aws/prod", "aws/other"),
    ].join("\n"), @r#"
    authority.toml:2: "web-1" belongs to ssh/other already, so it cannot be among the hosts in ssh/web
      name it in one of the two
    authority.toml:5: "prod" belongs to kubernetes/other already, so it cannot be among the contexts in kubernetes/prod
      name it in one of the two
    authority.toml:9: "db.internal:5432/orders" belongs to postgres/orders already, so it cannot be among the hosts in postgres/other
      name it in one of the two
    authority.toml:4: "prod" belongs to aws/other already, so it cannot be among the profiles in aws/prod
      name it in one of the two
    "#);
}

#[test]
fn a_secret_that_was_written_into_the_catalogue_is_never_repeated() {
    let said = turned(KUBERNETES, "file:/etc/jit/prod.token", "hunter2");
    assert!(!said.contains("hunter2"), "{said}");
    let said = turned(KUBERNETES, "https://203", "https://root:hunter2@203");
    assert!(!said.contains("hunter2"), "{said}");
    let said = turned(KUBERNETES, "\"file:/etc/jit/prod.token\"", "[\"hunter2\"]");
    assert!(!said.contains("hunter2"), "{said}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        drop(parse(FILE, &text));
    }

    #[test]
    fn no_mangled_catalogue_panics(cut in 0_usize..900, extra in "[\\[\\]{}=\"'.#\n a-zä]{0,6}") {
        let text = format!("{SSH}{KUBERNETES}{POSTGRES}{AWS}");
        let cut = cut.min(text.len());
        drop(parse(FILE, &format!("{}{extra}{}", &text[..cut], &text[cut..])));
        drop(parse(FILE, &format!("{}{extra}", &text[..cut])));
    }
}
