//! Signing keys, one a purpose, sealed at rest and made on first use.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{database::Statement, open::Store};
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
        let insert =
            "insert into signing_keys (purpose, sealed) values ($1, $2) on conflict do nothing";
        let values = [purpose.into(), STANDARD.encode(sealed).into()];
        self.database.run(&Statement::new(insert, values)).await?;
        self.made_key(purpose)
            .await?
            .ok_or_else(|| Failure::failed(format!("the key of {purpose} was not kept")))
    }

    /// The key of `purpose`, if it was made.
    pub async fn made_key(&self, purpose: &str) -> Result<Option<PrivateKey>> {
        let select = "select sealed from signing_keys where purpose = $1";
        let select = Statement::new(select, [purpose.into()]);
        let rows = self.database.rows(&select).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let seed = STANDARD
            .decode(row.text(0)?)
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
