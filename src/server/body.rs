//! What a request holds: its JSON, its query, the id in its path.

use axum::{
    RequestExt as _,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::Refusal;
use crate::domain::{
    failure::{Failure, Nature},
    id::GrantId,
};

/// The longest name of a host, a terminal or a tool, in bytes.
pub(super) const NAME: usize = 256;

/// A JSON body, read strictly.
#[derive(Debug)]
pub(super) struct Read<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Read<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let failure = Failure::usage("the body is not JSON").hint("send application/json");
            return Err(Refusal::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, failure));
        }
        let bytes: Bytes = request
            .extract()
            .await
            .map_err(|_| unread("it broke off"))?;
        let read = serde_json::from_slice(&bytes);
        read.map(Self).map_err(|error| unread(&error.to_string()))
    }
}

fn unread(why: &str) -> Refusal {
    Failure::usage(format!("the body makes no sense: {why}"))
        .hint("/openapi.json describes it")
        .into()
}

/// The query of the URL, read strictly.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(asked)| Self(asked)).map_err(|error| {
            Failure::usage(format!("the query makes no sense: {}", error.body_text()))
                .hint("/openapi.json describes it")
                .into()
        })
    }
}

/// The id of an elevation in the path.
#[derive(Debug)]
pub(super) struct Id(pub(super) GrantId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            Failure::usage("there is no such grant")
                .hint("\"jit status\" lists what you hold")
                .of_nature(Nature::Absent)
                .into()
        })
    }
}

/// A header that must be there at most once.
pub(super) fn single<'a>(parts: &'a Parts, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut all = parts.headers.get_all(name).iter();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    match (first.to_str(), all.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Failure::usage(format!("the header {name} makes no sense"))
            .hint("send it once, in ASCII")
            .into()),
    }
}

/// Refuses a text of more than `most` bytes, and one that no database takes.
pub(super) fn bounded(what: &str, text: Option<&str>, most: usize) -> Result<(), Failure> {
    if text.is_some_and(|text| text.len() > most || text.contains('\0')) {
        return Err(Failure::usage(format!(
            "the {what} is longer than {most} bytes, or no text"
        ))
        .hint("make it shorter"));
    }
    Ok(())
}
