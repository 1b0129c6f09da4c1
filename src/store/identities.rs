//! Whose name is whose: a name belongs to the first who was let in by it, and whoever was let in has one.

use super::{
    database::{Row, Statement, Value},
    keychain::Keychain,
    open::Store,
    vouched::Voucher,
};
use crate::{
    domain::{
        event::Event,
        failure::{Failure, Result},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::keys::{hex, sha256},
};

/// What the code of a row is for, beside its class, its name and its source.
const CODE: &str = "identity";

/// What the ledger says of a name that belongs to no account.
pub const NO_ACCOUNT: &str = "none";

/// Which events can say to which account a name belongs. The database finds them by an index of their own.
pub(super) const KINDS: &str = "('signed-in', 'signed-out', 'enabled', 'enrolled', 'recovered')";

/// Holds of events that say it.
const RECORDS: &str = "events.body like '%\"account\":\"%'";

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

/// What is known of a name and of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    /// Neither was here.
    New,
    /// They belong together.
    Same,
    /// The name belongs to somebody else, for whom this source vouches.
    Taken(String),
    /// The identity was here by another name: this one.
    Renamed(String),
}

impl Store {
    /// Whether a name and an identity belong together. Of a person's name the ledger decides, where it says
    /// something: rows that were removed or put back give the name to nobody else.
    ///
    /// # Errors
    /// This authority did not write the row, has replaced it, or has not removed it.
    pub async fn pinned(
        &self,
        who: &Principal,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Pinned> {
        let select = "select class, name, source, subject, vouched from identities where class = $1
             and (name = $2 or (source = $3 and subject = $4)) order by name";
        let rows = self
            .database
            .rows(&Statement::new(select, values(who, identity)))
            .await?;
        let voucher = self.voucher(now).await?;
        let mut pinned = Pinned::New;
        for row in &rows {
            let (known, account) = read(row, &voucher)?;
            match (known == *who, account == *identity) {
                (true, true) => pinned = Pinned::Same,
                (true, false) => return Ok(Pinned::Taken(account.source)),
                (false, _) => return Ok(Pinned::Renamed(known.name().to_owned())),
            }
        }
        let is_as_recorded = match self.recorded_account(who).await?.as_deref() {
            None => true,
            Some(NO_ACCOUNT) => pinned == Pinned::New,
            Some(account) => *account == *identity.digest(),
        };
        if is_as_recorded {
            return Ok(pinned);
        }
        Err(not_believed(who, voucher.replaced()))
    }

    /// What the ledger said last about the account that the name of a person belongs to, if it did.
    async fn recorded_account(&self, who: &Principal) -> Result<Option<Box<str>>> {
        if who.class() != Class::Human {
            return Ok(None);
        }
        let select = format!(
            "select body from events where principal = $1 and kind in {KINDS}
                 and body like '%\"principal\":{{\"class\":\"Human\",%' and {RECORDS}
             order by seq desc limit 1"
        );
        let rows = self
            .database
            .rows(&Statement::assembled(select, vec![who.name().into()]))
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let event: Event = serde_json::from_str(row.text(0)?).map_err(|error| {
            Failure::failed("an entry of the ledger cannot be read").because(&error)
        })?;
        Ok(event.account)
    }

    /// The person whose name belongs to an account, if anybody's does.
    ///
    /// # Errors
    /// This authority did not write the row.
    pub async fn person_of(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Option<Principal>> {
        let select = "select class, name, source, subject, vouched from identities
             where class = 'Human' and source = $1 and subject = $2";
        let values = [
            identity.source.clone().into(),
            identity.subject.clone().into(),
        ];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        read(row, &self.voucher(now).await?).map(|(who, _)| Some(who))
    }

    /// The people whose names belong to accounts of that source. Rows that this authority did not write are left
    /// out.
    pub async fn people_of(
        &self,
        source: &str,
        now: Timestamp,
    ) -> Result<Vec<(Principal, Identity)>> {
        let select = "select class, name, source, subject, vouched from identities
             where class = 'Human' and source = $1 order by name";
        let rows = self
            .database
            .rows(&Statement::new(select, [source.into()]))
            .await?;
        let voucher = self.voucher(now).await?;
        let ours = rows.iter().filter_map(|row| read(row, &voucher).ok());
        Ok(ours.collect())
    }

    /// How many names of people belong to accounts of that source.
    pub async fn count_identities(&self, source: &str) -> Result<i64> {
        let select = "select count(*) from identities where class = 'Human' and source = $1";
        let rows = self
            .database
            .rows(&Statement::new(select, [source.into()]))
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Whose account a name belongs to, if to anybody's. A row that this authority did not write says nothing.
    pub async fn identity_source(&self, who: &Principal, now: Timestamp) -> Result<Option<String>> {
        let select = "select class, name, source, subject, vouched from identities
             where class = $1 and name = $2";
        let values = [who.class().as_str().into(), who.name().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let voucher = self.voucher(now).await?;
        let known = rows.first().and_then(|row| read(row, &voucher).ok());
        Ok(known.map(|(_, account)| account.source))
    }
}

/// Holds while the name is nobody else's and the identity has no other.
pub fn is_free(who: &Principal, identity: &Identity) -> Statement {
    Statement::new(
        "select 1 where not exists (
             select 1 from identities where class = $1
                 and (name = $2 or (source = $3 and subject = $4))
                 and not (name = $2 and source = $3 and subject = $4))",
        values(who, identity),
    )
}

/// Gives the name to the identity.
pub fn pin(who: &Principal, identity: &Identity, voucher: &Voucher) -> Statement {
    let code = voucher.code(&beside(who, identity), &identity.subject);
    let values = values(who, identity).into_iter().chain([code.into()]);
    Statement::new(
        "insert into identities (class, name, source, subject, vouched)
             values ($1, $2, $3, $4, $5) on conflict do nothing",
        values.collect::<Vec<Value>>(),
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
        let code = voucher.code(&beside(&who, &account), &account.subject);
        let values = values(&who, &account).into_iter().chain([code.into()]);
        let values: Vec<Value> = values.collect();
        transaction.run(&Statement::new(update, values)).await?;
    }
    transaction.commit().await
}

/// Lets go of a name: whoever signs in by it next has it.
pub fn release(who: &Principal) -> Statement {
    Statement::new(
        "delete from identities where class = $1 and name = $2",
        [who.class().as_str().into(), who.name().into()],
    )
}

/// Lets go of a name that belongs to an identity of that source.
pub fn release_from(who: &Principal, source: &str) -> Statement {
    Statement::new(
        "delete from identities where class = $1 and name = $2 and source = $3",
        [
            who.class().as_str().into(),
            who.name().into(),
            source.into(),
        ],
    )
}

/// A row as it was selected: class, name, source, subject and code.
///
/// # Errors
/// This authority did not write it.
fn read(row: &Row, voucher: &Voucher) -> Result<(Principal, Identity)> {
    let (who, account) = named(row)?;
    if !voucher.is_code(&beside(&who, &account), &account.subject, row.text(4)?) {
        return Err(not_believed(&who, voucher.forged()));
    }
    Ok((who, account))
}

fn named(row: &Row) -> Result<(Principal, Identity)> {
    let class = match row.text(0)? {
        "Human" => Class::Human,
        "Workload" => Class::Workload,
        _ => Class::Agent,
    };
    let account = Identity {
        source: row.text(2)?.to_owned(),
        subject: row.text(3)?.to_owned(),
    };
    Ok((Principal::new(class, row.text(1)?)?, account))
}

fn not_believed(who: &Principal, refused: Failure) -> Failure {
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

fn values(who: &Principal, identity: &Identity) -> Vec<Value> {
    vec![
        who.class().as_str().into(),
        who.name().into(),
        identity.source.clone().into(),
        identity.subject.clone().into(),
    ]
}
