//! The server that decides: whether it answers, is who it says, has our clock, knows us, and what is
//! known of it here.

use std::time::Duration;

use super::{clock, finding::Finding, ground::Ground};
use crate::{
    app::{embedded::block_on, engine, identity, line, served, status::short},
    domain::{
        count::counted,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::terminal,
    protocol::{health::Readiness, path, session::SessionView},
    remote::{
        link::{Call, Shown},
        patience::Patience,
    },
};

const SUBJECT: &str = "server";

/// Asks it.
pub(super) fn look(server: &str, ground: &Ground) -> Vec<Finding> {
    let there = match answers(server, ground) {
        Ok(there) => there,
        Err(failure) => {
            let failed = Finding::failed(SUBJECT, &failure);
            return [failed].into_iter().chain(rests(server, ground)).collect();
        }
    };
    let says = format!("{server} answers, {}", vouched(ground));
    let mut findings = vec![Finding::good(SUBJECT, says)];
    let here = (ground.session.clock)();
    findings.extend(there.map(|there| clock::compare(SUBJECT, here, there)));
    findings.extend(replicas(server, ground));
    match session(ground) {
        Ok(session) => {
            findings.push(signed_in(&session, here));
            findings.push(fetched(ground));
        }
        Err(failure) => {
            findings.push(Finding::failed("session", &failure));
            findings.extend(catalogue(ground));
        }
    }
    findings
}

fn fetched(ground: &Ground) -> Finding {
    match served::fetch(&ground.session) {
        Ok(catalogue) => {
            let many = u64::try_from(catalogue.resources.0.len()).unwrap_or(u64::MAX);
            let many = counted(many, "resource");
            Finding::good("catalogue", format!("{many} that you may see"))
        }
        Err(failure) => Finding::failed("catalogue", &failure),
    }
}

/// What rests on this machine, without asking it.
pub(super) fn rests(server: &str, ground: &Ground) -> Vec<Finding> {
    let now = (ground.session.clock)();
    let own = match identity::kept(&ground.session, server) {
        Ok(Some(kept)) if now < kept.expires_at => Finding::note(
            "session",
            "a session rests here; whether it goes on was not asked",
        ),
        Ok(_) => Finding::bad("session", format!("you are not signed in at {server}"))
            .hint("run: jit login"),
        Err(failure) => Finding::failed("session", &failure),
    };
    [own].into_iter().chain(catalogue(ground)).collect()
}

fn catalogue(ground: &Ground) -> Option<Finding> {
    let many = ground.catalogue.resources.0.len();
    let age: Duration = served::age(&ground.session)?;
    let says = format!(
        "{many} resources, as the server had them {} ago",
        short(age)
    );
    Some(Finding::note("catalogue", says))
}

/// The server's own clock, where it answers.
fn answers(server: &str, ground: &Ground) -> Result<Option<Timestamp>> {
    let link = line::to(&ground.session, server, Patience::LITTLE)?;
    let call = Call::get(path::SIGN_IN, Shown::Nothing);
    Ok(block_on(link.call(&call))??.date)
}

/// The replicas that answer otherwise than the one that was asked, by what that one knows.
fn replicas(server: &str, ground: &Ground) -> Vec<Finding> {
    let asked = line::to(&ground.session, server, Patience::LITTLE).and_then(|link| {
        let call = Call::get(path::READYZ, Shown::Nothing);
        block_on(async { link.call(&call).await?.json::<Readiness>() })?
    });
    match asked {
        Ok(readiness) => {
            let differing = readiness.differing_replicas.iter();
            let bad = differing.map(|replica| {
                let says = format!(
                    "its replica {} has other policies or another catalogue in force",
                    replica.name
                );
                Finding::bad("replicas", terminal::plain_line(&says))
                    .hint("an administrator gives all replicas the same files, and has each read them (SIGHUP)")
            });
            bad.collect()
        }
        Err(failure) => vec![Finding::failed("readiness", &failure)],
    }
}

fn vouched(ground: &Ground) -> String {
    let config = ground.session.config().ok();
    match config.and_then(|config| config.certificate_authority.as_ref()) {
        Some(file) => format!("and {} vouches for it", file.display()),
        None => "and an authority of this system vouches for it".to_owned(),
    }
}

fn session(ground: &Ground) -> Result<SessionView> {
    block_on(async {
        let remote = engine::remote(&ground.session, Patience::LITTLE).await?;
        let remote = remote.ok_or_else(|| Failure::failed("config.toml names no server"))?;
        remote.get(path::SESSION).await
    })?
}

fn signed_in(session: &SessionView, now: Timestamp) -> Finding {
    let left = short(session.expires_at.left(now));
    Finding::good(
        "session",
        terminal::plain_line(&format!(
            "signed in as {} by {}, for {left} more",
            session.principal, session.source
        )),
    )
}
