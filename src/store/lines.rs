//! Lines of sessions, which each request looks up: those that are asked for while another question is
//! on its way are found by one statement, so that a busy server asks its database less often.

use std::collections::BTreeMap;

use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

use super::{
    database::{Database, Row, Statement, Value},
    standing::{newest_sign_in, newest_word},
};
use crate::domain::{
    failure::{Failure, Nature, Result},
    id::GrantId,
    time::Timestamp,
};

/// How many are looked up by one statement at most.
const MOST: usize = 64;

/// No line of delegations is longer.
pub const DEEPEST: usize = 8;

/// The sessions of these ids and those above each, with whether it lives, its parent, its caller's standing,
/// and the id that the line was asked for by. A session that the ledger says was ended is over, whatever its row
/// says: not by `exists`, for which PostgreSQL 18 may read the whole ledger into a hash table.
const LINES: &str = "with recursive line (root, hop, id, live, parent, body, class, name) as (
        select id, cast(1 as bigint), id, case when ended_at = 0 and expires_at > $1 then 1 else 0 end,
            parent, body, class, name
        from sessions where id in (IDS)
        union all
        select line.root, line.hop + 1, sessions.id,
            case when sessions.ended_at = 0 and sessions.expires_at > $1 then 1 else 0 end,
            sessions.parent, sessions.body, sessions.class, sessions.name
        from line join sessions on sessions.id = line.parent where line.hop < $2
    )
    select case when (
            select 1 from events where grant_id = line.id and kind = 'signed-out' limit 1) = 1 then 0 else live end,
        parent, line.body, coalesce(attested_groups, ''), coalesce(last_seen_at, -1),
        coalesce(disabled_at, -1), coalesce(vouched, ''), WORD, coalesce(attested_at, 0), SIGN_IN, line.class, line.name, root
    from line left join principals
        on principals.class = line.class and principals.name = line.name
    order by root, hop";

/// Somebody who asks for a line.
struct Asking {
    id: String,
    now: Timestamp,
    done: oneshot::Sender<Result<Vec<Row>>>,
}

/// A handle on whoever asks the database. Cloning shares it.
#[derive(Clone)]
pub(super) struct Lines(mpsc::Sender<Asking>);

impl Lines {
    pub(super) fn start(database: Database) -> Self {
        let (queue, asking) = mpsc::channel(MOST);
        tokio::spawn(answer(database, asking));
        Self(queue)
    }

    /// The rows of the line of that session, the nearest first; none where there is no such session.
    pub(super) async fn of(&self, id: &GrantId, now: Timestamp) -> Result<Vec<Row>> {
        let (done, answer) = oneshot::channel();
        let id = id.to_string();
        let asking = Asking { id, now, done };
        self.0.send(asking).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> Failure {
    Failure::failed("nobody looks sessions up any more")
        .hint("try again")
        .of_nature(Nature::Away)
}

async fn answer(database: Database, mut queue: mpsc::Receiver<Asking>) {
    let mut asking = Vec::new();
    while queue.recv_many(&mut asking, MOST).await > 0 {
        // Whoever is about to ask does so first.
        yield_now().await;
        let left = MOST.saturating_sub(asking.len());
        if left > 0 && !queue.is_empty() {
            queue.recv_many(&mut asking, left).await;
        }
        let found = found(&database, &asking).await;
        for Asking { id, done, .. } in asking.drain(..) {
            let line = match &found {
                Ok(lines) => Ok(lines.get(&id).cloned().unwrap_or_default()),
                Err(failure) => Err(failure.clone()),
            };
            // Whoever gave up waiting does not hear it.
            drop(done.send(line));
        }
    }
}

/// The rows of each line that is asked for, by the id that it was asked for by.
async fn found(database: &Database, asking: &[Asking]) -> Result<BTreeMap<String, Vec<Row>>> {
    let mut lines: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in database.rows(&question(asking)).await? {
        let asked_by = row.text(12)?.to_owned();
        lines.entry(asked_by).or_default().push(row);
    }
    Ok(lines)
}

fn question(asking: &[Asking]) -> Statement {
    // What is over for one of them is over.
    let now = asking.iter().map(|one| one.now.millis()).max();
    let beyond = i64::try_from(DEEPEST + 1).unwrap_or(i64::MAX);
    let mut values: Vec<Value> = vec![now.unwrap_or_default().into(), beyond.into()];
    values.extend(asking.iter().map(|one| one.id.as_str().into()));
    // Filled up to a power of two, so that the database prepares few statements.
    let ids = asking.len().next_power_of_two();
    values.resize(2 + ids, "".into());
    let places: Vec<String> = (3..3 + ids).map(|place| format!("${place}")).collect();
    let sql = LINES.replace("IDS", &places.join(", "));
    let sql = sql.replace("WORD", &newest_word("line"));
    let sql = sql.replace("SIGN_IN", &newest_sign_in("line"));
    Statement::assembled(sql, values)
}
