//! The address of a PostgreSQL database: a URL with one host or several.

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::{
    domain::failure::{Failure, Result, did_you_mean},
    platform::postgres_tls::TlsMaterial,
};

/// What libpq knows of `target_session_attrs` that leads to a server which takes writes.
const WRITABLE: [&str; 3] = ["any", "read-write", "primary"];

/// The hosts of a database, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Address {
    /// One for each host.
    pub(super) hosts: Vec<PgConnectOptions>,
    /// What TLS is spoken with, as the URL's parameters name it.
    pub(super) material: TlsMaterial,
    /// Whether the URL says that `PgBouncer` hands out its connections by the transaction.
    pub(super) is_pooled: bool,
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?target_session_attrs=read-write`.
    ///
    /// # Errors
    /// It is none. The message never has a part of it, which may be of the password.
    pub(super) fn parse(url: &SecretString) -> Result<Self> {
        let url = url.expose_secret();
        let schemes = ["postgres://", "postgresql://"];
        let rest = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(no_url)?;
        check_encoding(rest)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let (database, parameters) = tail.split_once('?').unwrap_or((tail, ""));
        let (mut kept, mut is_pooled) = (Vec::new(), false);
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            match parameter.split_once('=') {
                Some(("target_session_attrs", wanted)) => check_target(wanted)?,
                Some(("pgbouncer", value)) => is_pooled = value == "true",
                _ => kept.push(parameter),
            }
        }
        let material = material(&kept);
        let kept = kept.join("&");
        let hosts = hosts.split(',').map(|host| {
            let url = format!("postgres://{user}{host}{database}?{kept}");
            let options: PgConnectOptions = url.parse().map_err(|_| no_url())?;
            // No number with a fraction is asked for, and PgBouncer does not know that parameter.
            Ok(options
                .application_name("jit serve")
                .extra_float_digits(None))
        });
        Ok(Self {
            hosts: hosts.collect::<Result<_>>()?,
            material,
            is_pooled,
        })
    }
}

/// What the parameters of a URL name for TLS.
fn material(parameters: &[&str]) -> TlsMaterial {
    let query = format!("postgres:?{}", parameters.join("&"));
    let query = Url::parse(&query).ok();
    let read: Vec<_> = query.iter().flat_map(Url::query_pairs).collect();
    TlsMaterial::of_parameters(read.iter().map(|(name, value)| (&**name, &**value)))
}

fn no_url() -> Failure {
    Failure::failed("the database's address is not a PostgreSQL URL")
        .hint("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full")
}

fn check_target(wanted: &str) -> Result<()> {
    if WRITABLE.contains(&wanted) {
        return Ok(());
    }
    let near = did_you_mean(wanted, WRITABLE);
    Err(Failure::failed(format!(
        "target_session_attrs={wanted} in the database's address leads to no server that takes writes"
    ))
    .hint(format!("{near}write target_session_attrs=read-write")))
}

/// Names the character of a user's name or a password that ends it too early.
fn check_encoding(rest: &str) -> Result<()> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let early = tail.chars().next();
    let wrong = match early {
        Some('#') => Some('#'),
        // What should stand before the host's name stands behind what ended it.
        Some(early) if !authority.contains('@') && is_behind_a_password(authority, tail) => {
            Some(early)
        }
        _ if tail.contains('#') => Some('#'),
        _ if user.contains('@') => Some('@'),
        _ if has_loose_percent(user) => Some('%'),
        _ => None,
    };
    let Some(wrong) = wrong else { return Ok(()) };
    Err(Failure::failed(format!(
        "the database's address has a `{wrong}` in its user's name or password that is not encoded"
    ))
    .hint("write # as %23, @ as %40, / as %2F, ? as %3F, : as %3A and % as %25 in them"))
}

/// Whether what was taken for a host and a port is a user's name and the beginning of a password.
fn is_behind_a_password(authority: &str, tail: &str) -> bool {
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let is_port = port.is_none_or(|port| port.chars().all(|one| one.is_ascii_digit()));
    let before_parameters = tail.split('?').next().unwrap_or_default();
    before_parameters.contains('@') || (!is_port && tail.contains('@'))
}

fn has_loose_percent(user: &str) -> bool {
    let mut parts = user.split('%').skip(1);
    parts.any(|part| {
        let digits = part.chars().take(2);
        digits.filter(char::is_ascii_hexdigit).count() < 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address> {
        Address::parse(&SecretString::from(url))
    }

    #[test]
    fn each_host_of_a_url_is_tried_in_its_turn() {
        let url = "postgresql://u:p%40ss@a:5433,[::1]:5434,c/db?target_session_attrs=read-write&sslmode=require";
        let address = parse(url).unwrap();
        let hosts = address.hosts.iter();
        let hosts: Vec<(&str, u16)> = hosts.map(|one| (one.get_host(), one.get_port())).collect();
        assert_eq!(hosts, [("a", 5433), ("[::1]", 5434), ("c", 5432)]);
        for one in &address.hosts {
            assert_eq!(one.get_database(), Some("db"));
            assert_eq!(one.get_username(), "u");
        }
        assert!(!address.is_pooled);
        assert!(parse("postgres://a/db?pgbouncer=true").unwrap().is_pooled);
        assert!(parse("postgres:///db?host=/run/postgresql").is_ok());
    }

    #[test]
    fn a_character_that_is_not_encoded_is_named_and_the_password_never_shown() {
        for (url, wrong) in [
            ("postgres://u:hun#ter2@h/db", '#'),
            ("postgres://u:hun@ter2@h/db", '@'),
            ("postgres://u:hun/ter2@h/db", '/'),
            ("postgres://u:hun?ter2@h/db", '?'),
            ("postgres://u:hunter2%@h/db", '%'),
            ("postgres://u:hunter2%zz@h/db", '%'),
        ] {
            let failure = parse(url).unwrap_err();
            let message = failure.to_string();
            assert!(message.contains(&format!("`{wrong}`")), "{url}: {message}");
            assert!(failure.hint.contains("%23"), "{failure:?}");
            assert!(
                !message.contains("hun") && !message.contains("ter2"),
                "{message}"
            );
        }
        for url in ["mysql://h/db", "h:5432", "postgres://u:p@h:hunter2/db"] {
            let failure = parse(url).unwrap_err();
            assert!(
                failure.message.contains("is not a PostgreSQL URL"),
                "{failure:?}"
            );
            assert!(!failure.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_target_that_takes_no_writes_is_refused() {
        let failure = parse("postgres://a,b/db?target_session_attrs=standby").unwrap_err();
        assert!(failure.message.contains("takes writes"), "{failure:?}");
        let failure = parse("postgres://a,b/db?target_session_attrs=read-writ").unwrap_err();
        assert!(
            failure.hint.contains("did you mean \"read-write\""),
            "{failure:?}"
        );
    }
}
