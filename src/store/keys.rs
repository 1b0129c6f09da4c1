//! Signing keys, one a purpose, sealed at rest and made on first use.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sqlx::Row as _;

use super::{broken::broken, open::Store};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::PrivateKey,
    },
    platform::keys,
};

impl Store {
    /// The key of `purpose` (`token`, `ca ssh/web`), made on first use; of many processes that
    /// make it at the same time one wins, and all use that one.
    pub async fn signing_key(&self, purpose: &str) -> Result<PrivateKey> {
        if let Some(key) = self.made_key(purpose).await? {
            return Ok(key);
        }
        let key = keys::generate()?;
        let sealed = self.sealing.seal(&name(purpose), key.expose_seed())?;
        sqlx::query(
            "insert into signing_keys (purpose, sealed) values ($1, $2) on conflict do nothing",
        )
        .bind(purpose)
        .bind(STANDARD.encode(sealed))
        .execute(&self.pool)
        .await
        .map_err(|error| broken("written", &error))?;
        self.made_key(purpose)
            .await?
            .ok_or_else(|| Failure::failed(format!("the key of {purpose} was not kept")))
    }

    /// The key of `purpose`, if it was made.
    pub async fn made_key(&self, purpose: &str) -> Result<Option<PrivateKey>> {
        let row = sqlx::query("select sealed from signing_keys where purpose = $1")
            .bind(purpose)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| broken("read", &error))?;
        let Some(row) = row else { return Ok(None) };
        let sealed: String = row
            .try_get("sealed")
            .map_err(|error| broken("read", &error))?;
        let seed = STANDARD
            .decode(sealed)
            .ok()
            .and_then(|sealed| self.sealing.open(&name(purpose), &sealed))
            .ok_or_else(|| {
                Failure::failed(format!("the signing key of {purpose} cannot be opened")).hint(
                    "restore the sealing key that it was sealed with; targets trust the old key",
                )
            })?;
        keys::from_seed(&seed).map(Some)
    }
}

fn name(purpose: &str) -> String {
    format!("signing key of {purpose}")
}
