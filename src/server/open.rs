//! Opening the authority that a server's directory describes.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::ground::Ground;
use crate::{
    authority::{Authority, people::People},
    config::{authority as catalogue, policies, server::Server},
    domain::{
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{files, keyring, seal::SealingKey, secret},
    policy::set::Policies,
    store::Store,
    verify::{
        issuer::Issuer,
        trusted::{ALGORITHMS, Purpose, Trusted},
    },
};

/// Below the server's directory: what it makes itself.
const STATE: &str = "state";

/// The authority that is served.
///
/// # Errors
/// What a person wrote is wrong, or the store cannot be opened.
pub(super) async fn authority(
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<Authority> {
    let state = directory.join(STATE);
    let places = Places {
        configuration: directory.to_owned(),
        cache: state.join("cache"),
        runtime: state.join("run"),
        state,
    };
    Ok(Authority {
        // First, so that nothing is made where the user wrote something wrong.
        catalogue: catalogue::load(&places)?,
        policies: Policies::parse(&policies::load(&places)?)?,
        store: store(&places, config, ground).await?,
        directory: places.configuration,
        environment: ground.environment.clone(),
        clock: ground.clock,
    })
}

/// The OpenID provider of people; it is asked nothing yet.
///
/// # Errors
/// Its certificate authority is not there, or is none.
pub(super) fn people(directory: &Path, config: &Server) -> Result<Option<People>> {
    let Some(written) = &config.people else {
        return Ok(None);
    };
    let named = written.certificate_authority.as_ref();
    let authority = named.map(|file| pem(&directory.join(file))).transpose()?;
    let trusted = Trusted {
        issuer: written.issuer.clone(),
        audiences: [written.client_id.clone()].into(),
        algorithms: ALGORITHMS.to_vec(),
        keys_at: None,
        authority: authority.clone().map(String::into_bytes),
        purpose: Purpose::IdToken,
    };
    Ok(Some(People {
        issuer: Issuer::new(trusted)?,
        client_id: written.client_id.clone(),
        scopes: written.scopes.clone(),
        name_claim: written.name_claim.clone(),
        groups_claim: written.groups_claim.clone(),
        certificate_authority: authority,
    }))
}

fn pem(file: &Path) -> Result<String> {
    // Whoever could write it would say who is believed.
    files::read_trusted(file)?.ok_or_else(|| {
        Failure::failed(format!(
            "the certificate file {} is not there",
            file.display()
        ))
        .hint("correct certificate_authority of [people] in server.toml")
    })
}

async fn store(places: &Places, config: &Server, ground: &Ground<'_>) -> Result<Store> {
    let sealing = sealing_key(places, config, ground)?;
    match &config.database {
        None => Store::open_shared(&places.state.join("ledger.db"), sealing).await,
        Some(reference) => {
            let url = secret::resolve(reference, &places.configuration, ground.environment)?;
            Store::connect(&url, sealing).await
        }
    }
}

fn sealing_key(places: &Places, config: &Server, ground: &Ground<'_>) -> Result<SealingKey> {
    let Some(reference) = &config.sealing_key else {
        return keyring::durable_sealing_key(&places.state.join("sealing.key"));
    };
    let text = secret::resolve(reference, &places.configuration, ground.environment)?;
    let bytes = STANDARD
        .decode(text.expose_secret().trim())
        .map(Zeroizing::new);
    let key = bytes
        .ok()
        .and_then(|bytes| bytes.as_slice().try_into().ok());
    key.map(SealingKey::new).ok_or_else(|| {
        Failure::failed("the sealing key is not 32 bytes in base64").hint(
            "make one: head -c 32 /dev/urandom | base64; keep it, or nothing sealed can be opened",
        )
    })
}
