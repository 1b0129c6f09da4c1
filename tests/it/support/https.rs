//! The smallest HTTPS server: some documents on loopback, behind a certificate of a private authority.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::tls::Tls;

type Documents = Arc<Mutex<BTreeMap<String, String>>>;

/// A running server; it answers for as long as the test process lives.
pub(crate) struct Https {
    port: u16,
    authority: String,
    documents: Documents,
}

impl Https {
    /// One that has no documents yet.
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().expect("temporary directory");
        let tls = Tls::for_loopback(dir.path());
        let config = Arc::new(config(&tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let documents = Documents::default();
        let shown = Arc::clone(&documents);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shown) = (Arc::clone(&config), Arc::clone(&shown));
                thread::spawn(move || drop(answer(stream, config, &shown)));
            }
        });
        Self {
            port,
            authority: fs::read_to_string(&tls.authority).expect("ca.crt"),
            documents,
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The authority that its certificate is from, PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Shows a JSON document at that path from now on.
    pub(crate) fn show(&self, path: &str, text: String) {
        let mut documents = self.documents.lock().expect("nobody panics");
        documents.insert(path.to_owned(), text);
    }
}

fn config(tls: &Tls) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(&tls.certificate).expect("server.crt");
    let chain: Result<Vec<_>, _> = chain.collect();
    let key = PrivateKeyDer::from_pem_file(&tls.key).expect("server.key");
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a chain"), key)
        .expect("a certificate with its key")
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, documents: &Documents) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let text = documents.lock().expect("nobody panics").get(path).cloned();
    let (status, text) = text.map_or(("404 Not Found", String::new()), |text| ("200 OK", text));
    let stream = stream.get_mut();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
