//! The ledger's writer: what waits is committed at once, so that many who append at the same time pay
//! for one write to the disk.
//!
//! Within a group, appends whose conditions do not touch what the others write form a wave: their
//! conditions are asked in one question, and their rows are inserted in one statement.

use std::{collections::BTreeSet, slice};

use tokio::sync::{mpsc, oneshot};

use super::{
    append::{Append, Appended},
    chain::Stored,
    database::Transaction,
    keychain::Keychain,
    statement::{Statement, Written},
    tail,
};
use crate::domain::failure::{Nature, Result};

/// How many appends go into one commit at most.
pub(super) const GROUP: usize = 256;

/// How many rows or guards go into one statement at most, and how many bytes: what is larger than a TLS record
/// (16 KiB) goes to PostgreSQL in two segments, and the second one waits for the first one's delayed
/// acknowledgement, 40 ms, since sqlx does not set `TCP_NODELAY`.
const MOST: usize = 128;
const BYTES: usize = 12 * 1024;

/// An append, and who waits for it.
pub(super) struct Waiting {
    pub(super) append: Append,
    pub(super) done: oneshot::Sender<Result<Appended>>,
}

/// What the writer is told.
pub(super) enum Message {
    /// Write this.
    Append(Box<Waiting>),
    /// Write what waits, and nothing after it.
    Stop(oneshot::Sender<()>),
}

/// The writer: takes what waits, up to a group, and commits it.
pub(super) async fn write(keychain: Keychain, mut queue: mpsc::Receiver<Message>) {
    let (mut messages, mut stopped) = (Vec::new(), Vec::new());
    while queue.recv_many(&mut messages, GROUP).await > 0 {
        let (mut group, mut waiting) = (Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Append(one) => {
                    group.push(one.append);
                    waiting.push(one.done);
                }
                Message::Stop(done) => {
                    queue.close();
                    stopped.push(done);
                }
            }
        }
        let outcomes = commit(&keychain, &group).await;
        for (done, outcome) in waiting.into_iter().zip(outcomes) {
            // Whoever gave up waiting does not hear it; the event stays recorded.
            drop(done.send(outcome));
        }
    }
    for done in stopped {
        let _ = done.send(());
    }
}

/// Commits a group. What breaks in it fails alone: then each is committed by itself.
async fn commit(keychain: &Keychain, group: &[Append]) -> Vec<Result<Appended>> {
    match together(keychain, group).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(failure) if group.len() <= 1 && failure.nature == Nature::Conflict => {
            vec![Ok(Appended::Overtaken); group.len()]
        }
        Err(failure) if group.len() <= 1 || failure.nature == Nature::Away => {
            vec![Err(failure); group.len()]
        }
        Err(_) => {
            let mut outcomes = Vec::with_capacity(group.len());
            for one in group {
                let outcome = Box::pin(commit(keychain, slice::from_ref(one))).await;
                outcomes.extend(outcome);
            }
            outcomes
        }
    }
}

/// Commits a group; for each of it, whether its conditions let it in.
async fn together(keychain: &Keychain, group: &[Append]) -> Result<Vec<Appended>> {
    let mut outcomes = Vec::with_capacity(group.len());
    let mut all = group.iter().flat_map(|append| &append.events);
    let Some(first) = all.next() else {
        return Ok(outcomes);
    };
    let (mut transaction, last, mut voucher) = tail::begin(keychain, first.at).await?;
    let (mut place, mut head) = (last.seq, last.hash);
    for wave in waves(group) {
        let conditions = holding(&mut transaction, wave).await?;
        let mut events = Vec::with_capacity(wave.len());
        let mut writes = Vec::new();
        for (append, holds) in wave.iter().zip(conditions) {
            if !holds {
                outcomes.push(Appended::Overtaken);
                continue;
            }
            if let Some(new) = &append.voucher {
                voucher = new.clone();
            }
            let mut recorded = append.events.clone();
            if let Some(ending) = &append.ending {
                ending.end(&mut transaction, &mut recorded).await?;
            }
            for event in &recorded {
                place += 1;
                let stored = Stored::new(&head, place, event)?;
                head.clone_from(&stored.hash);
                events.push(stored.insert(&voucher));
            }
            writes.extend(&append.writes);
            outcomes.push(Appended::Written);
        }
        let writes: Vec<&Statement> = events.iter().chain(writes).collect();
        if !writes.is_empty() {
            write_all(&mut transaction, &writes).await?;
        }
    }
    transaction.commit().await?;
    Ok(outcomes)
}

