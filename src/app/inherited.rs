//! What the command of an agent must not inherit from the shell of its human: variables by which setup,
//! the prompt or `jit exec` leads tools to the human's own credentials.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{mark, session::Session};
use crate::{
    cache,
    config::places::{self, SESSION},
    domain::{credential::Secret, environment::Places},
    platform::{files, process::Launch},
    tools::postgres::services,
};

const SERVICES: &str = "PGSERVICEFILE";
const SEARCH: &str = "PATH";

/// Said by the prompt, and by `jit exec` to its command, about what the human holds.
const PROMPT: [&str; 4] = [
    "JIT_PROMPT",
    "JIT_CREDENTIAL_EXPIRATION",
    mark::ENTITLEMENTS,
    mark::EXPIRES_AT,
];
/// A session of AWS, as `jit exec` sets it.
const AWS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];
/// Where the shell stands, which says nothing about a credential.
const KEPT: [&str; 3] = ["PWD", "OLDPWD", SESSION];

/// Removes or replaces in `launch` what leads to credentials of this session.
pub(super) fn withhold(session: &Session, launch: &mut Launch) {
    let variables = &session.environment.variables;
    let ours = directories(session);
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| !KEPT.contains(name)) else {
            continue;
        };
        if PROMPT.contains(&name) {
            launch.unset.push(name.to_owned());
        } else if leads_into(value, &ours) {
            match replacement(name, value, session, &ours) {
                Some(value) => drop(launch.set.insert(name.to_owned(), value)),
                None => launch.unset.push(name.to_owned()),
            }
        }
    }
    if holds_aws(session) {
        launch.unset.extend(AWS.map(str::to_owned));
    } else if announces(variables) {
        launch.unset.push("AWS_CREDENTIAL_EXPIRATION".to_owned());
    }
}

/// Where credentials of this session, and what leads to them, can be.
fn directories(session: &Session) -> Vec<PathBuf> {
    let of = |places: &Places| [&places.state, &places.cache, &places.runtime].map(Clone::clone);
    // Those of a server are below those that all have in common.
    let common = places::find(&session.environment, None);
    let common = common.iter().flat_map(of);
    common.chain(of(&session.places)).collect()
}

/// Whether a value names something below one of the directories, alone, in a list or in a command.
fn leads_into(value: &OsStr, directories: &[PathBuf]) -> bool {
    let text = value.as_encoded_bytes();
    directories.iter().any(|directory| {
        let path = directory.as_os_str().as_encoded_bytes();
        let mut places = text.windows(path.len().max(1)).enumerate();
        places.any(|(at, part)| {
            part == path && matches!(text.get(at + path.len()), None | Some(b'/' | b':'))
        })
    })
}

/// What stands in the place of a variable that more than us have a use for.
fn replacement(name: &str, value: &OsStr, session: &Session, ours: &[PathBuf]) -> Option<OsString> {
    match name {
        SERVICES => own_services(&session.environment.directory.join(value)),
        SEARCH => {
            let is_ours = |path: &Path| ours.iter().any(|ours| path.starts_with(ours));
            env::join_paths(env::split_paths(value).filter(|path| !is_ours(path))).ok()
        }
        _ => None,
    }
}

/// The user's own service file behind the one that setup made.
fn own_services(file: &Path) -> Option<OsString> {
    let text = files::read_text(file).ok().flatten()?;
    services::origin(&text)?.yours.map(PathBuf::into_os_string)
}

/// Whether the keys in the environment are those of a lease that is held.
fn holds_aws(session: &Session) -> bool {
    let Some(key) = session.environment.text("AWS_ACCESS_KEY_ID") else {
        return false;
    };
    let leases = cache::glance(&session.places);
    leases.iter().any(|lease| {
        matches!(&lease.credential.secret, Secret::AwsSession { access_key_id, .. } if access_key_id == key)
    })
}

/// Whether the prompt announces when a session of AWS ends.
fn announces(variables: &BTreeMap<OsString, OsString>) -> bool {
    let value = |name: &str| variables.get(OsStr::new(name));
    let ours = value("JIT_CREDENTIAL_EXPIRATION");
    ours.is_some() && ours == value("AWS_CREDENTIAL_EXPIRATION")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_directory_is_found_wherever_it_stands() {
        let ours = [PathBuf::from("/run/user/7/jit")];
        for (value, leads) in [
            ("/run/user/7/jit/ssh/s", true),
            ("/run/user/7/jit", true),
            ("ssh -o IdentityAgent=/run/user/7/jit/ssh-1/s", true),
            ("/a:/run/user/7/jit/x:/b", true),
            ("/run/user/7", false),
            ("/run/user/7/jitter/s", false),
            ("", false),
        ] {
            assert_eq!(leads_into(OsStr::new(value), &ours), leads, "{value}");
        }
    }
}
