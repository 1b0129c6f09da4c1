//! A fresh lease: from the cache, or from the authority.

use std::time::Duration;

pub use super::terms::{Asker, Terms};
use super::{
    confirm,
    embedded::{Keys, block_on},
    engine::Engine,
    forget::drop_lease,
    grants,
    kept::{self, Source},
    notice,
    remarks::{self, Use},
    served,
    session::Session,
    tidy, wait,
};
use crate::{
    authority::request::Ask,
    cache::Cache,
    config::binding,
    domain::{
        catalogue::Catalogue,
        credential::Credential,
        entitlement::{Entitlement, Tier},
        failure::{Code, Failure, Nature, Result},
        lease::{Binding, Lease},
        time::Timestamp,
    },
    platform::terminal,
    remote::patience::Patience,
    tools::task::{CredentialUse, Recognised},
};

/// How long whoever does not wait for people waits for another `jit` that asks for the same: as long
/// as asking can take (an issuer's patience with a target, once for its base credentials and once for
/// the credential). With as much again for asking by oneself it stays below the minute after which
/// AWS's SDK for Go kills a hook.
const PATIENCE: Duration = Duration::from_secs(25);

/// A lease that is fresh now and issued for what the catalogue says now: the cached one, a renewed one,
/// or a new one. Where policy wants a reason
/// and a person is there who gave none, they are asked for it, once; a desktop is told what a hook
/// cannot ask.
pub fn lease(
    session: &Session,
    catalogue: &Catalogue,
    wanted: &Recognised,
    terms: &Terms,
    tool: Option<&str>,
) -> Result<Lease> {
    let binding = binding::of(catalogue, &wanted.entitlement, &session.places)?;
    let mut cache = Cache::open(&session.places)?.bound_to(binding.clone());
    if terms.no_wait {
        cache = cache.patient(PATIENCE);
    }
    let before = remarks::grant_before(&cache, &wanted.entitlement, terms)?;
    let (mut source, mut person) = (Source::Cache, None);
    let is_kept = wanted.credential_use == CredentialUse::Kept;
    let enough = |lease: &Lease| !is_kept || lease.is_enough_to_keep((session.clock)());
    let mut outcome = cache.enough_or(&wanted.entitlement, session.clock, enough, |held| {
        source = Source::Authority;
        if let Err(failure) = kept::tidy(session) {
            session.tell(&format!("not tidied: {failure}"));
        }
        person = terms.person(session);
        let ask = Ask {
            answerable: person.is_some(),
            ..terms.ask(wanted)
        };
        block_on(bring(
            session,
            Asking::new(terms, wanted, &binding, ask, tool),
            held,
        ))?
    });
    let again = |terms: &Terms| {
        cache.fresh_or(&wanted.entitlement, session.clock, |held| {
            let asking = Asking::new(terms, wanted, &binding, terms.ask(wanted), tool);
            block_on(bring(session, asking, held))?
        })
    };
    let (mut terms, tier) = (terms.clone(), catalogue.tier(&wanted.entitlement)?);
    if let (Err(failure), Some(person)) = (&outcome, &person)
        && failure.nature == Nature::Unexplained
    {
        // Without the lock, so that nobody else waits for the answer.
        let question = format!("Why? ({} needs a reason) ", wanted.entitlement);
        terms.justification = person.ask(&question);
        outcome = again(&terms);
    }
    if let Err(failure) = &outcome
        && failure.code == Code::Pending
        && terms.asker == Asker::Person
    {
        let patience = terms.patience(session, person.as_ref())?;
        wait::for_people(session, &wanted.entitlement, patience, failure.clone())?;
        outcome = again(&terms);
    }
    if let Ok(lease) = &outcome
        && is_over(session, &cache, lease, (&terms, tier), source)?
    {
        source = Source::Authority;
        outcome = again(&terms);
    }
    let lease = outcome.map_err(|failure| told(session, wanted, &terms, failure))?;
    remarks::tell_ttl(session, &lease, &terms, before.as_ref());
    kept::keep(session, &lease, source);
    Ok(lease)
}

