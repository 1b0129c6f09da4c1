//! Opening the authority that a server's directory describes.

use std::path::Path;

use super::{digests::Digests, ground::Ground};
use crate::{
    authority::{
        Authority,
        people::{AcceptedNames, People},
        workloads::trusted::Workloads,
    },
    config::{
        authority as catalogue, policies,
        server::{Server, workloads},
    },
    domain::{
        catalogue::Catalogue,
        environment::Places,
        failure::{Failure, Result},
        secret_reference::SecretReference,
    },
    platform::{
        files,
        sealing::{Keeper, Named, Own},
        secret,
    },
    policy::set::Policies,
    store::{Store, sealing::Sealing},
    verify::{
        issuer::Issuer,
        trusted::{ALGORITHMS, KeySource, Purpose, Trusted},
    },
};

/// Below the server's directory: what it makes itself.
const STATE: &str = "state";

/// The file of SQLite's database in it.
pub(super) const LEDGER: &str = "ledger.db";

/// What people wrote of what can be reached, and who may have it.
pub(super) struct Written {
    pub(super) catalogue: Catalogue,
    pub(super) policies: Policies,
    pub(super) digests: Digests,
}

/// Reads it.
///
/// # Errors
/// Something in it is wrong.
pub(super) fn written(directory: &Path, config: &Server) -> Result<Written> {
    let places = places(directory, config);
    let (catalogue, digest) = catalogue::load_with_digest(&places)?;
    let policies = Policies::parse(&policies::load(&places)?)?;
    let policies = policies.with_strong_sign_in(config.strong_sign_in())?;
    let digests = Digests {
        policies: policies.digest.clone(),
        catalogue: digest,
    };
    Ok(Written {
        catalogue,
        policies,
        digests,
    })
}

/// The authority that is served, and what identifies what is in force.
///
/// # Errors
/// What a person wrote is wrong, or the store cannot be opened.
pub(super) async fn authority(
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<(Authority, Digests)> {
    let places = places(directory, config);
    // First, so that nothing is made where the user wrote something wrong.
    let Written {
        catalogue,
        policies,
        digests,
    } = written(directory, config)?;
    let authority = Authority {
        catalogue,
        policies,
        store: store(&places, config, ground).await?,
        directory: places.configuration,
        environment: ground.environment.clone(),
        clock: ground.clock,
        // Known once it listens.
        issuer_url: None,
        issuer_ca: None,
        approvers: true,
        lifecycles: config.lifecycle.lifecycles(),
    };
    Ok((authority, digests))
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
        keys: KeySource::Discovered,
        authority: authority.clone().map(String::into_bytes),
        purpose: Purpose::IdToken,
    };
    Ok(Some(People {
        issuer: Issuer::new(trusted)?,
        client_id: written.client_id.clone(),
        scopes: written.scopes.clone(),
        acr_values: written.acr_values.clone(),
        name_claim: written.name_claim.clone(),
        groups_claim: written.groups_claim.clone(),
        groups: written.groups.clone(),
        names: written
            .subjects
            .iter()
            .map(|(name, subject)| (subject.clone(), name.clone()))
            .collect(),
        accepted_names: if written.takes_only_named_accounts() {
            AcceptedNames::None
        } else if written.people_choose_names() {
            AcceptedNames::WithoutRights
        } else {
            AcceptedNames::Any
        },
        userinfo: written.userinfo,
        redirect_port: written.redirect_port,
        parameters: written.parameters.clone(),
        device: written.device,
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

/// The machines that may come in by the identity that they have; nobody is asked yet.
///
/// # Errors
/// One names a cluster that is not there, or a certificate authority that is none.
pub(super) fn workloads(
    directory: &Path,
    config: &Server,
    (authority, url): (&Authority, &str),
) -> Result<Workloads> {
    let written = &config.workloads;
    workloads::check_references(written, &authority.catalogue)?;
    Workloads::new(written.clone(), url, directory)
}

/// What a served authority remembers; it can be opened whatever became of the catalogue.
pub(super) async fn store(places: &Places, config: &Server, ground: &Ground<'_>) -> Result<Store> {
    let sealing = Sealing::kept(keeper(config.sealing_key.as_ref(), places, ground))?;
    match &config.database {
        None => Store::open_shared(&places.state.join(LEDGER), sealing).await,
        Some(reference) => {
            let url = secret::resolve(reference, &places.configuration, ground.environment)?;
            Store::connect(&url, sealing).await
        }
    }
}

/// Who keeps the sealing key.
pub(super) fn keeper(
    reference: Option<&SecretReference>,
    places: &Places,
    ground: &Ground<'_>,
) -> Box<dyn Keeper> {
    match reference {
        None => Box::new(Own(places.state.join("sealing.key"))),
        Some(reference) => Box::new(Named {
            reference: reference.clone(),
            directory: places.configuration.clone(),
            environment: ground.environment.clone(),
        }),
    }
}

/// Where a server in that directory keeps what.
pub(super) fn places(directory: &Path, config: &Server) -> Places {
    let state = config.state.as_deref().unwrap_or_else(|| Path::new(STATE));
    let state = directory.join(state);
    Places {
        configuration: directory.to_owned(),
        cache: state.join("cache"),
        runtime: state.join("run"),
        state,
        job: None,
    }
}
