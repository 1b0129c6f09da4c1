//! Sessions of a stand-in for AWS, and what the real `aws` makes of them.

use std::time::Duration;

use jit::{
    domain::credential::{Credential, Secret},
    platform::clock,
};
use secrecy::ExposeSecret as _;

use super::Scene;
use crate::support::{
    Moto,
    fake::{Asked, Fake, answer},
    moto::{ACCOUNT, REGION},
};

const BUCKETS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:List*","Resource":"*"}]}"#;

fn scene(endpoint: &str, more: &str) -> Scene {
    let mut scene = Scene::new(
        "aws/prod",
        &format!(
            "account = {ACCOUNT:?}
            region = {REGION:?}
            issuer = \"assume-role\"
            endpoint = {endpoint:?}
            {more}
            [resources.\"aws/prod\".roles]
            read = {{ arn = \"arn:aws:iam::{ACCOUNT}:role/read\" }}
            narrow.arn = \"arn:aws:iam::{ACCOUNT}:role/read\"
            narrow.session_policy = '{BUCKETS}'
            elsewhere.arn = \"arn:aws:iam::999999999999:role/read\""
        ),
    );
    // Of another machine's metadata nothing is to be found out.
    scene.set("AWS_EC2_METADATA_DISABLED", "true");
    scene
}

fn parts(credential: &Credential) -> (&str, &str, &str) {
    let Secret::AwsSession {
        access_key_id,
        secret_access_key,
        session_token,
        account,
    } = &credential.secret
    else {
        panic!("another secret");
    };
    assert_eq!(account.as_deref(), Some(ACCOUNT));
    (
        access_key_id,
        secret_access_key.expose_secret(),
        session_token.expose_secret(),
    )
}

/// An account with one role.
fn plain() -> Scene {
    Scene::new(
        "aws/prod",
        &format!(
            "account = {ACCOUNT:?}
            issuer = \"assume-role\"
            roles.read.arn = \"arn:aws:iam::{ACCOUNT}:role/read\""
        ),
    )
}

/// The two policies that `jit trust` prints: of the roles, of the base credentials, which are a user's.
fn policies() -> [String; 2] {
    let scene = plain();
    let text = scene.trust().replace(":role/jit-authority", ":user/base");
    let json: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut documents = serde_json::Deserializer::from_str(&json).into_iter::<serde_json::Value>();
    [(); 2].map(|()| documents.next().unwrap().unwrap().to_string())
}

#[tokio::test]
async fn a_session_is_of_the_role_and_named_after_the_grant() {
    let Some(moto) = Moto::start() else { return };
    let mut scene = scene(&moto.url(), "");
    let policies = policies();
    moto.create_role("read", &policies[0], BUCKETS);
    let (key, secret) = moto.create_user("base", &policies[1]);
    scene.set("AWS_ACCESS_KEY_ID", &key);
    scene.set("AWS_SECRET_ACCESS_KEY", &secret);
    moto.begin_checks();
    for role in ["read", "narrow"] {
        let grant = scene.grant(role);
        let credential = scene.issue(&grant).await.unwrap();
        assert!(credential.expires_at <= grant.expires_at);
        let left = credential.expires_at.left(grant.granted_at).as_secs();
        assert!(
            (890..=910).contains(&left),
            "{left} s: the least that STS makes"
        );
        let (id, secret, token) = parts(&credential);
        assert_eq!(credential.serial, id);
        moto.end_checks();
        let ran = moto.try_aws(
            (id, secret),
            &["sts", "get-caller-identity", "--query", "Arn"],
        );
        assert!(
            ran.stdout
                .contains(&format!("assumed-role/read/jit-{}", grant.id)),
            "{ran:?}"
        );
        assert!(!token.is_empty());
        moto.begin_checks();
    }
}

#[tokio::test]
async fn a_session_never_outlives_its_grant_in_the_lease() {
    let Some(moto) = Moto::start() else { return };
    let mut scene = scene(&moto.url(), "");
    moto.create_role("read", &policies()[0], BUCKETS);
    scene.set("AWS_ACCESS_KEY_ID", "root");
    scene.set("AWS_SECRET_ACCESS_KEY", "root");
    let mut grant = scene.grant("read");
    grant.expires_at = grant.granted_at.after(Duration::from_secs(90));
    let credential = scene.issue(&grant).await.unwrap();
    assert_eq!(credential.expires_at, grant.expires_at);
}

/// STS for a role whose `MaxSessionDuration` is an hour.
fn an_hour_at_most(asked: &Asked) -> Vec<u8> {
    an_hour_or(
        asked,
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
}

/// STS for a role that is assumed by a session of another role.
fn chained(asked: &Asked) -> Vec<u8> {
    an_hour_or(
        asked,
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )
}

/// How long a session is asked for.
fn seconds(asked: &Asked) -> u32 {
    let body = asked.text();
    let seconds = body.split("DurationSeconds=").nth(1).unwrap_or_default();
    seconds.split('&').next().unwrap().parse().unwrap()
}

fn an_hour_or(asked: &Asked, refusal: &str) -> Vec<u8> {
    if seconds(asked) > 3600 {
        let error = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{refusal}</Message></Error></ErrorResponse>"
        );
        return answer("400 Bad Request", "text/xml", "", &error);
    }
    let ends = clock::now()
        .after(Duration::from_hours(1))
        .to_rfc3339_seconds();
    let made = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>ASIAHOUR</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken><Expiration>{ends}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    answer("200 OK", "text/xml", "", &made)
}

#[tokio::test]
async fn a_session_is_as_long_as_policy_and_the_role_allow() {
    let sts = Fake::start(an_hour_at_most);
    let mut scene = scene(&sts.url, "");
    scene.set("AWS_ACCESS_KEY_ID", "root");
    scene.set("AWS_SECRET_ACCESS_KEY", "root");
    let mut grant = scene.grant("read");
    grant.expires_at = grant.granted_at.after(Duration::from_hours(8));
    grant.credential_ttl = Duration::from_hours(8);
    let credential = scene.issue(&grant).await.unwrap();
    assert_eq!(credential.serial, "ASIAHOUR");
    // The first is what is left of the grant.
    let lengths = |sts: &Fake| -> Vec<u32> {
        let asked = sts.asked("POST /");
        let hours = asked
            .iter()
            .map(|asked| seconds(asked).next_multiple_of(3600));
        hours.collect()
    };
    assert_eq!(lengths(&sts), [28_800, 14_400, 7_200, 3_600]);
    // A role that was itself assumed gets an hour whatever its own length is.
    let sts = Fake::start(chained);
    let mut scene = self::scene(&sts.url, "");
    scene.set("AWS_ACCESS_KEY_ID", "root");
    scene.set("AWS_SECRET_ACCESS_KEY", "root");
    scene.issue(&grant).await.unwrap();
    assert_eq!(lengths(&sts), [28_800, 3_600]);
}

#[tokio::test]
async fn the_base_profile_wins_over_the_environment() {
    let Some(moto) = Moto::start() else { return };
    let mut scene = scene(&moto.url(), "base_profile = \"base\"");
    let policies = policies();
    moto.create_role("read", &policies[0], BUCKETS);
    let (key, secret) = moto.create_user("base", &policies[1]);
    scene.home.write(
        ".aws/credentials",
        &format!("[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
    );
    scene.set("AWS_ACCESS_KEY_ID", "AKIAWRONG");
    scene.set("AWS_SECRET_ACCESS_KEY", "wrong");
    moto.begin_checks();
    let credential = scene.issue(&scene.grant("read")).await.unwrap();
    assert!(
        credential.serial.starts_with("ASIA"),
        "{}",
        credential.serial
    );
}

#[tokio::test]
async fn each_refusal_says_what_is_missing() {
    let Some(moto) = Moto::start() else { return };
    let mut scene = scene(&moto.url(), "");
    moto.create_role("read", &policies()[0], BUCKETS);
    let (key, secret) = moto.create_user("base", BUCKETS);
    moto.begin_checks();
    scene.set("AWS_ACCESS_KEY_ID", &key);
    scene.set("AWS_SECRET_ACCESS_KEY", &secret);
    let failure = scene.issue(&scene.grant("read")).await.unwrap_err();
    assert!(
        failure
            .message
            .ends_with("does not let the base credentials assume the role"),
        "{failure:?}"
    );
    assert!(failure.hint.contains("jit trust aws/prod"), "{failure:?}");

    scene.set("AWS_SECRET_ACCESS_KEY", "forged");
    let failure = scene.issue(&scene.grant("read")).await.unwrap_err();
    assert!(
        failure
            .message
            .ends_with("does not accept the base credentials"),
        "{failure:?}"
    );
    assert!(!format!("{failure:?}").contains("forged"));

    let failure = scene.issue(&scene.grant("elsewhere")).await.unwrap_err();
    assert!(
        failure.message.contains("is not a role of account"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_profile_that_asks_jit_is_not_asked() {
    let mut named = scene("http://127.0.0.1:9", "base_profile = \"prod\"");
    let mut found = scene("http://127.0.0.1:9", "");
    for scene in [&mut named, &mut found] {
        let hook = "credential_process = /usr/bin/jit credential-process aws/prod:read";
        let config = format!("[profile prod]\n{hook}\n[default]\nsource_profile = prod\n");
        scene.home.write(".aws/config", &config);
        scene.set("AWS_PROFILE", "prod");
    }
    let failure = named.issue(&named.grant("read")).await.unwrap_err();
    assert_eq!(
        failure.message,
        "profile prod gets its credentials from jit, so aws/prod cannot be reached with it"
    );
    assert!(failure.hint.contains("base_profile"), "{failure:?}");
    let failure = found.issue(&found.grant("read")).await.unwrap_err();
    assert!(failure.message.contains("base credentials"), "{failure:?}");
    assert!(
        failure
            .hint
            .starts_with("profile prod gets its own from jit, so it was not asked"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_base_profile_that_is_not_there_is_named() {
    let scene = scene("http://127.0.0.1:9", "base_profile = \"base\"");
    let failure = scene.issue(&scene.grant("read")).await.unwrap_err();
    assert!(failure.message.contains("base credentials"), "{failure:?}");
    assert!(failure.hint.contains("base_profile"), "{failure:?}");
}

/// The commands of the aws CLI in a text for an account's administrator, as words.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   aws "));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    lines.map(words).collect()
}

#[test]
fn what_removes_the_trust_of_a_role_is_run_as_it_is_printed() {
    let Some(moto) = Moto::start() else { return };
    let scene = plain();
    moto.create_role("read", &policies()[0], BUCKETS);
    let removal = scene.removal();
    let [get, update] = &commands(&removal)[..] else {
        panic!("{removal}")
    };
    assert_eq!(get[get.len() - 2..], [">", "trust.json"]);
    let get: Vec<&str> = get[..get.len() - 2].iter().map(String::as_str).collect();
    let trust = moto.aws(&get);
    assert!(trust.to_string().contains(":user/base"), "{trust}");
    let others = trust
        .to_string()
        .replace(":user/base", ":user/somebody-else");
    let file = scene.home.write("trust.json", &others);
    let update: Vec<String> = update
        .iter()
        .map(|word| word.replace("trust.json", file.to_str().unwrap()))
        .collect();
    let update: Vec<&str> = update.iter().map(String::as_str).collect();
    moto.aws(&update);
    assert!(!moto.aws(&get).to_string().contains(":user/base"));
}
