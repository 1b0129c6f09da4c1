//! Certificate authorities, compared as client-go decodes them rather than as text.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    domain::{
        catalogue::KubernetesResource,
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{files, pem},
};

/// The bytes behind base64 as Go reads them: line breaks anywhere in it count for nothing.
pub fn decoded(data: &str) -> Option<Vec<u8>> {
    let unbroken: String = data.split(['\r', '\n']).collect();
    STANDARD.decode(unbroken.trim()).ok()
}

/// Whether a PEM text has certificates of `known` and nothing else, in any order and however often.
/// What else it holds might be read as a certificate by another program, so there must not be anything.
fn are_of(asked: &[u8], known: &[u8]) -> bool {
    let begun = String::from_utf8_lossy(asked).matches("-----BEGIN").count();
    match (pem::certificates(asked), pem::certificates(known)) {
        (Some(asked), Some(known)) => {
            asked.len() == begun && asked.iter().all(|one| known.contains(one))
        }
        _ => false,
    }
}

/// Whether all of these certificate authorities are the catalogue's own.
///
/// # Errors
/// The catalogue's cannot be read.
pub(super) fn are_known(
    trusted: &[u8],
    cluster: &KubernetesResource,
    places: &Places,
) -> Result<bool> {
    let known = of(cluster, places)?;
    Ok(known.is_some_and(|known| trusted == known.as_bytes() || are_of(trusted, known.as_bytes())))
}

/// The certificate authority, PEM; `None` where the system's serve.
///
/// # Errors
/// Its file is missing or holds something else.
pub(super) fn of(cluster: &KubernetesResource, places: &Places) -> Result<Option<String>> {
    let file = cluster.certificate_authority.as_ref();
    file.map(|file| authority_file(&places.configuration.join(file)))
        .transpose()
}

fn authority_file(file: &Path) -> Result<String> {
    let shown = file.display();
    let text = files::read_text(file)?.ok_or_else(|| {
        Failure::failed(format!("the certificate authority {shown} is not there"))
            .hint("put it there, or correct certificate_authority in authority.toml")
    })?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(
            Failure::failed(format!("{shown} is not a certificate in PEM"))
                .hint("it starts with -----BEGIN CERTIFICATE-----"),
        );
    }
    Ok(text)
}
