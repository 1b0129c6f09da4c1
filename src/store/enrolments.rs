//! Hosts and bots that are known by a key of their own: their join codes, and their keys old and new.

use super::{
    database::{Row, Statement},
    invitations::{beside, enrolment, name},
    open::Store,
    vouched::Voucher,
};
use crate::domain::{
    enrolment::{Enrolment, Progress, Standing},
    failure::{Failure, Result},
    key::PublicKey,
    principal::Principal,
    time::Timestamp,
};

/// What an enrolled key is vouched for as.
const KEY: &str = "enrolled key";

/// What is known of an enrolment, and since when its key.
const SELECT: &str = "select body, code, expires_at, coalesce(
        (select made_at from enrolled_keys where enrolment = enrolments.name and next = ''), 0)
    from enrolments";

impl Store {
    /// All enrolments, by name.
    pub async fn enrolments(&self, now: Timestamp) -> Result<Vec<(Enrolment, Progress)>> {
        let select = Statement::assembled(format!("{SELECT} order by name"), Vec::new());
        let rows = self.database.rows(&select).await?;
        let voucher = self.voucher(now).await?;
        rows.iter().map(|row| progressed(&voucher, row)).collect()
    }

    /// The enrolment whose join code has that hash, used or not.
    pub async fn enrolment_by_code(
        &self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<(Enrolment, Progress)>> {
        let select = format!("{SELECT} where code = $1");
        let select = Statement::assembled(select, vec![hash.into()]);
        let rows = self.database.rows(&select).await?;
        match rows.first() {
            Some(row) => progressed(&self.voucher(now).await?, row).map(Some),
            None => Ok(None),
        }
    }

    /// The enrolment of a key, and what the key is to it.
    pub async fn enrolment_by_key(
        &self,
        key: PublicKey,
        now: Timestamp,
    ) -> Result<Option<(Enrolment, Standing)>> {
        let select = "select body, code, expires_at, next, retired_at, vouched from enrolled_keys
             join enrolments on name = enrolment where key = $1";
        let select = Statement::new(select, [key.to_base64url().into()]);
        let rows = self.database.rows(&select).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let voucher = self.voucher(now).await?;
        let enrolment = enrolment(&voucher, row)?;
        let whose: String = voucher.read(&[KEY, &key.to_base64url()], row.text(5)?)?;
        if whose != name(&enrolment.principal) {
            return Err(voucher.forged());
        }
        let standing = match (row.text(3)?, row.int(4)?) {
            ("", 0) => Standing::Current,
            (next, 0) => Standing::Replaced { by: key_of(next)? },
            _ => Standing::Retired,
        };
        Ok(Some((enrolment, standing)))
    }

    /// Who enrolled the host or bot of that name, if anybody did.
    pub async fn enroller(&self, who: &Principal, now: Timestamp) -> Result<Option<Principal>> {
        let select = "select body, code, expires_at from enrolments where name = $1";
        let select = Statement::new(select, [name(who).into()]);
        let rows = self.database.rows(&select).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let enrolment = enrolment(&self.voucher(now).await?, row)?;
        Ok(enrolment.made_by)
    }

    /// Whether somebody of that name is enrolled or invited.
    pub async fn has_enrolment(&self, who: &Principal) -> Result<bool> {
        let rows = self.database.rows(&is_enrolled(who)).await?;
        Ok(!rows.is_empty())
    }

    /// Whether that key still is the enrolled one of this principal ([`counts`]).
    pub async fn key_counts(
        &self,
        who: &Principal,
        key: PublicKey,
        next: Option<PublicKey>,
    ) -> Result<bool> {
        let rows = self.database.rows(&counts(who, key, next)).await?;
        Ok(!rows.is_empty())
    }

    /// Notes that a key was used, so that the one which it replaced is refused from now on.
    pub async fn confirm_key(&self, key: PublicKey, now: Timestamp) -> Result<()> {
        let update = "update enrolled_keys set retired_at = $2 where next = $1 and retired_at = 0";
        let values = [key.to_base64url().into(), now.millis().into()];
        let update = Statement::new(update, values);
        self.database.run(&update).await.map(drop)
    }
}

/// Writes an enrolment whose join code waits until then.
pub fn invite(
    enrolment: &Enrolment,
    (hash, until): (&str, Timestamp),
    voucher: &Voucher,
) -> Result<Statement> {
    let body = voucher.write(&beside(hash, until), enrolment)?;
    Ok(Statement::new(
        "insert into enrolments (name, code, expires_at, body) values ($1, $2, $3, $4)",
        [
            name(&enrolment.principal).into(),
            hash.into(),
            until.millis().into(),
            body.into(),
        ],
    ))
}

/// Holds while nobody of that name, and no such code, is there.
pub fn is_new(who: &Principal, hash: &str) -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from enrolments where name = $1 or code = $2)",
        [name(who).into(), hash.into()],
    )
}

