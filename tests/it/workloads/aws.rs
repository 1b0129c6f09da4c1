//! An AWS role that shows who it is by a request that it signed: and those who copied one.

use jit::{
    authority::entrance::Vouched,
    domain::{environment::Environment, failure::Result, time::Timestamp},
    issuers::aws::{Binding, Place as Sts, sign},
    platform::clock,
    remote::workload::aws::signed,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Place, SERVER, block_on, why};
use crate::support::{
    Moto,
    moto::{ACCOUNT, REGION},
};

const KEY: &str = "the-thumbprint-of-a-session's-key";

/// A role of moto's account with credentials of a session, and an authority that knows the role.
struct Role {
    moto: Moto,
    environment: Environment,
    credentials: aws_credential_types::Credentials,
}

impl Role {
    fn new() -> Option<Self> {
        let moto = Moto::start()?;
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "sts:AssumeRole" }
        ]});
        let nothing = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" }
        ]});
        let arn = moto.create_role("deployer", &trust.to_string(), &nothing.to_string());
        let made = moto.aws(&[
            "sts",
            "assume-role",
            "--role-arn",
            &arn,
            "--role-session-name",
            "i-0abc",
        ]);
        let part = |name: &str| made["Credentials"][name].as_str().unwrap().to_owned();
        let (id, secret) = (part("AccessKeyId"), part("SecretAccessKey"));
        let token = part("SessionToken");
        let url = moto.url();
        let variables = [
            ("AWS_ACCESS_KEY_ID", &*id),
            ("AWS_SECRET_ACCESS_KEY", &*secret),
            ("AWS_SESSION_TOKEN", &*token),
            ("AWS_REGION", REGION),
            ("AWS_ENDPOINT_URL_STS", &*url),
        ];
        let variables = variables.iter();
        let environment = Environment {
            variables: variables.map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            ..Environment::default()
        };
        Some(Self {
            credentials: aws_credential_types::Credentials::new(
                id,
                secret,
                Some(token),
                None,
                "test",
            ),
            environment,
            moto,
        })
    }

    async fn place(&self) -> Place {
        let workloads = format!(
            "[[workloads]]\nname = 'deployer'\nkind = 'aws'\nendpoint = '{}'\nprincipal = 'aws-{{role}}'\n\
             match = {{ account = '{ACCOUNT}', arn = 'arn:aws:iam::{ACCOUNT}:role/deployer' }}\n",
            self.moto.url()
        );
        Place::new("", &workloads).await
    }

    /// What the client of that server would present.
    async fn presented(&self) -> String {
        let bound = jit::platform::assertion::Bound {
            server: SERVER,
            key: KEY,
        };
        let signed = signed(&self.environment, &bound, clock::now()).await;
        signed.unwrap().expose_secret().to_owned()
    }

    /// The same, signed for something else.
    fn signed(&self, server: &str, key: &str, region: &str, now: Timestamp) -> String {
        let url = self.moto.url();
        let place = Sts {
            region,
            endpoint: Some(&url),
        };
        let binding = Binding { server, key };
        let signed = sign(&self.credentials, &place, &binding, now).unwrap();
        signed.expose_secret().to_owned()
    }
}

async fn shown(place: &Place, presented: &str, key: &str) -> Result<Vouched> {
    let workloads = &place.workloads;
    let authority = &place.authority;
    authority
        .workload_by_signed_request(workloads, presented, key)
        .await
}

#[test]
fn a_role_is_known_by_what_it_signed_and_no_secret_leaves() {
    let Some(role) = Role::new() else { return };
    role.moto.begin_checks();
    block_on(async {
        let place = role.place().await;
        let presented = role.presented().await;
        let admitted = shown(&place, &presented, KEY).await.unwrap();
        let caller = admitted.caller;
        assert_eq!(caller.principal.written(), "workload/aws-deployer");
        assert_eq!(caller.attributes["account"], ACCOUNT);
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/deployer");
        assert_eq!(caller.attributes["arn"], arn);
        assert!(!caller.attributes["unique_id"].contains(':'));
        let text = String::from_utf8(
            base64::Engine::decode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                &presented,
            )
            .unwrap(),
        );
        assert!(!text.unwrap().contains(role.credentials.secret_access_key()));
    });
}

#[test]
fn a_request_that_was_signed_for_somebody_else_is_refused() {
    let Some(role) = Role::new() else { return };
    role.moto.begin_checks();
    block_on(async {
        let place = role.place().await;
        let now = clock::now();
        // Copied on its way, and shown with a key of the thief's own.
        let failure = why(shown(&place, &role.presented().await, "another-key").await);
        assert!(failure.message.contains("this key"), "{failure}");
        // Signed for another server, which shows it here.
        let elsewhere = role.signed("https://evil.example", KEY, REGION, now);
        let failure = why(shown(&place, &elsewhere, KEY).await);
        assert!(failure.message.contains("this server"), "{failure}");
        let old = now.before(std::time::Duration::from_secs(301));
        let failure = why(shown(&place, &role.signed(SERVER, KEY, REGION, old), KEY).await);
        assert!(failure.message.contains("five minutes"), "{failure}");
        for nonsense in ["", "e30", "nonsense", &"A".repeat(10_000)] {
            why(shown(&place, nonsense, KEY).await);
        }
        assert!(
            shown(&place, &role.signed(SERVER, KEY, REGION, now), KEY)
                .await
                .is_ok()
        );
    });
}

#[test]
fn nothing_that_a_client_says_leads_a_request_elsewhere() {
    let Some(role) = Role::new() else { return };
    block_on(async {
        // No endpoint of its own: AWS's, whatever stands in the request.
        let workloads = format!(
            "[[workloads]]\nname = 'deployer'\nkind = 'aws'\nprincipal = 'aws-{{role}}'\n\
             match = {{ account = '{ACCOUNT}' }}\n"
        );
        let place = Place::new("", &workloads).await;
        let before = role.moto.log();
        for region in [
            "127.0.0.1:80/",
            "evil.example#",
            "eu-west-1@evil.example",
            "..",
            "x/../..",
        ] {
            let presented = role.signed(SERVER, KEY, region, clock::now());
            why(shown(&place, &presented, KEY).await);
        }
        assert_eq!(role.moto.log(), before);
        let host = [("host", "127.0.0.1"), ("url", "http://127.0.0.1")];
        for (name, value) in host {
            let mut more = json!({ "authorization": "x", "x-amz-date": "x" });
            more[name] = value.into();
            let text = base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                more.to_string(),
            );
            let failure = why(shown(&place, &text, KEY).await);
            assert!(failure.message.contains("no signed request"), "{failure}");
        }
    });
}

#[test]
fn another_role_of_the_same_name_in_another_account_is_another() {
    let Some(role) = Role::new() else { return };
    block_on(async {
        let workloads = format!(
            "[[workloads]]\nname = 'deployer'\nkind = 'aws'\nendpoint = '{}'\nprincipal = 'aws-{{role}}'\n\
             match = {{ account = '999999999999', role = 'deployer' }}\n",
            role.moto.url()
        );
        let place = Place::new("", &workloads).await;
        let failure = why(shown(&place, &role.presented().await, KEY).await);
        assert!(failure.message.contains(ACCOUNT), "{failure}");
        assert!(!failure.message.contains("999999999999"), "{failure}");
    });
}
