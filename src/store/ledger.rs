//! The ledger: durable before anything leaves, chained by hashes, committed in groups.

use tokio::sync::{mpsc, oneshot};

use super::{
    chain::{Columns, GENESIS, Stored},
    database::{Database, Row, Statement, Transaction},
    ending::Ending,
    steps,
};
use crate::domain::{
    elevation::Elevation,
    event::{Entry, Event, EventFilter},
    failure::{Failure, Nature, Result},
};

/// How many appends go into one commit at most.
const GROUP: usize = 256;

/// How many entries are read at a time.
const PAGE: i64 = 1000;

/// What is recorded: an event, and what else is written in the same commit.
#[derive(Clone, Debug)]
pub struct Append {
    events: Vec<Event>,
    ending: Option<Ending>,
    guards: Vec<Statement>,
    writes: Vec<Statement>,
}

impl Append {
    /// An event by itself.
    pub fn new(event: Event) -> Self {
        Self {
            events: vec![event],
            ending: None,
            guards: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// With another event behind it.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// With the end of everything that hangs on what it is about, as that is found when it is written.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = Some(ending);
        self
    }

    /// With where it leaves the elevation that it is about.
    pub fn leaving(self, elevation: &Elevation) -> Result<Self> {
        Ok(self.with(steps::write(elevation)?))
    }

    /// With something else that is written.
    #[must_use]
    pub fn with(mut self, write: Statement) -> Self {
        self.writes.push(write);
        self
    }

    /// Only if that `select` finds a row when it is written. Writers come one after the other, so
    /// what a guard found holds until the commit.
    #[must_use]
    pub fn only_if(mut self, guard: Statement) -> Self {
        self.guards.push(guard);
        self
    }
}

struct Waiting {
    append: Append,
    done: oneshot::Sender<Result<()>>,
}

/// A handle on the ledger's one writer in this process. Other processes are kept apart by the
/// database's own lock.
#[derive(Clone)]
pub struct Ledger {
    database: Database,
    queue: mpsc::Sender<Waiting>,
}

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Every entry is what was written.
    Whole {
        /// How many there are.
        entries: i64,
        /// The hash of the last one.
        head: String,
    },
    /// The chain is broken.
    Broken {
        /// The place of the first entry that is not what was written.
        entry: i64,
        /// What is wrong with it.
        what: String,
    },
}

impl Ledger {
    pub(super) fn start(database: Database) -> Self {
        let (queue, waiting) = mpsc::channel(GROUP);
        tokio::spawn(write(database.clone(), waiting));
        Self { database, queue }
    }

    /// Appends an event and all that goes with it. When this comes back, it is on the disk.
    ///
    /// # Errors
    /// The disk is full or read-only, or the database is broken or away: then nothing of it is there,
    /// unless the connection broke just at the commit. A guard found nothing ([`Nature::Conflict`]).
    pub async fn append(&self, append: Append) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let gone = || Failure::failed("the ledger's writer has stopped");
        let waiting = Waiting { append, done };
        self.queue.send(waiting).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The entries that the filter selects, the oldest first.
    pub async fn list(&self, filter: &EventFilter) -> Result<Vec<Entry>> {
        let rows = self.database.rows(&selected(filter)).await?;
        let mut entries: Vec<Entry> = rows.iter().map(entry).collect::<Result<_>>()?;
        if filter.after.is_none() {
            entries.reverse();
        }
        Ok(entries)
    }

    /// Recomputes the chain from the first entry to the last.
    pub async fn verify(&self) -> Result<Verification> {
        verify_behind(&self.database, 0, GENESIS.to_owned()).await
    }
}

/// The `select` of a filter: the newest first, or behind a place the oldest first.
fn selected(filter: &EventFilter) -> Statement {
    let mut sql = format!("select {COLUMNS} from events where 1 = 1");
    let mut values = Vec::new();
    let text = |value: &Option<String>| value.clone().map(Into::into);
    let conditions = [
        ("principal =", text(&filter.principal)),
        ("resource =", text(&filter.resource)),
        ("role =", text(&filter.role)),
        (
            "grant_id =",
            filter.grant.as_ref().map(|id| id.as_str().into()),
        ),
        ("at >=", filter.since.map(|since| since.millis().into())),
        ("at <", filter.until.map(|until| until.millis().into())),
        ("seq >", filter.after.map(Into::into)),
    ];
    for (condition, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql = format!("{sql} and {condition} ${}", values.len());
        }
    }
    let order = if filter.after.is_some() {
        "asc"
    } else {
        "desc"
    };
    sql = format!("{sql} order by seq {order}");
    if let Some(limit) = filter.limit {
        values.push(i64::from(limit).into());
        sql = format!("{sql} limit ${}", values.len());
    }
    Statement::assembled(sql, values)
}