/// A failure for whoever asked; a desktop is told what a hook cannot ask.
fn told(session: &Session, wanted: &Recognised, terms: &Terms, failure: Failure) -> Failure {
    match terms.asker {
        Asker::Person => failure,
        Asker::Hook => {
            let failure = unasked(failure, &wanted.entitlement);
            notice::show(session, &wanted.entitlement, &failure);
            failure
        }
    }
}

/// Whether the grant of a lease turns out to have ended: by what the authority says of a reason that is to be
/// recorded, or of a lease that a target seems to have refused. Then the lease is dropped.
fn is_over(
    session: &Session,
    cache: &Cache,
    lease: &Lease,
    (terms, tier): (&Terms, Tier),
    source: Source,
) -> Result<bool> {
    let entitlement = &lease.grant.entitlement;
    if remarks::record_reason(session, cache, lease, terms)? == Use::Over {
        return drop_lease(session, cache, entitlement).map(|_| true);
    }
    if source == Source::Authority || !confirm::look_after(session, lease, (terms.asker, tier)) {
        return Ok(false);
    }
    drop(grants::ask(session, Patience::LITTLE));
    let held = cache.held(entitlement)?;
    Ok(held.is_none_or(|held| held.grant.id != lease.grant.id))
}

/// Behind a hook nobody can be asked, and there is no `-j` to give.
fn unasked(failure: Failure, entitlement: &Entitlement) -> Failure {
    match failure.nature {
        Nature::Unexplained => failure.hint(format!("run: jit request {entitlement} -j WHY")),
        Nature::Final
        | Nature::Stranger
        | Nature::Conflict
        | Nature::Stale(_)
        | Nature::Away
        | Nature::IssuerAway
        | Nature::Absent
        | Nature::Ended => failure,
    }
}

/// The lease that is held, fresh now and issued for what the catalogue says now, if there is one;
/// nothing is asked for.
pub fn held(
    session: &Session,
    catalogue: &Catalogue,
    wanted: &Recognised,
) -> Result<Option<Lease>> {
    let binding = binding::of(catalogue, &wanted.entitlement, &session.places)?;
    let cache = Cache::open(&session.places)?.bound_to(binding);
    cache.fresh(&wanted.entitlement, (session.clock)())
}

/// The lease that is held and fresh now, if it was compared with the catalogue that has this stamp. A
/// hook that is called for each request need not read the catalogue then.
pub fn compared(session: &Session, wanted: &Recognised, stamp: &str) -> Result<Option<Lease>> {
    if stamp.is_empty() {
        return Ok(None);
    }
    let cache = Cache::open(&session.places)?;
    let held = cache.fresh(&wanted.entitlement, (session.clock)())?;
    Ok(held.filter(|lease| lease.catalogue_stamp == stamp))
}

/// Notes with which catalogue a lease was compared just now. That this cannot be written costs the next
/// call time, and nothing else.
pub fn note_compared(session: &Session, lease: &Lease, stamp: &str) {
    let noted = Cache::open(&session.places).and_then(|cache| {
        let cache = cache.bound_to(lease.binding.clone());
        cache.update(&lease.grant.entitlement, |lease| {
            stamp.clone_into(&mut lease.catalogue_stamp);
        })
    });
    if let Err(failure) = noted {
        session.tell(&format!("not noted in the cache: {failure}"));
    }
}

/// A held lease with a new credential, under the same grant.
///
/// # Errors
/// Denied: the grant was ended, or policy does not allow it any longer. Otherwise the authority or
/// the target is away.
pub async fn renewed(session: &Session, held: Lease, tool: Option<&str>) -> Result<Lease> {
    let engine = Engine::open(session, Patience::HOOK).await?;
    let keys = Keys::new()?;
    let credential = engine.renew(session, &held, &keys, tool).await?;
    Ok(with_credential(held, credential, keys, (session.clock)()))
}

/// A new lease that is kept nowhere, for whoever ends its grant at once again.
pub fn passing(
    session: &Session,
    catalogue: &Catalogue,
    wanted: &Recognised,
    tool: &str,
) -> Result<Lease> {
    let binding = binding::of(catalogue, &wanted.entitlement, &session.places)?;
    let asking = Asking {
        binding: &binding,
        // Nobody is there to say why; but where that is all that lacks, no denial is recorded.
        ask: Ask {
            answerable: true,
            ..Terms::default().ask(wanted)
        },
        because: &wanted.because,
        tool: Some(tool),
        patience: Patience::HOOK,
        credential_use: CredentialUse::Renewed,
    };
    block_on(bring(session, asking, None))?
}

