//! `jit serve restore`: a copy is checked, and put in the place of the database.

use std::path::{Path, PathBuf};

use super::{anchor::Anchor, ground::Ground, open};
use crate::{
    config::server::Server,
    domain::{
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{copies, files, terminal},
    store::{Store, audit::Audit, backup::replace, ledger::Verification, sealing::Sealing},
};

/// Put a copy in the place of the database, once it was checked
///
/// The server must not run. What was there is moved away and kept. Where the copy is older than what
/// this server last recorded, the next start says so and wants --accept-loss.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit serve restore --config /etc/jit /var/backups/jit.db")]
pub(super) struct Args {
    /// What "jit serve backup" wrote.
    file: PathBuf,
}

/// Puts it back.
pub(super) async fn run(
    args: &Args,
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<()> {
    if config.database.is_some() {
        return Err(
            Failure::usage("the database is PostgreSQL, which is restored by its own tools")
                .hint("run: pg_restore --clean --dbname=URL FILE; the next start compares it with what this server recorded"),
        );
    }
    let places = open::places(directory, config);
    let now = (ground.clock)();
    let name = |what: &str| places.state.join(format!("{what}-{}", now.secs()));
    let copy = name("restoring");
    files::private_directory(&places.state)?;
    copies::copy_private(&ground.environment.directory.join(&args.file), &copy)?;
    let keeper = open::keeper(config.sealing_key.as_ref(), &places, ground);
    let checked = match Sealing::kept(keeper) {
        Ok(sealing) => check(&copy, sealing, &Anchor::of(&places.state), now).await,
        Err(failure) => Err(failure),
    };
    let (entries, lost) = match checked {
        Ok(checked) => checked,
        Err(failure) => {
            files::remove(&copy)?;
            return Err(failure);
        }
    };
    let former = format!("before-{}", now.secs());
    let replaced = replace(&places.state.join(open::LEDGER), &copy, &former).await;
    let moved = replaced.inspect_err(|_| drop(files::remove(&copy)))?;
    terminal::say(&format!("jit: restored {entries} entries"));
    if let Some(moved) = moved {
        terminal::say(&format!("jit: what was there is in {}", moved.display()));
    }
    if let Some(lost) = lost {
        terminal::say(&format!("jit: {}\nhint: {}", lost.message, lost.hint));
    }
    Ok(())
}

/// How many entries the copy has, if it is whole and this server can open its keys; and what it lacks.
async fn check(
    copy: &Path,
    sealing: Sealing,
    anchor: &Anchor,
    now: Timestamp,
) -> Result<(i64, Option<Failure>)> {
    let store = Store::open_shared(copy, sealing).await?;
    let Audit { verification, .. } = store.audit().await?;
    let entries = match verification {
        Verification::Whole { entries, .. } => entries,
        Verification::Broken { entry, what } => {
            return Err(
                Failure::failed(format!("the copy is broken at entry {entry}: {what}"))
                    .hint("take an older one; nothing was changed"),
            );
        }
    };
    for generation in store.generations().await? {
        store.public_keys(&generation.purpose, now).await?;
    }
    let lost = anchor.lost(&store, now).await?.map(|lost| lost.failure);
    store.close().await;
    Ok((entries, lost))
}
