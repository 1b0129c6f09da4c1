//! The keys of a store: read from its database, opened with its sealing key, kept in memory for moments.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::metrics::counter::Counter;
use zeroize::Zeroizing;

use super::{
    database::{Database, Row, Statement},
    rings::{Halves, Kept, Ring, Rings, public},
    sealing::Sealing,
    vouched::{PURPOSE as ROWS, Voucher},
};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::keys,
};

/// How long a key is used without asking whether it still is the one: after a rotation elsewhere the
/// old one signs, and where it was given up is accepted, for that long at most.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// The keys of a store. Cloning shares them.
#[derive(Clone)]
pub(super) struct Keychain {
    pub(super) database: Database,
    pub(super) sealing: Sealing,
    pub(super) rings: Rings,
    /// How many rows were refused since this authority did not write them.
    pub(super) refused_rows: Counter,
}

impl Keychain {
    /// The key of `purpose` that signs at `now`, made on first use.
    pub(super) async fn signing_key(&self, purpose: &str, now: Timestamp) -> Result<PrivateKey> {
        if let Some(key) = self.made_key(purpose, now).await? {
            return Ok(key);
        }
        self.keep_first(purpose, &ed25519()?).await?;
        let made = self.made_key(purpose, now).await?;
        made.ok_or_else(|| unkept(purpose))
    }

    /// The key of `purpose` that signs at `now`, if one was made.
    pub(super) async fn made_key(
        &self,
        purpose: &str,
        now: Timestamp,
    ) -> Result<Option<PrivateKey>> {
        let ring = self.ring(purpose, FRESH).await?;
        ring.signing(now).map(private).transpose()
    }

    /// What this authority's rows are known by.
    pub(super) async fn voucher(&self, now: Timestamp) -> Result<Voucher> {
        self.fresh_voucher(now, FRESH).await
    }

    /// The same, where the key was read from the database no longer than `fresh` ago.
    pub(super) async fn fresh_voucher(&self, now: Timestamp, fresh: Duration) -> Result<Voucher> {
        for _ in 0..2 {
            let ring = self.ring(ROWS, fresh).await?;
            let secret = ring.signing(now).and_then(|kept| kept.secret.as_ref());
            if let Some(secret) = secret {
                return Ok(Voucher::new(secret, &self.refused_rows));
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

pub(super) fn private(kept: &Kept) -> Result<PrivateKey> {
    let secret = kept.secret.as_deref().map(Vec::as_slice);
    let seed = secret.and_then(|secret| secret.try_into().ok());
    let seed = seed.ok_or_else(|| Failure::failed("a key in the store is not an Ed25519 key"))?;
    Ok(PrivateKey::new(seed, public(kept)?))
}

fn public_of(secret: &[u8]) -> Result<Vec<u8>> {
    Ok(keys::from_seed(secret)?.public().0.to_vec())
}

pub(super) fn ed25519() -> Result<Halves> {
    let key = keys::generate()?;
    Ok(Halves {
        secret: Zeroizing::new(key.expose_seed().to_vec()),
        public: key.public().0.to_vec(),
    })
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
