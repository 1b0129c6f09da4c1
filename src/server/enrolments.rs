//! Hosts and bots that come by a key of their own: invited, listed, removed.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};

use super::{
    authenticate::Visitor,
    body::Read,
    once::{self, Repeat},
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::workloads::enrolment::Invitation,
    domain::{
        enrolment::{Enrolment, Progress},
        failure::{Failure, Nature, Result},
        principal::{Class, Principal},
    },
    protocol::{
        enrolment::{EnrolmentRemoved, EnrolmentRequest, EnrolmentView},
        path,
    },
};

/// No join code waits longer.
const LONGEST: Duration = Duration::from_hours(24 * 7);
const MOST_GROUPS: usize = 100;

/// Invites somebody.
#[utoipa::path(
    post,
    path = path::ENROLMENTS,
    request_body = EnrolmentRequest,
    params(once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "who is invited", body = EnrolmentView), Problems),
)]
pub(super) async fn create(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Read(asked): Read<EnrolmentRequest>,
) -> Result<Json<EnrolmentView>, Refusal> {
    visitor.records(&served, 1)?;
    let client = repeat.of(visitor.plain_client());
    let now = (served.authority.clock)();
    let invitation = Invitation {
        principal: named(&asked.name)?,
        groups: groups(asked.groups)?,
        code: code(asked.code_sha256)?,
        until: now.after(Duration::from_secs(asked.ttl).min(LONGEST)),
    };
    let authority = &served.authority;
    let made = authority.enrol(&served.workloads, &client, &invitation);
    let until = invitation.until;
    Ok(Json(view(made.await?, Progress::Invited { until })))
}

/// Everybody who is enrolled or invited.
#[utoipa::path(
    get,
    path = path::ENROLMENTS,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "all of them", body = Vec<EnrolmentView>), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<Vec<EnrolmentView>>, Refusal> {
    let all = served.authority.enrolments(&visitor.plain_client()).await?;
    let all = all.into_iter().map(|(one, progress)| view(one, progress));
    Ok(Json(all.collect()))
}

/// Forgets somebody, and ends what they have.
#[utoipa::path(
    delete,
    path = path::ENROLMENT,
    params(("name" = String, Path, description = "as it is called here")),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "it is forgotten", body = EnrolmentRemoved), Problems),
)]
pub(super) async fn remove(
    State(served): State<Served>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<EnrolmentRemoved>, Refusal> {
    let client = visitor.plain_client();
    let left = served.authority.unenrol(&client, &named(&name)?).await?;
    Ok(Json(EnrolmentRemoved::of(&left)))
}

/// Forgets somebody of any class, and ends what they have.
#[utoipa::path(
    delete,
    path = path::ENROLMENT_OF,
    params(
        ("class" = String, Path, description = "`human` or `workload`"),
        ("name" = String, Path, description = "the name"),
    ),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "it is forgotten", body = EnrolmentRemoved), Problems),
)]
pub(super) async fn remove_of_class(
    State(served): State<Served>,
    visitor: Visitor,
    Path((class, name)): Path<(String, String)>,
) -> Result<Json<EnrolmentRemoved>, Refusal> {
    let who = Principal::parse(&format!("{class}/{name}")).map_err(|_| {
        Failure::usage("there is no such principal")
            .hint("\"jit enrolments list\" lists who is enrolled")
            .of_nature(Nature::Absent)
    })?;
    let client = visitor.plain_client();
    let left = served.authority.unenrol(&client, &who).await?;
    Ok(Json(EnrolmentRemoved::of(&left)))
}

fn named(name: &str) -> Result<Principal> {
    Principal::new(Class::Workload, name)
        .map_err(|failure| Failure::usage(failure.message).hint(failure.hint))
}

fn groups(groups: Vec<String>) -> Result<BTreeSet<String>> {
    let plain = |group: &String| {
        !group.trim().is_empty() && group.len() <= 256 && !group.chars().any(char::is_control)
    };
    if groups.len() > MOST_GROUPS || !groups.iter().all(plain) {
        return Err(Failure::usage("the groups are none, or too many").hint("name at most 100"));
    }
    Ok(groups.into_iter().collect())
}

/// The hash of a code, never the code.
fn code(hash: String) -> Result<String> {
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if hash.len() == 64 && hash.bytes().all(hex) {
        return Ok(hash);
    }
    Err(Failure::usage("code_sha256 is no SHA-256 in hex")
        .hint("send the hash of the join code, in lower case"))
}

fn view(enrolment: Enrolment, progress: Progress) -> EnrolmentView {
    let (invited_until, joined_at) = match progress {
        Progress::Invited { until } => (Some(until), None),
        Progress::Joined { since } => (None, Some(since)),
    };
    EnrolmentView {
        principal: enrolment.principal.written(),
        groups: enrolment.groups.into_iter().collect(),
        made_by: enrolment.made_by.as_ref().map(Principal::written),
        made_at: enrolment.made_at,
        invited_until,
        joined_at,
    }
}
