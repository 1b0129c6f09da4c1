//! What is presented of an identity: a subject token and its type (RFC 8693).

use std::path::Path;

use secrecy::SecretString;

use super::{
    aws,
    found::{Evidence, Found},
    github,
};
use crate::{
    domain::{
        credential::Token,
        environment::Environment,
        failure::{Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::{
        assertion::{self, Bound, Said},
        files,
    },
    protocol::subject,
};

/// The longest token that is read: as long as a server takes.
const LONGEST: usize = 64 << 10;

/// What is presented.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The token.
    pub token: Token,
    /// Its type: one of [`subject`]'s.
    pub kind: &'static str,
}

/// A key of this machine's own, and what it has to say.
#[derive(Clone, Debug)]
pub struct Own {
    /// The key.
    pub key: PrivateKey,
    /// Beyond that it is there.
    pub said: Said,
}

/// Presents an identity to one server, for a session that is bound to one key.
///
/// # Errors
/// Whoever gives the identity is away or refuses; a file is not there.
pub async fn present(
    found: &Found,
    own: Option<&Own>,
    environment: &Environment,
    bound: &Bound<'_>,
    now: Timestamp,
) -> Result<Subject> {
    let jwt = |shown: SecretString| Subject {
        token: Token(shown),
        kind: subject::JWT,
    };
    match &found.evidence {
        Evidence::Github { url, token } => github::token(url, token, bound.server).await.map(jwt),
        Evidence::Token(token) => Ok(jwt(token.clone())),
        Evidence::File(file) => read(file).map(jwt),
        Evidence::Aws => Ok(Subject {
            token: Token(aws::signed(environment, bound, now).await?),
            kind: subject::AWS,
        }),
        Evidence::Key => {
            let own = own.ok_or_else(|| {
                Failure::failed("the key of this machine is not there")
                    .hint("enrol it again: jit login --join")
            })?;
            Ok(Subject {
                token: Token(assertion::say(&own.key, &own.said, bound, now)?),
                kind: subject::KEY,
            })
        }
    }
}

fn read(file: &Path) -> Result<SecretString> {
    let shown = file.display();
    let text = files::read(file)?.filter(|bytes| bytes.len() <= LONGEST);
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let token = text
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    token.map(SecretString::from).ok_or_else(|| {
        Failure::failed(format!("{shown} holds no token"))
            .hint("it holds one token (a JWT) and nothing else; see what writes it")
    })
}
