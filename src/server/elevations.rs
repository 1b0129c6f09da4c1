//! Elevations: asked for, listed, read, ended, and the credentials under them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::{
    authenticate::Visitor,
    body::{Asked, Id, NAME, Read, bounded},
    once::{self, Repeat},
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    authority::{
        Answer,
        request::{Ask, Outcome},
    },
    domain::{
        elevation::Elevation,
        entitlement::Entitlement,
        failure::{Code, Failure, Nature, Result},
        time::Timestamp,
    },
    issuers::order::Revocation,
    protocol::{
        elevation::{
            CredentialRequest, ElevationList, ElevationRequest, ElevationView, From,
            JustificationRequest, RevocationView,
        },
        path,
    },
};

/// The longest reason, in bytes.
const REASON: usize = 4096;
/// How many events an elevation or a credential is recorded as, at most.
const EVENTS: u32 = 2;
/// The longest that anybody waits for a change.
const LONGEST_WAIT: u64 = 30;

/// Asks for an elevation.
#[utoipa::path(
    post,
    path = path::ELEVATIONS,
    request_body = ElevationRequest,
    params(once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "granted", body = ElevationView), (status = 202, description = "people were asked", body = ElevationView), Problems),
)]
pub(super) async fn ask(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Read(asked): Read<ElevationRequest>,
) -> Result<Response, Refusal> {
    check(&asked.from)?;
    bounded("verb", asked.verb.as_deref(), NAME)?;
    bounded("justification", asked.justification.as_deref(), REASON)?;
    known(&served, &asked.entitlement)?;
    visitor.records(&served, EVENTS)?;
    let client = repeat.of(visitor.client(asked.from));
    let ask = Ask {
        entitlement: asked.entitlement,
        justification: asked.justification,
        ttl: asked.ttl.map(Duration::from_secs),
        break_glass: asked.break_glass,
        verb: asked.verb,
        answerable: asked.answerable,
    };
    let authority = &served.authority;
    let outcome = Box::pin(authority.elevate(&client, &ask)).await;
    served.metrics.decided(verdict(&outcome));
    if ask.break_glass && matches!(outcome, Ok(Outcome::Granted(_))) {
        served.metrics.break_glass.inc();
    }
    let now = (authority.clock)();
    Ok(match outcome? {
        Outcome::Granted(granted) => Json(given(*granted, now)).into_response(),
        Outcome::Pending(elevation) => {
            let view = ElevationView::of(&elevation, now);
            (StatusCode::ACCEPTED, Json(view)).into_response()
        }
    })
}

/// What came of it, as it is counted.
fn verdict(outcome: &Result<Outcome>) -> &'static str {
    match outcome {
        Ok(Outcome::Granted(_)) => "granted",
        Ok(Outcome::Pending(_)) => "pending",
        Err(failure) if failure.code == Code::Denied => "denied",
        Err(_) => "failed",
    }
}

/// Whether there is such a thing: the catalogue's own words list what is there, which is not for
/// everybody.
fn known(served: &Served, entitlement: &Entitlement) -> Result<()> {
    if served.authority.catalogue.tier(entitlement).is_ok() {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no {entitlement} here"))
        .hint("\"jit list\" shows what you may ask for")
        .of_nature(Nature::Absent))
}

/// The whole of what was granted.
fn given((elevation, answer): (Elevation, Answer), now: Timestamp) -> ElevationView {
    ElevationView {
        grant: Some(answer.grant),
        token: Some(answer.token),
        credential: Some(answer.credential),
        ..ElevationView::of(&elevation, now)
    }
}

/// The caller's own elevations, the newest first.
#[utoipa::path(
    get,
    path = path::ELEVATIONS,
    params(query::Elevations),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "the newest first", body = ElevationList), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
    Asked(wanted): Asked<query::Elevations>,
) -> Result<Json<ElevationList>, Refusal> {
    let authority = &served.authority;
    let now = (authority.clock)();
    let client = visitor.plain_client();
    let mut all = if wanted.current {
        authority.current(&client).await?
    } else {
        authority
            .store
            .elevations_of(visitor.principal(), now)
            .await?
    };
    let is_wanted = |one: &Elevation| {
        client.owns(&one.request) && wanted.state.is_none_or(|state| one.state(now) == state)
    };
    all.retain(is_wanted);
    let mut elevations: Vec<_> = all.iter().map(|one| ElevationView::of(one, now)).collect();
    if wanted.current {
        for (view, one) in elevations.iter_mut().zip(&all) {
            *view = authority.told_of(one).await?;
        }
    }
    if wanted.approvers {
        let candidates = authority.approver_candidates(&client, &all).await?;
        let shared = Arc::clone(&served);
        let look = move || shared.authority.approvers(&candidates, &all);
        let root = &visitor.root().caller.principal;
        let approvers = served.gate.heavy.run(root, look).await?;
        for (view, approvers) in elevations.iter_mut().zip(approvers) {
            view.approvers = approvers;
        }
    }
    Ok(Json(ElevationList { elevations }))
}

