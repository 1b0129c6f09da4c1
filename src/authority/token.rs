//! The elevation token: a JWT (RFC 7519) that proves a grant, bound to the client's key by its
//! thumbprint (`cnf.jkt`, RFC 7800 and RFC 9449), and the client's proof that it holds that key.

use jsonwebtoken::{Algorithm, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Authority;
use crate::{
    domain::{
        credential::Token,
        elevation::Grant,
        entitlement::Entitlement,
        failure::{Failure, Result},
        id::GrantId,
        key::{PrivateKey, PublicKey},
        time::Timestamp,
    },
    platform::proof::{self, Aim},
};

const ISSUER: &str = "jit:embedded";
const METHOD: &str = "POST";
const PURPOSE: &str = "token";

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    jti: GrantId,
    ent: Entitlement,
    iat: i64,
    exp: i64,
    cnf: Confirmation,
}

/// The key that a token is bound to (RFC 7800).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Confirmation {
    pub(super) jkt: String,
}

impl Authority {
    /// The proof of a grant, bound to the key that the client holds.
    pub(super) async fn token(&self, grant: &Grant, holder: PublicKey) -> Result<Token> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: grant.principal.name().to_owned(),
            jti: grant.id.clone(),
            ent: grant.entitlement.clone(),
            iat: grant.granted_at.secs(),
            exp: grant.expires_at.secs(),
            cnf: Confirmation {
                jkt: proof::thumbprint(holder)?,
            },
        };
        let text = self
            .sign(PURPOSE, Header::new(Algorithm::EdDSA), &claims)
            .await?;
        Ok(Token(SecretString::from(text)))
    }

    /// The grant that a token proves, if it is ours, has not ended, and whoever shows it holds its key.
    pub(super) async fn proven(&self, token: &Token, proof: &str) -> Result<GrantId> {
        let now = (self.clock)();
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        rules.validate_exp = false;
        let text = token.0.expose_secret();
        let claims: Option<Claims> = self.open(PURPOSE, text, &rules).await?;
        let claims = claims.ok_or_else(|| refused("it was not signed by this authority"))?;
        if now.secs() >= claims.exp {
            return Err(refused("its grant has ended"));
        }
        let url = target(&claims.jti);
        let proven = proof::verify(proof, &aim(&url, text), now).map_err(refused)?;
        if proof::thumbprint(proven.key)? != claims.cnf.jkt {
            return Err(refused("it is bound to another key"));
        }
        Ok(claims.jti)
    }
}

/// The client's proof (RFC 9449) that it holds the key of `token`, for one renewal of one grant.
pub fn prove(
    holder: &PrivateKey,
    grant: &GrantId,
    token: &Token,
    now: Timestamp,
) -> Result<String> {
    proof::prove(holder, &aim(&target(grant), token.0.expose_secret()), now)
}

fn aim<'a>(url: &'a str, token: &'a str) -> Aim<'a> {
    Aim {
        method: METHOD,
        url,
        token: Some(token),
    }
}

fn target(grant: &GrantId) -> String {
    format!("/v1/elevations/{grant}/credential")
}

fn refused(why: &str) -> Failure {
    Failure::denied(format!("the elevation token is refused: {why}"))
        .hint("run the command again: a new elevation is asked for")
}
