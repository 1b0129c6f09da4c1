//! Replacing keys: a purpose's signing key by its next generation, and the key that seals them all.

use std::time::Duration;

use super::{
    database::Statement,
    identity_rows,
    keychain::{public_name, secret_name},
    keys::another,
    ledger::{Actor, Append},
    open::Store,
    rings::{Halves, Kept},
    sealing::Sealing,
    vouched::{PURPOSE, Voucher},
};
use crate::{
    domain::{
        event::Event,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::seal::SealingKey,
};

/// How long a key can still sign after its successor began: a clock may be behind, and a certificate
/// authority's own certificate, which is made anew each time, is shown for as long.
const GRACE: Duration = Duration::from_hours(24);

/// How a purpose's next key comes.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Whose: `token`, `ca ssh/web`.
    pub purpose: &'a str,
    /// Now.
    pub now: Timestamp,
    /// When it begins to sign.
    pub starts_at: Timestamp,
    /// Whether the old ones are in other hands: what they signed is accepted no longer.
    pub compromised: bool,
}

/// A generation, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Whose.
    pub purpose: String,
    /// 1, 2, 3, …
    pub generation: i64,
    /// From when on it signs, until the next one does.
    pub starts_at: Timestamp,
    /// Whether its private half is still there.
    pub can_sign: bool,
}

impl Store {
    /// All keys, by purpose, the oldest generation first.
    pub async fn generations(&self) -> Result<Vec<Generation>> {
        let select =
            "select purpose, generation, starts_at, case when sealed = '' then 0 else 1 end
             from keys order by purpose, generation";
        let rows = self.database.rows(&Statement::new(select, [])).await?;
        let all = rows.iter().map(|row| {
            Ok(Generation {
                purpose: row.text(0)?.to_owned(),
                generation: row.int(1)?,
                starts_at: Timestamp::from_millis(row.int(2)?),
                can_sign: row.int(3)? == 1,
            })
        });
        all.collect()
    }

    /// Makes the next key of a purpose, in the commit of that event; its generation. The old ones verify
    /// what they signed, and lose their private halves once they do nothing else.
    ///
    /// # Errors
    /// There is no key of that purpose yet; somebody else rotated it at the same time.
    pub async fn rotate(&self, rotation: &Rotation<'_>, event: Event) -> Result<i64> {
        let purpose = rotation.purpose;
        if purpose == PURPOSE && !rotation.compromised {
            return Err(Failure::usage("rows are not vouched for anew")
                .hint("with --compromised everybody signs in, is enrolled and asks again"));
        }
        let old = self.kept_keys(purpose).await?;
        let newest = old.first().ok_or_else(|| {
            Failure::usage(format!("there is no key of {purpose:?} yet"))
                .hint("\"jit serve rotate --list\" shows those that there are")
        })?;
        let generation = newest.generation + 1;
        let halves = another(newest)?;
        let mut append = Append::new(event, Actor::Authority)
            .only_if(is_newest(purpose, newest.generation))
            .with(self.next(rotation, generation, &halves)?);
        if purpose == PURPOSE {
            append = append.vouched_by(Voucher::new(&halves.secret, &self.keychain.refused_rows));
        }
        let append = self.retiring(append, rotation, &old)?;
        self.ledger().append(append).await?.or_conflict()?;
        self.rings.forget();
        Ok(generation)
    }

    fn next(&self, rotation: &Rotation<'_>, generation: i64, halves: &Halves) -> Result<Statement> {
        let purpose = rotation.purpose;
        let seal = |name: String, half: &[u8]| self.sealing.seal(&name, half);
        let sealed = seal(secret_name(purpose, generation), &halves.secret)?;
        let verifier = seal(public_name(purpose, generation), &halves.public)?;
        Ok(Statement::insert(
            "insert into keys (purpose, generation, starts_at, sealed, verifier)",
            [
                purpose.into(),
                generation.into(),
                rotation.starts_at.millis().into(),
                sealed.into(),
                verifier.into(),
            ],
            "",
        ))
    }

