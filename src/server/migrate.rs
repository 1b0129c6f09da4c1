//! `jit serve migrate`: from SQLite to PostgreSQL, with everything that is remembered.

use std::path::Path;

use super::{ground::Ground, open};
use crate::{
    config::server::Server,
    domain::{
        failure::{Failure, Result},
        secret_reference::SecretReference,
    },
    platform::{copies, files, secret, terminal},
    store::{Store, backup, sealing::Sealing},
};

/// Move the ledger, the keys and all grants from SQLite to an empty PostgreSQL database
///
/// The server is stopped meanwhile. Nobody signs in again and no target is told anything: the keys are the
/// same, sealed with the same sealing key. What is there afterwards is verified.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit serve migrate --config /etc/jit --to file:/etc/jit/database.url"
)]
pub(super) struct Args {
    /// Where the URL of the database is, named as in server.toml; what server.toml names if not said.
    #[arg(long, value_name = "REFERENCE")]
    to: Option<String>,
}

/// Moves it.
pub(super) async fn run(
    args: &Args,
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<()> {
    let reference = reference(args, config)?;
    let places = open::places(directory, config);
    let file = places.state.join(open::LEDGER);
    if !files::is_private(&file)? {
        return Err(
            Failure::usage(format!("there is no ledger in {}", file.display()))
                .hint("name the server's directory: jit serve migrate --config DIR"),
        );
    }
    backup::refuse_in_use(&file).await?;
    let url = secret::resolve(&reference, &places.configuration, ground.environment)?;
    let keeper = || open::keeper(config.sealing_key.as_ref(), &places, ground);
    let source = Store::open_shared(&file, Sealing::kept(keeper())?).await?;
    let moved = match Store::connect(&url, Sealing::kept(keeper())?).await {
        Ok(target) => {
            let moved = source.transfer_into(&target).await;
            target.close().await;
            moved
        }
        Err(failure) => Err(failure),
    };
    source.close().await;
    let moved = moved?;
    let aside = file.with_extension(format!("db.migrated-{}", (ground.clock)().secs()));
    copies::rename(&file, &aside)?;
    terminal::say(&format!(
        "jit: {} entries of the ledger and {} rows were moved and verified; what was here is in {}",
        moved.entries,
        moved.rows,
        aside.display()
    ));
    terminal::say(
        "jit: name the database as `database` in server.toml now, and start the server; further replicas need the \
         same sealing key and [tls]",
    );
    Ok(())
}

fn reference(args: &Args, config: &Server) -> Result<SecretReference> {
    let Some(to) = &args.to else {
        return config.database.clone().ok_or_else(|| {
            Failure::usage("it is not said where to move the ledger")
                .hint("name the file that has the database's URL: --to file:database.url")
        });
    };
    SecretReference::try_from(to.clone()).map_err(|_| {
        Failure::usage("the database's URL is named, never written here")
            .hint("name it as file:PATH, env:NAME or credential:NAME")
    })
}
