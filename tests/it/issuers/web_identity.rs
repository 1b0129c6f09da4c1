//! Sessions that the authority's own token asks for, with no AWS credential anywhere.

use std::{
    io::{Read as _, Write as _},
    sync::mpsc::{Receiver, channel},
    thread,
};

use jit::{authority::Authority, domain::credential::Secret};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    ISSUER,
    served::{Commands, elevate, served},
};
use crate::support::{
    Moto,
    moto::{ACCOUNT, REGION},
    stranger::{saying, silent},
};

const NOBODY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
const BUCKETS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:List*","Resource":"*"}]}"#;

async fn authority(dir: &TempDir, endpoint: &str) -> Authority {
    let catalogue = format!(
        r#"
[resources."aws/prod"]
account = "{ACCOUNT}"
region = "{REGION}"
issuer = "web-identity"
endpoint = "{endpoint}"
roles.read = {{ arn = "arn:aws:iam::{ACCOUNT}:role/read", session_policy = '{BUCKETS}' }}
"#
    );
    served(dir.path(), &catalogue, ISSUER).await
}

#[tokio::test]
async fn the_real_aws_uses_a_session_of_the_role_that_names_the_grant() {
    let Some(moto) = Moto::start() else { return };
    let dir = TempDir::new().unwrap();
    let authority = authority(&dir, &moto.url()).await;
    let role = moto.create_role("read", NOBODY, BUCKETS);

    // As the account's administrator, what `jit trust` says.
    let name = "aws/prod".parse().unwrap();
    let commands = Commands::of(&authority.trust(&name).await.unwrap());
    assert_eq!(commands.len(), 4);
    let url = moto.url();
    let administrator = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "root"),
        ("AWS_SECRET_ACCESS_KEY", "root"),
    ];
    for number in 0..commands.len() {
        commands.run(number, &administrator);
    }
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/jit.example.com");
    let shown = [
        "iam",
        "get-open-id-connect-provider",
        "--open-id-connect-provider-arn",
        &provider,
    ];
    let shown = moto.aws(&shown);
    assert_eq!(shown["ClientIDList"], json!(["sts.amazonaws.com"]));
    let trusting = moto.aws(&["iam", "get-role", "--role-name", "read"]);
    let statement = &trusting["Role"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(statement["Principal"]["Federated"], provider);

    let answer = elevate(&authority, "aws/prod:read").await.unwrap();
    let Secret::AwsSession {
        access_key_id,
        secret_access_key,
        ..
    } = &answer.credential.secret
    else {
        panic!("another secret");
    };
    assert_eq!(answer.credential.serial, *access_key_id);
    assert!(answer.credential.expires_at <= answer.grant.expires_at);
    let session = (access_key_id.as_str(), secret_access_key.expose_secret());
    let who = moto.try_aws(session, &["sts", "get-caller-identity"]);
    let arn = format!("assumed-role/read/jit-{}", answer.grant.id);
    assert!(who.stdout.contains(&arn), "{role}: {who:?}");

    let removal = authority.trust_removal(&name).await.unwrap();
    let printed = super::aws::commands(&removal);
    let delete: Vec<&str> = printed[printed.len() - 1]
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(delete[..2], ["iam", "delete-open-id-connect-provider"]);
    moto.aws(&delete);
    let left = moto.aws(&["iam", "list-open-id-connect-providers"]);
    assert_eq!(left["OpenIDConnectProviderList"], json!([]));
}

/// Somebody who answers like STS, once, and gives away what was asked.
fn sts() -> (String, Receiver<String>) {
    const ANSWER: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
        <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
        <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
        </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    let (listener, port) = silent();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 1 << 14];
        // The request is whole once as much has come as it says.
        while !is_whole(&String::from_utf8_lossy(&heard)) {
            let read = stream.read(&mut buffer).unwrap();
            heard.extend_from_slice(&buffer[..read]);
        }
        let start = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            ANSWER.len()
        );
        stream
            .write_all(format!("{start}{ANSWER}").as_bytes())
            .unwrap();
        sender.send(String::from_utf8(heard).unwrap()).unwrap();
    });
    (format!("http://127.0.0.1:{port}"), receiver)
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.to_ascii_lowercase();
    let length = length.split("content-length: ").nth(1).unwrap();
    body.len() == length.lines().next().unwrap().parse::<usize>().unwrap()
}

