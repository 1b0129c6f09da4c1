//! The part of the catalogue that the caller may see, with what a client needs and nothing else.

use std::path::PathBuf;

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::Authority,
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
    let authority = &served.authority;
    let mut view = CatalogueView::default();
    for (name, resource) in authority.part(&visitor.plain_client()) {
        let beside = beside(authority, &name, &resource).await?;
        view.resources
            .insert(name, ResourceView::of(&resource, beside));
    }
    Ok(Json(view))
}

async fn beside(authority: &Authority, name: &ResourceName, resource: &Resource) -> Result<Beside> {
    let pem = |file: &Option<PathBuf>| -> Result<Option<String>> {
        let Some(file) = file else { return Ok(None) };
        let path = authority.directory.join(file);
        let text = files::read_text(&path)?.ok_or_else(|| {
            Failure::failed(format!("the certificate {} is not there", path.display()))
        })?;
        Ok(Some(text))
    };
    Ok(match resource {
        Resource::Ssh(_) => Beside {
            host_authority: authority.host_ca(name).await?,
            certificate_authority: None,
        },
        Resource::Kubernetes(resource) => Beside {
            certificate_authority: pem(&resource.certificate_authority)?,
            host_authority: None,
        },
        Resource::Postgres(resource) => Beside {
            certificate_authority: pem(&resource.certificate_authority)?,
            host_authority: None,
        },
        Resource::Aws(_) => Beside::default(),
    })
}
