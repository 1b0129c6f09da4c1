//! The ledger: durable before anything leaves, chained by hashes, committed in groups.

use std::time::Instant;

use prometheus_client::metrics::{
    counter::Counter,
    histogram::{Histogram, exponential_buckets},
};
use tokio::sync::{mpsc, oneshot};

pub use super::append::{Actor, Append, Appended, overtaken};
use super::{
    chain::{COLUMNS, GENESIS, Stored},
    database::{Database, Statement, Value},
    group::{GROUP, Message, Waiting, write},
    keychain::Keychain,
};
use crate::domain::{
    event::{Entry, EventFilter},
    failure::{Failure, Nature, Result},
    principal::Principal,
};
pub use crate::protocol::event::Verification;

/// How many entries are read at a time.
const PAGE: i64 = 1000;

/// A handle on the ledger's one writer in this process. Other processes are kept apart by the
/// database's own lock.
#[derive(Clone)]
pub struct Ledger {
    database: Database,
    queue: mpsc::Sender<Message>,
    /// What its appends are measured by.
    pub measures: Measures,
}

/// What a ledger's appends are measured by, in this process.
#[derive(Clone, Debug)]
pub struct Measures {
    /// How many seconds it took until an append was durable.
    pub seconds: Histogram,
    /// How many events were recorded.
    pub events: Counter,
    /// How many appends failed: the database was away, full or broken.
    pub failures: Counter,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            // From a tenth of a millisecond to three seconds.
            seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 16)),
            events: Counter::default(),
            failures: Counter::default(),
        }
    }
}

impl Measures {
    fn note(&self, events: u64, outcome: &Result<Appended>, begun: Instant) {
        match outcome {
            Ok(Appended::Written) => {
                self.seconds.observe(begun.elapsed().as_secs_f64());
                self.events.inc_by(events);
            }
            Ok(Appended::Overtaken) => {}
            Err(_) => drop(self.failures.inc()),
        }
    }
}

impl Ledger {
    pub(super) fn start(keychain: Keychain) -> Self {
        let (queue, waiting) = mpsc::channel(GROUP);
        let database = keychain.database.clone();
        tokio::spawn(write(keychain, waiting));
        Self {
            database,
            queue,
            measures: Measures::default(),
        }
    }

    /// Appends an event and all that goes with it. When this comes back, it is on the disk.
    ///
    /// # Errors
    /// The disk is full or read-only, or the database is broken or away: then nothing of it is there,
    /// unless the connection broke just at the commit.
    pub async fn append(&self, append: Append) -> Result<Appended> {
        let begun = Instant::now();
        let events = u64::try_from(append.events.len()).unwrap_or(u64::MAX);
        let outcome = self.append_unmeasured(append).await;
        self.measures.note(events, &outcome, begun);
        outcome
    }

    async fn append_unmeasured(&self, append: Append) -> Result<Appended> {
        let (done, answer) = oneshot::channel();
        let waiting = Message::Append(Box::new(Waiting { append, done }));
        self.queue.send(waiting).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Stops the writer once all that waits is written; what comes later is refused.
    pub(super) async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.queue.send(Message::Stop(done)).await.is_ok() {
            drop(stopped.await);
        }
    }

    /// The entries that the filter selects, the oldest first.
    pub async fn list(&self, filter: &EventFilter) -> Result<Vec<Entry>> {
        let rows = self.database.rows(&selected(filter)).await?;
        let entries = rows.iter().map(|row| Stored::read(row)?.entry());
        let mut entries: Vec<Entry> = entries.collect::<Result<_>>()?;
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

fn stopped() -> Failure {
    Failure::failed("the ledger's writer has stopped")
        .hint("try again")
        .of_nature(Nature::Away)
}

/// The `select` of a filter: the newest first, or behind a place the oldest first.
fn selected(filter: &EventFilter) -> Statement {
    let mut sql = format!("select {COLUMNS} from events where 1 = 1");
    let mut values = Vec::new();
    let text = |value: &Option<String>| value.clone().map(Into::into);
    let conditions = [
        (
            "principal =",
            filter.principal.as_ref().map(|who| who.name().into()),
        ),
        (
            "body like",
            filter.principal.as_ref().map(|who| field("principal", who)),
        ),
        ("body like", filter.by.as_ref().map(|who| field("by", who))),
        ("resource =", text(&filter.resource)),
        ("role =", text(&filter.role)),
        (
            "grant_id =",
            filter.grant.as_ref().map(|id| id.as_str().into()),
        ),
        ("kind =", filter.kind.map(|kind| kind.as_str().into())),
        ("at >=", filter.since.map(|since| since.millis().into())),
        ("at <", filter.until.map(|until| until.millis().into())),
        ("seq >", filter.after.map(Into::into)),
    ];
    for (condition, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql = format!("{sql} and {condition} ${}", values.len());
            if condition == "body like" {
                sql = format!("{sql} escape '!'");
            }
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

/// The pattern of an event's text in which `name` is that principal. A quotation mark inside a string of the
/// text has a backslash before it, so that nothing that somebody wrote there can match.
fn field(name: &str, who: &Principal) -> Value {
    let who = format!(
        "{{\"class\":\"{:?}\",\"name\":\"{}\"}}",
        who.class(),
        who.name()
    );
    let who = who.replace('!', "!!").replace('_', "!_").replace('%', "!%");
    format!("%\"{name}\":{who}%").into()
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
            let stored = Stored::read(&row)?;
            if let Err(what) = stored.verify(&head, place + 1) {
                let entry = place + 1;
                return Ok(Verification::Broken { entry, what });
            }
            place += 1;
            head = stored.hash;
        }
    }
}