#[tokio::test]
async fn sts_is_shown_a_token_that_its_keys_verify_and_nothing_else() {
    let (endpoint, requests) = sts();
    let dir = TempDir::new().unwrap();
    let mut authority = authority(&dir, &endpoint).await;
    // Credentials that lie around are not for this.
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIALOOSE"),
        ("AWS_SECRET_ACCESS_KEY", "loose"),
    ] {
        authority
            .environment
            .variables
            .insert(name.into(), value.into());
    }
    let answer = elevate(&authority, "aws/prod:read").await.unwrap();
    let request = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    for signature in ["authorization", "x-amz-security-token", "akialoose"] {
        assert!(!head.contains(signature), "{head}");
    }
    let url = reqwest::Url::parse(&format!("http://sts/?{body}")).unwrap();
    let parameters: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(parameters["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!(
        parameters["RoleArn"],
        format!("arn:aws:iam::{ACCOUNT}:role/read")
    );
    assert_eq!(
        parameters["RoleSessionName"],
        format!("jit-{}", answer.grant.id)
    );
    assert_eq!(parameters["DurationSeconds"], "900");
    assert_eq!(parameters["Policy"], BUCKETS);
    let claims = verified(&authority, &parameters["WebIdentityToken"]).await;
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], "human/alice@example.com");
    let tags = &claims["https://aws.amazon.com/tags"];
    assert_eq!(
        tags["principal_tags"]["jit:grant"],
        json!([answer.grant.id])
    );
    assert_eq!(
        claims["https://aws.amazon.com/source_identity"],
        "alice@example.com"
    );
}

/// The claims of a token, verified by the published keys, as STS does it.
async fn verified(authority: &Authority, token: &str) -> Value {
    let keys = serde_json::to_value(authority.jwks().await.unwrap()).unwrap();
    let discovery = serde_json::to_value(authority.discovery().unwrap()).unwrap();
    assert_eq!(discovery["issuer"], ISSUER);
    assert_eq!(discovery["jwks_uri"], format!("{ISSUER}/jwks"));
    let header = decode_header(token).unwrap();
    let named = |key: &&Value| key["kid"].as_str() == header.kid.as_deref();
    let key = keys["keys"].as_array().unwrap().iter().find(named).unwrap();
    let key: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_audience(&["sts.amazonaws.com"]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub", "nbf"]);
    rules.validate_nbf = true;
    let key = DecodingKey::from_jwk(&key).unwrap();
    decode::<Value>(token, &key, &rules).unwrap().claims
}

#[tokio::test]
async fn each_refusal_says_what_is_missing() {
    macro_rules! refusal {
        ($code:literal) => {
            concat!(
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>",
                $code,
                "</Code><Message>because</Message></Error></ErrorResponse>"
            )
            .as_bytes()
        };
    }
    for (answer, message, hint) in [
        (
            refusal!("InvalidIdentityToken"),
            "does not accept this authority's tokens",
            "make the OIDC provider",
        ),
        (
            refusal!("AccessDenied"),
            "does not let this authority's tokens assume the role",
            "jit trust aws/prod",
        ),
        (
            refusal!("IDPCommunicationError"),
            "cannot reach this authority to fetch its keys",
            "reachable from the Internet",
        ),
        (
            refusal!("ExpiredTokenException"),
            "says that this authority's token has ended",
            "set the clock",
        ),
    ] {
        let dir = TempDir::new().unwrap();
        let endpoint = format!("http://127.0.0.1:{}", saying(answer));
        let authority = authority(&dir, &endpoint).await;
        let failure = elevate(&authority, "aws/prod:read").await.unwrap_err();
        assert_eq!(failure.message, format!("aws/prod at {endpoint} {message}"));
        assert!(failure.hint.contains(hint), "{failure:?}");
        assert_eq!(failure.cause.as_deref(), Some("because"));
    }
}
