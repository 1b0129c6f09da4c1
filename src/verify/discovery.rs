//! What an issuer says of itself (OpenID Connect Discovery 1.0, section 4; RFC 8414).

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header::ACCEPT};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    domain::failure::{Code, Failure, Nature, Result},
    platform::{http, pem, tls},
};

/// How long an issuer may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(5);
/// The documents of an issuer are some kilobytes.
pub(super) const LONGEST: usize = 1 << 18;
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// An issuer's metadata, as far as it is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// Its own URL.
    pub issuer: String,
    /// Where its public keys are (RFC 7517).
    pub jwks_uri: String,
    /// Where a person signs in.
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    /// Where a code is exchanged.
    #[serde(default)]
    pub token_endpoint: Option<String>,
    /// Where a device asks for a code (RFC 8628).
    #[serde(default)]
    pub device_authorization_endpoint: Option<String>,
    /// Where it says who an access token is of (OpenID Connect Core 1.0, section 5.3).
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// How a client with a secret may show it (RFC 8414).
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Where a refresh token is given back (RFC 7009).
    #[serde(default)]
    pub revocation_endpoint: Option<String>,
    /// Whether it names itself where it sends the person back (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// A client for an issuer: no redirect, no long wait, and where it has a certificate authority of its
/// own (PEM), no other one.
///
/// # Errors
/// The address is not encrypted, or the certificate is none.
pub fn client(issuer: &str, authority: Option<&[u8]>) -> Result<Client> {
    let url = address(issuer)?;
    let mut builder = http::client(&url, PATIENCE);
    if let Some(pem) = authority {
        let named = pem::certificates(pem).unwrap_or_default();
        let trust = tls::trusting(&named).map_err(|_| {
            Failure::failed(format!("the certificate_authority of {issuer} is not PEM"))
                .hint("it must be PEM: -----BEGIN CERTIFICATE-----")
        })?;
        builder = builder.tls_backend_preconfigured(trust);
    }
    builder.build().map_err(|error| {
        Failure::failed(format!("{issuer} cannot be spoken to"))
            .because(&error)
            .hint("check its certificate_authority and the system's certificates")
    })
}

/// The metadata of the issuer of exactly that URL.
///
/// # Errors
/// It is away ([`Nature::Away`]), or says that it is another one.
pub async fn discover(client: &Client, issuer: &str) -> Result<Metadata> {
    let url = format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'));
    let metadata: Metadata = document(client, &url).await?;
    if metadata.issuer != issuer {
        return Err(Failure::failed(format!(
            "{url} says that its issuer is {:?}, not {issuer:?}",
            metadata.issuer
        ))
        .hint("write `issuer` exactly as it says, to the last slash, if that is whom you mean"));
    }
    leads_elsewhere(issuer, &metadata.jwks_uri)?;
    Ok(metadata)
}

/// Refuses an issuer that leads to this machine and is not on it: whose word counts about tokens has none
/// about what is asked here.
pub(super) fn leads_elsewhere(issuer: &str, keys_at: &str) -> Result<()> {
    let is_here = |url: &str| address(url).map(|url| http::is_loopback(&url));
    if is_here(keys_at)? && !is_here(issuer)? {
        return Err(Failure::failed(format!(
            "{issuer} says that what it is asked for is on this machine itself, at {keys_at:?}"
        ))
        .hint("check the issuer's URL"));
    }
    Ok(())
}

/// A JSON document of an issuer.
pub(super) async fn document<T: DeserializeOwned>(client: &Client, url: &str) -> Result<T> {
    let sent = client
        .get(address(url)?)
        .header(ACCEPT, "application/json")
        .send();
    let answer = sent.await.map_err(|error| away(url, &error))?;
    if answer.status() != StatusCode::OK {
        let status = answer.status();
        return Err(Failure::failed(format!("{url} answered {status}"))
            .hint("check the issuer's URL, and that it runs")
            .of_nature(Nature::Away));
    }
    let body = http::body(answer, LONGEST).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Failure::failed(format!("{url} is not what an issuer answers"))
            .because(&error)
            .hint("check the issuer's URL")
    })
}

pub(super) fn away(url: &str, error: &reqwest::Error) -> Failure {
    let (code, what) = if error.is_timeout() {
        (Code::TimedOut, "does not answer")
    } else {
        (Code::Failed, "cannot be reached")
    };
    Failure::new(code, format!("{url} {what}"))
        .because(error)
        .hint("check the network, the issuer's URL and its certificate_authority")
        .of_nature(Nature::Away)
}

/// Reads an address at which nobody on the way can change what an issuer says.
pub(super) fn address(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok();
    url.filter(http::is_confidential).ok_or_else(|| {
        Failure::failed(format!("{text:?} is not the https address of an issuer"))
            .hint("write it as https://HOST/PATH; http only for this machine itself")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_leads_nobody_to_this_machine_but_one_that_is_on_it() {
        let (far, near) = ("https://id.example.com", "http://127.0.0.1:1");
        for keys_at in [
            "http://127.0.0.1:9200/_all",
            "http://localhost/",
            "http://[::1]:1/",
            "https://127.0.0.1/",
            "http://id.example.com/jwks",
            "file:///etc/passwd",
        ] {
            assert!(leads_elsewhere(far, keys_at).is_err(), "{keys_at}");
        }
        assert!(leads_elsewhere(far, "https://keys.example.com/jwks").is_ok());
        assert!(leads_elsewhere(near, "http://127.0.0.1:1/jwks").is_ok());
    }
}
