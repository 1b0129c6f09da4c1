//! The rows that say whose a name is, their codes, and which events of the ledger say the same.

use super::{
    database::{Row, Statement, Value},
    keychain::Keychain,
    vouched::Voucher,
};
use crate::{
    domain::{
        failure::{Failure, Result},
        principal::Principal,
        time::Timestamp,
    },
    platform::keys::{hex, sha256},
};

/// What the code of a row is for, beside its class, its name and its source.
const CODE: &str = "identity";

/// Which events can say to which account a name belongs. The database finds them by an index of their own.
pub(super) const KINDS: &str = "('signed-in', 'signed-out', 'enabled', 'enrolled', 'recovered')";

/// Holds of events that say it.
pub(super) const RECORDS: &str = "events.body like '%\"account\":\"%'";

/// Somebody as the one who vouches for them knows them, for ever: at an OpenID provider its URL and
/// `sub`, which "MUST NOT be reassigned" (OpenID Connect Core 1.0, section 2), as names are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches.
    pub source: String,
    /// Its own name for them.
    pub subject: String,
}

impl Identity {
    /// What the ledger calls the account by: SHA-256 over the source's length, the source and the subject; 64
    /// hexadecimal digits.
    pub fn digest(&self) -> Box<str> {
        let Self { source, subject } = self;
        let text = format!("{} {source} {subject}", source.len());
        hex(&sha256(text.as_bytes())).into()
    }
}

/// Gives the name to the identity.
pub fn pin(who: &Principal, identity: &Identity, voucher: &Voucher) -> Statement {
    Statement::new(
        "insert into identities (class, name, source, subject, vouched)
             values ($1, $2, $3, $4, $5) on conflict do nothing",
        values_with_code(who, identity, voucher),
    )
}

/// Removes the rows of names whose accounts the ledger knows, once nobody can say who wrote the rows.
pub(super) fn forget_recorded() -> Statement {
    Statement::assembled(
        format!(
            "delete from identities where class = 'Human' and exists (
                 select 1 from events where principal = identities.name and kind in {KINDS}
                     and body like '%\"principal\":{{\"class\":\"Human\",%' and {RECORDS})"
        ),
        Vec::new(),
    )
}

/// Gives the rows of before they had codes their codes. An attacker with write access to the database can say that
/// it is of an older version again: where the ledger shows that this authority has written rows with codes, those
/// without stay so, and are refused.
pub(super) async fn vouch_for_upgraded(keychain: &Keychain) -> Result<()> {
    let select = "select class, name, source, subject from identities where vouched = ''";
    let rows = keychain.database.rows(&Statement::new(select, [])).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let recorded = format!("select 1 from events where kind in {KINDS} and {RECORDS} limit 1");
    let recorded = Statement::assembled(recorded, Vec::new());
    if !keychain.database.rows(&recorded).await?.is_empty() {
        return Ok(());
    }
    let newest = Statement::new("select at from events order by seq desc limit 1", []);
    let newest = keychain.database.rows(&newest).await?;
    let at = newest.first().map_or(Ok(0), |row| row.int(0))?;
    let voucher = keychain.voucher(Timestamp::from_millis(at)).await?;
    let update = "update identities set vouched = $5 where class = $1 and name = $2
             and source = $3 and subject = $4 and vouched = ''";
    let mut transaction = keychain.database.begin().await?;
    for row in &rows {
        let (who, account) = named(row)?;
        let values = values_with_code(&who, &account, &voucher);
        transaction.run(&Statement::new(update, values)).await?;
    }
    transaction.commit().await
}

/// A row as it was selected: class, name, source, subject and code.
///
/// # Errors
/// This authority did not write it.
pub(super) fn read(row: &Row, voucher: &Voucher) -> Result<(Principal, Identity)> {
    let (who, account) = named(row)?;
    if !voucher.is_code(&beside(&who, &account), &account.subject, row.text(4)?) {
        return Err(not_believed(&who, voucher.forged()));
    }
    Ok((who, account))
}

fn named(row: &Row) -> Result<(Principal, Identity)> {
    let account = Identity {
        source: row.text(2)?.to_owned(),
        subject: row.text(3)?.to_owned(),
    };
    Ok((Principal::new(row.class(0)?, row.text(1)?)?, account))
}

pub(super) fn not_believed(who: &Principal, refused: Failure) -> Failure {
    let written = who.written();
    Failure {
        message: format!("the account of the name {written} is not believed: {}", refused.message),
        ..refused
    }
    .hint(format!(
        "somebody else changes the server's database: see who may; then an administrator frees the name: jit principals disable {written} -j WHY, and jit principals enable {written} -j WHY (where none can sign in: jit serve recover --administrator NAME -j WHY)"
    ))
}

fn beside(who: &Principal, account: &Identity) -> [String; 4] {
    [CODE, who.class().as_str(), who.name(), &account.source].map(str::to_owned)
}

fn values_with_code(who: &Principal, account: &Identity, voucher: &Voucher) -> Vec<Value> {
    let code = voucher.code(&beside(who, account), &account.subject);
    let mut values = values(who, account);
    values.push(code.into());
    values
}

pub(super) fn values(who: &Principal, identity: &Identity) -> Vec<Value> {
    vec![
        who.class().as_str().into(),
        who.name().into(),
        identity.source.clone().into(),
        identity.subject.clone().into(),
    ]
}
