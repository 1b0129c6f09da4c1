//! A real `jit serve`, and people who are signed in at it.

use std::{
    fs::{self, Permissions},
    io,
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jit::{
    authority::{Authority, token},
    config::authority,
    domain::{
        credential::Token,
        environment::Environment,
        event::Origin,
        id::GrantId,
        key::PrivateKey,
        lifecycle::Lifecycles,
        principal::{Caller, Principal},
        session::Session,
    },
    platform::{
        clock, keyring, keys,
        proof::{Aim, prove},
    },
    policy::set::Policies,
    store::Store,
};
use rustix::process::Signal;
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::{
    daemon::Daemon,
    home::Home,
    http::{Answer, Connection, Site, trusting},
    wait::read_log,
};

/// The file that has the URL of a server's database, where that is PostgreSQL.
const DATABASE: &str = "database.url";

/// The sealing key of servers on PostgreSQL.
const SEALING: &str = "the sealing key of every replica";

/// A server of a directory in a home of its own.
pub(crate) struct Serve {
    // Before the home, so that it ends before its files go.
    daemon: Daemon,
    /// What clients write into their configuration.
    pub(crate) url: String,
    /// Where it listens, `127.0.0.1:PORT`.
    pub(crate) address: String,
    starts: u32,
    /// Where its directory is: `server`.
    pub(crate) home: Home,
}

/// Somebody with a session.
pub(crate) struct Guest {
    pub(crate) holder: PrivateKey,
    pub(crate) token: Token,
    pub(crate) session: Session,
    url: String,
    site: Site,
}

impl Serve {
    /// Starts one with that catalogue and these policies, on a free port.
    pub(crate) fn start(catalogue: &str, policies: &str) -> Self {
        Self::start_with(catalogue, policies, "")
    }

    /// The same with more lines of `server.toml`.
    pub(crate) fn start_with(catalogue: &str, policies: &str, more: &str) -> Self {
        Self::start_in(Home::new(), catalogue, policies, more)
    }

    /// The same on the PostgreSQL database of that URL.
    pub(crate) fn start_on(url: &str, catalogue: &str, policies: &str) -> Self {
        Self::start_replica(url, catalogue, policies, "")
    }

    pub(crate) fn start_replica(url: &str, catalogue: &str, policies: &str, more: &str) -> Self {
        let home = Home::new();
        home.write(&format!("server/{DATABASE}"), url);
        // Replicas share the key that seals what they share.
        home.write("server/state/sealing.key", SEALING);
        fs::set_permissions(home.path("server/state"), Permissions::from_mode(0o700))
            .expect("chmod");
        let more = format!("database = \"file:{DATABASE}\"\n{more}");
        Self::start_in(home, catalogue, policies, &more)
    }

    pub(crate) fn start_in(home: Home, catalogue: &str, policies: &str, more: &str) -> Self {
        home.write("server/authority.toml", catalogue);
        home.write("server/policies/all.cedar", policies);
        home.write(
            "server/server.toml",
            &format!("listen = \"127.0.0.1:0\"\n{more}"),
        );
        let (daemon, url, address) = spawn(&home, 1);
        Self {
            daemon,
            url,
            address,
            starts: 1,
            home,
        }
    }

    /// Ends it, gently or not, and waits until it is gone.
    pub(crate) fn stop(&mut self, signal: Signal) {
        self.daemon.stop(signal);
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.daemon.signal(signal);
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        self.starts += 1;
        let file = self.path("server.toml");
        let text = fs::read_to_string(&file).expect("server.toml");
        let text = text.replace("127.0.0.1:0", &self.address);
        fs::write(&file, text).expect("server.toml");
        let (daemon, url, address) = spawn(&self.home, self.starts);
        self.daemon = daemon;
        self.url = url;
        self.address = address;
    }

    /// A file or directory of the server's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path("server").join(name)
    }

    /// The certificate authority that clients pin: its own, or the one that a test put beside `server.toml`.
    pub(crate) fn ca(&self) -> PathBuf {
        let given = Some(self.path("ca.crt")).filter(|given| given.is_file());
        given.unwrap_or_else(|| self.path("state/tls/ca.crt"))
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.daemon.id()
    }

    pub(crate) fn site(&self) -> Site {
        Site::new(&self.url, Some(&self.ca()))
    }

    /// What it printed since it was started last.
    pub(crate) fn log(&self) -> String {
        read_log(self.daemon.log())
    }

    /// Lets somebody in, by a session that is written into the server's store.
    pub(crate) fn let_in(&self, principal: &str, groups: &[&str]) -> Guest {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.let_in_as(Caller::new(Principal::parse(principal).unwrap(), groups))
    }

    /// The same for somebody of whom more is known.
    pub(crate) fn let_in_as(&self, caller: Caller) -> Guest {
        let holder = keys::generate().expect("a key");
        let now = clock::now();
        let session = Session {
            id: GrantId::new(now, keys::random().expect("chance")),
            caller,
            holder: holder.public(),
            source: "tests".to_owned(),
            parent: None,
            only: None,
            created_at: now,
            expires_at: now.after(Duration::from_hours(1)),
            provider_session: None,
            attested_at: None,
        };
        let token = with_authority(&self.path(""), async |authority| {
            let opened = authority.open_session(&session, &Origin::default()).await;
            opened.expect("a session")
        });
        self.guest(holder, token, session)
    }

    /// Somebody who has a session of another replica.
    pub(crate) fn greet(&self, guest: &Guest) -> Guest {
        let session = guest.session.clone();
        self.guest(guest.holder.clone(), guest.token.clone(), session)
    }

    /// Somebody who has a session already.
    pub(crate) fn guest(&self, holder: PrivateKey, token: Token, session: Session) -> Guest {
        Guest {
            holder,
            token,
            session,
            url: self.url.clone(),
            site: self.site(),
        }
    }
}

