//! A real server in this process, and requests to it of somebody who was let in: everything that its routes
//! read of a request. None of them makes it fail.
//!
//! An input is a request's line, its headers, an empty line and its body. Token and proof are added where it
//! does not bring its own.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
    time::Duration,
};

use jit::{
    authority::Authority,
    cli,
    config::authority,
    domain::{
        credential::Token,
        environment::Environment,
        event::Origin,
        id::GrantId,
        key::PrivateKey,
        lifecycle::Lifecycles,
        principal::{ADMINISTRATORS, Caller, Principal},
        session::Session,
    },
    platform::{
        clock, keyring, keys,
        proof::{Aim, prove},
    },
    policy::set::Policies,
    store::Store,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use secrecy::ExposeSecret as _;

use crate::{
    commands::CATALOGUE,
    ground::{directory, run, text},
};

const POLICIES: &str = r#"
permit (principal, action, resource);
forbid (principal, action == Action::"elevate", resource in Tier::"sensitive");
"#;

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// The server, and who asks it.
struct Desk {
    directory: PathBuf,
    port: u16,
    tls: Arc<ClientConfig>,
    stream: Option<Stream>,
    guest: Option<Guest>,
    guests: u32,
}

struct Guest {
    holder: PrivateKey,
    token: Token,
}

static DESK: LazyLock<Mutex<Desk>> = LazyLock::new(|| Mutex::new(Desk::open()));

/// One request.
pub(crate) fn request(data: &[u8]) {
    let Some(request) = Request::read(data) else {
        return;
    };
    let mut desk = DESK.lock().unwrap_or_else(PoisonError::into_inner);
    // A connection that the server has closed meanwhile is opened once more.
    let answer = desk.send(&request).or_else(|| desk.send(&request));
    let Some((status, body)) = answer else {
        return;
    };
    assert_ne!(status, 500, "{}", String::from_utf8_lossy(&body));
    if status == 401 && request.is_ours {
        desk.guest = None;
    }
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<&'a str>,
    body: &'a [u8],
    /// Whether token and proof are added.
    is_ours: bool,
}

impl<'a> Request<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let end = data.windows(2).position(|two| two == b"\n\n");
        let (head, body) = end.map_or((data, &data[..0]), |at| (&data[..at], &data[at + 2..]));
        let mut lines = text(head)?.split('\n');
        let (method, target) = lines.next()?.split_once(' ')?;
        let headers: Vec<&str> = lines.collect();
        // How HTTP itself is read is its crate's affair; and nobody waits here for half a minute.
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_sane = |line: &&str| {
            let name = line
                .split_once(": ")
                .map(|(name, _)| name.to_ascii_lowercase());
            let plain = line
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
            let framing = [
                "content-length",
                "transfer-encoding",
                "expect",
                "connection",
                "host",
            ];
            let name =
                name.filter(|name| name.bytes().all(|c| c == b'-' || c.is_ascii_alphanumeric()));
            plain && name.is_some_and(|name| !name.is_empty() && !framing.contains(&&*name))
        };
        let plain = method.bytes().all(|byte| byte.is_ascii_uppercase())
            && ["GET", "POST", "PATCH", "DELETE", "PUT"].contains(&method)
            && target.starts_with('/')
            && visible(target)
            && !target.contains(['#', '%'])
            && !target.contains("wait");
        let own = headers.iter().any(|line| {
            let name = line.to_ascii_lowercase();
            name.starts_with("authorization:") || name.starts_with("dpop:")
        });
        (plain && headers.iter().all(is_sane)).then_some(Self {
            method,
            target,
            headers,
            body,
            is_ours: !own,
        })
    }
}

