//! The line to a server: its address, whom it trusts, and one call over it, tried again where that
//! may help.

use std::{
    future::pending,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{
    Client, Method, RequestBuilder, Url,
    header::{CONTENT_TYPE, HeaderName},
};
use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, sleep, timeout};

pub use super::call::{Body, Call, MANY, ONE, Shown};
use super::{
    patience::Patience,
    reply::{self, Reply},
    trouble::{self, Trouble},
};
use crate::{
    domain::{
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{
        http, keys, pem,
        proof::{self, Aim},
        terminal, tls,
    },
};

/// How long a server is waited for before that is said.
const SILENCE: Duration = Duration::from_secs(2);

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const DPOP: HeaderName = HeaderName::from_static("dpop");
const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

/// Why the last attempt of a call failed, for whoever is told that the server is waited for.
type LastTrouble = Mutex<Option<String>>;

/// How a server is reached.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its URL, as config.toml has it.
    pub server: &'a str,
    /// The only authorities that may vouch for it, PEM; absent: the system's.
    pub authority: Option<&'a [u8]>,
    /// How long to wait for it.
    pub patience: Patience,
    /// Whether somebody wants to know that it is waited for.
    pub watched: bool,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

/// A server that can be called.
pub struct Link {
    base: String,
    http: Client,
    patience: Patience,
    /// Whether it is still to be said that the server is waited for: once is enough.
    untold: AtomicBool,
    clock: fn() -> Timestamp,
}

impl Link {
    /// A line to a server. Nothing is sent yet.
    ///
    /// # Errors
    /// The certificates that it is to be known by are none, or this system has none at all.
    pub fn to(way: &Way<'_>) -> Result<Self> {
        let server = way.server;
        let broken = |error: &reqwest::Error| {
            Failure::failed(format!("the server {server} cannot be spoken to"))
                .because(error)
                .hint("install the system's certificates (Debian: ca-certificates), or name `certificate_authority` in config.toml")
        };
        let url = address(server)?;
        let mut builder = http::client(&url, way.patience.answer);
        if let Some(pem) = way.authority {
            builder = builder.tls_backend_preconfigured(trust(pem)?);
        }
        Ok(Self {
            base: server.trim_end_matches('/').to_owned(),
            http: builder.build().map_err(|error| broken(&error))?,
            patience: way.patience,
            untold: AtomicBool::new(way.watched),
            clock: way.clock,
        })
    }

    /// The server's URL, without a slash at its end.
    pub fn server(&self) -> &str {
        &self.base
    }

    /// The instant.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The same line for somebody who waits otherwise.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Calls, and calls again where that may help: a POST has the same `Idempotency-Key` each time, so
    /// that it is done once. Whoever watches is told when that takes long.
    ///
    /// # Errors
    /// What the server says; timed out (124), where it cannot be reached or does not answer; failed
    /// (125), where it is not trusted, or what it says makes no sense.
    pub async fn call(&self, call: &Call<'_>) -> Result<Reply> {
        let last = LastTrouble::default();
        tokio::select! {
            outcome = self.attempts(call, &last) => outcome,
            never = self.tell(call, &last) => never,
        }
    }

    /// Says what is waited for, and why the last attempt failed. Never comes back.
    async fn tell(&self, call: &Call<'_>, last: &LastTrouble) -> Result<Reply> {
        sleep(SILENCE.saturating_add(call.waits)).await;
        if self.untold.swap(false, Ordering::Relaxed) {
            let why = last.lock().unwrap_or_else(PoisonError::into_inner).take();
            let most = self.patience.answer.as_secs();
            let waiting = format!("for {most} seconds at most; Ctrl-C gives up");
            let why = why.map(|why| terminal::plain_line(&why));
            terminal::say(&match why {
                Some(why) => format!("jit: {why}; waiting {waiting}"),
                None => format!("jit: waiting for the server {}, {waiting}", self.base),
            });
        }
        pending().await
    }

    async fn attempts(&self, call: &Call<'_>, last: &LastTrouble) -> Result<Reply> {
        let key = keys::hex(&keys::random::<16>()?);
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            let left = self.patience.answer.saturating_sub(begun.elapsed());
            let outcome = timeout(left, self.attempt(call, &key)).await;
            let trouble = match outcome {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(trouble)) => trouble,
                Err(_) => return Err(trouble::slow(&self.base, begun.elapsed())),
            };
            *last.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(trouble.failure.to_string());
            let [chance] = keys::random::<1>()?;
            let spent = begun.elapsed();
            match self.patience.pause(trouble.again, attempt, spent, chance) {
                Some(pause) => sleep(pause).await,
                None => return Err(trouble.failure),
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call<'_>, key: &str) -> Result<Reply, Trouble> {
        let begun = Instant::now();
        let request = self.request(call, key).map_err(reply::never)?;
        let sent = request.send().await;
        let response = sent.map_err(|error| trouble::of(&self.base, error, begun.elapsed()))?;
        reply::read(&self.base, response, call.most, self.now()).await
    }

    fn request(&self, call: &Call<'_>, key: &str) -> Result<RequestBuilder> {
        let target = format!("{}{}", self.base, call.path);
        let mut url = address(&target)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.http.request(call.method.clone(), url);
        request = match &call.body {
            Body::Nothing => request,
            Body::Json(text) => request
                .header(CONTENT_TYPE, "application/json")
                .body(text.to_vec()),
            Body::Form(text) => request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(text.to_string()),
        };
        if call.method == Method::POST {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let prove = |holder, token| {
            let method = call.method.as_str();
            let url = &target;
            proof::prove(holder, &Aim { method, url, token }, self.now())
        };
        Ok(match call.shown {
            Shown::Nothing => request,
            Shown::Key(holder) => request.header(DPOP, prove(holder, None)?),
            Shown::Session(token, holder) => {
                let token = token.0.expose_secret();
                request
                    .header(AUTHORIZATION, format!("DPoP {token}"))
                    .header(DPOP, prove(holder, Some(token))?)
            }
        })
    }
}

/// The address of a server, which is encrypted unless it is this machine.
pub(super) fn address(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let Some(url) = url else {
        return Err(
            Failure::failed(format!("{text:?} is not the address of a server"))
                .hint("write it as https://HOST or https://HOST:PORT"),
        );
    };
    if http::is_confidential(&url) {
        return Ok(url);
    }
    Err(
        Failure::failed(format!("{text} is not encrypted, so nothing is sent there"))
            .hint("write it as https://HOST; http only for this machine itself"),
    )
}

/// TLS to a server that is known by the certificates of a PEM file.
fn trust(text: &[u8]) -> Result<ClientConfig> {
    let named = pem::certificates(text).unwrap_or_default();
    tls::trusting(&named).map_err(|_| {
        Failure::failed("the certificate authority of the server is not a certificate in PEM")
            .hint("name a file that begins with -----BEGIN CERTIFICATE----- as `certificate_authority` in config.toml")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for url in [
            "https://jit.example.com",
            "http://localhost:8443",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(address(url).is_ok(), "{url}");
        }
        for url in [
            "http://jit.example.com",
            "http://localhost.evil.example",
            "ftp://localhost",
            "jit",
            "http://2130706433.example",
        ] {
            assert!(address(url).is_err(), "{url}");
        }
    }
}
