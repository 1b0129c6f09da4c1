//! Waiting for people at a terminal, on one line; Ctrl-C gives the request up.

use std::time::Duration;

use tokio::{signal::ctrl_c, time::sleep};

use super::{approvals::server, embedded::block_on, grants, session::Session, status::short};
use crate::{
    domain::{
        elevation::State,
        entitlement::Entitlement,
        failure::{Failure, Nature, Result},
    },
    platform::terminal,
    protocol::elevation::ElevationView,
    remote::session::Remote,
};

/// How long one question to the server waits at most, in a row of them.
const EACH: Duration = Duration::from_secs(20);
/// When a server is asked again that had no time.
const LATER: Duration = Duration::from_secs(5);

/// Comes back once what waits for people is granted.
///
/// # Errors
/// Denied (121), or given up by Ctrl-C. Still pending after `patience`: what `otherwise` says.
pub fn for_people(
    session: &Session,
    entitlement: &Entitlement,
    patience: Duration,
    otherwise: Failure,
) -> Result<()> {
    if patience.is_zero() {
        return Err(otherwise);
    }
    block_on(async {
        let server = server(session).await?;
        let Some(mut view) = server.pending(entitlement).await? else {
            return Ok(());
        };
        let until = (session.clock)().after(patience);
        announce(session, &view, patience);
        while view.state == State::Pending {
            let left = until.left((session.clock)());
            if left.is_zero() {
                return Err(otherwise);
            }
            show(&view, left);
            // A second at least, since that is what a server counts in.
            let each = left.clamp(Duration::from_secs(1), EACH);
            view = tokio::select! {
                watched = watched(&server, &view, each, left) => watched?,
                _ = ctrl_c() => return Err(given_up(&server, &view).await),
            };
        }
        erase();
        match view.state {
            State::Granted => Ok(()),
            State::Pending
            | State::Denied
            | State::Abandoned
            | State::Expired
            | State::Revoked => Err(Failure::denied(terminal::plain_line(&format!(
                "{entitlement} {}",
                grants::ended(&view)
            )))
            .hint(format!(
                "\"jit audit --grant {}\" shows all of it; to ask again, run: jit request {entitlement} -j WHY",
                view.id
            ))),
        }
    })?
}

/// How it stands after a while. A server that is away just now, or where too many wait (429), is asked again
/// later, as long as that is waited for.
async fn watched(
    server: &Remote,
    view: &ElevationView,
    each: Duration,
    left: Duration,
) -> Result<ElevationView> {
    match server.watch(&view.id, each).await {
        Err(failure) if failure.nature == Nature::Away && left > LATER => {
            sleep(LATER).await;
            Ok(view.clone())
        }
        watched => watched,
    }
}

async fn given_up(server: &Remote, view: &ElevationView) -> Failure {
    erase();
    let what = &view.entitlement;
    let revoked = tokio::select! {
        revoked = server.revoke(&view.id) => revoked,
        _ = ctrl_c() => {
            return Failure::denied(format!("{what} may be asked for still: the server did not answer"))
                .hint(format!("to give it up, run: jit revoke {}", view.id));
        }
    };
    match revoked {
        Ok(_) => Failure::denied(format!("given up: {what} is not asked for any more"))
            .hint("run the command again to ask once more"),
        Err(failure) => failure,
    }
}

fn show(view: &ElevationView, left: Duration) {
    if terminal::is_watched() {
        terminal::show(&format!(
            "jit: {} waits for approval, {} of {} ({}); {} left, Ctrl-C gives it up",
            view.entitlement,
            view.approved_by.len(),
            view.approvals,
            view.id,
            short(left),
        ));
    }
}

/// Says without a terminal, once, what is waited for: there is no line that shows it all the time.
fn announce(session: &Session, view: &ElevationView, patience: Duration) {
    if terminal::is_watched() || session.json {
        return;
    }
    terminal::say(&format!(
        "jit: {} waits for approval, {} of {}, for {} at most; somebody who may approve it runs: jit approve {}",
        view.entitlement,
        view.approved_by.len(),
        view.approvals,
        short(patience),
        view.id,
    ));
}

fn erase() {
    if terminal::is_watched() {
        terminal::show("");
    }
}
