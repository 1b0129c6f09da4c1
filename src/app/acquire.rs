//! A fresh lease, from the cache or from the authority. The one door to async on the client: what
//! the warm path needs not, it does not start.

use std::path::PathBuf;

use tokio::runtime::Builder;

use super::session::Session;
use crate::{
    authority::{Authority, Client, elevate::Ask, token},
    cache::{self, Cache},
    config::{account, policies},
    domain::{
        credential::Credential,
        failure::{Code, Failure, Result},
        key::PrivateKey,
        lease::Lease,
        time::{Timestamp, Ttl},
    },
    platform::{keyring, keys},
    policy::set::Policies,
    store::Store,
    tools::task::Recognised,
};

/// On which terms an elevation is asked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Terms {
    /// Say why; some entitlements need it, all record it.
    #[arg(long, short, value_name = "WHY")]
    pub justification: Option<String>,
    /// Ask for no longer than this: 30m, 1h.
    #[arg(long, value_name = "SPAN")]
    pub ttl: Option<Ttl>,
    /// Wait this long for an approval.
    #[arg(long, value_name = "SPAN", conflicts_with = "no_wait")]
    pub wait: Option<Ttl>,
    /// Do not wait for an approval.
    #[arg(long)]
    pub no_wait: bool,
    /// Skip approval in an emergency: alerted, and reviewed afterwards.
    #[arg(long)]
    pub break_glass: bool,
}

/// A lease that is fresh now: the cached one, a renewed one, or a new one.
pub fn lease(
    session: &Session,
    wanted: &Recognised,
    terms: &Terms,
    tool: Option<&str>,
) -> Result<Lease> {
    let cache = Cache::open(&session.places)?;
    cache.fresh_or(&wanted.entitlement, session.clock, |held| {
        block_on(bring(session, wanted, terms, tool, held))?
    })
}

/// Runs one future to its end, on this thread.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("this process may not open files").because(&error))?;
    Ok(runtime.block_on(future))
}

/// The file of the embedded authority's ledger.
pub fn ledger_file(session: &Session) -> PathBuf {
    session.places.state.join("ledger.db")
}

/// The authority in this process: the user's own catalogue, policies and ledger.
pub async fn embedded(session: &Session) -> Result<Authority> {
    let places = &session.places;
    let sealing = keyring::durable_sealing_key(&cache::sealing_key_file(places))?;
    Ok(Authority {
        catalogue: session.catalogue()?,
        policies: Policies::parse(&policies::load(places)?)?,
        store: Store::open(&ledger_file(session), sealing).await?,
        directory: places.configuration.clone(),
        environment: session.environment.clone(),
        clock: session.clock,
    })
}

/// Who runs this process, with keys born here.
pub fn client(
    session: &Session,
    authority: &Authority,
    tool: Option<&str>,
) -> Result<(Client, PrivateKey, PrivateKey)> {
    let (holder, key) = (keys::generate()?, keys::generate()?);
    let client = Client {
        caller: account::caller(&authority.catalogue)?,
        origin: session.origin(tool),
        holder: holder.public(),
        key: key.public(),
    };
    Ok((client, holder, key))
}

async fn bring(
    session: &Session,
    wanted: &Recognised,
    terms: &Terms,
    tool: Option<&str>,
    held: Option<Lease>,
) -> Result<Lease> {
    let asked_at = (session.clock)();
    let authority = embedded(session).await?;
    let (client, holder, key) = client(session, &authority, tool)?;
    if let Some(held) = held {
        match renew(&authority, &client, &held).await {
            Ok(credential) => return Ok(renewed(held, credential, key, (session.clock)())),
            // The authority, or the target, is away: what is held works until it ends.
            Err(failure) if failure.code != Code::Denied && still_works(&held, asked_at) => {
                session.tell(&format!("not renewed, used as it is: {failure}"));
                return Ok(held);
            }
            Err(failure) if failure.code != Code::Denied => return Err(failure),
            // The grant was ended: policy decides anew, below.
            Err(_) => {}
        }
    }
    let ask = Ask {
        entitlement: wanted.entitlement.clone(),
        justification: terms.justification.clone(),
        ttl: terms.ttl.map(|ttl| ttl.0),
        break_glass: terms.break_glass,
    };
    let answer = authority.elevate(&client, &ask).await?;
    let issued_at = (session.clock)();
    Ok(Lease {
        grant: answer.grant,
        token: answer.token,
        holder,
        credential: answer.credential,
        key,
        issued_at,
        took: issued_at.left(asked_at),
        because: wanted.because.clone(),
    })
}

async fn renew(authority: &Authority, client: &Client, held: &Lease) -> Result<Credential> {
    let now = (authority.clock)();
    let proof = token::prove(&held.holder, &held.grant.id, &held.token, now)?;
    authority.renew(client, &held.token, &proof).await
}

fn renewed(held: Lease, credential: Credential, key: PrivateKey, now: Timestamp) -> Lease {
    Lease {
        credential,
        key,
        issued_at: now,
        ..held
    }
}

fn still_works(held: &Lease, now: Timestamp) -> bool {
    held.credential.expires_at.left(now).as_secs() >= 5
}
