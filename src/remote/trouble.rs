//! A server that does not answer, told apart: it cannot be reached, is too slow, or is not who it says.

use std::{
    error::Error,
    io::{self, ErrorKind},
    iter::successors,
    time::Duration,
};

use rustls::CertificateError;

use super::patience::Again;
use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::tls::is_its_own_authority,
};

const UNVOUCHED: &str = "this machine does not know who vouches for it";

/// Why an attempt did not succeed, and whether another may.
pub(super) struct Trouble {
    pub(super) failure: Failure,
    pub(super) again: Again,
}

/// What is wrong with a server that gave no answer.
pub(super) fn of(server: &str, error: reqwest::Error, spent: Duration) -> Trouble {
    if let Some(error) = tls(&error) {
        return Trouble {
            failure: untrusted(server, error),
            again: Again::Never,
        };
    }
    let is_slow = error.is_timeout() && !error.is_connect();
    let failure = if is_slow {
        slow(server, spent)
    } else if refuses(&error) {
        unreachable(format!("the server {server} refuses connections"))
    } else {
        // Its address is named already.
        unreachable(format!("the server {server} cannot be reached")).because(&error.without_url())
    };
    Trouble {
        failure,
        again: Again::Soon,
    }
}

/// A server that was waited for in vain.
pub(super) fn slow(server: &str, spent: Duration) -> Failure {
    let seconds = spent.as_secs().max(1);
    unreachable(format!(
        "the server {server} did not answer within {seconds} seconds"
    ))
}

fn unreachable(message: String) -> Failure {
    Failure::new(Code::TimedOut, message)
        .hint("what you hold works until it ends; try again, or see what is wrong: jit doctor")
        .of_nature(Nature::Away)
}

/// A server whose certificate proves nothing.
fn untrusted(server: &str, error: &rustls::Error) -> Failure {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return Failure::failed(format!("the server {server} cannot be spoken to over TLS"))
            .because(error)
            .hint("check the address in config.toml: something else may listen there");
    };
    let (why, hint) = shortcoming(server, certificate);
    Failure::failed(format!("the server {server} is not trusted: {why}"))
        .because(error)
        .hint(hint)
}

/// Whether a failure is that nobody who is known here vouches for the server.
pub fn is_unvouched(failure: &Failure) -> bool {
    failure.message.ends_with(UNVOUCHED)
}

/// Whether nobody that is known vouches for a certificate.
fn is_unknown_authority(error: &CertificateError) -> bool {
    let is_unknown = matches!(
        error,
        CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::ApplicationVerificationFailure
    );
    is_unknown || is_its_own_authority(error)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum grows; what is not told apart is said in its own words"
)]
fn shortcoming(server: &str, certificate: &CertificateError) -> (&'static str, String) {
    match certificate {
        _ if is_unknown_authority(certificate) => (
            UNVOUCHED,
            format!(
                "where its authority is your own, pin it: jit init --server {server} --ca FILE; without the file, \"jit init --server {server}\" shows its fingerprint"
            ),
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "its certificate has ended",
            "ask its administrator for a new one, or set this machine's clock (timedatectl set-ntp true)"
                .to_owned(),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "its certificate is not valid yet",
            "set this machine's clock (timedatectl set-ntp true)".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "its certificate is for another name",
            "write `server` in config.toml as its certificate names it".to_owned(),
        ),
        _ => (
            "its certificate is not valid",
            "ask its administrator for one that is".to_owned(),
        ),
    }
}

/// What the TLS layer has to say, however deep it lies.
pub(super) fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn refuses(error: &(dyn Error + 'static)) -> bool {
    let kinds = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    kinds
        .map(io::Error::kind)
        .any(|kind| kind == ErrorKind::ConnectionRefused)
}

/// An error with its sources; what an I/O error wraps is one of them, which it does not say itself.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn Error + 'static));
        wrapped.or_else(|| error.source())
    })
}
