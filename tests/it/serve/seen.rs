//! For whom an agent acts, in the targets' own words.

use jit::domain::{event::EventKind, principal::Principal};
use serde_json::Value;

use super::member::{Member, POLICIES};
use crate::support::{
    Access, Postgres, Serve, Sshd, client_config,
    fake::{Fake, answer},
    http::escaped,
    jwt::claims,
    story::only,
    whereabouts::{jit, user_name},
};

/// Alice's agent helper has its own agent sub run something with that entitlement; what it printed.
#[track_caller]
fn handed_on_twice(alice: &Member, only: &str, command: &[&str]) -> String {
    let jit = jit().display().to_string();
    let to = |name| ["delegate", "--to", name, "--only", only, "--"];
    let line = [&to("helper")[..], &[&jit], &to("sub"), &[&jit], command];
    alice.works(&line.concat())
}

/// The one grant of that server.
fn grant(serve: &Serve) -> String {
    let granted = only(serve, EventKind::Granted);
    let chain: Vec<String> = granted.chain.iter().map(Principal::written).collect();
    assert_eq!(granted.principal.written(), "agent/sub");
    assert_eq!(chain, ["agent/helper", "alice"]);
    granted.grant.to_string()
}

#[test]
fn sshd_logs_an_agent_and_whom_it_acts_for() {
    let user = user_name();
    let catalogue =
        format!("[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\n");
    let serve = Serve::start(&catalogue, POLICIES);
    let alice = Member::of(&serve, "alice", &["administrators"]);
    let ca = alice.works(&["trust", "ssh/web", "--ca"]);
    let Some(sshd) = Sshd::start(&serve.home.write("ca.pub", &ca)) else {
        return;
    };
    let config = client_config(&alice.home.path(""), &[("web", &sshd, None)]);
    let ssh = [
        "exec",
        "--",
        "ssh",
        "-F",
        config.to_str().unwrap(),
        "web",
        "echo hello",
    ];
    let said = handed_on_twice(&alice, &format!("ssh/web:{user}"), &ssh);
    assert_eq!(said, "hello\n");
    let grant = grant(&serve);
    let line = sshd.logged("Accepted publickey");
    assert!(
        line.contains(&format!(
            "ID jit:{grant}:agent/sub:agent/helper:alice (serial "
        )),
        "{line}"
    );
}

#[test]
fn postgresql_logs_an_agent_and_whom_it_acts_for() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    for sql in ["create role orders_ro login", "create database orders"] {
        postgres.psql(sql);
    }
    let catalogue = format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = \"{}\"\nissuer = \"certificate\"\nroles.read = {{ role = \"orders_ro\" }}\n",
        postgres.port(),
        postgres.ca().display(),
    );
    let serve = Serve::start(&catalogue, POLICIES);
    let alice = Member::of(&serve, "alice", &["administrators"]);
    let ca = alice.works(&["trust", "postgres/orders", "--ca"]);
    postgres.allow(Access {
        client_ca: Some(&ca),
        hba: "hostssl orders orders_ro 127.0.0.1/32 cert",
        ident: "",
    });
    let psql = [
        "exec",
        "--",
        "psql",
        "-XAtc",
        "show application_name",
        "orders",
    ];
    let said = handed_on_twice(&alice, "postgres/orders:read", &psql);
    let grant = grant(&serve);
    assert!(said.contains(&grant), "{said}");
    let identity =
        format!("identity=\"UID=agent/sub:agent/helper:alice,OU=jit:{grant},CN=orders_ro\"");
    postgres.logged(&identity);
}

/// What STS is sent, by a name in it.
fn parameter(body: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://sts/?{body}")).unwrap();
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// STS, which gives a session to whoever asks that way.
fn sts(action: &'static str) -> Fake {
    Fake::start(move |_| {
        let body = format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
             <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
             </Credentials></{action}Result></{action}Response>"
        );
        answer("200 OK", "text/xml", "", &body)
    })
}

/// The grant, and the body of the request to STS that an agent's agent caused.
fn asked_of_sts(action: &'static str, issuer: &str) -> (String, String) {
    let sts = sts(action);
    let catalogue = format!(
        "[resources.\"aws/prod\"]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n{issuer}\n\
         endpoint = \"{}\"\nroles.read = {{ arn = \"arn:aws:iam::123456789012:role/read\" }}\n",
        sts.url
    );
    let serve = Serve::start(&catalogue, POLICIES);
    serve.home.write(
        ".aws/credentials",
        "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base\n",
    );
    let alice = Member::of(&serve, "alice", &[]);
    let hook = ["credential-process", "aws/prod:read"];
    let said = handed_on_twice(&alice, "aws/prod:read", &hook);
    assert!(said.contains("ASIA1"), "{said}");
    let asked = sts.asked("POST /");
    let [asked] = &asked[..] else {
        panic!("{asked:?}")
    };
    (grant(&serve), asked.text())
}

#[test]
fn aws_is_told_by_signed_claims_for_whom_an_agent_acts() {
    let (grant, body) = asked_of_sts("AssumeRoleWithWebIdentity", "issuer = \"web-identity\"");
    let token = parameter(&body, "WebIdentityToken").unwrap();
    let claims = claims(&token);
    assert_eq!(claims["sub"], "agent/sub");
    assert_eq!(
        claims["https://aws.amazon.com/source_identity"],
        "agent=sub"
    );
    let tags = &claims["https://aws.amazon.com/tags"]["principal_tags"];
    let tag = |name: &str| tags[name][0].as_str().map(str::to_owned);
    assert_eq!(tag("jit:chain").as_deref(), Some("agent/helper alice"));
    assert_eq!(tag("jit:principal").as_deref(), Some("agent/sub"));
    assert_eq!(tag("jit:grant"), Some(grant.clone()));
    let transitive = &claims["https://aws.amazon.com/tags"]["transitive_tag_keys"];
    assert!(
        transitive
            .as_array()
            .unwrap()
            .contains(&Value::from("jit:chain")),
        "{claims}"
    );
    assert_eq!(
        parameter(&body, "RoleSessionName"),
        Some(format!("jit-{grant}"))
    );
}

#[test]
fn aws_is_told_by_tags_of_the_session_for_whom_an_agent_acts() {
    let issuer = "issuer = \"assume-role\"\nbase_profile = \"base\"";
    let (grant, body) = asked_of_sts("AssumeRole", issuer);
    assert_eq!(
        parameter(&body, "SourceIdentity").as_deref(),
        Some("agent=sub")
    );
    assert_eq!(
        parameter(&body, "RoleSessionName"),
        Some(format!("jit-{grant}"))
    );
    let tag = |number: usize, part: &str| parameter(&body, &format!("Tags.member.{number}.{part}"));
    let tags: Vec<_> = (1..10)
        .map_while(|number| Some((tag(number, "Key")?, tag(number, "Value")?)))
        .collect();
    for (name, value) in [
        ("jit:chain", "agent/helper alice"),
        ("jit:principal", "agent/sub"),
        ("jit:grant", &*grant),
    ] {
        assert!(
            tags.contains(&(name.to_owned(), value.to_owned())),
            "{tags:?}"
        );
        // A role that is assumed from this one keeps them.
        assert_eq!(body.matches(&escaped(name)).count(), 2, "{body}");
    }
}
