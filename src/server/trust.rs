//! What a target's administrator applies to trust this authority, and certificates for hosts.

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
};

use super::{
    authenticate::Visitor,
    body::{Asked, NAME, Read, bounded},
    once::{self, Repeat},
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    authority::{Client, trust::HostAsk},
    domain::{
        entitlement::ResourceName,
        event::Origin,
        failure::{Failure, Nature},
    },
    issuers::ssh_host::HostKey,
    policy::vocabulary::Action,
    protocol::{
        path,
        trust::{HostRequest, HostView},
    },
};

/// The resource in the path.
#[derive(Debug)]
pub(super) struct Named(ResourceName);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let name = path.ok().map(|Path((kind, name))| format!("{kind}/{name}"));
        let name = name.and_then(|name| name.parse().ok());
        name.map(Self).ok_or_else(|| absent("that").into())
    }
}

/// What the target's administrator must apply.
#[utoipa::path(
    get,
    path = path::TRUST,
    params(("kind" = String, Path, description = "the resource's kind"), ("name" = String, Path, description = "its name"), query::Trust),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "what to apply", body = String, content_type = "text/plain; charset=utf-8"), Problems),
)]
pub(super) async fn read(
    State(served): State<Served>,
    visitor: Visitor,
    Named(name): Named,
    Asked(wanted): Asked<query::Trust>,
) -> Result<String, Refusal> {
    let authority = &served.authority;
    seen(&served, &visitor.plain_client(), &name)?;
    Ok(match (wanted.ca, wanted.remove) {
        (false, false) => authority.trust(&name).await?,
        (true, false) => authority.trust_ca(&name).await?,
        (false, true) => authority.trust_removal(&name).await?,
        (true, true) => {
            return Err(Failure::usage("`ca` and `remove` do not go together")
                .hint("leave one of them out")
                .into());
        }
    })
}

/// Vouches for a host.
#[utoipa::path(
    post,
    path = path::TRUST,
    request_body = HostRequest,
    params(("kind" = String, Path, description = "the resource's kind"), ("name" = String, Path, description = "its name"), once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "a host's certificate", body = HostView), Problems),
)]
pub(super) async fn certify(
    State(served): State<Served>,
    visitor: Visitor,
    Named(name): Named,
    repeat: Repeat,
    Read(asked): Read<HostRequest>,
) -> Result<Json<HostView>, Refusal> {
    let client = repeat.of(visitor.plain_client());
    seen(&served, &client, &name)?;
    served.authority.administrator(&client)?;
    bounded("host", Some(&asked.host), NAME)?;
    bounded("terminal", asked.terminal.as_deref(), NAME)?;
    visitor.records(&served, 1)?;
    let ask = HostAsk {
        key: HostKey::parse(&asked.key)?,
        hosts: asked.hosts,
        ttl: Duration::from_secs(asked.ttl),
    };
    let origin = Origin {
        host: asked.host,
        terminal: asked.terminal,
        ..client.origin
    };
    let client = Client { origin, ..client };
    let made = served.authority.certify_host(&client, &name, &ask).await?;
    Ok(Json(HostView {
        line: made.line,
        script: made.script,
    }))
}

/// Refuses a resource that the caller may not see.
fn seen(served: &Served, client: &Client, name: &ResourceName) -> Result<(), Failure> {
    let authority = &served.authority;
    let is_there = authority.catalogue.resources.0.contains_key(name);
    if is_there && (authority.may_see(client, name) || authority.may(Action::Administer, client)) {
        return Ok(());
    }
    Err(absent(&name.to_string()))
}

fn absent(name: &str) -> Failure {
    Failure::usage(format!("there is no resource {name} here"))
        .hint("\"jit list\" shows what you may ask for")
        .of_nature(Nature::Absent)
}
