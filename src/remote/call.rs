//! One call of a server: what is sent, what is shown of who calls, and how much may come back.

use std::time::Duration;

use reqwest::Method;
use zeroize::Zeroizing;

use crate::domain::{
    credential::Token,
    failure::{Failure, Result},
    key::PrivateKey,
};

/// Larger than any answer about one elevation.
pub const ONE: usize = 1 << 20;
/// Larger than any list: a catalogue, a page of the ledger.
pub const MANY: usize = 16 << 20;

/// One call.
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The path, from the root of the API.
    pub path: String,
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Body,
    /// What is shown.
    pub shown: Shown<'a>,
    /// How long the server may take for it, since it is to wait for something itself.
    pub waits: Duration,
    /// The most bytes that an answer may have.
    pub most: usize,
}

/// What is sent.
pub enum Body {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Zeroizing<Vec<u8>>),
    /// What an HTML form would send (`application/x-www-form-urlencoded`).
    Form(Zeroizing<String>),
}

/// What is shown of who calls.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// Nothing.
    Nothing,
    /// That the caller holds this key (RFC 9449, section 5).
    Key(&'a PrivateKey),
    /// A session's token, and that the caller holds its key (RFC 9449, section 7).
    Session(&'a Token, &'a PrivateKey),
}

impl<'a> Call<'a> {
    /// A question.
    pub fn get(path: impl Into<String>, shown: Shown<'a>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: Body::Nothing,
            shown,
            waits: Duration::ZERO,
            most: ONE,
        }
    }

    /// Something to do.
    pub fn post(path: impl Into<String>, body: Body, shown: Shown<'a>) -> Self {
        Self {
            method: Method::POST,
            body,
            ..Self::get(path, shown)
        }
    }

    /// With a parameter of its query, where there is a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.query.extend(value.map(|value| (name, value)));
        self
    }
}

impl Body {
    /// Something as JSON.
    pub fn json(what: &impl serde::Serialize) -> Result<Self> {
        let text = serde_json::to_vec(what)
            .map_err(|error| Failure::failed("the request cannot be written").because(&error))?;
        Ok(Self::Json(Zeroizing::new(text)))
    }
}
