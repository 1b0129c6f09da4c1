//! Whose name is whose: a name belongs to the first who was let in by it, and whoever was let in has one.

pub use super::identity_rows::{Identity, pin};
use super::{
    database::Statement,
    identity_rows::{KINDS, RECORDS, not_believed, read, values},
    open::Store,
};
use crate::domain::{
    event::Event,
    failure::{Failure, Result},
    principal::{Class, Principal},
    time::Timestamp,
};

/// What the ledger says of a name that belongs to no account.
pub const NO_ACCOUNT: &str = "none";

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
