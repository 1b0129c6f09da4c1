//! The base credential: the URL under which the manager of roles connects.

use std::{net::IpAddr, str::FromStr as _};

use reqwest::Url;
use secrecy::ExposeSecret as _;
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::{
    domain::{
        catalogue::PostgresResource,
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    issuers::{order::Site, target},
    platform::{postgres_tls::TlsMaterial, secret},
};

/// How to connect.
pub(super) struct Access {
    pub(super) options: PgConnectOptions,
    pub(super) material: TlsMaterial,
}

/// How to connect, as the URL behind `credential` and the catalogue say.
pub(super) fn access(
    name: &ResourceName,
    resource: &PostgresResource,
    site: &Site<'_>,
) -> Result<Access> {
    let reference = resource.credential.as_ref().ok_or_else(|| {
        Failure::failed(format!("{name} has no credential that may create roles"))
            .hint("add credential = \"file:PATH\", a file with a connection URL, in authority.toml")
    })?;
    let text = secret::resolve(reference, site.directory, site.environment)?;
    // Neither the URL nor the parser's words about it are shown: a password stands in it.
    let broken = || {
        Failure::failed(format!("the credential of {name} is not a connection URL")).hint(
            "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, \
             special characters as %XX",
        )
    };
    let url = Url::parse(text.expose_secret()).map_err(|_| broken())?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(broken());
    }
    let options = PgConnectOptions::from_str(text.expose_secret()).map_err(|_| broken())?;
    let has = |names: [&str; 2]| url.query_pairs().any(|(key, _)| names.contains(&&*key));
    let parameters: Vec<_> = url.query_pairs().collect();
    let mut material =
        TlsMaterial::of_parameters(parameters.iter().map(|(key, value)| (&**key, &**value)));
    let options = match &resource.certificate_authority {
        Some(file) if !has(["sslrootcert", "ssl-root-cert"]) => {
            let authority = target::authority(&site.directory.join(file))?;
            material.authority = Some(authority.clone());
            options.ssl_root_cert_from_pem(authority)
        }
        _ => options,
    };
    let options = if has(["sslmode", "ssl-mode"]) {
        options
    } else {
        let mode = unnamed_mode(&options);
        options.ssl_mode(mode)
    };
    let options = options.application_name("jit").disable_statement_logging();
    Ok(Access { options, material })
}

/// How a URL without `sslmode` is meant. A server that is not known to be the right one could ask
/// for the manager's password, so only the machine itself is believed.
fn unnamed_mode(options: &PgConnectOptions) -> PgSslMode {
    let host = options.get_host();
    let here = options.get_socket().is_some()
        || host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
    if here {
        PgSslMode::Prefer
    } else {
        PgSslMode::VerifyFull
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::{domain::environment::Environment, issuers::sample};

    fn read(url: &str) -> Result<PgConnectOptions> {
        let resource: PostgresResource = toml::from_str(
            "hosts = [\"db\"]\nissuer = \"dynamic-role\"\ncredential = \"env:BASE\"\nroles.read.role = \"ro\"\n",
        )
        .unwrap();
        let mut environment = Environment::default();
        environment
            .variables
            .insert(OsString::from("BASE"), OsString::from(url));
        let site = Site {
            environment: &environment,
            ..sample::site()
        };
        let access = access(&"postgres/orders".parse().unwrap(), &resource, &site)?;
        Ok(access.options)
    }

    #[test]
    fn only_this_machine_is_believed_without_a_certificate() {
        let mode = |url: &str| format!("{:?}", read(url).unwrap().get_ssl_mode());
        assert_eq!(mode("postgresql://jit:x@db.internal/orders"), "VerifyFull");
        assert_eq!(mode("postgresql://jit:x@127.0.0.1/orders"), "Prefer");
        assert_eq!(
            mode("postgresql://jit:x@db/orders?sslmode=require"),
            "Require"
        );
        assert_eq!(
            mode("postgresql://jit@localhost/x?host=/run/postgresql"),
            "Prefer"
        );
    }

    #[test]
    fn a_broken_url_is_refused_without_showing_it() {
        for url in [
            "hunter2",
            "mysql://jit:hunter2@db/orders",
            "postgresql://jit:hunter2@db:port/orders",
            "postgresql://jit:x@db/orders?sslmode=hunter2",
        ] {
            let failure = read(url).unwrap_err();
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        }
    }
}
