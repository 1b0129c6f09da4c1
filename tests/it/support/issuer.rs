//! A foreign issuer of tokens: discovery and keys over HTTP, which may change, be slow or be gone, and tokens
//! signed as they should be or not at all.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    jwt::{Algorithm, Key},
    tls::Tls,
};

/// How it answers.
#[derive(Clone)]
pub(crate) enum Mood {
    Well,
    /// After that long.
    Slow(Duration),
    /// It hangs up.
    Gone,
    /// It says this, whatever it is asked, with status 200.
    Saying(String),
}

/// An issuer on loopback, until the test process ends.
pub(crate) struct Issuer {
    url: String,
    authority: Option<PathBuf>,
    state: Arc<Mutex<State>>,
    _dir: TempDir,
}

struct State {
    mood: Mood,
    /// The newest last, which signs.
    keys: Vec<Arc<Key>>,
    pages: BTreeMap<String, String>,
    /// The first line and the headers of each request.
    heard: Vec<String>,
}

impl Issuer {
    /// One without TLS.
    pub(crate) fn http(algorithm: Algorithm) -> Self {
        Self::start(algorithm, None)
    }

    /// One with a certificate of an authority of its own, `ca`.
    pub(crate) fn https(algorithm: Algorithm) -> Self {
        let dir = TempDir::new().expect("temporary directory");
        let tls = Tls::for_loopback(dir.path());
        Self::start(algorithm, Some((dir, tls)))
    }

    fn start(algorithm: Algorithm, secure: Option<(TempDir, Tls)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let scheme = if secure.is_some() { "https" } else { "http" };
        let config = secure.as_ref().map(|(_, tls)| serving(tls));
        let state = State {
            mood: Mood::Well,
            keys: vec![Arc::new(Key::new(algorithm))],
            pages: BTreeMap::new(),
            heard: Vec::new(),
        };
        let (dir, authority) = secure.map_or_else(
            || (TempDir::new().expect("temporary directory"), None),
            |(dir, tls)| (dir, Some(tls.authority)),
        );
        let issuer = Self {
            url: format!("{scheme}://127.0.0.1:{port}"),
            authority,
            state: Arc::new(Mutex::new(state)),
            _dir: dir,
        };
        let (url, state) = (issuer.url.clone(), Arc::clone(&issuer.state));
        thread::spawn(move || serve(&listener, &url, &state, config.as_ref()));
        issuer
    }

    /// Its identifier, the claim `iss`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file of the authority of its certificate, where it has one.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// How it answers from now on.
    pub(crate) fn behave(&self, mood: Mood) {
        self.lock(|state| state.mood = mood);
    }

    /// Publishes one more key, which signs from now on.
    pub(crate) fn add_key(&self, algorithm: Algorithm) -> Arc<Key> {
        let key = Arc::new(Key::new(algorithm));
        self.lock(|state| state.keys.push(Arc::clone(&key)));
        key
    }

    /// Replaces its keys by a new one, which signs from now on.
    pub(crate) fn rotate(&self, algorithm: Algorithm) -> Arc<Key> {
        self.lock(|state| state.keys.clear());
        self.add_key(algorithm)
    }

    /// The key that signs.
    pub(crate) fn key(&self) -> Arc<Key> {
        self.lock(|state| Arc::clone(state.keys.last().expect("a key")))
    }

    /// A token with these claims; `iss` is added where it is not among them.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.key().sign(&self.with_issuer(claims))
    }

    /// These claims with `iss`.
    pub(crate) fn with_issuer(&self, claims: &Value) -> Value {
        let mut claims = claims.clone();
        let object = claims.as_object_mut().expect("an object");
        object
            .entry("iss")
            .or_insert_with(|| json!(self.url.clone()));
        claims
    }

    /// Answers this at a path, whatever the query: a request for a token of a runner, say.
    pub(crate) fn put(&self, path: &str, body: &str) {
        self.lock(|state| state.pages.insert(path.to_owned(), body.to_owned()));
    }

    /// The head of each request so far: its first line, and its headers.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.lock(|state| state.heard.clone())
    }

    fn lock<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().expect("the state"))
    }
}

fn serving(tls: &Tls) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(&tls.certificate).expect("server.crt");
    let key = PrivateKeyDer::from_pem_file(&tls.key).expect("server.key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("an identity");
    Arc::new(config)
}

fn serve(
    listener: &TcpListener,
    url: &str,
    state: &Arc<Mutex<State>>,
    config: Option<&Arc<ServerConfig>>,
) {
    for stream in listener.incoming().flatten() {
        let (url, state, config) = (url.to_owned(), Arc::clone(state), config.cloned());
        thread::spawn(move || {
            let ended = match config {
                None => answer(stream, &url, &state),
                Some(config) => secured(stream, &url, &state, config),
            };
            // A caller that hangs up is no matter of ours.
            drop(ended);
        });
    }
}

fn secured(
    stream: TcpStream,
    url: &str,
    state: &Mutex<State>,
    config: Arc<ServerConfig>,
) -> io::Result<()> {
    let server = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(server, stream);
    answer(&mut stream, url, state)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn answer(stream: impl Read + Write, url: &str, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let (mood, page) = {
        let mut state = state.lock().expect("the state");
        state.heard.push(head.trim_end().to_owned());
        (state.mood.clone(), page(&head, url, &state))
    };
    let (status, body) = match mood {
        Mood::Gone => return Ok(()),
        Mood::Saying(words) => ("200 OK", words),
        Mood::Slow(pause) => {
            thread::sleep(pause);
            page
        }
        Mood::Well => page,
    };
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )?;
    reader.get_mut().flush()
}

fn page(head: &str, url: &str, state: &State) -> (&'static str, String) {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    if let Some(page) = state.pages.get(path) {
        return ("200 OK", page.clone());
    }
    let found = match path {
        "/.well-known/openid-configuration" => json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks"),
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        }),
        "/jwks" => {
            let keys: Vec<Value> = state.keys.iter().map(|key| key.public()).collect();
            json!({ "keys": keys })
        }
        _ => return ("404 Not Found", "{}".to_owned()),
    };
    ("200 OK", found.to_string())
}
