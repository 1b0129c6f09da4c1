//! The authority in this process, and the one door to async on the client: what the warm path needs
//! not, it does not start.

use std::path::PathBuf;

use tokio::runtime::Builder;

use super::session::Session;
use crate::{
    authority::{Authority, Client},
    cache,
    config::{account, policies},
    domain::{
        failure::{Failure, Result},
        key::PrivateKey,
        lifecycle::Lifecycles,
    },
    platform::{keyring, keys},
    policy::set::Policies,
    store::Store,
    tools::task::CredentialUse,
};

/// Runs one future to its end, on this thread.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("this process may not open files").because(&error))?;
    let value = runtime.block_on(future);
    // A name server that keeps silent must not keep us: nobody waits for its answer any more.
    runtime.shutdown_background();
    Ok(value)
}

/// The file of the embedded authority's ledger.
pub fn ledger_file(session: &Session) -> PathBuf {
    session.places.state.join("ledger.db")
}

/// The authority in this process: the user's own catalogue, policies and ledger.
pub async fn embedded(session: &Session) -> Result<Authority> {
    let policies = Policies::parse(&policies::load(&session.places)?)?;
    authority(session, policies).await
}

/// The same for what is asked of no policy, such as ending a grant: a policy that cannot be read must
/// not stand in its way. Whoever is asked for an elevation all the same denies it.
pub async fn without_policies(session: &Session) -> Result<Authority> {
    authority(session, Policies::parse(&[])?).await
}

async fn authority(session: &Session, policies: Policies) -> Result<Authority> {
    Ok(Authority {
        // First, so that nothing is made where the user wrote something wrong.
        catalogue: session.catalogue()?,
        policies,
        store: ledger(session).await?,
        directory: session.places.configuration.clone(),
        environment: session.environment.clone(),
        clock: session.clock,
        // Nobody could fetch its keys.
        issuer_url: None,
        issuer_ca: None,
        approvers: false,
        lifecycles: Lifecycles::default(),
    })
}

/// What the authority in this process remembers; it can be read whatever became of the catalogue.
pub async fn ledger(session: &Session) -> Result<Store> {
    let places = &session.places;
    if let Some(server) = session.server()? {
        return Err(Failure::failed(format!(
            "config.toml names the server {server}, which decides and keeps the ledger"
        ))
        .hint("take `server` out of config.toml to use the authority in your own configuration"));
    }
    let sealing = keyring::durable_sealing_key(&cache::sealing_key_file(places))?;
    Store::open(&ledger_file(session), sealing).await
}

/// The keys of one lease, born here.
pub struct Keys {
    /// What the elevation token is bound to.
    pub holder: PrivateKey,
    /// What a certificate is made for.
    pub key: PrivateKey,
    /// Whether a program keeps the credential to its own end.
    pub keeps_credential: bool,
}

impl Keys {
    /// New ones.
    pub fn new() -> Result<Self> {
        Ok(Self {
            holder: keys::generate()?,
            key: keys::generate()?,
            keeps_credential: false,
        })
    }

    /// New ones for a credential that is used so.
    pub fn for_use(credential_use: CredentialUse) -> Result<Self> {
        Ok(Self {
            keeps_credential: credential_use == CredentialUse::Kept,
            ..Self::new()?
        })
    }
}

/// Who runs this process, as the authority in it sees them.
pub fn client(
    session: &Session,
    authority: &Authority,
    tool: Option<&str>,
    keys: &Keys,
) -> Result<Client> {
    Ok(Client {
        caller: account::caller(&authority.catalogue)?,
        origin: session.origin(tool),
        holder: keys.holder.public(),
        key: keys.key.public(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: keys.keeps_credential,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::spawn_blocking;

    use super::*;

    #[test]
    fn a_lookup_that_nobody_waits_for_keeps_nobody() {
        let (answer, silence) = mpsc::channel::<()>();
        block_on(async {
            drop(spawn_blocking(move || silence.recv()));
        })
        .unwrap();
        // It would wait for what comes now.
        drop(answer);
    }
}
