//! The catalogue of a server: fetched, kept on this machine, and fetched again when it has grown old or
//! lacks what is asked for.

use std::time::Duration;

use super::{embedded::block_on, engine, session::Session};
use crate::{
    config::served,
    domain::{
        catalogue::Catalogue,
        failure::{Code, Failure, Nature, Result},
        time::Timestamp,
    },
    remote::{patience::Patience, session::Remote},
};

/// How old it may become before a command that asks the server anyway looks for a newer one.
const OLD: Duration = Duration::from_mins(5);
/// How old it must be before it is fetched again because something is not in it.
const NEW: Duration = Duration::from_secs(5);

/// Fetches the catalogue of this run's server, and keeps it.
///
/// # Errors
/// Sign-in needed (123); the server is away (124), or says something that makes no sense (125).
pub fn fetch(session: &Session) -> Result<Catalogue> {
    fetch_within(session, Patience::PERSON)
}

/// The catalogue as the server has it now, for whoever writes down what is in it; as it rests here, where
/// the server cannot be asked. Without a server, what was written here.
pub fn newest(session: &Session) -> Result<Catalogue> {
    if session.server()?.is_none() {
        return session.catalogue();
    }
    let failure = match fetch_within(session, Patience::LITTLE) {
        Ok(catalogue) => return Ok(catalogue),
        Err(failure) => failure,
    };
    let kept = served::load(&session.places)?.ok_or_else(|| failure.clone())?;
    session.tell(&format!("the catalogue was not fetched anew: {failure}"));
    Ok(kept.catalogue)
}

fn fetch_within(session: &Session, patience: Patience) -> Result<Catalogue> {
    block_on(async {
        let remote = engine::remote(session, patience)
            .await?
            .ok_or_else(|| Failure::failed("config.toml names no server"))?;
        from(session, &remote).await
    })?
}

/// Fetches it from that server.
pub async fn from(session: &Session, remote: &Remote) -> Result<Catalogue> {
    let view = remote.catalogue().await?;
    let kept = served::keep(&session.places, view, (session.clock)())?;
    Ok(kept.catalogue)
}

/// Fetches it from a server that was asked something just now, where it has grown old. That it cannot be
/// had is no reason to fail.
pub async fn freshen(session: &Session, remote: &Remote) {
    if age(session).is_some_and(|age| age < OLD) {
        return;
    }
    if let Err(failure) = from(session, remote).await {
        session.tell(&format!("the catalogue was not fetched anew: {failure}"));
    }
}

/// Does something that goes by the catalogue; once more by a newer one, where the first lacked something.
pub fn or_anew<T>(session: &Session, mut work: impl FnMut() -> Result<T>) -> Result<T> {
    match work() {
        Err(failure) if may_be_new(session, &failure) => {
            match fetch_within(session, Patience::LITTLE) {
                Ok(_) => work(),
                Err(why) => {
                    session.tell(&format!("the catalogue was not fetched anew: {why}"));
                    Err(failure)
                }
            }
        }
        outcome => outcome,
    }
}

/// Whether the catalogue rests here from some time ago, and a name was not in it.
fn may_be_new(session: &Session, failure: &Failure) -> bool {
    let is_unknown = failure.code == Code::Usage
        && match failure.nature {
            Nature::Final | Nature::Stranger | Nature::Absent => true,
            Nature::Unexplained
            | Nature::Conflict
            | Nature::Stale(_)
            | Nature::Away
            | Nature::IssuerAway
            | Nature::Ended => false,
        };
    is_unknown && age(session).is_some_and(|age| age >= NEW)
}

/// How old the catalogue is that rests here; none where none does, or it is from the future.
pub fn age(session: &Session) -> Option<Duration> {
    session.server().ok()??;
    let fetched_at = served::fetched_at(&session.places).ok()??;
    let now: Timestamp = (session.clock)();
    (fetched_at <= now).then(|| now.left(fetched_at))
}
