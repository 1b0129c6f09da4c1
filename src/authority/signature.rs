//! Signing with a purpose's key, and opening what any of its generations signed.

use jsonwebtoken::{Header, Validation, decode_header};
use serde::{Serialize, de::DeserializeOwned};

use super::Authority;
use crate::{
    domain::failure::Result,
    platform::{keys, proof},
};

impl Authority {
    /// The claims as a JWT, signed by the key of `purpose`, which the header names.
    pub(super) async fn sign(
        &self,
        purpose: &str,
        mut header: Header,
        claims: &impl Serialize,
    ) -> Result<String> {
        let key = self.store.signing_key(purpose, (self.clock)()).await?;
        header.kid = Some(proof::thumbprint(key.public())?);
        proof::sign(&header, claims, &key)
    }

    /// The claims of a JWT, if a key of `purpose` signed it and it keeps the rules, which are the same at
    /// any time: an instant is for whoever reads the claims.
    pub(super) async fn open<C: DeserializeOwned + Clone>(
        &self,
        purpose: &str,
        token: &str,
        rules: &Validation,
    ) -> Result<Option<C>> {
        let hash = keys::sha256(token.as_bytes());
        if self.store.has_opened(purpose, &hash).await? {
            return Ok(proof::read(token));
        }
        let Ok(header) = decode_header(token) else {
            return Ok(None);
        };
        let shown = (header.kid.as_deref(), hash);
        let open = |key| proof::open(token, key, rules);
        self.store.opened_by(purpose, shown, open).await
    }
}
