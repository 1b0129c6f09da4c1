//! PostgreSQL credentials in files, for programs that nobody starts through `jit`: libpq reads them
//! anew at each connection, and a process of ours keeps them fresh while the grant lives.
//!
//! This is so only where `jit setup postgres` made a service file that names them. What stands in
//! the files is always what rests in the cache, put there under a lock, so that nobody's older
//! credential replaces a newer one.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{detached, session::Session, verified};
use crate::{
    cache::{self, Cache},
    config::binding,
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Entitlement, Kind},
        failure::Result,
        lease::{Freshness, Lease},
    },
    platform::{files, lock::Lock, terminal},
    tools::postgres::{
        login::Login,
        material::{self, Material},
        place::place,
        services::{self, Services},
    },
};

/// Where a lease comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It rested in the cache, and its files are those that its keeper has put.
    Cache,
    /// It came just now, and its files are to be put.
    Authority,
}

/// Keeps a lease's credential in its files, where that was set up. On the warm path a keeper is at
/// work already, and this is one look at its lock.
pub fn keep(session: &Session, lease: &Lease, source: Source) {
    let entitlement = &lease.grant.entitlement;
    let is_kept = entitlement.resource.kind() == Kind::Postgres;
    if !is_kept || !services::file(&session.places).exists() {
        return;
    }
    if let Err(failure) = try_keep(session, entitlement, source) {
        terminal::say(&format!(
            "jit: {entitlement} is not kept for programs without jit: {failure}"
        ));
    }
}

fn try_keep(session: &Session, entitlement: &Entitlement, source: Source) -> Result<()> {
    let path = material::lock(&session.places, entitlement, "keeper");
    if source == Source::Cache && matches!(Lock::if_free(&path), Ok(None)) {
        return Ok(());
    }
    if !is_set_up(session)? {
        return Ok(());
    }
    let put = put(session, entitlement)?;
    refresh(session)?;
    // While `put` is there no keeper ends that would have seen this lease.
    match (Lock::if_free(&path)?, &put.held) {
        (Some(lock), Some(_)) => begin(session, entitlement, lock),
        (None, _) | (_, None) => Ok(()),
    }
}

/// Whether the service file is there and of this configuration: that of another one is left alone.
pub fn is_set_up(session: &Session) -> Result<bool> {
    let text = files::read_text(&services::file(&session.places))?;
    let origin = text.and_then(|text| services::origin(&text));
    Ok(origin.is_some_and(|origin| origin.configuration == session.places.configuration))
}

/// Whether the service file is of another configuration, and so are the files that it names.
fn is_of_another(session: &Session) -> Result<bool> {
    let text = files::read_text(&services::file(&session.places))?;
    let origin = text.and_then(|text| services::origin(&text));
    Ok(origin.is_some_and(|origin| origin.configuration != session.places.configuration))
}

/// An entitlement's files, which nobody else of us changes while this is there.
pub struct Put {
    /// The lease that they are of, while its grant lives.
    pub held: Option<Lease>,
    _alone: Lock,
}

/// Makes the files of an entitlement say what the cache holds: the lease's credential, or nothing
/// where it has ended.
pub fn put(session: &Session, entitlement: &Entitlement) -> Result<Put> {
    let places = &session.places;
    let mut material = Material::in_files(places, entitlement)?;
    let alone = Lock::soon(&material::lock(places, entitlement, "files"))?;
    let now = (session.clock)();
    let held = Cache::open(places)?.held(entitlement)?;
    let held = held.filter(|lease| lease.freshness(now) != Freshness::Over);
    let held = held.filter(|lease| is_bound(session, lease));
    match &held {
        Some(lease) if now < lease.credential.expires_at => {
            // While the catalogue cannot be read, the files stay as they are.
            if let Ok(servers) = servers(session, entitlement) {
                let servers = servers.iter().map(|text| place(text));
                let login = Login::of(&lease.credential.secret, &lease.key, servers)?;
                material.put_login(&login)?;
            }
        }
        _ => drop(material::clear(places, entitlement)?),
    }
    Ok(Put {
        held,
        _alone: alone,
    })
}

/// The hosts of the entitlement's resource; none where it is in the catalogue no longer, so that its
/// password is for no server.
fn servers(session: &Session, entitlement: &Entitlement) -> Result<Vec<String>> {
    let catalogue = session.catalogue_to_look_up()?;
    Ok(match catalogue.resource(&entitlement.resource) {
        Ok(Resource::Postgres(resource)) => resource.hosts.clone(),
        _ => Vec::new(),
    })
}

