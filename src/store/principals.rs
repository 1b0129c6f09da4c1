//! Everybody who was ever let in.

use std::collections::BTreeSet;

use super::{
    conditions::groups_text,
    open::Store,
    standing::{
        Attested, Word, Written, code, newest_sign_in, newest_word, not_believed, words_about,
    },
    statement::{Row, Statement},
    vouched::Voucher,
};
pub use super::{
    conditions::{may_come, stands},
    standing::Standing,
};
use crate::{
    domain::{
        count::counted,
        failure::{Failure, Result},
        known::Known,
        principal::{Caller, Principal},
        time::Timestamp,
    },
    platform::terminal,
};

/// What the code of a body is for, beside whose it is.
const BODY: &str = "principal";

const SELECT: &str = "select class, name, body, attested_groups, vouched, disabled_at, WORD,
        first_seen_at, last_seen_at, attested_at,
        (select count(*) from sessions
         where sessions.class = principals.class and sessions.name = principals.name
             and ended_at = 0 and expires_at > $1),
        (select count(*) from elevations
         where elevations.class = principals.class and elevations.principal = principals.name
             and state = 'granted' and expires_at > $1),
        SIGN_IN
    from principals";

/// Whose groups an attestation tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attests {
    /// Those of the principal, in all its sessions: of a person, or of whoever holds an enrolled key.
    Principal,
    /// Those of one session: other jobs that share the principal may be in other groups.
    Session,
}

impl Store {
    /// Everybody whose row this authority wrote, by class and name.
    pub async fn principals(&self, now: Timestamp) -> Result<Vec<Known>> {
        let select = format!("{} order by class, name", select());
        let select = Statement::assembled(select, vec![now.millis().into()]);
        let rows = self.database.rows(&select).await?;
        Ok(ours(&rows, &self.voucher(now).await?))
    }

    /// What is remembered of that principal.
    ///
    /// # Errors
    /// Somebody else wrote its row; the database is away.
    pub async fn principal(&self, who: &Principal, now: Timestamp) -> Result<Option<Known>> {
        let values = vec![
            now.millis().into(),
            who.class().as_str().into(),
            who.name().into(),
        ];
        let select = format!("{} where class = $2 and name = $3", select());
        let rows = self
            .database
            .rows(&Statement::assembled(select, values))
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        known(row, &self.voucher(now).await?).map(Some)
    }

    /// Those who may come and who may decide something, with when they were last here; the last one first.
    pub async fn lately(&self, most: i64, now: Timestamp) -> Result<Vec<(Caller, Timestamp)>> {
        let which = "where disabled_at = 0 and class <> 'Agent'
             order by last_seen_at desc, class, name limit $2";
        let select = format!("{} {which}", select());
        let values = vec![now.millis().into(), most.into()];
        let rows = self
            .database
            .rows(&Statement::assembled(select, values))
            .await?;
        let mut known = ours(&rows, &self.voucher(now).await?);
        known.retain(|one| one.disabled_at.is_none());
        Ok(known
            .into_iter()
            .map(|one| (one.caller, one.last_seen_at))
            .collect())
    }