/// Recomputes the chain behind the entry at `place`, whose hash is `head`, to the last entry.
pub(super) async fn verify_behind(
    database: &Database,
    mut place: i64,
    mut head: String,
) -> Result<Verification> {
    let select = format!("select {COLUMNS} from events where seq > $1 order by seq limit $2");
    loop {
        let values = vec![place.into(), PAGE.into()];
        let rows = database
            .rows(&Statement::assembled(select.clone(), values))
            .await?;
        if rows.is_empty() {
            let entries = place;
            return Ok(Verification::Whole { entries, head });
        }
        for row in rows {
            let stored = stored(&row)?;
            if let Err(what) = stored.verify(&head, place + 1) {
                let entry = place + 1;
                return Ok(Verification::Broken { entry, what });
            }
            place += 1;
            head = stored.hash;
        }
    }
}

/// The writer: takes what waits, up to a group, and commits it at once, so that many who append at
/// the same time pay for one write to the disk.
async fn write(database: Database, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let outcomes = commit(&database, &group).await;
        let outcomes = outcomes.unwrap_or_else(|failure| vec![Err(failure); group.len()]);
        for (one, outcome) in group.drain(..).zip(outcomes) {
            // Whoever gave up waiting does not hear it; the event stays recorded.
            drop(one.done.send(outcome));
        }
    }
}

/// Commits a group; for each of it, whether its guards let it in.
async fn commit(database: &Database, group: &[Waiting]) -> Result<Vec<Result<()>>> {
    let mut transaction = database.begin().await?;
    let (mut place, mut head) = tail(&mut transaction).await?;
    let mut outcomes = Vec::with_capacity(group.len());
    for Waiting { append, .. } in group {
        if !holds(&mut transaction, &append.guards).await? {
            outcomes.push(Err(overtaken()));
            continue;
        }
        let mut events = append.events.clone();
        if let Some(ending) = &append.ending {
            ending.end(&mut transaction, &mut events).await?;
        }
        for event in &events {
            place += 1;
            let stored = Stored::new(&head, place, event)?;
            transaction.run(&inserted(&stored)).await?;
            head = stored.hash;
        }
        for write in &append.writes {
            transaction.run(write).await?;
        }
        outcomes.push(Ok(()));
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn holds(transaction: &mut Transaction, guards: &[Statement]) -> Result<bool> {
    for guard in guards {
        if transaction.rows(guard).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn overtaken() -> Failure {
    Failure::denied("somebody else was first, or what it rests on has ended")
        .hint("run the command again")
        .of_nature(Nature::Conflict)
}

async fn tail(transaction: &mut Transaction) -> Result<(i64, String)> {
    let last = "select seq, hash from events order by seq desc limit 1";
    let rows = transaction.rows(&Statement::new(last, [])).await?;
    match rows.first() {
        Some(row) => Ok((row.int(0)?, row.text(1)?.to_owned())),
        None => Ok((0, GENESIS.to_owned())),
    }
}

const COLUMNS: &str = "seq, at, kind, grant_id, principal, resource, role, body, hash";

fn inserted(stored: &Stored) -> Statement {
    let columns = stored.columns.clone();
    Statement::new(
        "insert into events (seq, at, kind, grant_id, principal, resource, role, body, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            stored.seq.into(),
            columns.at.into(),
            columns.kind.into(),
            columns.grant.into(),
            columns.principal.into(),
            columns.resource.into(),
            columns.role.into(),
            stored.body.clone().into(),
            stored.hash.clone().into(),
        ],
    )
}

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        seq: row.int(0)?,
        columns: Columns {
            at: row.int(1)?,
            kind: row.text(2)?.to_owned(),
            grant: row.text(3)?.to_owned(),
            principal: row.text(4)?.to_owned(),
            resource: row.text(5)?.to_owned(),
            role: row.text(6)?.to_owned(),
        },
        body: row.text(7)?.to_owned(),
        hash: row.text(8)?.to_owned(),
    })
}

fn entry(row: &Row) -> Result<Entry> {
    let stored = stored(row)?;
    let event = serde_json::from_str(&stored.body).map_err(|error| {
        Failure::failed(format!(
            "entry {} of the ledger is not an event",
            stored.seq
        ))
        .because(&error)
        .hint("\"jit audit verify\" names the first broken entry")
    })?;
    Ok(Entry {
        seq: stored.seq,
        event,
        hash: stored.hash,
    })
}