/// Holds while the join code waits to be used.
pub fn waits(hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        "select 1 from enrolments where code = $1 and expires_at > $2
             and not exists (select 1 from enrolled_keys where enrolment = name)",
        [hash.into(), now.millis().into()],
    )
}

/// Holds while no enrolment has that key, nor had it.
pub fn is_unknown(key: PublicKey) -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from enrolled_keys where key = $1)",
        [key.to_base64url().into()],
    )
}

/// Holds while that key is the one that counts.
pub fn is_current(key: PublicKey) -> Statement {
    Statement::new(
        "select 1 from enrolled_keys where key = $1 and next = ''",
        [key.to_base64url().into()],
    )
}

/// Holds while that key is the enrolled one of this principal: the one that counts, or with `next` beside it
/// the one that `next` takes the place of, until that was used.
pub fn counts(who: &Principal, key: PublicKey, next: Option<PublicKey>) -> Statement {
    Statement::new(
        "select 1 from enrolled_keys
         where key = $1 and enrolment = $2 and next = $3 and retired_at = 0",
        [
            key.to_base64url().into(),
            name(who).into(),
            next.map_or_else(String::new, PublicKey::to_base64url)
                .into(),
        ],
    )
}

/// Makes a key the one that counts.
pub fn add_key(
    who: &Principal,
    key: PublicKey,
    voucher: &Voucher,
    now: Timestamp,
) -> Result<Statement> {
    let key = key.to_base64url();
    let word = voucher.write(&[KEY, &key], &name(who))?;
    Ok(Statement::new(
        "insert into enrolled_keys (key, enrolment, made_at, next, retired_at, vouched)
         values ($1, $2, $3, '', 0, $4)",
        [
            key.into(),
            name(who).into(),
            now.millis().into(),
            word.into(),
        ],
    ))
}

/// From now on another key counts.
pub fn replace_key(old: PublicKey, new: PublicKey) -> Statement {
    Statement::new(
        "update enrolled_keys set next = $2 where key = $1 and next = ''",
        [old.to_base64url().into(), new.to_base64url().into()],
    )
}

/// Holds while somebody of that name is enrolled.
pub fn is_enrolled(who: &Principal) -> Statement {
    Statement::new(
        "select 1 from enrolments where name = $1",
        [name(who).into()],
    )
}

/// Holds while nobody of that name is enrolled.
pub fn is_not_enrolled(who: &Principal) -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from enrolments where name = $1)",
        [name(who).into()],
    )
}

/// Forgets an enrolment and its keys.
pub fn remove(who: &Principal) -> [Statement; 2] {
    [
        "delete from enrolled_keys where enrolment = $1",
        "delete from enrolments where name = $1",
    ]
    .map(|sql| Statement::new(sql, [name(who).into()]))
}

fn progressed(voucher: &Voucher, row: &Row) -> Result<(Enrolment, Progress)> {
    let progress = match row.int(3)? {
        0 => Progress::Invited {
            until: Timestamp::from_millis(row.int(2)?),
        },
        since => Progress::Joined {
            since: Timestamp::from_millis(since),
        },
    };
    Ok((enrolment(voucher, row)?, progress))
}

fn key_of(text: &str) -> Result<PublicKey> {
    serde_json::from_value(text.into())
        .map_err(|error| Failure::failed("a key in the store cannot be read").because(&error))
}
