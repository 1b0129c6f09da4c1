//! Whether the ledger is whole, and whether it still holds what a checkpoint says.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{
    embedded::{block_on, ledger},
    engine,
    session::Session,
};
use crate::{
    domain::{
        checkpoint::Checkpoint,
        event::Entry,
        failure::{Failure, Result},
    },
    platform::files,
    remote::{patience::Patience, session::Remote},
    store::{
        Store,
        audit::{Audit, Loss},
        checkpoints::Pace,
        ledger::Verification,
    },
};

/// Whatever is new is signed.
const NOW: Pace = Pace {
    events: 1,
    span: Duration::ZERO,
};

/// A checkpoint that was kept, what the ledger lacks of it, and who answered for that.
type Compared = (Checkpoint, Option<(Loss, Option<Entry>)>);

/// Verifies the chain and all checkpoints, and compares it with one that was kept.
pub(super) fn run(kept: Option<&Path>, session: &Session) -> Result<()> {
    let kept = kept.map(|file| read(file, session)).transpose()?;
    let (audit, compared) = block_on(async {
        match engine::remote(session, Patience::PERSON).await? {
            Some(remote) => asked(&remote, kept.as_deref()).await,
            None => looked(&ledger(session).await?, kept.as_deref()).await,
        }
    })??;
    let Audit {
        verification,
        newest,
    } = audit;
    let (entries, head) = match verification {
        Verification::Whole { entries, head } => (entries, head),
        Verification::Broken { entry, what } => {
            return Err(
                Failure::failed(format!("the ledger is broken at entry {entry}: {what}")).hint(
                    "keep the file as evidence; what comes before this entry is as it was written",
                ),
            );
        }
    };
    let kept = compared.map(held).transpose()?;
    let covered = [&newest, &kept]
        .into_iter()
        .flatten()
        .map(|one| one.seq)
        .max();
    if session.json {
        return session.print_json(&json!({
            "whole": true,
            "entries": entries,
            "head": head,
            "checkpoint": covered,
        }));
    }
    session.print(&format!(
        "the ledger is whole: {entries} entries, head {head}{}",
        said(kept.as_ref(), newest.as_ref())
    ))
}

/// What is known of its end.
fn said(held: Option<&Checkpoint>, newest: Option<&Checkpoint>) -> String {
    let (whose, checkpoint) = match (held, newest) {
        (Some(held), _) => ("the checkpoint that you kept", held),
        (None, Some(newest)) => ("its own newest checkpoint", newest),
        (None, None) => {
            return "\nthat nothing is missing at its end only a checkpoint shows that is kept \
                    elsewhere: jit audit checkpoint"
                .to_owned();
        }
    };
    let (seq, at) = (checkpoint.seq, checkpoint.at);
    format!("\nit holds what {whose} says: {seq} entries at {at}")
}

async fn looked(store: &Store, kept: Option<&str>) -> Result<(Audit, Option<Compared>)> {
    let audit = store.audit().await?;
    let Some(note) = kept else {
        return Ok((audit, None));
    };
    let (checkpoint, loss) = store.compare(note).await?;
    let contradicted = match loss {
        Some(loss) => Some((loss, store.acceptance(&checkpoint).await?)),
        None => None,
    };
    Ok((audit, Some((checkpoint, contradicted))))
}

/// The same of a server: by its own word, except for what the checkpoint says that was kept.
async fn asked(remote: &Remote, kept: Option<&str>) -> Result<(Audit, Option<Compared>)> {
    let verification = remote.verify().await?;
    let newest = remote.newest_checkpoint().await?;
    let newest = newest.and_then(|note| Some(Checkpoint::parse(&note)?.0));
    let compared = match kept {
        None => None,
        Some(note) => {
            let (checkpoint, _) = Checkpoint::parse(note).ok_or_else(no_checkpoint)?;
            let there = remote.entry(checkpoint.seq).await?;
            let loss = match (there, &verification) {
                (Some(entry), _) if entry.hash == checkpoint.hash => None,
                (None, Verification::Whole { entries, .. }) => {
                    Some((Loss::Behind { entries: *entries }, None))
                }
                (Some(_) | None, _) => Some((Loss::Rewritten, None)),
            };
            Some((checkpoint, loss))
        }
    };
    let audit = Audit {
        verification,
        newest,
    };
    Ok((audit, compared))
}

/// The checkpoint, if the ledger holds what it says.
fn held((checkpoint, contradicted): Compared) -> Result<Checkpoint> {
    let Some((loss, accepted)) = contradicted else {
        return Ok(checkpoint);
    };
    let (seq, at) = (checkpoint.seq, checkpoint.at);
    let message = match loss {
        Loss::Behind { entries } => format!(
            "the ledger ends at entry {entries}, and had {seq} at {at}: its end was cut off, or it was restored from an old copy"
        ),
        Loss::Rewritten => format!(
            "entry {seq} is not the one that was there at {at}: the ledger was rewritten, or went on from an old copy"
        ),
    };
    let hint = accepted.map_or_else(
        || {
            "keep the database as evidence, and look for the copy that has what is missing"
                .to_owned()
        },
        |entry| {
            let who = entry.event.principal.written();
            format!(
                "entry {} says that {who} took it so on {}",
                entry.seq, entry.event.at
            )
        },
    );
    Err(Failure::failed(message).hint(hint))
}

fn read(file: &Path, session: &Session) -> Result<String> {
    files::read_text(&session.environment.directory.join(file))?.ok_or_else(|| {
        Failure::usage(format!("{} is not there", file.display())).hint(
            "a checkpoint is what \"jit audit checkpoint\" printed, or `note` of /v1/checkpoints",
        )
    })
}

/// Prints the newest checkpoint; the embedded authority signs its ledger's head first, unless it did.
pub(super) fn sign(session: &Session) -> Result<()> {
    let note = block_on(async {
        if let Some(remote) = engine::remote(session, Patience::PERSON).await? {
            return remote.newest_checkpoint().await;
        }
        let store = ledger(session).await?;
        store.checkpoint_if_due(NOW, (session.clock)()).await?;
        let newest = store.newest_checkpoint().await?;
        Ok(newest.map(|signed| signed.note))
    })??;
    let note = note.ok_or_else(|| {
        Failure::failed("there is no checkpoint yet")
            .hint("one is signed once the ledger has entries")
    })?;
    session.print(note.trim_end())
}

fn no_checkpoint() -> Failure {
    Failure::failed("that is no checkpoint").hint(
        "a checkpoint is the whole text that \"jit audit checkpoint\" printed, or `note` of /v1/checkpoints",
    )
}
