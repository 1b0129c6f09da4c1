//! The API server, over plain HTTPS: two kinds of call do not need a client library.

use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::clients::{Clients, asked_url};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::ResourceName,
        failure::{Failure, Result},
        time::Timestamp,
    },
    issuers::{
        order::Site,
        target::{self, in_time},
    },
    platform::{date, secret},
};

/// What a target should be, in messages.
pub(super) const TARGET_KIND: &str = "a Kubernetes API server";
/// Answers are a few kilobytes; what is longer is none.
const LONGEST: usize = 1 << 20;
/// No more of its own words is shown and recorded, in characters.
const WORDS: usize = 500;

/// An API server, and the base credential for it, where there is one.
pub(super) struct Api {
    client: Client,
    server: String,
    bearer: Option<HeaderValue>,
    /// The resource.
    pub(super) name: String,
    /// The resource and its address, for messages.
    pub(super) target: String,
}

/// What it answered.
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The body, whole.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// The server's clock, where the answer tells it.
    pub(super) at: Option<Timestamp>,
    explanation: Option<Explanation>,
}

/// The `Status` object that explains a refusal (`meta/v1`).
#[derive(Deserialize)]
struct Explanation {
    message: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    kind: Option<String>,
}

impl Answer {
    /// Whether a refusal is about that kind of thing: `secrets`.
    pub(super) fn is_about(&self, kind: &str) -> bool {
        let details = self.explanation.as_ref().and_then(|e| e.details.as_ref());
        details.and_then(|details| details.kind.as_deref()) == Some(kind)
    }
}

impl Api {
    /// Reads the base credential and the certificate authority; opens no connection yet.
    pub(super) fn new(
        name: &ResourceName,
        resource: &KubernetesResource,
        site: &Site<'_>,
    ) -> Result<Self> {
        Self::reusing(&Clients::default(), name, resource, site)
    }

    /// The same with a client that was made before, where it would be made the same again.
    pub(super) fn reusing(
        clients: &Clients,
        name: &ResourceName,
        resource: &KubernetesResource,
        site: &Site<'_>,
    ) -> Result<Self> {
        let url = target::address(&resource.server)?;
        let resolve = |reference| secret::resolve(reference, site.directory, site.environment);
        let base = resource.credential.as_ref().map(resolve).transpose()?;
        let target = format!("{name} at {}", resource.server);
        let asked = asked_url(&url, &target, resource)?;
        Ok(Self {
            client: clients.of(&url, &target, resource, site)?,
            server: asked.as_str().trim_end_matches('/').to_owned(),
            bearer: base.as_ref().map(bearer).transpose()?,
            name: name.to_string(),
            target,
        })
    }

    /// The same API server, asked with another token.
    pub(super) fn with(self, token: &SecretString) -> Result<Self> {
        let bearer = bearer(token).map(Some)?;
        Ok(Self { bearer, ..self })
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Creates something.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Deletes something.
    pub(super) async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::DELETE, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.server))
            .header(ACCEPT, "application/json");
        match &self.bearer {
            Some(bearer) => request.header(AUTHORIZATION, bearer.clone()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let answered = async {
            let broken = |error: reqwest::Error| self.broken(&error);
            let mut response = request.send().await.map_err(broken)?;
            let (status, at) = (response.status(), date::of(response.headers()));
            let body = self.body(&mut response).await?;
            let read = self.read(status, body)?;
            Ok(Answer { at, ..read })
        };
        in_time(&self.target, answered).await
    }

    /// An API server explains every refusal; what does not is something else.
    fn read(&self, status: StatusCode, body: Zeroizing<Vec<u8>>) -> Result<Answer> {
        let explanation = serde_json::from_slice(&body).ok();
        if status.is_success() || explanation.is_some() {
            return Ok(Answer {
                status,
                body,
                at: None,
                explanation,
            });
        }
        Err(Failure {
            cause: Some(format!("it answers {status}")),
            ..target::foreign(&self.target, TARGET_KIND)
        })
    }

    async fn body(&self, response: &mut Response) -> Result<Zeroizing<Vec<u8>>> {
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|e| self.broken(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(target::foreign(&self.target, TARGET_KIND));
            }
        }
        Ok(body)
    }

    fn broken(&self, error: &reqwest::Error) -> Failure {
        // The URL says nothing that the target does not say.
        match target::tls_error(error) {
            Some(rustls::Error::InvalidCertificate(_)) => target::untrusted(&self.target, error),
            Some(_) => target::foreign(&self.target, TARGET_KIND),
            None if error.is_timeout() => target::timed_out(&self.target),
            None if error.is_connect() => target::unreachable(&self.target, error),
            None => target::foreign(&self.target, TARGET_KIND).because(error),
        }
    }

    /// An answer that is neither what was asked for nor expected.
    pub(super) fn refused(&self, answer: &Answer, what: &str) -> Failure {
        let name = &self.name;
        let failure = match answer.status {
            StatusCode::UNAUTHORIZED => {
                Failure::failed(format!("{name} does not accept the base credential")).hint(
                    "make a new token (\"kubectl -n jit create token jit\") where `credential` in \
                     authority.toml points",
                )
            }
            StatusCode::FORBIDDEN => {
                Failure::failed(format!("{name} does not let the base credential {what}"))
                    .hint(self.apply())
            }
            status => {
                Failure::failed(format!("{name} did not {what}: {status}")).hint(self.apply())
            }
        };
        let explanation = answer.explanation.as_ref();
        Failure {
            cause: explanation.map(|words| words.message.chars().take(WORDS).collect()),
            ..failure
        }
    }

    /// How the administrator mends what is missing.
    pub(super) fn apply(&self) -> String {
        format!(
            "run, as an administrator: jit trust {} | kubectl apply -f -",
            self.name
        )
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue> {
    let text = SecretString::from(format!("Bearer {}", token.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
        Failure::failed("the base credential is not a bearer token")
            .hint("`credential` in authority.toml names a file with one token and nothing else")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_is_no_token_is_refused() {
        assert!(bearer(&"a\r\nHost: evil".into()).is_err());
        let value = bearer(&"secret".into()).unwrap();
        assert!(!format!("{value:?}").contains("secret"));
    }
}
