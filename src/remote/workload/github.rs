//! The token of a job of GitHub Actions, asked for where the runner says.

use std::time::Duration;

use reqwest::{
    StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    domain::failure::{Code, Failure, Nature, Result},
    platform::http,
};

/// How long the runner's service may take.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: usize = 64 << 10;

#[derive(Deserialize)]
struct Answer {
    value: SecretString,
}

/// The job's token for that audience.
///
/// # Errors
/// The address is not encrypted; the service is away, or refuses.
pub async fn token(
    address: &str,
    request_token: &SecretString,
    audience: &str,
) -> Result<SecretString> {
    let strange = || {
        Failure::failed("ACTIONS_ID_TOKEN_REQUEST_URL is no address that a token may come from")
            .hint("GitHub's runner sets it; leave it as it is")
    };
    let mut url = Url::parse(address).map_err(|_| strange())?;
    if !http::is_confidential(&url) {
        return Err(strange());
    }
    url.query_pairs_mut().append_pair("audience", audience);
    let away = |error: &reqwest::Error| {
        let code = if error.is_timeout() {
            Code::TimedOut
        } else {
            Code::Failed
        };
        // Its URL says more than anybody needs to know.
        Failure::new(code, "GitHub's service for tokens of jobs does not answer")
            .hint("run the job again; see githubstatus.com")
            .of_nature(Nature::Away)
    };
    let client = http::client(&url, PATIENCE).build();
    let bearer = SecretString::from(format!("Bearer {}", request_token.expose_secret()));
    let mut bearer = HeaderValue::from_str(bearer.expose_secret()).map_err(|_| strange())?;
    bearer.set_sensitive(true);
    let request = client.map_err(|error| away(&error))?.get(url);
    let request = request
        .header(ACCEPT, "application/json; api-version=2.0")
        .header(AUTHORIZATION, bearer);
    let answer = request.send().await.map_err(|error| away(&error))?;
    let status = answer.status();
    let body = http::body(answer, LONGEST).await?;
    let read = serde_json::from_slice::<Answer>(&body).ok();
    read.filter(|_| status == StatusCode::OK)
        .map(|answer| answer.value)
        .ok_or_else(|| {
            Failure::failed(format!("GitHub gives this job no token ({status})"))
                .hint("add to the job: permissions: { id-token: write }")
        })
}
