//! What rests: the ledger's entries, its signed heads, a client's leases.

use std::{fs, sync::LazyLock};

use jit::{
    domain::{
        checkpoint::Checkpoint, elevation::Elevation, enrolment::Enrolment, event::Event,
        lease::Lease, principal::Caller, session::Session, time::Timestamp,
    },
    platform::seal::SealingKey,
    store::{
        Store,
        chain::{GENESIS, Stored},
        checkpoints::Signed,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::ground::{NOW, choice, directory, run, text};

/// A signed note: what is read is exactly what was signed, and what was not signed here is none of ours. An
/// input is a note, or a change to one of ours: where, how much of it, and what is put there.
pub(crate) fn checkpoint(data: &[u8]) {
    static OURS: LazyLock<(Store, Signed)> = LazyLock::new(|| run(signed()));
    let changed = data.strip_prefix(b"\0").and_then(|change| {
        let ([at, length], put) = choice::<2>(change)?;
        let note = OURS.1.note.as_bytes();
        let at = at.min(note.len());
        let end = (at + length).min(note.len());
        String::from_utf8([&note[..at], put, &note[end..]].concat()).ok()
    });
    let Some(note) = changed.as_deref().or_else(|| text(data)) else {
        return;
    };
    if let Some((checkpoint, signatures)) = Checkpoint::parse(note) {
        assert!(note.starts_with(&checkpoint.text()) && !signatures.is_empty());
        let again = checkpoint.note(signatures[0]);
        assert_eq!(
            Checkpoint::parse(&again).map(|(read, _)| read),
            Some(checkpoint)
        );
        let (store, ours) = &*OURS;
        if let Ok((checkpoint, _)) = run(store.compare(note)) {
            assert_eq!(checkpoint, ours.checkpoint);
        }
    }
}

/// A ledger that signed its head.
async fn signed() -> (Store, Signed) {
    let file = directory().join("ledger/ledger.db");
    drop(fs::remove_file(&file));
    let store = Store::open(&file, SealingKey::new([7; 32])).await;
    let store = store.expect("a store");
    store.sign_head(NOW).await.expect("a signature");
    let newest = store.newest_checkpoint().await.expect("it can be read");
    (store, newest.expect("it was signed"))
}

/// An entry: what is written is read again, whatever was changed in the text shows, and no column can say
/// something else than the text.
pub(crate) fn event(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(event) = serde_json::from_str::<Event>(text) else {
        return;
    };
    let stored = Stored::new(GENESIS, 1, &event).expect("it can be written");
    assert_eq!(stored.verify(GENESIS, 1).as_ref(), Ok(&event), "{text}");
    let moved = stored.verify(GENESIS, 2);
    assert!(moved.is_err());
    let mut other = stored.clone();
    other.columns.principal.push('x');
    assert!(other.verify(GENESIS, 1).is_err());
    let mut changed = stored;
    changed.body.push(' ');
    assert!(changed.verify(GENESIS, 1).is_err());
}

/// A lease as it rests: sealed bytes that nobody sealed are none, and what was read is written as it was.
pub(crate) fn lease(data: &[u8]) {
    let key = SealingKey::new([7; 32]);
    assert!(key.open("lease", data).is_none());
    let Ok(lease) = serde_json::from_slice::<Lease>(data) else {
        return;
    };
    for at in [
        NOW,
        Timestamp::from_millis(i64::MIN),
        Timestamp::from_millis(i64::MAX),
    ] {
        let _ = (lease.works(at), lease.freshness(at), lease.is_last());
    }
    let written = serde_json::to_vec(&lease).expect("it was JSON");
    let sealed = key.seal("lease", &written).expect("sealed");
    assert_eq!(key.open("lease", &sealed).as_deref(), Some(&written));
    assert!(key.open("other", &sealed).is_none());
    let again: Lease = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(serde_json::to_vec(&again).expect("it was JSON"), written);
}

/// What else the store keeps as JSON: it is written as it was read.
pub(crate) fn row(data: &[u8]) {
    let Some(([which], text)) = choice::<1>(data) else {
        return;
    };
    match which % 4 {
        0 => drop(kept::<Elevation>(text).map(|one| (one.state(NOW), one.vote().cloned()))),
        1 => drop(kept::<Session>(text).map(|one| one.is_live(NOW))),
        2 => drop(kept::<Caller>(text)),
        _ => drop(kept::<Enrolment>(text)),
    }
}

fn kept<T: Serialize + DeserializeOwned>(text: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(text).ok()?;
    let written = serde_json::to_string(&read).expect("it can be written");
    let again: T = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(serde_json::to_string(&again).expect("again"), written);
    Some(read)
}
