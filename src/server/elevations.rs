//! Elevations: asked for, read, and the credentials under them.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};

use super::{
    authenticate::Visitor,
    body::{Id, Read},
    problem::Refusal,
    shared::Served,
};
use crate::{
    authority::{
        Answer,
        elevate::{Ask, Outcome},
    },
    domain::{
        elevation::State as Stage,
        failure::{Failure, Nature, Result},
    },
    protocol::elevation::{CredentialRequest, ElevationRequest, ElevationView, From},
};

/// The longest that each word of a request may be, in bytes.
const NAME: usize = 256;
const REASON: usize = 4096;

/// Asks for an elevation.
pub(super) async fn ask(
    State(served): State<Served>,
    visitor: Visitor,
    Read(asked): Read<ElevationRequest>,
) -> Result<(StatusCode, Json<ElevationView>), Refusal> {
    check(&asked.from)?;
    bounded("verb", asked.verb.as_deref(), NAME)?;
    bounded("justification", asked.justification.as_deref(), REASON)?;
    let catalogue = &served.authority.catalogue;
    if catalogue.tier(&asked.entitlement).is_err() {
        // The catalogue's own words list what is there, which is not for everybody.
        return Err(
            Failure::usage(format!("there is no {} here", asked.entitlement))
                .hint("\"jit status\" shows what you may ask for")
                .of_nature(Nature::Absent)
                .into(),
        );
    }
    let client = visitor.client(asked.from);
    let ask = Ask {
        entitlement: asked.entitlement,
        justification: asked.justification,
        ttl: asked.ttl.map(Duration::from_secs),
        break_glass: asked.break_glass,
        verb: asked.verb,
        answerable: asked.answerable,
    };
    let outcome = Box::pin(served.authority.elevate(&client, &ask)).await?;
    Ok(match outcome {
        Outcome::Granted(answer) => (StatusCode::OK, Json(granted(*answer, ask.justification))),
        Outcome::Pending(elevation) => {
            let view = ElevationView::of(&elevation, (served.authority.clock)());
            (StatusCode::ACCEPTED, Json(view))
        }
    })
}

fn granted(answer: Answer, justification: Option<String>) -> ElevationView {
    let grant = answer.grant;
    ElevationView {
        id: grant.id.clone(),
        state: Stage::Granted,
        principal: grant.principal.written(),
        entitlement: grant.entitlement.clone(),
        justification,
        asked_at: grant.granted_at,
        approved_by: Vec::new(),
        approvals: 0,
        grant: Some(grant),
        token: Some(answer.token),
        credential: Some(answer.credential),
    }
}

/// The next credential under a grant; without a token, the first one after an approval.
pub(super) async fn credential(
    State(served): State<Served>,
    visitor: Visitor,
    Id(id): Id,
    Read(asked): Read<CredentialRequest>,
) -> Result<Json<ElevationView>, Refusal> {
    check(&asked.from)?;
    let client = visitor.client(asked.from);
    let authority = &served.authority;
    let chain = client.chain();
    let elevation = authority.own(visitor.principal(), &chain, &id).await?;
    let (token, proof) = match (asked.token, asked.proof) {
        (Some(token), Some(proof)) => (token, proof),
        (None, None) => {
            let answer = Box::pin(authority.claim(&client, &id)).await?;
            return Ok(Json(granted(answer, elevation.request.justification)));
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(
                Failure::usage("the elevation token or its proof is missing")
                    .hint("send both, or neither for the first credential after an approval")
                    .into(),
            );
        }
    };
    let renewed = authority.renew_under(&client, &id, (&token, &proof));
    let credential = Box::pin(renewed).await?;
    let now = (authority.clock)();
    Ok(Json(ElevationView {
        credential: Some(credential),
        ..ElevationView::of(&elevation, now)
    }))
}

fn check(from: &From) -> Result<()> {
    bounded("host", Some(&from.host), NAME)?;
    bounded("terminal", from.terminal.as_deref(), NAME)?;
    bounded("tool", from.tool.as_deref(), NAME)
}

fn bounded(what: &str, text: Option<&str>, most: usize) -> Result<()> {
    if text.is_some_and(|text| text.len() > most || text.contains('\0')) {
        return Err(Failure::usage(format!(
            "the {what} is longer than {most} bytes, or no text"
        ))
        .hint("make it shorter"));
    }
    Ok(())
}
