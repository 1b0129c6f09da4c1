//! One foreign issuer that is trusted, its keys, and the tokens that it signed.
//!
//! Keys are fetched once and kept: for some minutes without asking, and for a day where the issuer is
//! away. A key that is not known is asked for, but not again and again for whoever makes one up.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jsonwebtoken::{DecodingKey, Header, Validation, decode};
use reqwest::Client;
use serde_json::{Map, Value};
use tokio::{sync::Mutex as Flight, time::timeout};

use super::{
    check::check,
    discovery::{self, Metadata},
    fault::Fault,
    header,
    jwks::{Fetched, KeySet},
    trusted::{KeySource, Purpose, Trusted, Verified},
    userinfo,
};
use crate::{
    domain::{
        failure::{Code, Failure, Nature, Result},
        time::Timestamp,
    },
    platform::keys,
};

/// How long an issuer may take for its metadata and its keys together.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long keys are believed without asking again.
const FRESH: Duration = Duration::from_mins(10);
/// How long keys are believed where the issuer is away.
const STALE: Duration = Duration::from_hours(24);
/// How long after a question the next one is asked.
const PAUSE: Duration = Duration::from_secs(10);

/// A trusted issuer with its keys, as far as they are known.
#[derive(Debug)]
pub struct Issuer {
    trusted: Trusted,
    client: Client,
    known: Mutex<Known>,
    /// One question at a time.
    flight: Flight<()>,
}

#[derive(Clone, Debug)]
struct Known {
    keys: KeySet,
    fetched_at: Timestamp,
    asked_at: Timestamp,
}

impl Issuer {
    /// An issuer that is asked for its keys once a token of it comes.
    ///
    /// # Errors
    /// Its address is not encrypted, or its certificate authority is none.
    pub fn new(trusted: Trusted) -> Result<Self> {
        let long_ago = Timestamp::from_secs(0);
        Ok(Self {
            client: discovery::client(&trusted.issuer, trusted.authority.as_deref())?,
            trusted,
            known: Mutex::new(Known {
                keys: KeySet::default(),
                fetched_at: long_ago,
                asked_at: long_ago,
            }),
            flight: Flight::new(()),
        })
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.trusted.issuer
    }

    /// For whom its tokens must be: one of these.
    pub const fn audiences(&self) -> &BTreeSet<String> {
        &self.trusted.audiences
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// It is away, or is another one.
    pub async fn metadata(&self) -> Result<Metadata> {
        discovery::discover(&self.client, &self.trusted.issuer).await
    }

    /// What it says of whom an access token is.
    ///
    /// # Errors
    /// Sign-in (123): it does not know the token. It is away.
    pub async fn userinfo(&self, access_token: &str) -> Result<Map<String, Value>> {
        let asking = async {
            let metadata = self.metadata().await?;
            userinfo::read(&self.client, &metadata, access_token).await
        };
        let said = timeout(PATIENCE, asking).await;
        let said = said.unwrap_or_else(|_| Err(self.late()));
        said.map_err(|failure| self.away(failure))
    }

    /// What a token says, if it is this issuer's, for us, and good now.
    ///
    /// # Errors
    /// Sign-in (123), with why the token is refused; its keys are not to be had ([`Nature::Away`]).
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verified> {
        self.verify_for(self.trusted.purpose, token, now).await
    }

    /// The same of a token that is for something else than the issuer's others: a logout token.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_for(
        &self,
        purpose: Purpose,
        token: &str,
        now: Timestamp,
    ) -> Result<Verified> {
        let trusted = &Trusted {
            purpose,
            ..self.trusted.clone()
        };
        let header = header::read(token, trusted).map_err(|fault| self.refused(fault))?;
        let key = self.key(&header, now).await;
        let key = key.map_err(|failure| self.named_by(token, failure))?;
        let mut rules = Validation::new(header.alg);
        // Time and audience are looked at below, by our own clock.
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let opened = decode::<Map<String, Value>>(token, &key, &rules);
        let Ok(opened) = opened else {
            return Err(self.refused("its signature does not hold"));
        };
        // Without the signature, of which whoever has one can make another that holds (ECDSA).
        let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        let id = keys::hex(&keys::sha256(signed.as_bytes()));
        check(trusted, opened.claims, id, now).map_err(|fault| self.refused(fault))
    }

