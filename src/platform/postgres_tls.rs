//! Connections to PostgreSQL whose TLS this program speaks itself.
//!
//! sqlx verifies certificates by webpki alone, which refuses a server's self-signed certificate even where
//! it is the one that was named, and takes no other verifier. There this module speaks TLS, and sqlx speaks
//! to it over a socket that nobody else can reach.

use std::{
    env,
    error::Error as StdError,
    fs,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::pki_types::{PrivateKeyDer, ServerName, pem::PemObject as _};
use sqlx::{
    ConnectOptions as _, Error, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpStream, UnixListener},
    spawn,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use zeroize::Zeroizing;

use super::{
    keys, pem,
    tls::{self, NameCheck},
};

/// `SSLRequest` (PostgreSQL documentation, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What TLS is spoken with, all PEM. sqlx does not tell what its options hold of it.
#[derive(Clone, Debug, Default)]
pub struct TlsMaterial {
    /// The certificates that the server is known by.
    pub authority: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl TlsMaterial {
    /// The files that the parameters of a connection URL name; those that cannot be read are left to sqlx,
    /// which says so.
    pub fn of_parameters<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut made, mut certificate, mut key) = (Self::default(), None, None);
        for (name, value) in parameters {
            match name {
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => made.authority = fs::read(value).ok(),
                "sslcert" | "ssl-cert" => certificate = fs::read(value).ok(),
                "sslkey" | "ssl-key" => key = fs::read(value).ok().map(Zeroizing::new),
                _ => {}
            }
        }
        made.client = certificate.zip(key);
        made
    }
}

/// An open connection, and the options by which another one is opened.
pub struct Connected {
    /// The connection.
    pub connection: PgConnection,
    /// How to connect again, for as long as `relay` is kept.
    pub options: PgConnectOptions,
    /// What speaks TLS for these options, where sqlx does not.
    pub relay: Option<Relay>,
}

/// Connects as sqlx does; where it refuses the server's certificate, by a verifier that accepts the very
/// certificate that is named.
///
/// # Errors
/// As sqlx's.
pub async fn connect(
    options: &PgConnectOptions,
    material: &TlsMaterial,
) -> sqlx::Result<Connected> {
    let refused = match options.connect().await {
        Err(error) if is_of_certificate(&error) => error,
        outcome => {
            return outcome.map(|connection| Connected {
                connection,
                options: options.clone(),
                relay: None,
            });
        }
    };
    let name_check = match options.get_ssl_mode() {
        PgSslMode::VerifyFull => NameCheck::Required,
        PgSslMode::VerifyCa => NameCheck::Omitted,
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer | PgSslMode::Require => {
            return Err(refused);
        }
    };
    if material.authority.is_none() || options.get_socket().is_some() {
        return Err(refused);
    }
    let target = Target::new(options, material, name_check)?;
    let relay = Relay::open(target, options.get_port()).await?;
    let options = options.clone().socket(&relay.directory.0);
    let options = options.ssl_mode(PgSslMode::Disable);
    Ok(Connected {
        connection: options.connect().await?,
        options,
        relay: Some(relay),
    })
}

/// What the TLS layer refuses of the server's certificate.
fn is_of_certificate(error: &Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(here) = next {
        let wrapped = here
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| -> &(dyn StdError + 'static) { inner });
        if let Some(rustls::Error::InvalidCertificate(_)) = here.downcast_ref() {
            return true;
        }
        next = wrapped.or_else(|| here.source());
    }
    false
}

/// Speaks TLS to a server for each connection to a socket of its own, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    directory: PrivateDirectory,
    task: JoinHandle<()>,
}

impl Relay {
    /// Shakes hands with the server once, so that a refusal is told, and listens.
    async fn open(target: Target, port: u16) -> sqlx::Result<Self> {
        let first = target.connect().await?;
        let directory = PrivateDirectory::new()?;
        let listener = UnixListener::bind(directory.0.join(format!(".s.PGSQL.{port}")))?;
        let task = spawn(relay(listener, target, first));
        Ok(Self { directory, task })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Connections that are open go on: each is a task of its own.
        self.task.abort();
    }
}

async fn relay(listener: UnixListener, target: Target, first: TlsStream<TcpStream>) {
    let mut first = Some(first);
    while let Ok((mut client, _)) = listener.accept().await {
        let (ready, target) = (first.take(), target.clone());
        spawn(async move {
            let server = match ready {
                Some(server) => Ok(server),
                None => target.connect().await,
            };
            // What ends one side ends the other one, and sqlx says what became of it.
            if let Ok(mut server) = server {
                drop(copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

/// A server, and how TLS is spoken to it.
#[derive(Clone)]
struct Target {
    host: String,
    port: u16,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Target {
    fn new(
        options: &PgConnectOptions,
        material: &TlsMaterial,
        name_check: NameCheck,
    ) -> sqlx::Result<Self> {
        let broken = |why: String| Error::Tls(why.into());
        let named = material.authority.as_deref().and_then(pem::certificates);
        let client = material.client.as_ref().map(|(certificate, key)| {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| error.to_string())?;
            Ok((pem::certificates(certificate).unwrap_or_default(), key))
        });
        let client = client.transpose().map_err(broken)?;
        let config = tls::trusting_as(&named.unwrap_or_default(), name_check, client)
            .map_err(|failure| broken(failure.to_string()))?;
        let host = options.get_host();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|e| broken(e.to_string()))?;
        Ok(Self {
            host,
            port: options.get_port(),
            name,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    async fn connect(&self) -> sqlx::Result<TlsStream<TcpStream>> {
        let mut server = TcpStream::connect((self.host.as_str(), self.port)).await?;
        server.set_nodelay(true)?;
        server.write_all(&SSL_REQUEST).await?;
        if server.read_u8().await? != b'S' {
            return Err(Error::Tls("server does not support TLS".into()));
        }
        Ok(self.connector.connect(self.name.clone(), server).await?)
    }
}

/// A directory that nobody else can enter, removed with this value.
#[derive(Debug)]
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn new() -> sqlx::Result<Self> {
        let chance = keys::random::<8>().map_err(|error| Error::Tls(error.to_string().into()))?;
        let path = env::temp_dir().join(format!("jit-{}", keys::hex(&chance)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        let path: &Path = &self.0;
        drop(fs::remove_dir_all(path));
    }
}
