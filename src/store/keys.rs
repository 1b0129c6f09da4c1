//! Signing keys by purpose, in generations: the newest that has begun signs, the others verify what
//! they signed. Sealed at rest, made on first use, kept in memory for moments.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{
    database::{Row, Statement},
    open::Store,
    p256,
    rings::{Halves, Kept, Ring, public},
    vouched::{PURPOSE as ROWS, Voucher},
};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::{PrivateKey, PublicKey},
        time::Timestamp,
    },
    platform::keys,
};

/// How long a key is used without asking whether it still is the one: after a rotation elsewhere the
/// old one signs, and where it was given up is accepted, for that long at most.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// How often an unknown key is asked for at most.
pub(super) const ASKING: Duration = Duration::from_secs(1);

impl Store {
    /// The key of `purpose` (`token`, `ca ssh/web`) that signs at `now`, made on first use; of many
    /// processes that make it at the same time one wins, and all use that one.
    pub async fn signing_key(&self, purpose: &str, now: Timestamp) -> Result<PrivateKey> {
        if let Some(key) = self.made_key(purpose, now).await? {
            return Ok(key);
        }
        self.keep_first(purpose, &ed25519()?).await?;
        let made = self.made_key(purpose, now).await?;
        made.ok_or_else(|| unkept(purpose))
    }

    /// The key of `purpose` that signs at `now`, if one was made.
    pub async fn made_key(&self, purpose: &str, now: Timestamp) -> Result<Option<PrivateKey>> {
        let ring = self.ring(purpose, FRESH).await?;
        ring.signing(now).map(private).transpose()
    }

    /// The public keys of `purpose` that others are to trust at `now`: the one that signs, the one that
    /// will, and those that did not long ago. The one that signs is the first.
    pub async fn public_keys(&self, purpose: &str, now: Timestamp) -> Result<Vec<PublicKey>> {
        let ring = self.ring(purpose, FRESH).await?;
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
        for _ in 0..2 {
            let ring = self.ring(ROWS, FRESH).await?;
            let secret = ring.signing(now).and_then(|kept| kept.secret.as_ref());
            if let Some(secret) = secret {
                return Ok(Voucher::new(secret));
            }
            // Made on first use.
            self.signing_key(ROWS, now).await?;
        }
        Err(unkept(ROWS))
    }

    pub(super) async fn ring(&self, purpose: &str, fresh: Duration) -> Result<Arc<Ring>> {
        let known = self.rings.of(purpose);
        if let Some(ring) = known.filter(|ring| ring.read_at.elapsed() < fresh && !ring.is_empty())
        {
            return Ok(ring);
        }
        let read_at = Instant::now();
        let keys = self.kept_keys(purpose).await?;
        let ring = Arc::new(Ring::new(read_at, keys));
        self.rings.keep(purpose, &ring);
        Ok(ring)
    }

    pub(super) async fn kept_keys(&self, purpose: &str) -> Result<Vec<Kept>> {
        let select = "select generation, starts_at, sealed, verifier from keys
             where purpose = $1 order by generation desc";
        let select = Statement::new(select, [purpose.into()]);
        let rows = self.database.rows(&select).await?;
        rows.iter().map(|row| self.kept(purpose, row)).collect()
    }

    fn kept(&self, purpose: &str, row: &Row) -> Result<Kept> {
        let closed = || {
            Failure::failed(format!("the signing key of {purpose} cannot be opened"))
                .hint("restore the sealing key that it was sealed with; targets trust the old key")
        };
        let generation = row.int(0)?;
        let (sealed, verifier) = (row.text(2)?, row.text(3)?);
        let open = |name: String, text: &str| self.sealing.open(&name, text).ok_or_else(closed);
        let secret = match sealed {
            "" => None,
            sealed => Some(open(secret_name(purpose, generation), sealed)?),
        };
        let public = match (verifier, &secret) {
            ("", Some(secret)) => public_of(secret)?,
            (verifier, _) => open(public_name(purpose, generation), verifier)?.to_vec(),
        };
        Ok(Kept {
            generation,
            starts_at: Timestamp::from_millis(row.int(1)?),
            secret,
            public,
        })
    }

    pub(super) async fn keep_first(&self, purpose: &str, halves: &Halves) -> Result<()> {
        let insert = "insert into keys (purpose, generation, starts_at, sealed, verifier)
             select $1, 1, 0, $2, $3 where not exists (select 1 from sealing where fingerprint <> $4)
             on conflict do nothing";
        let secret = self
            .sealing
            .seal(&secret_name(purpose, 1), &halves.secret)?;
        let public = self
            .sealing
            .seal(&public_name(purpose, 1), &halves.public)?;
        let ours = self.sealing.key().fingerprint();
        let values = [purpose.into(), secret.into(), public.into(), ours.into()];
        let insert = Statement::new(insert, values);
        self.database.run(&insert).await.map(drop)
    }
}

/// A key that was made and is not there.
pub(super) fn unkept(purpose: &str) -> Failure {
    Failure::failed(format!("the key of {purpose} was not kept"))
        .hint("was the sealing key replaced? name the new one and start again")
}

fn private(kept: &Kept) -> Result<PrivateKey> {
    let secret = kept.secret.as_deref().map(Vec::as_slice);
    let seed = secret.and_then(|secret| secret.try_into().ok());
    let seed = seed.ok_or_else(|| Failure::failed("a key in the store is not an Ed25519 key"))?;
    Ok(PrivateKey::new(seed, public(kept)?))
}

fn public_of(secret: &[u8]) -> Result<Vec<u8>> {
    Ok(keys::from_seed(secret)?.public().0.to_vec())
}

fn ed25519() -> Result<Halves> {
    let key = keys::generate()?;
    Ok(Halves {
        secret: Zeroizing::new(key.expose_seed().to_vec()),
        public: key.public().0.to_vec(),
    })
}

/// A new key of the kind that `old` is.
pub(super) fn another(old: &Kept) -> Result<Halves> {
    if p256::is_one(old) {
        return p256::halves();
    }
    ed25519()
}

/// What a private half is sealed as. The first generation is called as in version 1.
pub(super) fn secret_name(purpose: &str, generation: i64) -> String {
    match generation {
        1 => format!("signing key of {purpose}"),
        _ => format!("signing key of {purpose}, generation {generation}"),
    }
}

pub(super) fn public_name(purpose: &str, generation: i64) -> String {
    format!("public key of {purpose}, generation {generation}")
}