impl Desk {
    /// Starts the server in a thread of its own, and waits until it listens.
    fn open() -> Self {
        let directory = directory().join("server");
        drop(fs::remove_dir_all(&directory));
        fs::create_dir_all(directory.join("policies")).expect("a directory");
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("its mode");
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
        let port = port.expect("a free port").port();
        let catalogue = CATALOGUE.replace("https://203.0.113.5:6443", "https://localhost:1");
        for (file, text) in [
            ("authority.toml", catalogue),
            ("policies/all.cedar", POLICIES.to_owned()),
            (
                "server.toml",
                format!(
                    "listen = \"127.0.0.1:{port}\"\n[limits]\nrequests_per_caller = 1000000\n\
                     requests_per_address = 1000000\nevents_per_caller = 4000000000\n\
                     failed_sign_ins_per_address = 4000000000\n"
                ),
            ),
        ] {
            fs::write(directory.join(file), text).expect("written");
            fs::set_permissions(directory.join(file), Permissions::from_mode(0o600))
                .expect("its mode");
        }
        let line = ["jit", "serve", "--config"].map(Into::into);
        let line = line.into_iter().chain([directory.clone().into_os_string()]);
        let line: Vec<_> = line.collect();
        thread::spawn(move || {
            let code = cli::main(line);
            eprintln!("the server ended: {code}");
            process::exit(1);
        });
        // It listens before it has made its certificate.
        let ca = directory.join("state/tls/ca.crt");
        while !ca.is_file() || TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        let ca = fs::read(ca).expect("its authority");
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&ca).expect("PEM"))
            .expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            directory,
            port,
            tls: Arc::new(config),
            stream: None,
            guest: None,
            guests: 0,
        }
    }

    /// Sends a request, and reads the answer; nothing where the connection broke.
    fn send(&mut self, request: &Request<'_>) -> Option<(u16, Vec<u8>)> {
        let mut message = format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\n",
            request.method, request.target
        );
        if request.is_ours {
            message += &self.shown(request);
        }
        for line in &request.headers {
            message.push_str(line);
            message.push_str("\r\n");
        }
        let length = format!("content-length: {}\r\n\r\n", request.body.len());
        let message = [message.as_bytes(), length.as_bytes(), request.body].concat();
        let mut stream = self.stream.take().or_else(|| self.connect())?;
        stream.get_mut().write_all(&message).ok()?;
        let answer = answer(&mut stream)?;
        self.stream = Some(stream);
        Some(answer)
    }

    fn connect(&self) -> Option<Stream> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        tcp.set_nodelay(true).ok()?;
        let name = ServerName::try_from("localhost").ok()?;
        let client = ClientConnection::new(Arc::clone(&self.tls), name).ok()?;
        Some(BufReader::new(StreamOwned::new(client, tcp)))
    }

    /// The headers that show who asks.
    fn shown(&mut self, request: &Request<'_>) -> String {
        if self.guest.is_none() {
            self.guests += 1;
            self.guest = Some(let_in(&self.directory, self.guests));
        }
        let guest = self.guest.as_ref().expect("somebody");
        let path = request.target.split('?').next().unwrap_or_default();
        let url = format!("https://localhost:{}{path}", self.port);
        let is_exchange = path == "/v1/token";
        let token = guest.token.0.expose_secret();
        let aim = Aim {
            method: request.method,
            url: &url,
            token: (!is_exchange).then_some(token),
        };
        let proof = prove(&guest.holder, &aim, clock::now()).expect("a proof");
        let authorization = (!is_exchange).then(|| format!("authorization: DPoP {token}\r\n"));
        format!("{}dpop: {proof}\r\n", authorization.unwrap_or_default())
    }
}

/// Lets somebody new in who may everything, by a session that is written into the server's store.
fn let_in(directory: &Path, number: u32) -> Guest {
    let holder = keys::generate().expect("a key");
    let now = clock::now();
    let name = format!("alice-{number}");
    let session = Session {
        id: GrantId::new(now, keys::random().expect("chance")),
        caller: Caller::new(
            Principal::parse(&name).expect("a name"),
            [ADMINISTRATORS.to_owned()].into(),
        ),
        holder: holder.public(),
        source: "fuzz".to_owned(),
        parent: None,
        only: None,
        created_at: now,
        expires_at: now.after(Duration::from_hours(10)),
        provider_session: None,
        attested_at: None,
    };
    let token = run(async {
        let sealing =
            keyring::durable_sealing_key(&directory.join("state/sealing.key")).expect("a key");
        let store = Store::open(&directory.join("state/ledger.db"), sealing)
            .await
            .expect("a store");
        let authority = Authority {
            catalogue: authority::parse("authority.toml", "").expect("a catalogue"),
            policies: Policies::parse(&[]).expect("no policies"),
            store,
            directory: directory.to_owned(),
            environment: Environment::default(),
            clock: clock::now,
            issuer_url: None,
            issuer_ca: None,
            approvers: true,
            lifecycles: Lifecycles::default(),
        };
        let token = authority
            .open_session(&session, &Origin::default())
            .await
            .expect("a session");
        authority.store.close().await;
        token
    });
    Guest { holder, token }
}

fn answer(stream: &mut Stream) -> Option<(u16, Vec<u8>)> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .ok()
        .filter(|length| *length > 0)?;
    let status: u16 = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = Some(0);
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(said) = header.strip_prefix("content-length:") {
            length = said.trim().parse().ok();
        }
        if header.starts_with("transfer-encoding:") {
            length = None;
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body).ok()?;
        }
        None => chunks(stream, &mut body)?,
    }
    Some((status, body))
}

fn chunks(stream: &mut Stream, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + size + 2, 0);
        stream.read_exact(body.get_mut(start..)?).ok()?;
        body.truncate(start + size);
        if size == 0 {
            return Some(());
        }
    }
}
