//! From a command line to the entitlement of its login.

use std::path::PathBuf;

use super::{
    call::Call,
    git, jump,
    resolve::{Resolved, resolve},
    rsync,
    target::{self, Found},
};
use crate::{
    domain::{
        entitlement::{Entitlement, RoleName},
        failure::{Failure, Nature, Result},
    },
    platform::process,
    tools::task::{Login, Recognised, Task},
};

/// A command's logins: each is one entitlement, and they must all be the same one.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    let on = task.on.map(|name| target::named(task.catalogue, name));
    let on = on.transpose()?;
    let call = match call(task) {
        // With `--on`, a git command need not say which remote it reaches.
        Err(_) if on.is_some() && task.program_name() == "git" => Call::default(),
        call => call?,
    };
    let mut wanted: Option<Recognised> = None;
    let (mut jumps, mut logins) = (Vec::new(), Vec::new());
    let (mut stranger, mut needs_us) = (None, false);
    for destination in &call.destinations {
        let own = call.names_login(destination);
        let ssh = ssh(task)?;
        let resolved = resolve(&ssh, &call, destination)?;
        needs_us |= jump::through(&ssh, &call, &resolved, task.catalogue, &mut jumps)?;
        let found = match on {
            Some(found) => Some(found),
            None => target::at(task.catalogue, &resolved)?,
        };
        let Some(found) = found else {
            stranger.get_or_insert_with(|| target::unknown(task.catalogue, &resolved));
            continue;
        };
        let role = role(
            task,
            found,
            &resolved,
            own.then_some(resolved.user.as_str()),
        )?;
        let next = because(found, role, &resolved, task);
        logins.push(Login {
            host: destination.host.clone(),
            entitlement: next.entitlement.clone(),
            is_hooked: resolved.is_hooked,
            has_own_agent: false,
        });
        match &wanted {
            Some(before) if before.entitlement != next.entitlement => {
                let (one, two) = (&before.entitlement, &next.entitlement);
                return Err(Failure::usage(format!(
                    "{} logs in twice: as {one} and as {two}",
                    task.program_name()
                ))
                .hint("copy by way of a local file, with one command for each"));
            }
            _ => wanted = Some(next),
        }
    }
    let is_mixed = stranger.is_some();
    let finished = match (stranger, wanted) {
        // Where a login, or a jump on the way, is ours, the command is none of a stranger's.
        (Some(failure), None) if !needs_us => Err(failure),
        (Some(failure), None) => Err(failure.of_nature(Nature::Final)),
        // A copy from a host of ours to one of others: what is ours goes to ours alone.
        (_, wanted) => finish(task, on, wanted, via(&jumps)),
    };
    logins.extend(jumps);
    finished.map(|wanted| Recognised {
        logins,
        is_mixed,
        ..wanted
    })
}

/// The entitlements of jumps, each once.
fn via(jumps: &[Login]) -> Vec<Entitlement> {
    let mut via: Vec<Entitlement> = Vec::new();
    for jump in jumps {
        if !via.contains(&jump.entitlement) {
            via.push(jump.entitlement.clone());
        }
    }
    via
}

/// What is wanted of the command, once all its logins are known to be ours.
fn finish(
    task: &Task<'_>,
    on: Option<Found<'_>>,
    wanted: Option<Recognised>,
    via: Vec<Entitlement>,
) -> Result<Recognised> {
    match (wanted, on) {
        (Some(wanted), _) => Ok(Recognised { via, ..wanted }),
        (None, Some(found)) => unnamed(task, found),
        (None, None) => Err(Failure::usage(format!(
            "{} names no host to log in to",
            task.program_name()
        ))
        .hint("name one, or the resource: jit exec --on ssh/NAME -- …")
        .stranger()),
    }
}

/// What the command says about its logins; nothing where it is not a tool of ours.
fn call(task: &Task<'_>) -> Result<Call> {
    match task.program_name() {
        "ssh" => Call::of_ssh(task.arguments()),
        "scp" => Call::of_scp(task.arguments()),
        "sftp" => Call::of_sftp(task.arguments()),
        "rsync" => rsync::read(task.arguments(), task.environment),
        "git" => git::read(&program(task)?, task.arguments()),
        _ => Ok(Call::default()),
    }
}

fn program(task: &Task<'_>) -> Result<PathBuf> {
    let program = task.command.first().map(AsRef::as_ref).unwrap_or_default();
    process::find(program, task.environment)
}

/// The ssh that resolves: the one that is run, or that the tool finds.
fn ssh(task: &Task<'_>) -> Result<PathBuf> {
    if task.program_name() == "ssh" {
        return program(task);
    }
    process::find("ssh".as_ref(), task.environment)
}

/// The role is the login name; `--role` overrides the one that a configuration names, and must not
/// contradict the one that the command names.
fn role<'a>(
    task: &Task<'a>,
    found: Found<'a>,
    resolved: &Resolved,
    named: Option<&str>,
) -> Result<&'a RoleName> {
    match (task.role, named) {
        (Some(role), Some(user)) if role.as_str() != user => Err(Failure::usage(format!(
            "the command logs in as {user:?}, and --role as {:?}",
            role.as_str()
        ))
        .hint("leave one of the two out")),
        (Some(role), _) => target::role(found, role.as_str()),
        (None, _) => target::role(found, &resolved.user),
    }
}

