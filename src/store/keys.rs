//! Signing keys by purpose, in generations: the newest that has begun signs, the others verify what
//! they signed. Sealed at rest, made on first use, kept in memory for moments.

use std::{sync::Arc, time::Duration};

use super::{
    keychain::{FRESH, ed25519, private},
    open::Store,
    p256,
    rings::{Halves, Kept, Ring, public},
    vouched::Voucher,
};
use crate::domain::{
    failure::Result,
    key::{PrivateKey, PublicKey},
    time::Timestamp,
};

/// How often an unknown key is asked for at most.
pub(super) const ASKING: Duration = Duration::from_secs(1);

impl Store {
    /// The key of `purpose` (`token`, `ca ssh/web`) that signs at `now`, made on first use; of many
    /// processes that make it at the same time one wins, and all use that one.
    pub async fn signing_key(&self, purpose: &str, now: Timestamp) -> Result<PrivateKey> {
        self.keychain.signing_key(purpose, now).await
    }

    /// The key of `purpose` that signs at `now`, if one was made.
    pub async fn made_key(&self, purpose: &str, now: Timestamp) -> Result<Option<PrivateKey>> {
        self.keychain.made_key(purpose, now).await
    }

    /// The public keys of `purpose` that others are to trust at `now`: the one that signs, the one that
    /// will, and those that did not long ago. The one that signs is the first. They are read anew each time:
    /// who is told of them keeps them.
    pub async fn public_keys(&self, purpose: &str, now: Timestamp) -> Result<Vec<PublicKey>> {
        let ring = self.ring(purpose, Duration::ZERO).await?;
        ring.shown(purpose, now).map(public).collect()
    }

    /// The other keys of `purpose` that can still sign at `now`: the one that will, and the one that did.
    pub async fn other_keys(&self, purpose: &str, now: Timestamp) -> Result<Vec<PrivateKey>> {
        let ring = self.ring(purpose, FRESH).await?;
        let shown = ring.shown(purpose, now).skip(1);
        shown
            .filter(|kept| kept.secret.is_some())
            .map(private)
            .collect()
    }

    /// The public keys that may have signed what names `id` as its key (RFC 7638), or names none.
    pub async fn verifying_keys(&self, purpose: &str, id: Option<&str>) -> Result<Vec<PublicKey>> {
        let (_, keys) = self.verifying(purpose, id).await?;
        Ok(keys)
    }

    /// Those keys, and the ring that they are of. One that is not known yet may have been made elsewhere a
    /// moment ago, so it is asked for.
    async fn verifying(
        &self,
        purpose: &str,
        id: Option<&str>,
    ) -> Result<(Arc<Ring>, Vec<PublicKey>)> {
        let ring = self.ring(purpose, FRESH).await?;
        let keys = ring.named(id)?;
        if id.is_none() || !keys.is_empty() {
            return Ok((ring, keys));
        }
        let ring = self.ring(purpose, ASKING).await?;
        let keys = ring.named(id)?;
        Ok((ring, keys))
    }

    /// Whether the keys of `purpose` that are in memory opened what has that hash: a token that is shown
    /// with each request is verified anew whenever the keys are read.
    pub async fn has_opened(&self, purpose: &str, hash: &[u8; 32]) -> Result<bool> {
        let ring = self.ring(purpose, FRESH).await?;
        Ok(ring.has_opened(hash))
    }

    /// What `open` makes of what has that hash by one of the keys that may have signed it, which is
    /// remembered.
    pub async fn opened_by<T>(
        &self,
        purpose: &str,
        (id, hash): (Option<&str>, [u8; 32]),
        open: impl FnMut(PublicKey) -> Option<T>,
    ) -> Result<Option<T>> {
        let (ring, keys) = self.verifying(purpose, id).await?;
        let opened = keys.into_iter().find_map(open);
        if opened.is_some() {
            ring.note_opened(hash);
        }
        Ok(opened)
    }

    /// The voucher of this store.
    ///
    /// # Errors
    /// The database is away, or its key cannot be opened.
    pub async fn voucher(&self, now: Timestamp) -> Result<Voucher> {
        self.keychain.voucher(now).await
    }

    pub(super) async fn ring(&self, purpose: &str, fresh: Duration) -> Result<Arc<Ring>> {
        self.keychain.ring(purpose, fresh).await
    }

    pub(super) async fn kept_keys(&self, purpose: &str) -> Result<Vec<Kept>> {
        self.keychain.kept_keys(purpose).await
    }

    pub(super) async fn keep_first(&self, purpose: &str, halves: &Halves) -> Result<()> {
        self.keychain.keep_first(purpose, halves).await
    }
}

/// A new key of the kind that `old` is.
pub(super) fn another(old: &Kept) -> Result<Halves> {
    if p256::is_one(old) {
        return p256::halves();
    }
    ed25519()
}
