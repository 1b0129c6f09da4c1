//! Signing keys, one a purpose, sealed at rest and made on first use.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{database::Statement, open::Store};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::{EcKey, EcPublicKey, PrivateKey},
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
        self.keep(purpose, keys::generate()?.expose_seed()).await?;
        self.made_key(purpose).await?.ok_or_else(|| unkept(purpose))
    }

    /// The key of `purpose`, if it was made.
    pub async fn made_key(&self, purpose: &str) -> Result<Option<PrivateKey>> {
        let seed = self.kept(purpose).await?;
        seed.map(|seed| keys::from_seed(&seed)).transpose()
    }

    /// The P-256 key of `purpose` (`issuer`), made on first use as the others are.
    pub async fn ec_key(&self, purpose: &str) -> Result<EcKey> {
        if let Some(document) = self.kept(purpose).await? {
            return keys::ec_from_pkcs8(&document);
        }
        self.keep(purpose, keys::generate_ec()?.expose_pkcs8())
            .await?;
        let document = self.kept(purpose).await?;
        keys::ec_from_pkcs8(&document.ok_or_else(|| unkept(purpose))?)
    }

    /// The public keys of `purpose`, the newest first: what they signed is still to be verified.
    pub async fn ec_public_keys(&self, purpose: &str) -> Result<Vec<EcPublicKey>> {
        Ok(vec![self.ec_key(purpose).await?.public()])
    }

    async fn keep(&self, purpose: &str, secret: &[u8]) -> Result<()> {
        let sealed = self.sealing.seal(&name(purpose), secret)?;
        let insert =
            "insert into signing_keys (purpose, sealed) values ($1, $2) on conflict do nothing";
        let values = [purpose.into(), STANDARD.encode(sealed).into()];
        self.database.run(&Statement::new(insert, values)).await?;
        Ok(())
    }

    async fn kept(&self, purpose: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let select = "select sealed from signing_keys where purpose = $1";
        let select = Statement::new(select, [purpose.into()]);
        let rows = self.database.rows(&select).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let secret = STANDARD
            .decode(row.text(0)?)
            .ok()
            .and_then(|sealed| self.sealing.open(&name(purpose), &sealed))
            .ok_or_else(|| {
                Failure::failed(format!("the signing key of {purpose} cannot be opened")).hint(
                    "restore the sealing key that it was sealed with; targets trust the old key",
                )
            })?;
        Ok(Some(secret))
    }
}

fn unkept(purpose: &str) -> Failure {
    Failure::failed(format!("the key of {purpose} was not kept"))
}

fn name(purpose: &str) -> String {
    format!("signing key of {purpose}")
}
