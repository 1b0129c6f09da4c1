//! Who somebody is at AWS: they sign `GetCallerIdentity`, and the authority sends it to STS itself.
//!
//! Nothing but the signature comes from the client: address, body and the two headers that bind it to
//! one server and one key are put together here, so that a request which was signed for anybody or
//! anything else has a signature that STS refuses. What the client would send elsewhere is not sent.

use reqwest::{
    Client, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use tokio::sync::OnceCell;

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
        target::{self, Questions, in_time},
    },
    platform::http,
};

/// STS, as it is asked who signed a request: by one HTTP client, and so many questions at once.
#[derive(Debug, Default)]
pub struct Sts {
    /// Another address than AWS's own.
    endpoint: Option<String>,
    client: OnceCell<Client>,
    questions: Questions,
}

impl Sts {
    /// Asked at that address, or at AWS's own.
    pub fn new(endpoint: Option<String>) -> Self {
        Self {
            endpoint,
            ..Self::default()
        }
    }

    /// Who signed a request, as STS says.
    ///
    /// # Errors
    /// Denied: it is not signed as it must be, for somebody else, too long ago, or AWS does not know the
    /// signer. STS is away, slow (124), or asked too much already.
    pub async fn identify(
        &self,
        presented: &str,
        binding: &Binding<'_>,
        now: Timestamp,
    ) -> Result<CallerIdentity> {
        let signed = read(presented).ok_or_else(|| refused("it is no signed request"))?;
        let region = checked(&signed, now)?;
        let place = Place {
            region,
            endpoint: self.endpoint.as_deref(),
        };
        let url = place.url()?;
        let target = format!("AWS STS in {region}");
        let _turn = self.questions.turn(&target).await?;
        let build = async || http::client(&url, PATIENCE).build();
        let client = self.client.get_or_try_init(build).await;
        let client = client.map_err(|error| away(&target, &error))?;
        in_time(
            &target,
            ask(client, &target, url.clone(), (&signed, binding)),
        )
        .await
    }
}

fn away(target: &str, error: &reqwest::Error) -> Failure {
    target::unreachable(target, error).of_nature(Nature::Away)
}

async fn ask(
    client: &Client,
    target: &str,
    url: Url,
    (signed, binding): (&Signed, &Binding<'_>),
) -> Result<CallerIdentity> {
    let header = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_| refused("it holds what no header may hold"))
    };
    let mut request = client
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
    let answer = request.send().await;
    let answer = answer.map_err(|error| away(target, &error))?;
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