    /// Says which issuer is away to whoever shows a token that names it; to nobody else, since an address may
    /// be of an internal network.
    fn named_by(&self, token: &str, failure: Failure) -> Failure {
        let claims = header::unverified_claims(token).unwrap_or_default();
        if claims.get("iss").and_then(Value::as_str) == Some(self.url()) {
            return self.away(failure);
        }
        failure
    }

    /// Says which issuer is away.
    fn away(&self, failure: Failure) -> Failure {
        if failure.nature != Nature::Away {
            return failure;
        }
        Failure {
            cause: Some(failure.to_string()),
            ..Failure::new(
                Code::TimedOut,
                format!(
                    "the server cannot reach {}, which vouches for this sign-in",
                    self.url()
                ),
            )
            .hint("try again in a moment; if it stays so, ask the server's administrator, whose log says why")
            .of_nature(Nature::IssuerAway)
        }
    }

    /// The key that a token is to be checked with; it is fetched where it is not known.
    async fn key(&self, header: &Header, now: Timestamp) -> Result<DecodingKey> {
        let strange = || self.refused("it is signed with a key that is not its issuer's");
        if let KeySource::Given(keys) = &self.trusted.keys {
            return keys.find(header).ok_or_else(strange);
        }
        let known = self.known();
        let found = known.keys.find(header);
        if let Some(key) = &found
            && is_within(known.fetched_at, FRESH, now)
        {
            return Ok(key.clone());
        }
        let stale = found.filter(|_| is_within(known.fetched_at, STALE, now));
        let _flight = match (self.flight.try_lock(), stale) {
            (Ok(flight), _) => flight,
            // Somebody is asking already, and what is known serves meanwhile.
            (Err(_), Some(key)) => return Ok(key),
            (Err(_), None) => self.flight.lock().await,
        };
        let asked = self.ask(now).await;
        let known = self.known();
        let usable = is_within(known.fetched_at, STALE, now);
        match (known.keys.find(header).filter(|_| usable), asked) {
            (Some(key), _) => Ok(key),
            (None, Err(failure)) => Err(failure),
            (None, Ok(())) if usable => Err(strange()),
            (None, Ok(())) => Err(Failure::failed(format!(
                "the keys of {} could not be fetched just now",
                self.trusted.issuer
            ))
            .hint("try again in some seconds")
            .of_nature(Nature::Away)),
        }
    }

    /// Fetches the keys, if nobody did just now.
    async fn ask(&self, now: Timestamp) -> Result<()> {
        if is_within(self.known().asked_at, PAUSE, now) {
            return Ok(());
        }
        self.change(|known| known.asked_at = now);
        let keys = self.fetch().await?;
        self.change(|known| {
            known.keys = keys;
            known.fetched_at = now;
        });
        Ok(())
    }

    async fn fetch(&self) -> Result<KeySet> {
        let fetching = async {
            let address = match &self.trusted.keys {
                KeySource::At(address) => address.clone(),
                KeySource::Given(keys) => return Ok(keys.clone()),
                KeySource::Discovered => self.metadata().await?.jwks_uri,
            };
            let fetched: Fetched = discovery::document(&self.client, &address).await?;
            Ok(fetched.into())
        };
        let fetched = timeout(PATIENCE, fetching).await;
        fetched.unwrap_or_else(|_| Err(self.late()))
    }

    fn late(&self) -> Failure {
        let url = self.url();
        Failure::new(Code::TimedOut, format!("{url} does not answer in time"))
            .hint("check the network and the issuer's URL")
            .of_nature(Nature::Away)
    }

    fn known(&self) -> Known {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn refused(&self, fault: impl Into<Fault>) -> Failure {
        let Fault { why, hint } = fault.into();
        let issuer = &self.trusted.issuer;
        Failure::new(
            Code::SignIn,
            format!("the token of {issuer} is refused: {why}"),
        )
        .hint(hint)
    }
}

/// Whether `now` is not longer after `since` than that; a clock that was set back makes it long ago.
fn is_within(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    since <= now && now < since.after(span)
}
