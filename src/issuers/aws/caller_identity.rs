//! Who somebody is at AWS: they sign `GetCallerIdentity`, and the authority sends it to STS itself.
//!
//! Nothing but the signature comes from the client: address, body and the two headers that bind it to
//! one server and one key are put together here, so that a request which was signed for anybody or
//! anything else has a signature that STS refuses. What the client would send elsewhere is not sent.

use reqwest::{
    StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};

use super::{
    arn::CallerIdentity,
    place::Place,
    refusal::element,
    signed::{
        AUDIENCE, BODY, Binding, DATE, FORM, KEY, LONGEST, Signed, TOKEN, checked, read, refused,
    },
};
use crate::{
    domain::{
        failure::{Failure, Nature, Result},
        time::Timestamp,
    },
    issuers::{
        order::PATIENCE,
        target::{self, in_time},
    },
    platform::http,
};

/// Who signed a request, as STS says. `endpoint` is another address than AWS's own.
///
/// # Errors
/// Denied: it is not signed as it must be, for somebody else, too long ago, or AWS does not know the
/// signer. STS is away or slow (124).
pub async fn identify(
    presented: &str,
    endpoint: Option<&str>,
    binding: &Binding<'_>,
    now: Timestamp,
) -> Result<CallerIdentity> {
    let signed = read(presented).ok_or_else(|| refused("it is no signed request"))?;
    let region = checked(&signed, now)?;
    let place = Place { region, endpoint };
    let url = place.url()?;
    let target = format!("AWS STS in {region}");
    in_time(&target, ask(&target, url, &signed, binding)).await
}

async fn ask(
    target: &str,
    url: Url,
    signed: &Signed,
    binding: &Binding<'_>,
) -> Result<CallerIdentity> {
    let header = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_| refused("it holds what no header may hold"))
    };
    let away = |error: &reqwest::Error| target::unreachable(target, error).of_nature(Nature::Away);
    let client = http::client(&url, PATIENCE).build();
    let mut request = client
        .map_err(|error| away(&error))?
        .post(url)
        .header(CONTENT_TYPE, FORM)
        .header(AUTHORIZATION, header(&signed.authorization)?)
        .header(DATE, header(&signed.date)?)
        .header(AUDIENCE, header(binding.server)?)
        .header(KEY, header(binding.key)?)
        .body(BODY);
    if let Some(token) = &signed.token {
        request = request.header(TOKEN, header(token)?);
    }
    let answer = request.send().await.map_err(|error| away(&error))?;
    let status = answer.status();
    let body = http::body(answer, LONGEST).await?;
    let body = String::from_utf8_lossy(&body);
    match status {
        StatusCode::OK => CallerIdentity::read(&body)
            .ok_or_else(|| refused("whoever signed it is neither a role nor a user of an account")),
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN => {
            let code = element(&body, "Code").unwrap_or_default();
            Err(refused(unknown(code)))
        }
        status => Err(Failure::failed(format!("{target} answered {status}"))
            .hint("try again in a moment")
            .of_nature(Nature::Away)),
    }
}

/// What STS's codes mean here.
fn unknown(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" => {
            "its signature is not for this server and this key, or not by those credentials"
        }
        "ExpiredToken" | "ExpiredTokenException" => "the credentials that signed it have expired",
        "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "AWS does not know the credentials that signed it"
        }
        _ => "AWS does not take it",
    }
}
