//! Who comes here, and who may not any more.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    authenticate::Visitor,
    body::Read,
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::principals::Offboarding,
    domain::{
        event::Origin,
        failure::{Failure, Nature},
        known::Known,
        principal::Principal,
    },
    protocol::{
        path,
        principal::{PrincipalChange, PrincipalList, PrincipalView},
    },
};

/// The longest reason, in bytes.
const REASON: usize = 4096;

/// Everybody who was ever let in.
#[utoipa::path(
    get,
    path = path::PRINCIPALS,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "by class and name", body = PrincipalList), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<PrincipalList>, Refusal> {
    let all = served.authority.principals(&visitor.plain_client()).await?;
    let principals = all.iter().map(|known| view(&served, known)).collect();
    Ok(Json(PrincipalList { principals }))
}

/// Disables or enables somebody.
#[utoipa::path(
    patch,
    path = path::PRINCIPAL,
    request_body = PrincipalChange,
    params(
        ("class" = String, Path, description = "`human`, `workload` or `agent`"),
        ("name" = String, Path, description = "the name"),
    ),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "how they stand now", body = PrincipalView), Problems),
)]
pub(super) async fn change(
    State(served): State<Served>,
    visitor: Visitor,
    Path((class, name)): Path<(String, String)>,
    Read(wanted): Read<PrincipalChange>,
) -> Result<Json<PrincipalView>, Refusal> {
    let who = Principal::parse(&format!("{class}/{name}")).map_err(|_| {
        Failure::usage("there is no such principal")
            .hint("\"jit principals\" lists who there is")
            .of_nature(Nature::Absent)
    })?;
    let why = wanted.why.trim();
    if why.is_empty() || why.len() > REASON || why.contains('\0') {
        return Err(Failure::usage("it is recorded why, in a few words")
            .hint("say why with -j WHY")
            .into());
    }
    let authority = &served.authority;
    let client = visitor.plain_client();
    let known = if wanted.disabled {
        let off = Offboarding {
            who,
            why: why.to_owned(),
            forced: wanted.force,
        };
        let known = authority.disable(&client, &off).await?;
        // The targets are told at once, and by the next tidying where that does not succeed.
        let told = Arc::clone(&served);
        tokio::spawn(async move { told.authority.tidy(&Origin::default()).await });
        known
    } else {
        authority.enable(&client, &who, why).await?
    };
    Ok(Json(view(&served, &known)))
}

fn view(served: &Served, known: &Known) -> PrincipalView {
    let authority = &served.authority;
    let lifecycle = authority.lifecycles.of(known.caller.principal.class());
    PrincipalView::of(known, lifecycle, (authority.clock)())
}