/// Whether a lease is for what the catalogue has now. A catalogue that cannot be read, because it is being
/// edited, says nothing against it.
fn is_bound(session: &Session, lease: &Lease) -> bool {
    let Ok(catalogue) = session.catalogue_to_look_up() else {
        return true;
    };
    let now = binding::of(&catalogue, &lease.grant.entitlement, &session.places);
    now.is_ok_and(|now| now == lease.binding)
}

/// Removes the files of a lease that was dropped.
pub fn clear(session: &Session, entitlement: &Entitlement) -> Result<()> {
    let places = &session.places;
    if !material::directory(places, entitlement).is_dir() || is_of_another(session)? {
        return Ok(());
    }
    if put(session, entitlement).is_err() {
        material::clear(places, entitlement)?;
    }
    // What is written there names no secret, and may need a catalogue that cannot be read.
    if let Err(failure) = refresh(session) {
        terminal::say(&format!("jit: the service file stays as it was: {failure}"));
    }
    Ok(())
}

/// Removes the files whose credential has ended, or whose lease is gone: a keeper was killed.
pub fn tidy(session: &Session) -> Result<()> {
    let kept = material::all(&session.places);
    if kept.is_empty() || is_of_another(session)? {
        return Ok(());
    }
    let cache = Cache::open(&session.places)?;
    let now = (session.clock)();
    for entitlement in kept {
        let held = cache.held(&entitlement)?;
        let works = held.is_some_and(|lease| {
            lease.freshness(now) != Freshness::Over && now < lease.credential.expires_at
        });
        if !works {
            drop(put(session, &entitlement)?);
        }
    }
    Ok(())
}

/// After setup or its undoing: what is held is kept from now on, or no longer; and what another
/// configuration kept, which this one took the place of, is not.
pub fn settle(session: &Session) -> Result<()> {
    let is_set_up = is_set_up(session)?;
    if is_set_up {
        material::clear_others(&session.places)?;
    }
    tidy(session)?;
    let leases = Cache::open(&session.places)?.leases()?;
    let kept = leases
        .iter()
        .filter(|lease| lease.grant.entitlement.resource.kind() == Kind::Postgres);
    for lease in kept {
        if is_set_up {
            keep(session, lease, Source::Authority);
        } else {
            material::clear(&session.places, &lease.grant.entitlement)?;
        }
    }
    Ok(())
}

/// Makes the service file anew where it says something else than it should: a role that is made for
/// a grant has another name each time.
pub fn refresh(session: &Session) -> Result<()> {
    let file = services::file(&session.places);
    if !file.exists() || !is_set_up(session)? {
        return Ok(());
    }
    let _alone = Lock::soon(&file.with_extension("lock"))?;
    let Some(text) = files::read_text(&file)? else {
        return Ok(());
    };
    let yours = services::origin(&text).and_then(|origin| origin.yours);
    let (catalogue, _) = verified::split(session, session.catalogue()?)?;
    let made = compose(session, &catalogue, yours.as_deref())?.text;
    if made == text {
        return Ok(());
    }
    files::write_private(&file, made.as_bytes())
}

/// The service file as it should be: the services of a catalogue, and the user's from the file `yours`.
pub fn compose(session: &Session, catalogue: &Catalogue, yours: Option<&Path>) -> Result<Services> {
    let own = yours.map_or(Ok(None), files::read_text)?;
    let now = (session.clock)();
    // Looking makes nothing, not even the key that would open a lease.
    let mut leases = cache::glance(&session.places);
    leases.retain(|lease| lease.freshness(now) != Freshness::Over);
    let ground = services::Ground {
        catalogue,
        leases: &leases,
        places: &session.places,
        environment: &session.environment,
        yours,
    };
    services::compose(&ground, &own.unwrap_or_default())
}

/// Starts the keeper, which holds the lock from now on. It is a grandchild: the tool that this
/// process becomes finds no child that it did not make.
fn begin(session: &Session, entitlement: &Entitlement, lock: Lock) -> Result<()> {
    let begun = command(session, entitlement)?
        .stdin(Stdio::from(lock.into_file()))
        .status();
    begun.map(drop).map_err(|error| detached::broken(&error))
}

/// `jit keep`, whose working directory is nobody's.
pub fn command(session: &Session, entitlement: &Entitlement) -> Result<Command> {
    let mut command = detached::command(session, "keep")?;
    command.arg(entitlement.to_string()).current_dir("/");
    Ok(command)
}