/// One elevation.
#[utoipa::path(
    get,
    path = path::ELEVATION,
    params(("id" = String, Path, description = "the elevation"), query::Patience),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "how it stands", body = ElevationView), Problems),
)]
pub(super) async fn read(
    State(served): State<Served>,
    visitor: Visitor,
    Id(id): Id,
    Asked(patience): Asked<query::Patience>,
) -> Result<Json<ElevationView>, Refusal> {
    let authority = &served.authority;
    let client = visitor.plain_client();
    let wait = Duration::from_secs(patience.wait.unwrap_or(0).min(LONGEST_WAIT));
    let _place = if wait.is_zero() {
        None
    } else {
        Some(served.gate.waiting.enter(&visitor.root().id)?)
    };
    let elevation = tokio::select! {
        watched = authority.watch(&served.watches, &client, &id, wait) => watched?,
        // Whoever waits would keep this process; another one knows as much.
        () = served.ends() => authority.visible(&client, &id).await?,
    };
    Ok(Json(authority.told_of(&elevation).await?))
}

/// Gives a further reason for the caller's own grant, or for a request that waits for people.
#[utoipa::path(
    post,
    path = path::JUSTIFICATION,
    request_body = JustificationRequest,
    params(("id" = String, Path, description = "the elevation"), once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 204, description = "it is recorded"), Problems),
)]
pub(super) async fn justify(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Id(id): Id,
    Read(said): Read<JustificationRequest>,
) -> Result<StatusCode, Refusal> {
    bounded("justification", Some(&said.justification), REASON)?;
    visitor.records(&served, 1)?;
    let client = repeat.of(visitor.plain_client());
    let recorded = served.authority.justify(&client, &id, &said.justification);
    recorded.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The next credential under a grant, or the first one after an approval.
#[utoipa::path(
    post,
    path = path::CREDENTIAL,
    request_body = CredentialRequest,
    params(("id" = String, Path, description = "the elevation"), once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "a credential", body = ElevationView), Problems),
)]
pub(super) async fn credential(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Id(id): Id,
    Read(asked): Read<CredentialRequest>,
) -> Result<Json<ElevationView>, Refusal> {
    check(&asked.from)?;
    visitor.records(&served, EVENTS)?;
    let client = repeat.of(visitor.client(asked.from));
    let authority = &served.authority;
    let (token, proof) = match (asked.token, asked.proof) {
        (None, None) => {
            let claimed = Box::pin(authority.claim(&client, &id)).await?;
            return Ok(Json(given(claimed, (authority.clock)())));
        }
        (Some(token), Some(proof)) => (token, proof),
        (Some(_), None) | (None, Some(_)) => {
            return Err(
                Failure::usage("a token goes with its proof, and a proof with its token")
                    .hint("send both, or neither for the first credential after an approval")
                    .into(),
            );
        }
    };
    let renewed = authority.renew_under(&client, &id, (&token, &proof));
    let credential = Box::pin(renewed).await?;
    let elevation = authority.visible(&client, &id).await?;
    Ok(Json(ElevationView {
        credential: Some(credential),
        ..ElevationView::of(&elevation, (authority.clock)())
    }))
}

/// Ends a grant early, or gives up what is pending.
#[utoipa::path(
    post,
    path = path::REVOCATION,
    params(("id" = String, Path, description = "the elevation")),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "what came of it", body = RevocationView), Problems),
)]
pub(super) async fn end(
    State(served): State<Served>,
    visitor: Visitor,
    Id(id): Id,
) -> Result<Json<RevocationView>, Refusal> {
    let authority = &served.authority;
    let ended = authority.end(&visitor.plain_client(), &id).await?;
    Ok(Json(match ended {
        None => RevocationView::Abandoned,
        Some(Revocation::Ended) => RevocationView::Ended,
        Some(Revocation::EndsByItself) => RevocationView::EndsByItself {
            until: authority.works_until(&id).await?,
        },
    }))
}

fn check(from: &From) -> Result<()> {
    bounded("host", Some(&from.host), NAME)?;
    bounded("terminal", from.terminal.as_deref(), NAME)?;
    bounded("tool", from.tool.as_deref(), NAME)
}