fn because(found: Found<'_>, role: &RoleName, resolved: &Resolved, task: &Task<'_>) -> Recognised {
    let host = &resolved.hostname;
    let place = match task.on {
        Some(_) => format!("--on names {}", found.0),
        None => format!("{host} is in {}", found.0),
    };
    let login = match task.role {
        Some(_) => format!("--role names {role}"),
        None => format!("ssh logs in to {} as {role}", resolved.alias),
    };
    let because = format!("{place}, and {login}");
    Recognised {
        is_hooked: resolved.is_hooked,
        ..Recognised::new(target::entitlement(found, role), because)
    }
}

/// A command that says nothing about its login.
fn unnamed(task: &Task<'_>, found: Found<'_>) -> Result<Recognised> {
    let (role, why) = match task.role {
        Some(role) => (target::role(found, role.as_str())?, "--role names it"),
        None => (target::smallest(found)?, "it has the lowest tier"),
    };
    Ok(Recognised::new(
        target::entitlement(found, role),
        format!("--on names {}, and of its roles {role}: {why}", found.0),
    ))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, ffi::OsString, fs, path::Path};

    use super::*;
    use crate::domain::{catalogue::Catalogue, environment::Environment};

    fn catalogue() -> Catalogue {
        toml::from_str(
            r#"
            [resources."ssh/web"]
            hosts = ["web-1.example.com", "*.web.internal"]
            roles.deploy = {}
            roles.root = { tier = "sensitive" }
            "#,
        )
        .unwrap()
    }

    fn recognised(directory: &Path, line: &str) -> String {
        let config = directory.join("config");
        #[expect(clippy::disallowed_methods, reason = "a user's own file")]
        fs::write(
            &config,
            "Host w\n HostName a.web.internal\n User deploy\nHost x\n HostName web-1.example.com\n User alice\n",
        )
        .unwrap();
        let line = line.replace("CFG", config.to_str().unwrap());
        let (options, command) = line.split_once("-- ").unwrap();
        let command: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        let option = |name: &str| options.split(' ').skip_while(|o| *o != name).nth(1);
        let on = option("--on").map(|name| name.parse().unwrap());
        let role = option("--role").map(|name| name.parse().unwrap());
        let environment = Environment {
            variables: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            ..Environment::default()
        };
        let task = Task {
            command: &command,
            on: on.as_ref(),
            role: role.as_ref(),
            catalogue: &catalogue(),
            environment: &environment,
        };
        match recognise(&task) {
            Ok(recognised) => recognised.entitlement.to_string(),
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn ssh_resolves_and_the_catalogue_decides() {
        let directory = tempfile::tempdir().unwrap();
        for (line, read) in [
            ("-- ssh -F CFG w uptime", "ssh/web:deploy"),
            ("-- ssh -F CFG root@w", "ssh/web:root"),
            ("-- ssh -F CFG -l root w", "ssh/web:root"),
            ("-- ssh -F CFG w -o User=root ls", "ssh/web:root"),
            (
                "-- ssh -F CFG -o HostName=evil.example w",
                "no resource has the host w (evil.example)",
            ),
            (
                "-- ssh -F CFG x",
                "ssh/web has no role \"alice\", the login name",
            ),
            ("--role root -- ssh -F CFG x", "ssh/web:root"),
            (
                "--role root -- ssh -F CFG deploy@x",
                "the command logs in as \"deploy\", and --role as \"root\"",
            ),
            (
                "--role nobody -- ssh -F CFG w",
                "ssh/web has no role \"nobody\", the login name",
            ),
            (
                "--on ssh/web -- ssh -F CFG deploy@elsewhere",
                "ssh/web:deploy",
            ),
            ("--on ssh/web -- ansible all", "ssh/web:deploy"),
            ("--on ssh/web -- git submodule update", "ssh/web:deploy"),
            ("--on ssh/web --role root -- ansible all", "ssh/web:root"),
            ("-- scp -F CFG a w:b", "ssh/web:deploy"),
            ("-- scp -F CFG w:a theirs:b", "ssh/web:deploy"),
            (
                "-- scp -F CFG a theirs:b",
                "no resource has the host theirs",
            ),
            (
                "-- scp -F CFG root@w:a w:b",
                "scp logs in twice: as ssh/web:root and as ssh/web:deploy",
            ),
            ("-- sftp -F CFG w", "ssh/web:deploy"),
            ("-- git clone deploy@web-1.example.com:r", "ssh/web:deploy"),
            ("-- scp a b", "scp names no host to log in to"),
            (
                "-- ssh -F CFG -- -oProxyCommand=id",
                "\"-oProxyCommand=id\" is no destination",
            ),
        ] {
            assert_eq!(recognised(directory.path(), line), read, "{line}");
        }
    }
}
