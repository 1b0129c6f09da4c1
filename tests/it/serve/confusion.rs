//! Tokens in the place of one another: each is refused where another kind is expected.

use jit::{
    authority::token,
    domain::{credential::Token, key::PrivateKey},
    platform::{
        assertion::{self, Bound, Said},
        clock, keys,
        proof::{Aim, prove, thumbprint},
    },
};
use jsonwebtoken::{EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::support::{
    Serve,
    http::{Answer, escaped},
    issuer::Issuer,
    jwt::Algorithm,
    serve::{Guest, Keys, with_authority},
    web::{CATALOGUE, POLICIES},
};

/// What each kind of token is called here.
const KINDS: [&str; 7] = [
    "session",
    "elevation",
    "proof",
    "assertion",
    "our issuer's",
    "id token",
    "workload",
];

/// Everything that is shown to a server, each good for one thing.
struct All {
    serve: Serve,
    alice: Guest,
    keys: Keys,
    granted: Value,
    tokens: [(&'static str, String); 7],
}

impl All {
    fn new(issuer: &Issuer) -> Self {
        let url = issuer.url();
        let more = format!(
            "[people]\nissuer = \"{url}\"\nclient_id = \"jit\"\n\
             [[workloads]]\nname = \"w\"\nkind = \"oidc\"\nissuer = \"{url}\"\nprincipal = \"w\"\nmatch = {{ sub = \"alice\" }}\n"
        );
        let serve = Serve::start_with(CATALOGUE, POLICIES, &more);
        let alice = serve.let_in("alice", &[]);
        let keys = Keys::new();
        let granted = alice.ask("ssh/web:deploy", &keys).json();
        let now = clock::now();
        let said = |by: &str, audience: &str| {
            json!({
                "iss": by, "sub": "alice", "aud": audience, "preferred_username": "alice",
                "groups": [], "iat": now.secs(), "exp": now.secs() + 300,
            })
        };
        let [_, (_, proof)] = alice.headers("GET", "/v1/session");
        let bound = Bound {
            server: &serve.url,
            key: &thumbprint(alice.holder.public()).unwrap(),
        };
        let assertion = assertion::say(&keys.holder, &Said::default(), &bound, now).unwrap();
        let tokens = [
            alice.token.0.expose_secret().to_owned(),
            granted["token"].as_str().unwrap().to_owned(),
            proof,
            assertion.expose_secret().to_owned(),
            ours(&serve, &said(&serve.url, &serve.url)),
            issuer.sign(&said(url, "jit")),
            issuer.sign(&said(url, &serve.url)),
        ];
        let mut named = KINDS.into_iter().zip(tokens);
        let tokens = std::array::from_fn(|_| named.next().unwrap());
        Self {
            serve,
            alice,
            keys,
            granted,
            tokens,
        }
    }

    /// Shows a token and a proof as those of Alice's session.
    fn as_session(&self, token: &str, proof: Option<&str>) -> Answer {
        let url = format!("{}/v1/session", self.serve.url);
        let aim = Aim {
            method: "GET",
            url: &url,
            token: Some(token),
        };
        let made = prove(&self.alice.holder, &aim, clock::now()).unwrap();
        let authorization = format!("DPoP {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("dpop", proof.unwrap_or(&made)),
        ];
        let site = self.serve.site();
        site.send("GET", "/v1/session", &headers, b"").unwrap()
    }

    /// Shows a token as the one of her grant.
    fn as_elevation(&self, token: &str) -> Answer {
        let id = self.granted["id"].as_str().unwrap();
        let shown = Token(SecretString::from(token.to_owned()));
        let holder = &self.keys.holder;
        let proof = token::prove(holder, &id.parse().unwrap(), &shown, clock::now()).unwrap();
        let mut body = self.keys.body();
        body["token"] = token.into();
        body["proof"] = proof.into();
        self.alice
            .post(&format!("/v1/elevations/{id}/credential"), &body)
    }

    /// Shows a token at the door, as one of that type.
    fn as_subject(&self, token: &str, kind: &str, holder: &PrivateKey) -> Answer {
        let url = format!("{}/v1/token", self.serve.url);
        let aim = Aim {
            method: "POST",
            url: &url,
            token: None,
        };
        let proof = prove(holder, &aim, clock::now()).unwrap();
        let grant = escaped("urn:ietf:params:oauth:grant-type:token-exchange");
        let (token, kind) = (escaped(token), escaped(kind));
        let form = format!("grant_type={grant}&subject_token={token}&subject_token_type={kind}");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("dpop", proof.as_str()),
        ];
        let site = self.serve.site();
        site.send("POST", "/v1/token", &headers, form.as_bytes())
            .unwrap()
    }
}

/// A token as this server's own issuer gives them to targets.
fn ours(serve: &Serve, said: &Value) -> String {
    let key = with_authority(&serve.path(""), async |authority| {
        authority
            .store
            .ec_key("issuer", clock::now())
            .await
            .unwrap()
    });
    let header = Header::new(jsonwebtoken::Algorithm::ES256);
    let key = EncodingKey::from_ec_der(key.expose_pkcs8());
    jsonwebtoken::encode(&header, said, &key).unwrap()
}

#[test]
fn no_token_is_taken_for_one_of_another_kind() {
    let issuer = Issuer::http(Algorithm::Es256);
    let all = All::new(&issuer);
    for (name, token) in &all.tokens {
        let answer = all.as_session(token, None);
        let status = if *name == "session" { 200 } else { 401 };
        assert_eq!(
            answer.status,
            status,
            "{name} as a session: {}",
            answer.text()
        );
        let answer = all.as_elevation(token);
        let status = if *name == "elevation" { 200 } else { 403 };
        assert_eq!(
            answer.status,
            status,
            "{name} as a grant: {}",
            answer.text()
        );
        // What is a proof is one for something else.
        let session = all.alice.token.0.expose_secret();
        let answer = all.as_session(session, Some(token));
        let status = if *name == "proof" { 200 } else { 401 };
        assert_eq!(
            answer.status,
            status,
            "{name} as a proof: {}",
            answer.text()
        );
    }
}

#[test]
fn no_token_opens_the_door_as_one_of_another_type() {
    let issuer = Issuer::http(Algorithm::Es256);
    let all = All::new(&issuer);
    let types = [
        (
            "urn:ietf:params:oauth:token-type:id_token",
            Some("id token"),
        ),
        ("urn:ietf:params:oauth:token-type:jwt", Some("workload")),
        ("urn:jit:token-type:aws", None),
        ("urn:jit:token-type:key", None),
        ("urn:jit:token-type:bootstrap", None),
        ("urn:ietf:params:oauth:token-type:access_token", None),
    ];
    for (name, token) in &all.tokens {
        for (kind, meant) in types {
            let answer = all.as_subject(token, kind, &keys::generate().unwrap());
            let status = if meant == Some(*name) { 200 } else { 400 };
            assert_eq!(answer.status, status, "{name} as {kind}: {}", answer.text());
            assert!(!answer.text().contains(token.as_str()), "{name} as {kind}");
        }
    }
}
