//! How one signs in here, for a client that knows nothing yet.

use axum::{Json, extract::State};

use super::{
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::entrance::SESSION,
    protocol::{
        path,
        session::{Provider, SignInWays},
    },
};

/// The ways in. None of it is secret: it is what a client must know before it is anybody.
#[utoipa::path(
    get,
    path = path::SIGN_IN,
    responses((status = 200, description = "the ways in", body = SignInWays), Problems),
)]
pub(super) async fn read(State(served): State<Served>) -> Result<Json<SignInWays>, Refusal> {
    let human = &served.authority.lifecycles.human;
    let provider = served.people.as_ref().map(|people| Provider {
        issuer: people.issuer.url().to_owned(),
        client_id: people.client_id.clone(),
        scopes: people.scopes.clone(),
        acr_values: people.acr_values.clone(),
        max_age: human.session.unwrap_or(SESSION).as_secs(),
        userinfo: people.userinfo,
        redirect_port: people.redirect_port,
        parameters: people.parameters.clone(),
        device: people.device,
        certificate_authority: people.certificate_authority.clone(),
    });
    let bootstrap = served.bootstrap.is_some() && served.authority.awaits_its_first().await?;
    Ok(Json(SignInWays {
        provider,
        bootstrap,
        audience: served.url.clone(),
    }))
}