/// Looks at a server's authority, as another process of it does; without its policies.
pub(crate) fn with_authority<T>(directory: &Path, look: impl AsyncFnOnce(&Authority) -> T) -> T {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let sealing = keyring::durable_sealing_key(&directory.join("state/sealing.key"));
        let (sealing, url) = (sealing.expect("a key"), directory.join(DATABASE));
        let store = match fs::read_to_string(url) {
            Ok(url) => Store::connect(&SecretString::from(url), sealing).await,
            Err(_) => Store::open(&directory.join("state/ledger.db"), sealing).await,
        };
        let catalogue = fs::read_to_string(directory.join("authority.toml")).unwrap_or_default();
        let authority = Authority {
            catalogue: authority::parse("authority.toml", &catalogue).expect("a catalogue"),
            policies: Policies::parse(&[]).expect("no policies"),
            store: store.expect("a store"),
            directory: directory.to_owned(),
            environment: Environment::default(),
            clock: clock::now,
            issuer_url: None,
            issuer_ca: None,
            approvers: true,
            lifecycles: Lifecycles::default(),
        };
        let seen = look(&authority).await;
        authority.store.close().await;
        seen
    })
}

impl Guest {
    /// A connection for many requests.
    pub(crate) fn connect(&self) -> io::Result<Connection> {
        self.site.connect()
    }

    /// Begins to post JSON on a connection, whose answer is still to be read.
    pub(crate) fn begin(
        &self,
        connection: &mut Connection,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> io::Result<()> {
        let own = self.headers("POST", path);
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let json = [("content-type", "application/json")];
        let headers: Vec<(&str, &str)> = own.chain(json).chain(more.iter().copied()).collect();
        connection.begin("POST", path, &headers, body.to_string().as_bytes())
    }

    /// The headers of one request.
    pub(crate) fn headers(&self, method: &str, path: &str) -> [(&'static str, String); 2] {
        let token = self.token.0.expose_secret();
        let path = path.split('?').next().expect("a path");
        let url = format!("{}{path}", self.url);
        let aim = Aim {
            method,
            url: &url,
            token: Some(token),
        };
        let proof = prove(&self.holder, &aim, clock::now()).expect("a proof");
        [("authorization", format!("DPoP {token}")), ("dpop", proof)]
    }

    /// One request, with more headers.
    pub(crate) fn send_with(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.try_send(method, path, more, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// One request to a server that may not be there.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let own = self.headers(method, path);
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
        self.site.send(method, path, &headers, body)
    }

    /// Reads a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send_with("GET", path, &[], b"")
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    /// Posts JSON, with more headers.
    pub(crate) fn post_with(&self, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        let headers: Vec<(&str, &str)> = json.iter().chain(more).copied().collect();
        self.send_with("POST", path, &headers, body.to_string().as_bytes())
    }

    /// Asks for an entitlement with keys of a lease.
    pub(crate) fn ask(&self, entitlement: &str, lease: &Keys) -> Answer {
        self.post("/v1/elevations", &lease.request(entitlement))
    }
}

/// The keys of one lease.
pub(crate) struct Keys {
    pub(crate) holder: PrivateKey,
    pub(crate) key: PrivateKey,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            holder: keys::generate().expect("a key"),
            key: keys::generate().expect("a key"),
        }
    }

    /// The body of a request for an entitlement.
    pub(crate) fn request(&self, entitlement: &str) -> Value {
        let mut body = self.body();
        body["entitlement"] = entitlement.into();
        body
    }

    /// The body of a renewal, by the token of the first answer.
    pub(crate) fn renewal(&self, first: &Value) -> Value {
        let token = first["token"].as_str().expect("a token").to_owned();
        let grant: GrantId = first["id"].as_str().expect("an id").parse().expect("an id");
        let shown = Token(SecretString::from(token.clone()));
        let proof = token::prove(&self.holder, &grant, &shown, clock::now());
        let mut body = self.body();
        body["token"] = token.into();
        body["proof"] = proof.expect("a proof").into();
        body
    }

    /// What each request of the lease has.
    pub(crate) fn body(&self) -> Value {
        json!({
            "holder": self.holder.public(),
            "key": self.key.public(),
            "host": "laptop",
            "tool": "ssh",
        })
    }
}

/// A connection on which anything can be written.
pub(crate) fn tls(serve: &Serve) -> StreamOwned<ClientConnection, TcpStream> {
    let tcp = TcpStream::connect(&serve.address).expect("loopback");
    tcp.set_nodelay(true).expect("a socket");
    tcp.set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a socket");
    let name = ServerName::try_from("localhost").expect("a name");
    let config = trusting(&serve.ca());
    let client = ClientConnection::new(config, name).expect("TLS");
    StreamOwned::new(client, tcp)
}

fn spawn(home: &Home, start: u32) -> (Daemon, String, String) {
    let directory = home.path("server");
    let mut command = home.jit(["serve", "--config"]);
    command.arg(&directory);
    let mut daemon = Daemon::spawn(&format!("serve-{start}"), &mut command, &home.path("run"));
    let started = daemon.ready(|log| {
        let text = read_log(log);
        let line = text.lines().find(|line| line.contains("jit: serving "))?;
        let (url, address) = line
            .strip_prefix("jit: serving ")?
            .split_once(", listening on ")?;
        Some((url.to_owned(), address.to_owned()))
    });
    let (url, address) = started.expect("a free port");
    (daemon, url, address)
}