    fn retiring(&self, append: Append, rotation: &Rotation<'_>, old: &[Kept]) -> Result<Append> {
        let purpose = rotation.purpose;
        if rotation.compromised {
            let newest = old.first().map_or(0, |kept| kept.generation);
            let delete = "delete from keys where purpose = $1 and generation <= $2";
            let values = [purpose.into(), newest.into()];
            let append = append.with(Statement::new(delete, values));
            if purpose == PURPOSE {
                // Nobody can say of those that are there who wrote them; the ledger keeps what was granted.
                return Ok(append
                    .with(Statement::new("delete from elevations", []))
                    .with(Statement::new("update principals set vouched = ''", []))
                    .with(identity_rows::forget_recorded())
                    .with(Statement::new("delete from answers", [])));
            }
            return Ok(append);
        }
        let mut append = append;
        for kept in old {
            // Those of version 1 have none.
            let name = public_name(purpose, kept.generation);
            let verifier = self.sealing.seal(&name, &kept.public)?;
            append = append.with(Statement::new(
                "update keys set verifier = $3 where purpose = $1 and generation = $2 and verifier = ''",
                [purpose.into(), kept.generation.into(), verifier.into()],
            ));
        }
        Ok(append)
    }

    /// Wipes the private halves of keys whose successors have been signing for a day.
    pub async fn retire(&self, now: Timestamp) -> Result<()> {
        self.database.run(&retire(now)).await.map(drop)
    }

    /// Seals all that is sealed with `new` from now on, in the commit of that event.
    ///
    /// # Errors
    /// Something cannot be opened; a key was made or the sealing key replaced at the same time.
    pub async fn reseal(&self, new: SealingKey, event: Event) -> Result<()> {
        let sealing = Sealing::from(new.clone());
        let (ours, theirs) = (self.sealing.key().fingerprint(), new.fingerprint());
        if ours == theirs {
            return Err(Failure::usage("that is the sealing key already").hint("name another one"));
        }
        let generations = self.generations().await?;
        let count = i64::try_from(generations.len()).unwrap_or(i64::MAX);
        let mut append = Append::new(event, Actor::Authority)
            .only_if(Statement::new(
                "select 1 where not exists (select 1 from sealing where fingerprint <> $1)",
                [ours.into()],
            ))
            .only_if(Statement::new(
                "select 1 from (select count(*) as n from keys) as all_keys where n = $1",
                [count.into()],
            ));
        let mut purposes: Vec<&str> = generations.iter().map(|one| &*one.purpose).collect();
        purposes.dedup();
        for purpose in purposes {
            for kept in self.kept_keys(purpose).await? {
                append = append.with(resealed(purpose, &kept, &sealing)?);
            }
        }
        let append = append
            .with(Statement::new("delete from sealing", []))
            .with(Statement::new(
                "insert into sealing (fingerprint) values ($1)",
                [theirs.into()],
            ))
            // Whoever lost an answer gets another credential under the same grant.
            .with(Statement::new("update answers set answer = ''", []));
        self.ledger().append(append).await?.or_conflict()?;
        self.sealing.set(new);
        Ok(())
    }
}

fn is_newest(purpose: &str, generation: i64) -> Statement {
    Statement::new(
        "select 1 from (select max(generation) as newest from keys where purpose = $1) as known
         where newest = $2",
        [purpose.into(), generation.into()],
    )
}

fn retire(now: Timestamp) -> Statement {
    Statement::new(
        "update keys set sealed = '' where sealed <> '' and verifier <> '' and exists (
             select 1 from keys as newer where newer.purpose = keys.purpose
             and newer.generation > keys.generation and newer.starts_at <= $1
         )",
        [now.before(GRACE).millis().into()],
    )
}

fn resealed(purpose: &str, kept: &Kept, sealing: &Sealing) -> Result<Statement> {
    let generation = kept.generation;
    let sealed = kept.secret.as_ref().map_or(Ok(String::new()), |secret| {
        sealing.seal(&secret_name(purpose, generation), secret)
    })?;
    let verifier = sealing.seal(&public_name(purpose, generation), &kept.public)?;
    Ok(Statement::new(
        "update keys set sealed = $3, verifier = $4 where purpose = $1 and generation = $2",
        [
            purpose.into(),
            generation.into(),
            sealed.into(),
            verifier.into(),
        ],
    ))
}
