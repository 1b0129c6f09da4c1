//! What a foreign issuer's token may and may not say, against an issuer on loopback.

mod keys;
mod tokens;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::{
    issuer::Issuer,
    trusted::{ALGORITHMS, KeySource, Purpose, Trusted, Verified},
};
use crate::{
    domain::{
        failure::{Code, Failure},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::{keys as random, proof},
};

const NOW: i64 = 1_800_000_000;

/// How an issuer answers.
#[derive(Clone, Default)]
struct Answers {
    keys: Vec<Value>,
    says_it_is: Option<String>,
    silent: bool,
    broken: bool,
    asked: usize,
    connections: usize,
}

/// An issuer on loopback with a key of its own.
struct Provider {
    url: String,
    key: PrivateKey,
    answers: Arc<Mutex<Answers>>,
}

impl Provider {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = random::generate().unwrap();
        let answers = Arc::new(Mutex::new(Answers {
            keys: vec![jwk(&key, "a")],
            ..Answers::default()
        }));
        let (shared, own) = (Arc::clone(&answers), url.clone());
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (shared, own) = (Arc::clone(&shared), own.clone());
                thread::spawn(move || answer(connection.unwrap(), &own, &shared));
            }
        });
        Self { url, key, answers }
    }

    fn trusted(&self, purpose: Purpose) -> Trusted {
        Trusted {
            issuer: self.url.clone(),
            audiences: ["jit".to_owned()].into(),
            algorithms: ALGORITHMS.to_vec(),
            keys: KeySource::Discovered,
            authority: None,
            purpose,
        }
    }

    fn issuer(&self) -> Issuer {
        Issuer::new(self.trusted(Purpose::IdToken)).unwrap()
    }

    fn claims(&self) -> Value {
        json!({"iss": self.url, "sub": "1234", "aud": "jit", "iat": NOW, "exp": NOW + 600})
    }

    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    fn token(&self, claims: &Value) -> String {
        proof::sign(&header("a"), claims, &self.key).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }

    fn asked_for_anything(&self) -> usize {
        self.answers.lock().unwrap().connections
    }

    fn asked(&self) -> usize {
        self.answers.lock().unwrap().asked
    }
}

fn answer(mut connection: TcpStream, own: &str, answers: &Mutex<Answers>) {
    let mut request = [0; 4096];
    let Ok(length) = connection.read(&mut request) else {
        return;
    };
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let now = {
        let mut answers = answers.lock().unwrap();
        answers.asked += usize::from(request.contains("/jwks"));
        answers.connections += 1;
        answers.clone()
    };
    if now.silent {
        thread::sleep(Duration::from_secs(20));
        return;
    }
    let body = if now.broken {
        "x".repeat(1 << 20)
    } else if request.contains("/jwks") {
        json!({ "keys": now.keys }).to_string()
    } else {
        let issuer = now.says_it_is.unwrap_or_else(|| own.to_owned());
        json!({"issuer": issuer, "jwks_uri": format!("{own}/jwks")}).to_string()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    drop(connection.write_all((head + &body).as_bytes()));
}

fn header(kid: &str) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    header
}

fn jwk(key: &PrivateKey, kid: &str) -> Value {
    let mut jwk = serde_json::to_value(proof::jwk(key.public())).unwrap();
    jwk["kid"] = kid.into();
    jwk["use"] = "sig".into();
    jwk
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(NOW + seconds)
}

fn verify(issuer: &Issuer, token: &str, seconds: i64) -> Result<Verified, Failure> {
    run(issuer.verify(token, at(seconds)))
}

#[track_caller]
fn refused(issuer: &Issuer, token: &str, why: &str) {
    let failure = verify(issuer, token, 0).unwrap_err();
    assert_eq!(failure.code, Code::SignIn, "{failure:?}");
    assert!(failure.message.contains(why), "{failure:?}, not {why:?}");
    assert!(token.len() < 100 || !failure.to_string().contains(token));
}