/// A group in its order, cut wherever one may depend on what was written before it.
fn waves(group: &[Append]) -> Vec<&[Append]> {
    let mut waves = Vec::new();
    let (mut start, mut written) = (0, Written::default());
    let mut is_over = false;
    for (at, append) in group.iter().enumerate() {
        let depends = || {
            let guarded = append.guards.iter().any(|guard| written.may_decide(guard));
            guarded || append.writes.iter().any(|write| written.has_key_of(write))
        };
        // What ends something looks at all that was written before it.
        if at > start && (is_over || append.ending.is_some() || depends()) {
            waves.extend(group.get(start..at));
            start = at;
            written = Written::default();
        }
        is_over = !append.only_inserts();
        append.writes.iter().for_each(|write| written.add(write));
    }
    waves.extend(group.get(start..));
    waves
}

/// For each of a wave, whether all its conditions hold.
async fn holding(transaction: &mut Transaction, wave: &[Append]) -> Result<Vec<bool>> {
    let guards = (0_i64..).zip(wave.iter().flat_map(|append| &append.guards));
    let guards: Vec<(i64, &Statement)> = guards.collect();
    let size = |(_, guard): &(i64, &Statement)| guard.size();
    let kinds = kinds(&guards, |(_, guard)| guard);
    let kinds = kinds
        .iter()
        .flat_map(|kind| parts(kind, size, |fitting| fitting));
    let kinds: Vec<&[(i64, &Statement)]> = kinds.collect();
    let mut held = BTreeSet::new();
    for asked in parts(
        &kinds,
        |kind| kind.iter().map(size).sum(),
        |fitting| fitting,
    ) {
        let found = transaction.rows(&Statement::which_hold(asked)).await?;
        for row in found {
            held.insert(row.int(0)?);
        }
    }
    let mut numbers = guards.into_iter().map(|(number, _)| number);
    let all_hold = wave.iter().map(|append| {
        let own: Vec<i64> = numbers.by_ref().take(append.guards.len()).collect();
        own.iter().all(|number| held.contains(number))
    });
    Ok(all_hold.collect())
}

/// Writes in their order, except that rows of one text become one statement; in numbers that are powers of
/// two, so that the database prepares few statements.
async fn write_all(transaction: &mut Transaction, writes: &[&Statement]) -> Result<()> {
    let (rows, others): (Vec<&Statement>, Vec<&Statement>) =
        writes.iter().partition(|write| write.is_insert());
    let mut statements = Vec::new();
    for kind in kinds(&rows, |row| row) {
        let parts = parts(&kind, |row| row.size(), |fitting| 1 << fitting.ilog2());
        statements.extend(parts.into_iter().filter_map(Statement::joined));
    }
    statements.extend(others.into_iter().cloned());
    transaction.run_all(statements).await
}

/// Those of one text together.
fn kinds<T: Copy>(all: &[T], statement: impl Fn(&T) -> &Statement) -> Vec<Vec<T>> {
    let mut kinds: Vec<Vec<T>> = Vec::new();
    for one in all {
        let same = |kind: &&mut Vec<T>| {
            let first = kind.first();
            first.is_some_and(|first| statement(first).is_like(statement(one)))
        };
        match kinds.iter_mut().find(same) {
            Some(kind) => kind.push(*one),
            None => kinds.push(vec![*one]),
        }
    }
    kinds
}

/// Parts that are no larger than a statement may be. `part` says how many of those that fit (one or more)
/// are one.
fn parts<T>(mut all: &[T], size: impl Fn(&T) -> usize, part: impl Fn(usize) -> usize) -> Vec<&[T]> {
    let mut parts = Vec::new();
    while !all.is_empty() {
        let mut bytes = 0;
        let fitting = all.iter().take_while(|one| {
            bytes += size(one);
            bytes <= BYTES
        });
        let fitting = fitting.count().clamp(1, MOST);
        let (first, rest) = all.split_at(part(fitting));
        parts.push(first);
        all = rest;
    }
    parts
}
