//! Opening the authority that a server's directory describes.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::ground::Ground;
use crate::{
    authority::Authority,
    config::{authority as catalogue, policies, server::Server},
    domain::{
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{keyring, seal::SealingKey, secret},
    policy::set::Policies,
    store::Store,
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