    /// When that principal was last here, if it ever was.
    pub async fn last_seen(&self, who: &Principal) -> Result<Option<Timestamp>> {
        let select = "select last_seen_at from principals where class = $1 and name = $2";
        let values = [who.class().as_str().into(), who.name().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let last = rows.first().map(|row| row.int(0)).transpose()?;
        Ok(last.map(Timestamp::from_millis))
    }

    /// Whether a person was ever let in.
    pub async fn has_people(&self) -> Result<bool> {
        Ok(self.database.rows(&no_people()).await?.is_empty())
    }

    /// Whether a principal may not come, or one that would be taken for it by the case of its letters alone: by
    /// its row or by the word of the ledger, which stays where the row is changed or removed.
    pub async fn is_disabled(&self, who: &Principal) -> Result<bool> {
        let select = "select 1 from principals
             where class = $1 and lower(name) = lower($2) and disabled_at <> 0";
        let values = [who.class().as_str().into(), who.name().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        if !rows.is_empty() {
            return Ok(true);
        }
        let (select, values) = words_about(who);
        let words = self
            .database
            .rows(&Statement::assembled(select, values))
            .await?;
        let mut disabled = BTreeSet::new();
        for word in &words {
            let name = word.text(0)?;
            if Word::read(word.text(1)?)?.disables {
                disabled.insert(name);
            } else {
                disabled.remove(name);
            }
        }
        Ok(!disabled.is_empty())
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
pub fn seen(
    caller: &Caller,
    attests: Attests,
    voucher: &Voucher,
    now: Timestamp,
) -> Result<Statement> {
    let who = &caller.principal;
    let at = now.millis();
    let groups = match attests {
        Attests::Principal => Some(&caller.groups),
        Attests::Session => None,
    };
    Ok(Statement::insert(
        "insert into principals
             (name, class, first_seen_at, last_seen_at, attested_at, disabled_at, body,
              attested_groups, vouched)",
        [
            who.name().into(),
            who.class().as_str().into(),
            at.into(),
            at.into(),
            at.into(),
            0.into(),
            voucher.write(&beside(who), caller)?.into(),
            groups_text(groups).into(),
            code(who, groups, now, voucher).into(),
        ],
        "on conflict (class, name) do update set last_seen_at = excluded.last_seen_at,
             attested_at = excluded.attested_at, body = excluded.body,
             attested_groups = excluded.attested_groups, vouched = excluded.vouched",
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

fn select() -> String {
    let select = SELECT.replace("WORD", &newest_word("principals"));
    select.replace("SIGN_IN", &newest_sign_in("principals"))
}

/// Those of many rows that this authority wrote. The others are left out, and said on the terminal of whoever
/// runs this authority.
fn ours(rows: &[Row], voucher: &Voucher) -> Vec<Known> {
    let mut ours = Vec::with_capacity(rows.len());
    let mut first: Option<Failure> = None;
    for row in rows {
        match known(row, voucher) {
            Ok(known) => ours.push(known),
            Err(failure) => drop(first.get_or_insert(failure)),
        }
    }
    if let Some(failure) = first {
        let left_out = u64::try_from(rows.len() - ours.len()).unwrap_or(u64::MAX);
        let left_out = counted(left_out, "principal");
        terminal::say(&format!("jit: {left_out} left out: {failure}"));
    }
    ours
}

/// Reads a row as it was selected ([`SELECT`]). Of a principal that was not here since rows have codes nothing
/// is known but its name, and that it is in no group.
fn known(row: &Row, voucher: &Voucher) -> Result<Known> {
    let who = Principal::new(row.class(0)?, row.text(1)?)?;
    let word = Word::read(row.text(6)?)?;
    let disabled_at = word.disabled_at(row.int(5)?);
    let written = Written {
        groups: row.text(3)?,
        at: row.int(9)?,
        code: row.text(4)?,
    };
    let caller = match written.read(&who, voucher)? {
        Attested::BeforeCodes => Caller {
            newest_groups: Some(BTreeSet::new()),
            ..Caller::new(who, BTreeSet::new())
        },
        Attested::Said(newest_groups) => {
            if disabled_at.is_none() {
                written.is_newest(row.int(12)?, &who, voucher)?;
            }
            let read: Result<Caller> = voucher.read(&beside(&who), row.text(2)?);
            let caller = read.map_err(|refused| not_believed(&who, refused))?;
            if caller.principal != who {
                return Err(not_believed(&who, voucher.forged()));
            }
            Caller {
                newest_groups,
                ..caller
            }
        }
    };
    Ok(Known {
        caller,
        first_seen_at: Timestamp::from_millis(row.int(7)?),
        last_seen_at: Timestamp::from_millis(row.int(8)?),
        attested_at: Timestamp::from_millis(row.int(9)?),
        disabled_at,
        sessions: row.int(10)?,
        grants: row.int(11)?,
        enrolled: Vec::new(),
        outliving: Vec::new(),
    })
}

fn beside(who: &Principal) -> [&str; 3] {
    [BODY, who.class().as_str(), who.name()]
}
