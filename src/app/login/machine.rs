//! A machine signs in by the identity that it already has, without anybody's doing.

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    enter::{Ticket, enter},
    heir,
    own_key::{OwnKey, Rotate},
};
use crate::{
    app::{
        identity::{By, Kept},
        session::Session,
    },
    domain::{
        failure::{Failure, Result},
        key::PrivateKey,
        way::Way,
    },
    platform::{assertion::Bound, keys, proof},
    remote::{
        link::Link,
        workload::{
            found::{Evidence, Found, Known, find},
            present::present,
        },
    },
};

/// How a machine is to sign in.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// By this identity and no other; absent: what config.toml, or the surroundings, say.
    pub(super) way: Option<Way>,
    /// By a key that this join code makes known.
    pub(super) code: Option<SecretString>,
    /// Whether its key is to be replaced.
    pub(super) rotate: Rotate,
    /// The key of a session that lives and is to be vouched for again.
    pub(super) holder: Option<PrivateKey>,
}

/// The session that this machine's identity opens, and keeps; none where it has no identity.
///
/// # Errors
/// The identity that was chosen is not here; whoever gives it is away; the server knows it not (121).
pub(super) async fn sign_in(
    session: &Session,
    link: &Link,
    manner: Manner,
) -> Result<Option<Kept>> {
    let server = link.server();
    let Some((found, own)) = identity(session, server, &manner)? else {
        return Ok(None);
    };
    let holder = manner.holder.map_or_else(keys::generate, Ok)?;
    let bound = Bound {
        server,
        key: &proof::thumbprint(holder.public())?,
    };
    let now = (session.clock)();
    let says = own.as_ref().map(OwnKey::says);
    // Boxed, since the AWS SDK makes it large.
    let shown = present(&found, says.as_ref(), &session.environment, &bound, now);
    let subject = Box::pin(shown).await?;
    let ticket = Ticket {
        kind: subject.kind,
        token: &subject.token,
        access_token: None,
        holder: &holder,
    };
    let entered = enter(session, link, &ticket, None).await?;
    if let Some(own) = own {
        own.heard(session, server)?;
    }
    let kept = Kept {
        by: Some(By {
            way: found.way,
            mark: found.mark,
        }),
        ..entered
    };
    heir::keep(session, server, &kept)?;
    session.tell(&format!(
        "signed in at {server} as {} by its identity of {}",
        kept.principal, found.way
    ));
    Ok(Some(kept))
}

/// Whether a session was opened by another identity than the one that is here now: another job on the
/// same machine, say. A person's own is nobody's but theirs, unless an identity was chosen.
pub(super) fn is_of_another(session: &Session, server: &str, kept: &Kept) -> Result<bool> {
    let chosen = chosen(session)?;
    let is_chosen = chosen.is_some() || session.environment.text("JIT_IDENTITY").is_some();
    let Some(by) = &kept.by else {
        return Ok(is_chosen);
    };
    let found = find(&session.environment, known(session, server, chosen)?)?;
    Ok(found.is_some_and(|found| found.way != by.way || found.mark != by.mark))
}

/// The identity, and the key that goes with it where it is one.
fn identity(
    session: &Session,
    server: &str,
    manner: &Manner,
) -> Result<Option<(Found, Option<OwnKey>)>> {
    if let Some(code) = &manner.code {
        let own = OwnKey::joining(session, server, code.expose_secret())?;
        return Ok(Some((Found::key(), Some(own))));
    }
    let way = match (manner.way, manner.rotate) {
        (None, Rotate::Now) => Some(Way::Key),
        (way, _) => way,
    };
    let chosen = way.map_or_else(|| chosen(session), |way| Ok(Some(way)))?;
    let Some(found) = find(&session.environment, known(session, server, chosen)?)? else {
        return Ok(None);
    };
    let own = match &found.evidence {
        Evidence::Key => OwnKey::enrolled(session, server)?,
        Evidence::Github { .. } | Evidence::Token(_) | Evidence::File(_) | Evidence::Aws => None,
    };
    let own = own.map(|own| own.aged(session, server, manner.rotate));
    Ok(Some((found, own.transpose()?)))
}

fn known(session: &Session, server: &str, chosen: Option<Way>) -> Result<Known> {
    Ok(Known {
        chosen,
        is_enrolled: OwnKey::enrolled(session, server)?.is_some(),
    })
}

/// What config.toml chooses, where the environment does not.
fn chosen(session: &Session) -> Result<Option<Way>> {
    if session.environment.text("JIT_IDENTITY").is_some() {
        return Ok(None);
    }
    Ok(session.config()?.identity)
}

/// There is nobody to sign in, and no identity that would do it.
pub(super) fn nobody(failure: Failure) -> Failure {
    let hint = format!(
        "{}, or in a CI job, a pod or on a host give it an identity (jit login --help)",
        failure.hint
    );
    failure.hint(hint)
}
