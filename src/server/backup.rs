//! `jit serve backup`: a consistent copy of the database, while the server runs.

use std::path::{Path, PathBuf};

use super::{ground::Ground, open};
use crate::{config::server::Server, domain::failure::Result, platform::terminal};

/// Copy the database into a new file, while the server runs
///
/// The signing keys in it are sealed: keep the sealing key too, and elsewhere. Where the database is
/// PostgreSQL, its own tools do this.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit serve backup --config /etc/jit /var/backups/jit.db")]
pub(super) struct Args {
    /// Where to; it must not be there yet.
    file: PathBuf,
}

/// Copies it.
pub(super) async fn run(
    args: &Args,
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<()> {
    let store = open::store(&open::places(directory, config), config, ground).await?;
    let file = ground.environment.directory.join(&args.file);
    store.back_up(&file).await?;
    let entries = store.head().await?;
    store.close().await;
    let key = match &config.sealing_key {
        None => format!("{}/state/sealing.key", directory.display()),
        Some(_) => "what `sealing_key` in server.toml names".to_owned(),
    };
    terminal::say(&format!(
        "jit: {} holds {entries} entries or more; it is worth nothing without the sealing key, {key}",
        file.display()
    ));
    Ok(())
}
