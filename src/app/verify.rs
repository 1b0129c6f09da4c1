//! Whether the ledger is whole, and whether it still holds what a checkpoint says.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{
    embedded::{block_on, ledger},
    session::Session,
};
use crate::{
    domain::{
        checkpoint::Checkpoint,
        event::Entry,
        failure::{Failure, Result},
    },
    platform::files,
    store::{
        Store,
        checkpoints::{Audit, Loss, Pace},
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
        let store = ledger(session).await?;
        let audit = store.audit().await?;
        let compared = match &kept {
            Some(note) => Some(compare(&store, note).await?),
            None => None,
        };
        Ok::<_, Failure>((audit, compared))
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

async fn compare(store: &Store, note: &str) -> Result<Compared> {
    let (checkpoint, loss) = store.compare(note).await?;
    let Some(loss) = loss else {
        return Ok((checkpoint, None));
    };
    let accepted = store.acceptance(&checkpoint).await?;
    Ok((checkpoint, Some((loss, accepted))))
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

/// Signs the ledger's head, unless that was done, and prints the newest checkpoint.
pub(super) fn sign(session: &Session) -> Result<()> {
    let signed = block_on(async {
        let store = ledger(session).await?;
        store.checkpoint_if_due(NOW, (session.clock)()).await?;
        store.newest_checkpoint().await
    })??;
    let signed = signed.ok_or_else(|| {
        Failure::failed("the ledger has no entries yet").hint("there is nothing to be signed")
    })?;
    session.print(signed.note.trim_end())
}
