//! The OpenID provider, asked as a native client asks it (RFC 8252): for tokens, for newer ones, and to
//! take a refresh token back.

use std::{fmt::Display, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::{
    AuthType, ClientId, ClientSecret, EmptyExtraDeviceAuthorizationFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, RefreshToken, RequestTokenError, Scope,
    StandardErrorResponse, StandardRevocableToken, StandardTokenResponse, TokenResponse as _,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use reqwest::{Request, StatusCode, Url, header::CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::refusal;
use crate::{
    app::{identity::Refresh, session::Session},
    domain::{
        credential::Token,
        failure::{Code, Failure, Nature, Result},
        time::Timestamp,
    },
    platform::{http, secret, terminal},
    protocol::session::Provider,
    verify::discovery::{self, Metadata},
};

/// No answer about tokens is longer, in bytes.
const LONGEST: usize = 256 << 10;
/// How the body of a request is written (RFC 6749, appendix B).
const FORM: &str = "application/x-www-form-urlencoded";
/// No more of a provider's own words is shown, in characters.
const WORDS: usize = 300;

/// What came beside an access token, which is not used.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beside {
    #[serde(default)]
    id_token: Option<Token>,
    /// For how many seconds the refresh token is taken, where the provider says so (Keycloak does).
    #[serde(default)]
    refresh_expires_in: Value,
}

impl oauth2::ExtraTokenFields for Beside {}

pub(super) type Answer = StandardTokenResponse<Beside, BasicTokenType>;

/// The client of the `oauth2` crate, with the addresses that the provider says it has.
pub(super) type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointMaybeSet,
    EndpointMaybeSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

pub(super) type Device = oauth2::DeviceAuthorizationResponse<EmptyExtraDeviceAuthorizationFields>;

/// A provider that can be asked.
pub(super) struct Reached {
    /// What the server says of it.
    pub(super) known: Provider,
    /// What it says of itself.
    pub(super) metadata: Metadata,
    http: reqwest::Client,
    /// Where the client at the provider has one.
    secret: Option<SecretString>,
}

/// What a person's sign-in, or its renewal, gives.
pub(super) struct Tokens {
    /// Says who; for the server. A renewal need not give one (OpenID Connect Core 1.0, section 12.2).
    pub(super) id_token: Option<Token>,
    /// With which the server asks the provider who somebody is, where it does.
    pub(super) access_token: Option<Token>,
    /// Gives the next one; for the provider alone.
    pub(super) refresh: Option<Issued>,
}

/// A refresh token that was just issued.
pub(super) struct Issued {
    token: Token,
    /// For how long it is taken, where the provider says so.
    lasts: Option<Duration>,
}

impl Issued {
    /// The same as it is kept.
    pub(super) fn of(self, provider: Provider, now: Timestamp) -> Refresh {
        Refresh {
            provider,
            token: self.token,
            expires_at: self.lasts.map(|lasts| now.after(lasts)),
        }
    }
}

impl Reached {
    /// Finds out where a provider is asked.
    ///
    /// # Errors
    /// It is away, or is another one than it should be.
    pub(super) async fn new(session: &Session, known: &Provider) -> Result<Self> {
        let authority = known.certificate_authority.as_deref();
        let http = discovery::client(&known.issuer, authority.map(str::as_bytes))?;
        let metadata = discovery::discover(&http, &known.issuer).await?;
        Ok(Self {
            known: known.clone(),
            metadata,
            http,
            secret: secret(session)?,
        })
    }

    /// The client that asks it.
    pub(super) fn client(&self) -> Result<Client> {
        let lacking = || {
            Failure::failed(format!(
                "{} does not say where it gives tokens",
                self.known.issuer
            ))
            .hint("check that it is an OpenID provider")
        };
        let Metadata {
            authorization_endpoint,
            token_endpoint,
            device_authorization_endpoint,
            ..
        } = &self.metadata;
        let token = address(token_endpoint.as_ref())?.ok_or_else(lacking)?;
        let mut client = oauth2::Client::new(ClientId::new(self.known.client_id.clone()));
        if let Some(secret) = &self.secret {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(client
            .set_auth_type(self.auth_type())
            .set_token_uri(oauth2::TokenUrl::from_url(token))
            .set_auth_uri_option(
                address(authorization_endpoint.as_ref())?.map(oauth2::AuthUrl::from_url),
            )
            .set_device_authorization_url_option(
                address(device_authorization_endpoint.as_ref())?
                    .map(oauth2::DeviceAuthorizationUrl::from_url),
            ))
    }

    /// How the client shows its secret (RFC 6749, section 2.3.1): in a header, unless the provider takes it in
    /// the body alone. Without a secret the body names the client.
    fn auth_type(&self) -> AuthType {
        let methods = self.metadata.token_endpoint_auth_methods_supported.as_ref();
        let takes_headers =
            methods.is_none_or(|methods| methods.iter().any(|one| one == "client_secret_basic"));
        match &self.secret {
            Some(_) if takes_headers => AuthType::BasicAuth,
            Some(_) | None => AuthType::RequestBody,
        }
    }

    /// What is asked for.
    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.known.scopes.iter().cloned().map(Scope::new)
    }

    /// Gives a refresh token back (RFC 7009), where it is taken back.
    pub(super) async fn revoke(&self, token: &Token) -> Result<()> {
        let endpoint = self.metadata.revocation_endpoint.as_ref();
        let Some(url) = address(endpoint)? else {
            return Ok(());
        };
        let mut fields = vec![
            ("token", token.0.expose_secret()),
            ("token_type_hint", "refresh_token"),
            ("client_id", &*self.known.client_id),
        ];
        let secret = self.secret.as_ref().map(SecretString::expose_secret);
        fields.extend(secret.map(|secret| ("client_secret", secret)));
        let form = http::form(&fields)?;
        // By hand: the crate revokes nothing over plain HTTP, which is allowed on this machine itself.
        let request = self.http.post(url).header(CONTENT_TYPE, FORM);
        let answer = request.body(form.to_string()).send().await;
        let status = answer.map_err(|error| self.away(&error))?.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "{} did not take the refresh token back (HTTP {})",
            self.known.issuer,
            status.as_u16()
        )))
    }

    /// The tokens in an answer.
    pub(super) fn tokens(&self, answer: &Answer) -> Tokens {
        let lasts = answer.extra_fields().refresh_expires_in.as_u64();
        // Keycloak says 0 of one that has no end.
        let lasts = lasts.filter(|seconds| *seconds > 0);
        let issued = |token: &RefreshToken| Issued {
            token: Token(SecretString::from(token.secret().clone())),
            lasts: lasts.map(Duration::from_secs),
        };
        let access_token = answer.access_token().secret().clone();
        let access_token = Token(SecretString::from(access_token));
        Tokens {
            id_token: answer.extra_fields().id_token.clone(),
            access_token: self.known.userinfo.then_some(access_token),
            refresh: answer.refresh_token().map(issued),
        }
    }

    /// The ID token of a sign-in, which always gives one.
    pub(super) fn id_token<'a>(&self, tokens: &'a Tokens) -> Result<&'a Token> {
        tokens.id_token.as_ref().ok_or_else(|| {
            Failure::failed(format!("{} gave no ID token", self.known.issuer))
                .hint("scopes of [people] in the server's server.toml must have \"openid\"")
        })
    }

    /// One request to the provider.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse> {
        let away = |error: reqwest::Error| self.away(&error);
        let request = Request::try_from(request).map_err(away)?;
        let answer = self.http.execute(request).await.map_err(away)?;
        let status = answer.status();
        // Whatever its body says: that is no answer to what was asked.
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.busy(&format!("HTTP {}", status.as_u16())));
        }
        let mut made = HttpResponse::new(Vec::new());
        *made.status_mut() = answer.status();
        *made.headers_mut() = answer.headers().clone();
        *made.body_mut() = http::body(answer, LONGEST).await?;
        Ok(made)
    }

    fn away(&self, error: &reqwest::Error) -> Failure {
        Failure::failed(format!("{} cannot be reached", self.known.issuer))
            .because(error)
            .hint("check the network, then try again")
            .of_nature(Nature::Away)
    }

    /// The provider cannot answer just now, which is no refusal.
    pub(super) fn busy(&self, words: &str) -> Failure {
        let issuer = &self.known.issuer;
        Failure::failed(format!("{issuer} cannot answer just now ({words})"))
            .hint("try again in a moment")
            .of_nature(Nature::Away)
    }

    /// Why tokens are not given.
    pub(super) fn refused<T>(
        &self,
        error: RequestTokenError<Failure, StandardErrorResponse<T>>,
    ) -> Failure
    where
        T: oauth2::ErrorResponseType + AsRef<str> + Display + 'static,
    {
        let issuer = &self.known.issuer;
        match error {
            RequestTokenError::ServerResponse(said) => {
                let words = said.error_description().map_or("", String::as_str);
                let words = plain(&format!("{}: {words}", said.error().as_ref()));
                if is_invalid_grant(&said) {
                    return Failure::new(
                        Code::SignIn,
                        format!("{issuer} knows this sign-in no more ({words})"),
                    )
                    .hint("run: jit login");
                }
                let error = said.error().as_ref();
                if refusal::is_temporary(error) {
                    return self.busy(&words);
                }
                Failure::denied(format!("{issuer} refuses the sign-in ({words})"))
                    .hint(refusal::hint(&self.known, error, &words))
            }
            RequestTokenError::Request(failure) => failure,
            RequestTokenError::Parse(error, _) => self.strange(&error.to_string()),
            RequestTokenError::Other(words) => self.strange(&words),
        }
    }

    fn strange(&self, words: &str) -> Failure {
        Failure {
            cause: Some(plain(words)),
            ..Failure::failed(format!(
                "{} answers as no OpenID provider does",
                self.known.issuer
            ))
            .hint("try again; if it stays so, ask whoever runs it")
            .of_nature(Nature::Away)
        }
    }
}

