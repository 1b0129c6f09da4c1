//! `[tls]` of `server.toml`: the certificate that the server shows.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::check::fault::{Checked, Fault};

/// `[tls]`; without it the server makes a certificate authority and a certificate of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate and those that lead to its root, PEM; relative to the server's directory.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM, readable by nobody else.
    pub key: Option<PathBuf>,
}

/// One without the other is nothing.
pub(super) fn check(tls: &Tls) -> Checked {
    let (has, lacks) = match (&tls.certificate, &tls.key) {
        (Some(_), None) => ("certificate", "key"),
        (None, Some(_)) => ("key", "certificate"),
        (Some(_), Some(_)) | (None, None) => return Ok(()),
    };
    Err(Fault::new(
        ["tls", has],
        format!("[tls] has a {has} and no {lacks}"),
        format!("add {lacks} = \"FILE\", or leave both out for a certificate of its own"),
    ))
}
