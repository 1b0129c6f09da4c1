//! The keys of the authority's own issuer: P-256, otherwise as the other signing keys.

use super::{
    keychain::{FRESH, unkept},
    keys::ASKING,
    open::Store,
    p256,
};
use crate::domain::{
    failure::Result,
    key::{EcKey, EcPublicKey},
    time::Timestamp,
};

impl Store {
    /// The P-256 key of `purpose` (`issuer`) that signs at `now`, made on first use.
    pub async fn ec_key(&self, purpose: &str, now: Timestamp) -> Result<EcKey> {
        if let Some(key) = self.made_ec_key(purpose, now).await? {
            return Ok(key);
        }
        self.keep_first(purpose, &p256::halves()?).await?;
        let made = self.made_ec_key(purpose, now).await?;
        made.ok_or_else(|| unkept(purpose))
    }

    /// The public keys of `purpose` that others are to trust at `now`, as those of the other purposes;
    /// the first key is made here where none was needed yet, since who asks remembers the answer.
    pub async fn ec_public_keys(&self, purpose: &str, now: Timestamp) -> Result<Vec<EcPublicKey>> {
        self.ec_key(purpose, now).await?;
        // Targets ask rarely, and when they meet a key that they do not know: made elsewhere just now.
        let ring = self.ring(purpose, ASKING).await?;
        ring.shown(purpose, now).map(p256::public).collect()
    }

    async fn made_ec_key(&self, purpose: &str, now: Timestamp) -> Result<Option<EcKey>> {
        let ring = self.ring(purpose, FRESH).await?;
        ring.signing(now).map(p256::private).transpose()
    }
}
