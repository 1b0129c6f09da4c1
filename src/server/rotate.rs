//! `jit serve rotate`: signing keys and the sealing key are replaced while servers run.

use std::{path::Path, time::Duration};

use super::{ground::Ground, open, operator};
use crate::{
    config::server::Server,
    domain::{
        event::EventKind,
        failure::{Failure, Result},
        secret_reference::SecretReference,
        time::Ttl,
    },
    platform::{sealing, terminal},
    store::{
        Store,
        rotate::{Generation, Rotation},
        vouched::PURPOSE,
    },
};

/// Replace signing keys, or the key that seals them, while servers run
///
/// Without a purpose: all keys but those of certificate authorities, which targets must be told of first.
/// A new key of a certificate authority is shown by "jit trust" at once and signs after a week; that of
/// the OpenID issuer after an hour, since others keep the key set for a while; all others at once. What an
/// old key signed is accepted until it ends.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit serve rotate --list\n  jit serve rotate \"ca ssh/web\" --after 3d\n  jit serve rotate token --compromised\n  jit serve rotate --sealing-key file:/etc/jit/new.key"
)]
pub(super) struct Args {
    /// Whose key: as --list shows it.
    purpose: Option<String>,
    /// When the new key begins to sign: 3d, or 0s for at once.
    #[arg(long, value_name = "SPAN", value_parser = span, requires = "purpose")]
    after: Option<Duration>,
    /// The old key is in other hands: the new one signs at once, and nothing that an old one signed is
    /// accepted any more.
    #[arg(long, requires = "purpose", conflicts_with = "after")]
    compromised: bool,
    /// Show the keys and change nothing.
    #[arg(long, conflicts_with_all = ["purpose", "sealing_key"])]
    list: bool,
    /// Seal everything with this key from now on, named as in server.toml; a file that is not there is
    /// made.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "purpose")]
    sealing_key: Option<String>,
}

/// How long the parties that trust a key are given to learn of the next one.
const ADMINISTRATORS: Duration = Duration::from_hours(24 * 7);
const KEY_SETS: Duration = Duration::from_hours(1);

fn span(text: &str) -> Result<Duration, String> {
    if text == "0" || text == "0s" {
        return Ok(Duration::ZERO);
    }
    text.parse::<Ttl>().map(|span| span.0)
}

/// Replaces them.
pub(super) async fn run(
    args: &Args,
    directory: &Path,
    config: &Server,
    ground: &Ground<'_>,
) -> Result<()> {
    let store = open::store(&open::places(directory, config), config, ground).await?;
    let done = if args.list {
        list(&store).await
    } else if let Some(reference) = &args.sealing_key {
        reseal(reference, &store, (directory, config), ground).await
    } else {
        rotate(args, &store, ground).await
    };
    store.close().await;
    done
}

async fn list(store: &Store) -> Result<()> {
    for one in store.generations().await? {
        let Generation {
            purpose,
            generation,
            starts_at,
            can_sign,
        } = one;
        let use_ = if can_sign && starts_at.secs() == 0 {
            // The first of its purpose.
            "signs".to_owned()
        } else if can_sign {
            format!("signs from {starts_at}")
        } else {
            "verifies".to_owned()
        };
        terminal::say(&format!("{purpose}  generation {generation}  {use_}"));
    }
    Ok(())
}

async fn rotate(args: &Args, store: &Store, ground: &Ground<'_>) -> Result<()> {
    let now = (ground.clock)();
    let purposes = match &args.purpose {
        Some(purpose) => vec![purpose.clone()],
        None => own(store).await?,
    };
    for purpose in purposes {
        let delay = args.after.unwrap_or_else(|| delay(&purpose));
        let delay = if args.compromised {
            Duration::ZERO
        } else {
            delay
        };
        let rotation = Rotation {
            purpose: &purpose,
            now,
            starts_at: now.after(delay),
            compromised: args.compromised,
        };
        let detail = told(&rotation);
        let event = operator::event(EventKind::Rotated, detail.clone(), ground)?;
        let generation = store.rotate(&rotation, event).await?;
        terminal::say(&format!("jit: generation {generation} of {detail}"));
        if is_trusted_by_targets(&purpose) {
            let resource = purpose.rsplit(' ').next().unwrap_or_default();
            terminal::say(&format!(
                "jit: have its targets trust both keys before then: jit trust {resource}"
            ));
        }
    }
    Ok(())
}

/// What is recorded of a rotation.
fn told(rotation: &Rotation<'_>) -> String {
    let Rotation {
        purpose,
        now,
        starts_at,
        compromised,
    } = *rotation;
    let starts = if starts_at <= now {
        "signs at once".to_owned()
    } else {
        format!("signs from {starts_at}")
    };
    let old = if compromised {
        "the old keys are in other hands and accepted no longer"
    } else {
        "the old key still verifies"
    };
    format!("{purpose}: the new key {starts}; {old}")
}

/// The purposes whose keys nobody else must be told of by hand.
async fn own(store: &Store) -> Result<Vec<String>> {
    let all = store.generations().await?;
    let mut purposes: Vec<String> = all.into_iter().map(|one| one.purpose).collect();
    purposes.dedup();
    // Rows that were vouched for are to be known for as long as they are there.
    purposes.retain(|purpose| !is_trusted_by_targets(purpose) && purpose != PURPOSE);
    if purposes.is_empty() {
        return Err(Failure::usage("there is no key to be replaced yet")
            .hint("keys are made when they are first needed"));
    }
    Ok(purposes)
}

fn is_trusted_by_targets(purpose: &str) -> bool {
    purpose.starts_with("ca ") || purpose.starts_with("host ca ")
}

fn delay(purpose: &str) -> Duration {
    match purpose {
        "issuer" => KEY_SETS,
        _ if is_trusted_by_targets(purpose) => ADMINISTRATORS,
        _ => Duration::ZERO,
    }
}

async fn reseal(
    reference: &str,
    store: &Store,
    (directory, config): (&Path, &Server),
    ground: &Ground<'_>,
) -> Result<()> {
    let named = SecretReference::try_from(reference.to_owned()).map_err(|_| {
        Failure::usage("the sealing key is named, never written here")
            .hint("name it as file:PATH, env:NAME or credential:NAME")
    })?;
    if let SecretReference::File(path) = &named {
        sealing::make(&directory.join(path))?;
    }
    let places = open::places(directory, config);
    let new = open::keeper(Some(&named), &places, ground).key()?;
    let detail = format!("the sealing key is {}", new.fingerprint());
    let event = operator::event(EventKind::Rotated, detail.clone(), ground)?;
    store.reseal(new, event).await?;
    terminal::say(&format!(
        "jit: {detail}, {reference}: name it as `sealing_key` in server.toml now, and start the servers again"
    ));
    terminal::say("jit: the old one opens old backups only; destroy it when they are gone");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn whoever_trusts_a_key_is_given_the_time_to_learn_of_the_next() {
        assert_eq!(delay("token"), Duration::ZERO);
        assert_eq!(delay("issuer"), KEY_SETS);
        assert_eq!(delay("ca ssh/web"), ADMINISTRATORS);
        assert_eq!(delay("host ca ssh/web"), ADMINISTRATORS);
        assert_eq!(span("0s"), Ok(Duration::ZERO));
        assert_eq!(span("3d"), Ok(Duration::from_hours(72)));
        assert!(span("soon").is_err());
        let rotation = Rotation {
            purpose: "token",
            now: Timestamp::from_secs(0),
            starts_at: Timestamp::from_secs(0),
            compromised: true,
        };
        assert!(told(&rotation).contains("token: the new key signs at once"));
    }
}