/// What is asked for, on whose behalf.
struct Asking<'a> {
    ask: Ask,
    binding: &'a Binding,
    because: &'a str,
    tool: Option<&'a str>,
    patience: Patience,
    credential_use: CredentialUse,
}

impl<'a> Asking<'a> {
    fn new(
        terms: &Terms,
        wanted: &'a Recognised,
        binding: &'a Binding,
        ask: Ask,
        tool: Option<&'a str>,
    ) -> Self {
        Self {
            ask,
            binding,
            because: &wanted.because,
            tool,
            patience: match terms.asker {
                Asker::Person => Patience::PERSON,
                Asker::Hook => Patience::HOOK,
            },
            credential_use: wanted.credential_use,
        }
    }
}

async fn bring(session: &Session, asking: Asking<'_>, held: Option<Lease>) -> Result<Lease> {
    let tool = asking.tool;
    let asked_at = (session.clock)();
    let works = held.as_ref().is_some_and(|held| held.works(asked_at));
    let patience = if works {
        asking.patience.with_fallback()
    } else {
        asking.patience
    };
    let (engine, keys) = match Engine::open(session, patience).await {
        Ok(engine) => (engine, Keys::for_use(asking.credential_use)?),
        Err(failure) => return as_it_is(session, held, failure),
    };
    let is_refused = held.is_some();
    if let Some(held) = held {
        match engine.renew(session, &held, &keys, tool).await {
            Ok(credential) => {
                return Ok(with_credential(held, credential, keys, (session.clock)()));
            }
            // The grant was ended: policy decides anew, below.
            Err(failure) if failure.code == Code::Denied || failure.nature == Nature::Absent => {}
            Err(failure) => return as_it_is(session, Some(held), failure),
        }
    }
    let elevated = elevated(session, &engine, (&asking, asked_at), keys).await;
    if elevated.is_err() && is_refused {
        // What is not renewed any more is not used any more.
        let cache = Cache::open(&session.places)?;
        drop_lease(session, &cache, &asking.ask.entitlement)?;
    }
    elevated
}

/// A new elevation, as a lease.
async fn elevated(
    session: &Session,
    engine: &Engine,
    (asking, asked_at): (&Asking<'_>, Timestamp),
    keys: Keys,
) -> Result<Lease> {
    let Asking { ask, tool, .. } = asking;
    let answer = engine.elevate(session, ask, &keys, *tool).await?;
    if answer.grant.break_glass {
        terminal::say(&format!(
            "jit: break-glass: {} is yours without approval; it is on record as such and will be reviewed",
            answer.grant.entitlement
        ));
    }
    let issued_at = (session.clock)();
    match engine {
        Engine::Embedded(authority) if authority.has_leftovers().await? => tidy::begin(session),
        Engine::Embedded(_) => {}
        Engine::Remote(remote) => served::freshen(session, remote).await,
    }
    Ok(Lease {
        grant: answer.grant,
        token: answer.token,
        holder: keys.holder,
        credential: answer.credential,
        key: keys.key,
        issued_at,
        took: issued_at.left(asked_at),
        because: asking.because.to_owned(),
        binding: asking.binding.clone(),
        justification: ask.justification.clone(),
        asked_ttl: ask.ttl,
        confirmed_at: None,
        is_longest: keys.keeps_credential,
        catalogue_stamp: String::new(),
    })
}

/// Where whoever would renew is away: what is held works until it ends. In a session that was ended nothing is
/// held.
fn as_it_is(session: &Session, held: Option<Lease>, failure: Failure) -> Result<Lease> {
    if failure.nature == Nature::Ended {
        grants::settle_session(session, &failure);
        return Err(failure);
    }
    match held {
        Some(held) if held.works((session.clock)()) => {
            session.tell(&format!("not renewed, used as it is: {failure}"));
            Ok(held)
        }
        _ => Err(failure),
    }
}

fn with_credential(held: Lease, credential: Credential, keys: Keys, now: Timestamp) -> Lease {
    Lease {
        credential,
        key: keys.key,
        is_longest: keys.keeps_credential,
        issued_at: now,
        ..held
    }
}
