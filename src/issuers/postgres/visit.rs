//! What a server says to whoever logs in with a credential of ours: whom it knows, and its clock.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use zeroize::Zeroizing;

use super::{manager::TARGET_KIND, url::Access};
use crate::{
    domain::{
        catalogue::PostgresResource,
        credential::{Credential, Secret},
        entitlement::ResourceName,
        failure::{Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    issuers::{
        order::Site,
        target::{self, in_time},
    },
    platform::{
        keys,
        postgres_tls::{self, TlsMaterial},
    },
};

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The resource.
    pub name: &'a ResourceName,
    /// Host name or address.
    pub host: &'a str,
    /// Port.
    pub port: u16,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Whom it knows the login as (`current_user`).
    pub user: String,
    /// Its clock.
    pub at: Timestamp,
}

/// Logs in as a tool would, and out again.
///
/// # Errors
/// The server does not answer or is none; it does not know the certificate authority, has no line
/// in `pg_hba.conf` for the login, or knows neither role nor database. The hint says which part of
/// what `jit trust` prints is missing.
pub async fn visit(
    place: Place<'_>,
    resource: &PostgresResource,
    (credential, key): (&Credential, &PrivateKey),
    site: &Site<'_>,
) -> Result<Visit> {
    let target = format!("{} at {}:{}", place.name, place.host, place.port);
    let access = access(place, resource, (credential, key), site)?;
    let failure = |error: sqlx::Error| failure(&target, place.name, &error);
    let asked = async {
        let connected = postgres_tls::connect(&access.options, &access.material);
        let connected = connected.await.map_err(failure)?;
        // What speaks TLS is kept until the connection is closed.
        let (mut connection, _relay) = (connected.connection, connected.relay);
        let sql = "select current_user::pg_catalog.text,
            (extract(epoch from pg_catalog.clock_timestamp()) * 1000)::pg_catalog.int8";
        let row: (String, i64) = sqlx::query_as(sql)
            .fetch_one(&mut connection)
            .await
            .map_err(failure)?;
        // What was asked is answered; a farewell that is not heard is no failure.
        drop(connection.close().await);
        Ok(row)
    };
    let (user, millis) = in_time(&target, asked).await?;
    let at = Timestamp::from_millis(millis);
    Ok(Visit { user, at })
}

fn access(
    place: Place<'_>,
    resource: &PostgresResource,
    (credential, key): (&Credential, &PrivateKey),
    site: &Site<'_>,
) -> Result<Access> {
    let database = resource.databases.first().map_or("postgres", |name| name);
    let options = PgConnectOptions::new_without_pgpass()
        .host(place.host)
        .port(place.port)
        .database(database)
        .application_name("jit doctor")
        .disable_statement_logging();
    let authority = resource.certificate_authority.as_ref();
    let authority = authority.map(|file| target::authority(&site.directory.join(file)));
    let mut material = TlsMaterial {
        authority: authority.transpose()?,
        client: None,
    };
    let options = match &material.authority {
        Some(authority) => options
            .ssl_root_cert_from_pem(authority.clone())
            .ssl_mode(PgSslMode::VerifyFull),
        None => options.ssl_mode(PgSslMode::Require),
    };
    let options = match &credential.secret {
        // The password of the environment is not for this server, so an empty one takes its place.
        Secret::PostgresCertificate { role, certificate } => {
            let key = pem(key)?;
            let options = options
                .username(role)
                .password("")
                .ssl_client_cert_from_pem(certificate)
                .ssl_client_key_from_pem(&*key);
            material.client = Some((certificate.clone().into_bytes(), key));
            options
        }
        Secret::PostgresRole { role, password } => {
            options.username(role).password(password.expose_secret())
        }
        Secret::SshCertificate(_) | Secret::KubernetesToken(_) | Secret::AwsSession { .. } => {
            return Err(
                Failure::failed("the lease holds no credential for PostgreSQL")
                    .hint("drop it with \"jit forget --all\", then try again"),
            );
        }
    };
    Ok(Access { options, material })
}

fn pem(key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>> {
    let body = Zeroizing::new(STANDARD.encode(keys::to_pkcs8(key)?.as_slice()));
    let text = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        *body
    );
    Ok(Zeroizing::new(text.into_bytes()))
}

fn failure(target: &str, name: &ResourceName, error: &sqlx::Error) -> Failure {
    let trust = format!("\"jit trust {name}\" prints");
    match target::tls_error(error) {
        Some(rustls::Error::InvalidCertificate(_)) => return target::untrusted(target, error),
        Some(rustls::Error::AlertReceived(_)) => {
            return Failure::failed(format!("{target} does not trust the client certificate"))
                .because(error)
                .hint(format!(
                    "put the certificate authority that {trust} into its ssl_ca_file; check the clocks"
                ));
        }
        Some(_) => return target::foreign(target, TARGET_KIND),
        None => {}
    }
    if let sqlx::Error::Database(refusal) = error {
        return Failure::failed(format!("{target} refuses the login"))
            .because(error)
            .hint(advice(&trust, refusal.message()));
    }
    if let sqlx::Error::Io(cause) = error {
        return target::unreachable(target, cause);
    }
    if let sqlx::Error::Tls(_) = error {
        return Failure::failed(format!("{target} cannot be spoken to over TLS"))
            .because(error)
            .hint("turn on ssl in postgresql.conf");
    }
    target::foreign(target, TARGET_KIND)
}

/// What to do about a server's own words on a login. They may be in the server's language; then the
/// advice is to apply everything.
fn advice(trust: &str, words: &str) -> String {
    let says = |part: &str| words.contains(part);
    if says("pg_hba.conf") {
        format!(
            "add the line of pg_hba.conf that {trust}, above those that match first, and reload"
        )
    } else if says("valid client certificate") {
        format!("put the certificate authority that {trust} into its ssl_ca_file, and reload")
    } else if says("certificate authentication failed") {
        format!("add the line of pg_ident.conf that {trust}, and reload")
    } else if says("does not exist") {
        "create the role or the database, or correct its name in authority.toml".to_owned()
    } else {
        format!("apply what {trust}")
    }
}
