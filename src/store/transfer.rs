//! All that an authority remembers, moved from SQLite to PostgreSQL: the ledger, the keys, the grants.

use super::{
    chain::GENESIS,
    database::{Database, Row, Statement, Transaction, Value},
    ledger::Verification,
    open::Store,
    rings::Kept,
};
use crate::domain::failure::{Failure, Result};

/// How many rows are moved at a time, and how many bytes about.
const ROWS: i64 = 200;
const BYTES: usize = 1 << 20;

/// What a transfer moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// The entries of the ledger.
    pub entries: i64,
    /// The rows of all tables.
    pub rows: u64,
}

impl Store {
    /// Copies all of this store, which is SQLite's and which nobody writes to, into an empty one of
    /// PostgreSQL, in one transaction, and verifies what is there then.
    ///
    /// # Errors
    /// The other one is not empty, or is not what was copied: then the copy is not to be used.
    pub async fn transfer_into(&self, target: &Self) -> Result<Transferred> {
        let (Database::Sqlite(_), Database::Postgres(_)) = (&self.database, &target.database)
        else {
            return Err(Failure::usage(
                "a ledger is moved from SQLite to PostgreSQL",
            ));
        };
        let mut transaction = target.database.begin().await?;
        refuse_used(&mut transaction).await?;
        let mut rows = 0;
        for table in self.tables().await? {
            rows += self.copy(&table, &mut transaction).await?;
        }
        transaction.commit().await?;
        let entries = self.compare_with(target).await?;
        Ok(Transferred { entries, rows })
    }

    /// The tables that hold what is remembered.
    async fn tables(&self) -> Result<Vec<String>> {
        let select = "select name from sqlite_master where type = 'table'
             and name not like 'sqlite_%' and name not in ('schema_version', 'replicas', 'upgraded')
             order by name";
        let rows = self.database.rows(&Statement::new(select, [])).await?;
        rows.iter()
            .map(|row| row.text(0).map(str::to_owned))
            .collect()
    }

    async fn columns(&self, table: &str) -> Result<Vec<String>> {
        let select = "select name from pragma_table_info($1) order by cid";
        let select = Statement::new(select, [table.into()]);
        let rows = self.database.rows(&select).await?;
        rows.iter()
            .map(|row| row.text(0).map(str::to_owned))
            .collect()
    }

    /// Copies a table; how many rows it has.
    async fn copy(&self, table: &str, transaction: &mut Transaction) -> Result<u64> {
        let columns = self.columns(table).await?.join(", ");
        let select = format!(
            "select rowid, {columns} from {table} where rowid > $1 order by rowid limit $2"
        );
        let (mut last, mut copied) = (0, 0);
        loop {
            let page = Statement::assembled(select.clone(), vec![last.into(), ROWS.into()]);
            let page = self.database.rows(&page).await?;
            let Some(end) = page.last() else { break };
            last = end.int(0)?;
            copied += u64::try_from(page.len()).unwrap_or(0);
            for part in parts(&page) {
                transaction.run(&insert(table, &columns, part)).await?;
            }
        }
        let count = Statement::assembled(format!("select count(*) from {table}"), Vec::new());
        let there = transaction.rows(&count).await?;
        let there = there.first().map_or(Ok(0), |row| row.int(0))?;
        if u64::try_from(there) == Ok(copied) {
            return Ok(copied);
        }
        Err(Failure::failed(format!(
            "{copied} rows of {table} were copied, and {there} are there"
        ))
        .hint("nothing was changed; name an empty database"))
    }

    /// Verifies a copy of this store; how many entries its ledger has.
    async fn compare_with(&self, target: &Self) -> Result<i64> {
        let (ours, theirs) = (self.ledger().verify().await?, target.audit().await?);
        let Verification::Whole { entries, head } = &theirs.verification else {
            return Err(differs("its ledger is not whole"));
        };
        if ours != theirs.verification {
            return Err(differs("its ledger is another one"));
        }
        if theirs.newest != self.newest_checkpoint().await?.map(|one| one.checkpoint) {
            return Err(differs("its newest checkpoint is another one"));
        }
        if head != GENESIS {
            let now = target.ledger_end().await?;
            target.check_tail(now).await?;
        }
        for generation in self.generations().await? {
            // Opened, so that whoever trusts a key goes on.
            let purpose = &generation.purpose;
            let (ours, theirs) = (self.kept_keys(purpose), target.kept_keys(purpose));
            let (ours, theirs) = (ours.await?, theirs.await?);
            let publics = |keys: &[Kept]| {
                let publics = keys.iter().map(|kept| kept.public.clone());
                publics.collect::<Vec<_>>()
            };
            if publics(&ours) != publics(&theirs) {
                return Err(differs(&format!("its key of {purpose} is another one")));
            }
        }
        Ok(*entries)
    }
}

fn differs(what: &str) -> Failure {
    Failure::failed(format!("the copy is not what was copied: {what}"))
        .hint("do not use it: drop the database, make an empty one and try again")
}

/// Refuses a database in which something is remembered already.
async fn refuse_used(transaction: &mut Transaction) -> Result<()> {
    let used = "select 1 from events union all select 1 from keys union all select 1 from sessions limit 1";
    let used = transaction.rows(&Statement::new(used, [])).await?;
    // The key that seals was noted when it was opened, and comes with the rest.
    let sealing = Statement::new("delete from sealing", []);
    transaction.run(&sealing).await?;
    if used.is_empty() {
        return Ok(());
    }
    Err(
        Failure::failed("the PostgreSQL database holds a ledger already")
            .hint("name an empty database; nothing was changed"),
    )
}

/// Rows in parts that are no larger than a statement may be.
fn parts(page: &[Row]) -> Vec<&[Row]> {
    let mut parts = Vec::new();
    let (mut rest, mut bytes) = (page, 0);
    for (at, row) in page.iter().enumerate() {
        let size = row.size();
        let begun = page.len() - rest.len();
        if bytes + size > BYTES && at > begun {
            let (part, behind) = rest.split_at(at - begun);
            parts.push(part);
            (rest, bytes) = (behind, 0);
        }
        bytes += size;
    }
    parts.push(rest);
    parts
}

fn insert(table: &str, columns: &str, rows: &[Row]) -> Statement {
    let (mut tuples, mut values): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    for row in rows {
        // The first column is the place in SQLite's own table.
        let own = row.values().skip(1);
        let before = values.len();
        values.extend(own.cloned());
        let names = (before + 1..=values.len()).map(|at| format!("${at}"));
        tuples.push(format!("({})", names.collect::<Vec<String>>().join(", ")));
    }
    let tuples = tuples.join(", ");
    Statement::assembled(
        format!("insert into {table} ({columns}) values {tuples}"),
        values,
    )
}
