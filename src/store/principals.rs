//! Everybody who was ever let in.

use std::collections::BTreeSet;

use super::conditions::groups_text;
pub use super::conditions::{may_come, stands};
use super::{
    open::Store,
    statement::{Row, Statement},
};
use crate::domain::{
    failure::{Failure, Result},
    known::Known,
    principal::{Caller, Principal},
    time::Timestamp,
};

const SELECT: &str = "select body, first_seen_at, last_seen_at, attested_at, disabled_at,
        (select count(*) from sessions
         where sessions.class = principals.class and sessions.name = principals.name
             and ended_at = 0 and expires_at > $1),
        (select count(*) from elevations
         where elevations.class = principals.class and elevations.principal = principals.name
             and state = 'granted' and expires_at > $1),
        attested_groups
    from principals";

/// What each request is checked against.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The groups that the newest attestation names, where that is known.
    pub newest_groups: Option<BTreeSet<String>>,
    /// When they were last here.
    pub last_seen_at: Timestamp,
    /// Whether they may not come.
    pub is_disabled: bool,
}

impl Standing {
    /// Reads `attested_groups`, `last_seen_at` and `disabled_at` from that column on; -1 is for nobody who
    /// was ever here.
    pub(super) fn read(row: &Row, from: usize) -> Result<Option<Self>> {
        let disabled_at = row.int(from + 2)?;
        if disabled_at < 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            newest_groups: groups(row.text(from)?)?,
            last_seen_at: Timestamp::from_millis(row.int(from + 1)?),
            is_disabled: disabled_at != 0,
        }))
    }
}

/// Whose groups an attestation tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attests {
    /// Those of the principal, in all its sessions: of a person, or of whoever holds an enrolled key.
    Principal,
    /// Those of one session: other jobs that share the principal may be in other groups.
    Session,
}

impl Store {
    /// Everybody, by class and name.
    pub async fn principals(&self, now: Timestamp) -> Result<Vec<Known>> {
        let select = format!("{SELECT} order by class, name");
        let select = Statement::assembled(select, vec![now.millis().into()]);
        let rows = self.database.rows(&select).await?;
        rows.iter().map(known).collect()
    }

    /// What is remembered of that principal.
    pub async fn principal(&self, who: &Principal, now: Timestamp) -> Result<Option<Known>> {
        let values = vec![
            now.millis().into(),
            who.class().as_str().into(),
            who.name().into(),
        ];
        let select = format!("{SELECT} where class = $2 and name = $3");
        let rows = self
            .database
            .rows(&Statement::assembled(select, values))
            .await?;
        rows.first().map(known).transpose()
    }

    /// Those who may come and who may decide something, with when they were last here; the last one first.
    pub async fn lately(&self, most: i64) -> Result<Vec<(Caller, Timestamp)>> {
        let select = "select body, last_seen_at from principals
             where disabled_at = 0 and class <> 'Agent'
             order by last_seen_at desc, class, name limit $1";
        let rows = self
            .database
            .rows(&Statement::new(select, [most.into()]))
            .await?;
        let seen = |row: &Row| Ok((caller(row)?, Timestamp::from_millis(row.int(1)?)));
        rows.iter().map(seen).collect()
    }

    /// Whether a person was ever let in.
    pub async fn has_people(&self) -> Result<bool> {
        Ok(self.database.rows(&no_people()).await?.is_empty())
    }

    /// Those who would be taken for that principal, by the case of their letters alone, and may not come.
    pub async fn disabled_twins(&self, who: &Principal) -> Result<bool> {
        let select = "select 1 from principals
             where class = $1 and lower(name) = lower($2) and disabled_at <> 0";
        let values = [who.class().as_str().into(), who.name().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        Ok(!rows.is_empty())
    }

    /// Notes that a principal was here, where that was not noted since `before`. It is no event.
    pub async fn note_use(&self, who: &Principal, now: Timestamp, before: Timestamp) -> Result<()> {
        let update = "update principals set last_seen_at = $3
             where class = $1 and name = $2 and last_seen_at < $4";
        let values = [
            who.class().as_str().into(),
            who.name().into(),
            now.millis().into(),
            before.millis().into(),
        ];
        self.database
            .run(&Statement::new(update, values))
            .await
            .map(drop)
    }
}

/// Remembers whoever a session was begun for.
pub fn seen(caller: &Caller, attests: Attests, now: Timestamp) -> Result<Statement> {
    let body = serde_json::to_string(caller)
        .map_err(|error| Failure::failed("a principal cannot be written").because(&error))?;
    let at = now.millis();
    let groups = match attests {
        Attests::Principal => groups_text(Some(&caller.groups)),
        Attests::Session => groups_text(None),
    };
    Ok(Statement::insert(
        "insert into principals
             (name, class, first_seen_at, last_seen_at, attested_at, disabled_at, body,
              attested_groups)",
        [
            caller.principal.name().into(),
            caller.principal.class().as_str().into(),
            at.into(),
            at.into(),
            at.into(),
            0.into(),
            body.into(),
            groups.into(),
        ],
        "on conflict (class, name) do update set last_seen_at = excluded.last_seen_at,
             attested_at = excluded.attested_at, body = excluded.body,
             attested_groups = excluded.attested_groups",
    ))
}

/// Holds while no person was ever let in.
pub fn no_people() -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from principals where class = 'Human')",
        [],
    )
}

/// From now on they may not come.
pub fn disable(who: &Principal, now: Timestamp) -> Statement {
    Statement::new(
        "update principals set disabled_at = $3 where class = $1 and name = $2",
        [
            who.class().as_str().into(),
            who.name().into(),
            now.millis().into(),
        ],
    )
}

/// They may come again, however long they were away.
pub fn enable(who: &Principal, now: Timestamp) -> Statement {
    Statement::new(
        "update principals set disabled_at = 0, last_seen_at = $3 where class = $1 and name = $2",
        [
            who.class().as_str().into(),
            who.name().into(),
            now.millis().into(),
        ],
    )
}

fn known(row: &Row) -> Result<Known> {
    let disabled_at = row.int(4)?;
    Ok(Known {
        caller: Caller {
            newest_groups: groups(row.text(7)?)?,
            ..caller(row)?
        },
        first_seen_at: Timestamp::from_millis(row.int(1)?),
        last_seen_at: Timestamp::from_millis(row.int(2)?),
        attested_at: Timestamp::from_millis(row.int(3)?),
        disabled_at: (disabled_at != 0).then(|| Timestamp::from_millis(disabled_at)),
        sessions: row.int(5)?,
        grants: row.int(6)?,
        enrolled: Vec::new(),
        outliving: Vec::new(),
    })
}

/// Attested groups as they were written ([`groups_text`]).
fn groups(text: &str) -> Result<Option<BTreeSet<String>>> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| Failure::failed("groups in the store cannot be read").because(&error))
}

fn caller(row: &Row) -> Result<Caller> {
    serde_json::from_str(row.text(0)?)
        .map_err(|error| Failure::failed("a principal in the store cannot be read").because(&error))
}
