//! What an OpenID provider says of whom an access token is (OpenID Connect Core 1.0, section 5.3).

use reqwest::{
    Client, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use serde_json::{Map, Value};

use super::{
    discovery::{LONGEST, Metadata, address, away, leads_elsewhere},
    fault::GET_ANOTHER,
};
use crate::{
    domain::failure::{Code, Failure, Nature, Result},
    platform::http,
};

/// The claims about a person.
pub(super) async fn read(
    client: &Client,
    metadata: &Metadata,
    access_token: &str,
) -> Result<Map<String, Value>> {
    let issuer = &metadata.issuer;
    let url = metadata.userinfo_endpoint.as_deref().ok_or_else(|| {
        Failure::failed(format!(
            "{issuer} does not say where it says who somebody is"
        ))
        .hint("take userinfo out of [people] in server.toml")
    })?;
    leads_elsewhere(issuer, url)?;
    let refused = || {
        Failure::new(
            Code::SignIn,
            format!("{issuer} does not know the access token"),
        )
        .hint(GET_ANOTHER)
    };
    let bearer = HeaderValue::from_str(&format!("Bearer {access_token}"));
    let mut bearer = bearer.map_err(|_| refused())?;
    bearer.set_sensitive(true);
    let asked = client
        .get(address(url)?)
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, bearer);
    let answer = asked.send().await.map_err(|error| away(url, &error))?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            return Err(refused());
        }
        status => {
            return Err(Failure::failed(format!("{url} answered {status}"))
                .hint("try again in a moment")
                .of_nature(Nature::Away));
        }
    }
    let body = http::body(answer, LONGEST).await?;
    parse(&body).ok_or_else(|| {
        Failure::failed(format!("{url} does not say in JSON who somebody is"))
            .hint("have the provider answer without signing it (userinfo_signed_response_alg), or take userinfo out of [people] in server.toml")
    })
}

/// The claims in an answer, which name a person.
fn parse(body: &[u8]) -> Option<Map<String, Value>> {
    let claims: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let subject = claims.get("sub").and_then(Value::as_str);
    let names_somebody = subject.is_some_and(|subject| !subject.is_empty());
    names_somebody.then_some(claims)
}
