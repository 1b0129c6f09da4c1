//! How a target that is down, slow or not what it should be is told apart and reported.

use std::{
    error::Error,
    io::{self, ErrorKind},
    iter::from_fn,
    path::Path,
    time::Duration,
};

use reqwest::Url;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::order::PATIENCE;
use crate::{
    domain::failure::{Code, Failure, Nature, Result},
    platform::{files, http},
};

/// Waits for an answer, but not for ever. `target` names what is asked: `kubernetes/prod at URL`.
pub(super) async fn in_time<T>(target: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(timed_out(target)))
}

/// So many questions to one target at once, for callers who are not known yet.
#[derive(Debug)]
pub(super) struct Questions(Semaphore);

/// How many are asked at once, and how long another one waits for its turn.
const AT_ONCE: usize = 16;
const TURN: Duration = Duration::from_secs(2);

impl Default for Questions {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Questions {
    /// A turn to ask, until it is dropped.
    pub(super) async fn turn(&self, target: &str) -> Result<SemaphorePermit<'_>> {
        let turn = timeout(TURN, self.0.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            Failure::failed(format!(
                "{AT_ONCE} questions to {target} are not answered yet"
            ))
            .hint("try again in a moment")
            .of_nature(Nature::Away)
        })
    }
}

/// A target that did not answer.
pub(super) fn timed_out(target: &str) -> Failure {
    let seconds = PATIENCE.as_secs();
    Failure::new(
        Code::TimedOut,
        format!("{target} did not answer within {seconds} seconds"),
    )
    .hint("check the address in authority.toml, the network and the target itself, then try again")
}

/// A connection that did not come about or broke.
pub(super) fn unreachable(target: &str, error: &(dyn Error + 'static)) -> Failure {
    match io_kind(error) {
        Some(ErrorKind::TimedOut) => timed_out(target),
        Some(ErrorKind::ConnectionRefused) => {
            Failure::failed(format!("{target} refuses connections"))
                .hint("check that it runs and listens there, and the address in authority.toml")
        }
        _ => Failure::failed(format!("{target} cannot be reached"))
            .because(error)
            .hint("check the address in authority.toml, the network and the target itself"),
    }
}

/// A target that answers, but not as its kind does. `what` is the kind: `a Kubernetes API server`.
pub(super) fn foreign(target: &str, what: &str) -> Failure {
    Failure::failed(format!("{target} does not speak as {what}"))
        .hint("check the address and the port in authority.toml: something else listens there")
}

/// A server certificate that is not to be trusted.
pub(super) fn untrusted(target: &str, error: &(dyn Error + 'static)) -> Failure {
    Failure::failed(format!("{target} has a certificate that is not trusted"))
        .because(error)
        .hint("name the certificate of its authority as certificate_authority in authority.toml")
}

/// What the TLS layer has to say, however deep it lies.
pub(super) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// Reads the address of a target that is spoken to over HTTPS; over HTTP only on this machine, since
/// a credential goes there.
pub(super) fn address(text: &str) -> Result<Url> {
    let hint = "write it as \"https://HOST:PORT\" in authority.toml";
    let url = Url::parse(text).ok();
    let Some(url) = url.filter(|url| url.has_host() && url.query().is_none()) else {
        return Err(Failure::failed(format!("{text:?} is not an address")).hint(hint));
    };
    if http::is_confidential(&url) {
        return Ok(url);
    }
    Err(Failure::failed(format!(
        "{text} is not encrypted, so no credential is sent there"
    ))
    .hint(hint))
}

/// The certificate authority that the catalogue names for a target, PEM.
pub(super) fn authority(file: &Path) -> Result<Vec<u8>> {
    files::read(file)?.ok_or_else(|| {
        Failure::failed(format!(
            "the certificate file {} is not there",
            file.display()
        ))
        .hint("correct certificate_authority in authority.toml")
    })
}

/// What the operating system has to say, however deep it lies.
pub(super) fn io_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .last()
}

/// An error and all that caused it; an [`io::Error`] hides what it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    from_fn(move || {
        let here = next?;
        let wrapped = here
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| -> &(dyn Error + 'static) { inner });
        next = wrapped.or_else(|| here.source());
        Some(here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_nowhere_in_the_clear() {
        for server in [
            "https://10.0.0.1:6443",
            "http://127.0.0.1:8001",
            "http://[::1]:1",
        ] {
            assert!(address(server).is_ok(), "{server}");
        }
        for server in [
            "http://10.0.0.1:6443",
            "http://localhost.example.com",
            "file:///etc/passwd",
            "https://",
            "prod",
            "https://h?x=",
        ] {
            assert!(address(server).is_err(), "{server}");
        }
    }
}
