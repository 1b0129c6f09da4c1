//! The part of the catalogue that the caller may see, with what a client needs and nothing else.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::{Authority, Client},
    domain::{
        catalogue::Resource,
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    platform::files,
    protocol::{
        catalogue::{Beside, CatalogueView, ResourceView},
        path,
    },
};

/// What the caller could have.
#[utoipa::path(
    get,
    path = path::RESOURCES,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "what the caller could have", body = CatalogueView), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<CatalogueView>, Refusal> {
    let (shared, client) = (Arc::clone(&served), visitor.plain_client());
    let look = move || visible(&shared.authority, &client);
    let root = &visitor.root().caller.principal;
    let part = served.gate.heavy.run(root, look).await??;
    let mut view = CatalogueView::default();
    for (name, (resource, mut beside)) in part {
        if let Resource::Ssh(_) = resource {
            beside.host_authority = served.authority.host_ca(&name).await?;
        }
        view.resources
            .insert(name, ResourceView::of(&resource, beside));
    }
    Ok(Json(view))
}

/// A resource, with the certificates that belong to it.
type Shown = (Resource, Beside);

/// The caller's part of the catalogue, with the certificates that stand in files.
fn visible(authority: &Authority, client: &Client) -> Result<BTreeMap<ResourceName, Shown>> {
    let part = authority.part(client).into_iter();
    let shown = part.map(|(name, resource)| {
        let certificate_authority = match &resource {
            Resource::Kubernetes(resource) => {
                pem(authority, resource.certificate_authority.as_ref())?
            }
            Resource::Postgres(resource) => {
                pem(authority, resource.certificate_authority.as_ref())?
            }
            Resource::Ssh(_) | Resource::Aws(_) => None,
        };
        let beside = Beside {
            certificate_authority,
            host_authority: None,
        };
        Ok((name, (resource, beside)))
    });
    shown.collect()
}

fn pem(authority: &Authority, file: Option<&PathBuf>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    let path = authority.directory.join(file);
    let text = files::read_text(&path)?.ok_or_else(|| {
        Failure::failed(format!("the certificate {} is not there", path.display()))
    })?;
    Ok(Some(text))
}
