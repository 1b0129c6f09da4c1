//! Whose name is whose: a name belongs to the first who was let in by it, and whoever was let in has one.

use super::{
    database::{Statement, Value},
    open::Store,
};
use crate::domain::{
    failure::Result,
    principal::{Class, Principal},
};

/// Somebody as the one who vouches for them knows them, for ever: at an OpenID provider its URL and
/// `sub`, which "MUST NOT be reassigned" (OpenID Connect Core 1.0, section 2), as names are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches.
    pub source: String,
    /// Its own name for them.
    pub subject: String,
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
    /// Whether a name and an identity belong together.
    pub async fn pinned(&self, who: &Principal, identity: &Identity) -> Result<Pinned> {
        let select = "select name, source, subject from identities where class = $1
             and (name = $2 or (source = $3 and subject = $4))";
        let rows = self
            .database
            .rows(&Statement::new(select, values(who, identity)))
            .await?;
        let mut pinned = Pinned::New;
        for row in &rows {
            let (name, source, subject) = (row.text(0)?, row.text(1)?, row.text(2)?);
            let is_theirs = source == identity.source && subject == identity.subject;
            match (name == who.name(), is_theirs) {
                (true, true) => pinned = Pinned::Same,
                (true, false) => return Ok(Pinned::Taken(source.to_owned())),
                (false, _) => return Ok(Pinned::Renamed(name.to_owned())),
            }
        }
        Ok(pinned)
    }
}

impl Store {
    /// The person whose name belongs to an account, if anybody's does.
    pub async fn person_of(&self, identity: &Identity) -> Result<Option<Principal>> {
        let select =
            "select name from identities where class = 'Human' and source = $1 and subject = $2";
        let values = [
            identity.source.clone().into(),
            identity.subject.clone().into(),
        ];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let name = rows.first().map(|row| row.text(0)).transpose()?;
        name.map(|name| Principal::new(Class::Human, name))
            .transpose()
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

    /// Whose account a name belongs to, if to anybody's.
    pub async fn identity_source(&self, who: &Principal) -> Result<Option<String>> {
        let select = "select source from identities where class = $1 and name = $2";
        let values = [who.class().as_str().into(), who.name().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        rows.first()
            .map(|row| row.text(0).map(str::to_owned))
            .transpose()
    }
}

/// Gives the names of people at one source to the accounts of the same subject at another one, where those
/// have no name yet.
pub fn move_to(from: &str, to: &str) -> Statement {
    Statement::new(
        "update identities set source = $2 where class = 'Human' and source = $1
             and not exists (
                 select 1 from identities other where other.class = 'Human'
                     and other.source = $2 and other.subject = identities.subject)",
        [from.into(), to.into()],
    )
}

/// Lets go of the names of people at a source: whoever signs in by one next has it.
pub fn release_all(source: &str) -> Statement {
    Statement::new(
        "delete from identities where class = 'Human' and source = $1",
        [source.into()],
    )
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
pub fn pin(who: &Principal, identity: &Identity) -> Statement {
    Statement::new(
        "insert into identities (class, name, source, subject) values ($1, $2, $3, $4)
         on conflict do nothing",
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

fn values(who: &Principal, identity: &Identity) -> Vec<Value> {
    vec![
        who.class().as_str().into(),
        who.name().into(),
        identity.source.clone().into(),
        identity.subject.clone().into(),
    ]
}
