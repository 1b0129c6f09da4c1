//! The key that seals what must not be readable in a stolen database, and its replacement.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::database::{Database, Row, Statement};
use crate::{
    domain::failure::{Failure, Result},
    platform::{seal::SealingKey, sealing::Keeper},
};

/// The sealing key and, where it may change while this process runs, who keeps it. Cloning shares it.
#[derive(Clone)]
pub struct Sealing {
    key: Arc<RwLock<SealingKey>>,
    keeper: Option<Arc<dyn Keeper>>,
}

impl From<SealingKey> for Sealing {
    fn from(key: SealingKey) -> Self {
        Self {
            key: Arc::new(RwLock::new(key)),
            keeper: None,
        }
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").finish_non_exhaustive()
    }
}

impl Sealing {
    /// The key that is kept there; asked for again where it does not open what it should.
    ///
    /// # Errors
    /// There is none, or it is no key.
    pub fn kept(keeper: Box<dyn Keeper>) -> Result<Self> {
        Ok(Self {
            key: Arc::new(RwLock::new(keeper.key()?)),
            keeper: Some(keeper.into()),
        })
    }

    /// Seals `plain` as the thing called `name`: text for a column.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Result<String> {
        self.key()
            .seal(name, plain)
            .map(|sealed| STANDARD.encode(sealed))
    }

    /// Opens what was sealed as the thing called `name`; `None` where it was not, or was changed.
    pub(super) fn open(&self, name: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = STANDARD.decode(sealed).ok()?;
        let opened = self.key().open(name, &sealed);
        opened.or_else(|| self.renewed()?.open(name, &sealed))
    }

    pub(super) fn key(&self) -> SealingKey {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        key.clone()
    }

    pub(super) fn set(&self, new: SealingKey) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// The key, if it is another one by now where it is kept.
    fn renewed(&self) -> Option<SealingKey> {
        let kept = self.keeper.as_ref()?.key().ok()?;
        if kept.fingerprint() == self.key().fingerprint() {
            return None;
        }
        self.set(kept.clone());
        Some(kept)
    }
}

/// Refuses a sealing key that is not the one which the database was sealed with, before anything is
/// made or answered with it. Of many processes that come first at once, one says which that is.
pub(super) async fn check(database: &Database, sealing: &Sealing) -> Result<()> {
    let ours = sealing.key().fingerprint();
    let theirs = match fingerprint(&database.rows(&noted()).await?)? {
        Some(theirs) => theirs,
        None => note(database, &ours).await?,
    };
    if theirs == ours {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the sealing key is {ours}, and the database was sealed with {theirs}"
    ))
    .hint(
        "name the right one as `sealing_key` in server.toml, or copy state/sealing.key of the server that made \
         the database; without it the signing keys are lost",
    ))
}

fn noted() -> Statement {
    Statement::new("select fingerprint from sealing", [])
}

fn fingerprint(rows: &[Row]) -> Result<Option<String>> {
    let row = rows.first();
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Notes that the database is sealed with our key, unless somebody else was first; which key it is.
async fn note(database: &Database, ours: &str) -> Result<String> {
    let mut transaction = database.begin().await?;
    if let Some(theirs) = fingerprint(&transaction.rows(&noted()).await?)? {
        return Ok(theirs);
    }
    let note = "insert into sealing (fingerprint) values ($1)";
    transaction
        .run(&Statement::new(note, [ours.into()]))
        .await?;
    transaction.commit().await?;
    Ok(ours.to_owned())
}
