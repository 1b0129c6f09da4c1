//! What a request may be, before anything is made of it: its size and its time.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::{
    client_address::{Peer, UnreadableClient},
    once::Fingerprint,
    problem::Refusal,
    shared::Served,
};
use crate::{domain::failure::Failure, platform::keys, protocol::path};

/// How long a request's body may be, in bytes.
const BODY: usize = 64 << 10;
/// The same of a sign-in, which shows an ID token and an access token, each as long as is looked at.
const SIGN_IN: usize = 160 << 10;
/// How much of a longer one is read.
const READ: usize = 1 << 20;

/// Takes a request whole, in its time, and answers it on a task of its own: who hangs up, or comes upon
/// a fault of ours, leaves nothing half done.
pub(super) async fn guard(
    State(served): State<Served>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if let Some(Peer(address)) = request.extensions().get() {
        served.gate.address(*address)?;
    }
    if request.extensions().get::<UnreadableClient>().is_some() {
        return Err(
            Failure::usage("the proxy does not say for whom it forwards this request")
                .hint("have it write the header that `client` of [proxy] in server.toml names")
                .into(),
        );
    }
    let request = whole(request, served.body_within).await?;
    tokio::spawn(next.run(request))
        .await
        .map_err(|error| Refusal::from(Failure::failed("a request was given up").because(&error)))
}

async fn whole(request: Request, within: Duration) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    let most = match parts.uri.path() {
        path::TOKEN => SIGN_IN,
        _ => BODY,
    };
    let announced = parts.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > READ) {
        return Err(too_large(most));
    }
    match timeout(within, collect(body, most)).await {
        Ok(Some(bytes)) => {
            let hash = asked(parts.method.as_str(), parts.uri.path(), &bytes);
            let mut request = Request::from_parts(parts, Body::from(bytes));
            request.extensions_mut().insert(hash);
            Ok(request)
        }
        Ok(None) => Err(too_large(most)),
        Err(_) => Err(Refusal::with(
            StatusCode::REQUEST_TIMEOUT,
            Failure::usage("the request did not come in time").hint("send it again"),
        )),
    }
}

/// The body, if it is not too large. Of one that is, a little more is read and thrown away: whoever is
/// still sending would not come to read why it is refused.
async fn collect(mut body: Body, most: usize) -> Option<Vec<u8>> {
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        seen += data.len();
        if seen > READ {
            return None;
        }
        if seen <= most {
            bytes.extend_from_slice(&data);
        }
    }
    (seen <= most).then_some(bytes)
}

/// What a request asks for, as a hash: the same for a repetition of it.
fn asked(method: &str, path: &str, body: &[u8]) -> Fingerprint {
    let bytes = [method.as_bytes(), b" ", path.as_bytes(), b"\n", body].concat();
    Fingerprint(keys::hex(&keys::sha256(&bytes)))
}

fn too_large(most: usize) -> Refusal {
    Refusal::with(
        StatusCode::PAYLOAD_TOO_LARGE,
        Failure::usage(format!("a request has {most} bytes at most")).hint("send less"),
    )
}