/// The secret of the client at the provider, which config.toml names.
fn secret(session: &Session) -> Result<Option<SecretString>> {
    let config = session.config()?;
    let named = config.client_secret.as_ref();
    let directory = &session.places.configuration;
    named
        .map(|named| secret::resolve(named, directory, &session.environment))
        .transpose()
}

/// Whether the provider does not take what it was shown (RFC 6749, section 5.2).
pub(super) fn is_invalid_grant<T>(said: &StandardErrorResponse<T>) -> bool
where
    T: oauth2::ErrorResponseType + AsRef<str> + Display + 'static,
{
    said.error().as_ref() == BasicErrorResponseType::InvalidGrant.as_ref()
}

/// What an ID token claims, as far as its own client looks at it: it came from the provider itself, over
/// TLS (OpenID Connect Core 1.0, section 3.1.3.7, 6); the server checks it all.
pub(super) fn claims(token: &Token) -> Map<String, Value> {
    let text = token.0.expose_secret();
    let payload = text.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// A provider's own words, as they can be shown.
pub(super) fn plain(words: &str) -> String {
    let short: String = words
        .trim_end_matches([':', ' '])
        .chars()
        .take(WORDS)
        .collect();
    terminal::plain_line(&short)
}

/// An address to which secrets may go.
fn address(text: Option<&String>) -> Result<Option<Url>> {
    let Some(text) = text else { return Ok(None) };
    let url = Url::parse(text).ok().filter(http::is_confidential);
    url.map(Some).ok_or_else(|| {
        Failure::failed(format!(
            "the provider names the address {text:?}, which is not encrypted"
        ))
        .hint("ask whoever runs it")
    })
}
