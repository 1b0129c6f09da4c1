//! What a destination means to ssh, which alone knows its configuration: `ssh -G`.

use std::{ffi::OsString, path::Path, time::Duration};

use super::{call::Call, destination::Destination};
use crate::{
    domain::failure::{Failure, Result},
    platform::process,
};

/// A configuration may run programs (`Match exec`), so it is not always quick.
const PATIENCE: Duration = Duration::from_secs(10);

/// The verb that ssh calls before it logs in, where setup told it to.
pub const HOOK: &str = "known-hosts";

/// A destination, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The host as it was written.
    pub alias: String,
    /// The name or address that ssh connects to.
    pub hostname: String,
    /// The login name.
    pub user: String,
    /// The hosts that it jumps through, the nearest first.
    pub jumps: Vec<Destination>,
    /// Whether its configuration calls jit, as `jit setup` has it.
    pub is_hooked: bool,
    /// Whether its configuration names an agent or keys, in the place of the agent that a variable names.
    pub has_own_agent: bool,
}

impl Resolved {
    /// A host that nothing stands for but its own name.
    pub fn plain(host: &str) -> Self {
        Self {
            alias: host.to_owned(),
            hostname: host.to_owned(),
            user: String::new(),
            jumps: Vec::new(),
            is_hooked: false,
            has_own_agent: false,
        }
    }
}

/// Asks ssh.
///
/// # Errors
/// ssh refuses its options or its configuration, or does not answer.
pub fn resolve(ssh: &Path, call: &Call, destination: &Destination) -> Result<Resolved> {
    let mut arguments = vec![OsString::from("-G")];
    arguments.extend(call.before.iter().cloned());
    // No "--", behind which ssh would not read the options that follow: a destination never begins
    // with a hyphen.
    arguments.push(destination.word().into());
    arguments.extend(call.after.iter().cloned());
    if let Some(port) = destination.port {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    let answer = process::ask(ssh, &arguments, PATIENCE).map_err(|failure| Failure {
        hint: format!("see what ssh says: ssh -G {}", destination.word()),
        ..failure
    })?;
    read(&destination.host, &String::from_utf8_lossy(&answer))
}

/// Whether ssh knows an option, written as `-o` takes it.
pub fn knows(ssh: &Path, option: &str) -> bool {
    let arguments = ["-F", "/dev/null", "-G", "-o", option, "host"].map(OsString::from);
    process::ask(ssh, &arguments, PATIENCE).is_ok()
}

fn read(alias: &str, answer: &str) -> Result<Resolved> {
    let value = |key: &str| {
        let mut pairs = answer.lines().filter_map(|line| line.split_once(' '));
        pairs
            .find(|(k, _)| *k == key)
            .map(|(_, value)| value.trim())
    };
    let (Some(hostname), Some(user)) = (value("hostname"), value("user")) else {
        return Err(
            Failure::failed("ssh -G answered something else than OpenSSH does")
                .hint("put OpenSSH's ssh first in PATH"),
        );
    };
    let jumps = value("proxyjump").filter(|chain| *chain != "none");
    let jumps = jumps.map_or(Ok(Vec::new()), |chain| {
        chain.split(',').map(jump).collect::<Result<_>>()
    })?;
    let hook = value("knownhostscommand");
    Ok(Resolved {
        alias: alias.to_owned(),
        hostname: hostname.to_owned(),
        user: user.to_owned(),
        jumps,
        has_own_agent: value("identityagent").is_some() || value("identitiesonly") == Some("yes"),
        is_hooked: hook.is_some_and(|hook| hook.split(' ').any(|word| word == HOOK)),
    })
}

/// `[user@]host[:port]`, or a URI.
fn jump(text: &str) -> Result<Destination> {
    let is_uri = text.starts_with("ssh://");
    Destination::of_ssh(&if is_uri {
        text.to_owned()
    } else {
        format!("ssh://{text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_s_answer_is_read() {
        let answer =
            "host web\nuser deploy\nhostname web-1.internal\nport 22\nproxyjump me@b1:2222,[::1]\n";
        let resolved = read("web", answer).unwrap();
        assert_eq!(resolved.hostname, "web-1.internal");
        assert_eq!(resolved.user, "deploy");
        let jumps: Vec<String> = resolved.jumps.iter().map(Destination::word).collect();
        assert_eq!(jumps, ["me@b1", "::1"]);
        assert!(!resolved.is_hooked);
        let hooked = format!("{answer}knownhostscommand \"/my jit\" known-hosts ssh/web\n");
        assert!(read("web", &hooked).unwrap().is_hooked);
        assert!(read("web", "").is_err());
    }
}
