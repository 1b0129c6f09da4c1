//! ssh hosts: the real ssh logs in with the certificate, and does nothing there.

use std::{ffi::OsString, thread, time::Duration};

use super::lease::{self, Held};
use crate::{
    app::doctor::{finding::Finding, ground::Ground},
    domain::{
        catalogue::{Resource, SshResource},
        entitlement::ResourceName,
        failure::Result,
        lease::Lease,
    },
    platform::process::Heard,
    tools::{
        self,
        ssh::aliases,
        task::{Injection, Task},
    },
};

/// With jumps and a slow host; ssh itself gives up each connection sooner.
const PATIENCE: Duration = Duration::from_secs(20);
/// No more hosts of one resource are tried: each takes a process or three.
const MOST: usize = 16;
/// What ssh is told beyond what the user's own configuration says: it asks nobody, and leaves no
/// trace here.
const OPTIONS: [&str; 4] = [
    "BatchMode=yes",
    "ConnectTimeout=6",
    "UpdateHostKeys=no",
    "LogLevel=ERROR",
];

/// Logs in to each host that has a name, all at once.
pub(super) fn look(
    name: &ResourceName,
    (resource, ssh): (&Resource, &SshResource),
    lease: &Lease,
    ground: &Ground,
) -> Vec<Finding> {
    let (patterns, named): (Vec<&String>, Vec<&String>) =
        ssh.hosts.iter().partition(|host| host.contains('*'));
    // An alias brings its port, its jumps and its login with it.
    let own = aliases::read(&ground.session.environment, &ground.session.places);
    let own = own.unwrap_or_default();
    let tried = named
        .iter()
        .take(MOST)
        .map(|host| aliases::name_of(&own, host).unwrap_or(host));
    let mut findings: Vec<Finding> = thread::scope(|scope| {
        let logins: Vec<_> = tried
            .map(|host| scope.spawn(|| one(name, host, (resource, lease), ground)))
            .collect();
        let all = logins.into_iter().map(thread::ScopedJoinHandle::join);
        all.flat_map(Result::unwrap_or_default).collect()
    });
    if !patterns.is_empty() {
        let patterns: Vec<&str> = patterns.into_iter().map(String::as_str).collect();
        let says = format!("not tried: {} could be any host", patterns.join(", "));
        let role = &lease.grant.entitlement.role;
        findings.push(Finding::note(name, says).hint(format!(
            "try one: jit exec --on {name} -- ssh {role}@HOST true"
        )));
    }
    if let Some(untried) = named.len().checked_sub(MOST).filter(|untried| *untried > 0) {
        findings.push(Finding::note(
            name,
            format!("{untried} more hosts were not tried"),
        ));
    }
    findings
}

fn one(
    name: &ResourceName,
    host: &str,
    with: (&Resource, &Lease),
    ground: &Ground,
) -> Vec<Finding> {
    let role = &with.1.grant.entitlement.role;
    match log_in(name, host, with, ground) {
        Ok((heard, left)) => {
            let said = String::from_utf8_lossy(&heard.stderr);
            let finding = if heard.succeeded {
                Finding::good(name, format!("{host} lets {role} in"))
            } else {
                explained(name, host, &said)
            };
            [finding].into_iter().chain(left).collect()
        }
        Err(failure) => vec![Finding::failed(name, &failure)],
    }
}

/// What ssh said, and what is to be said of leases that could not be given back.
fn log_in(
    name: &ResourceName,
    host: &str,
    (resource, lease): (&Resource, &Lease),
    ground: &Ground,
) -> Result<(Heard, Vec<Finding>)> {
    let options = OPTIONS.iter().flat_map(|option| ["-o", option]);
    let words = ["ssh"].into_iter().chain(options).chain([host, "true"]);
    let command: Vec<OsString> = words.map(OsString::from).collect();
    let task = Task {
        command: &command,
        on: Some(name),
        role: Some(&lease.grant.entitlement.role),
        catalogue: &ground.catalogue,
        environment: &ground.session.environment,
    };
    let wanted = tools::recognise(&task)?;
    let through = lease::through(&wanted.via, ground)?;
    let via: Vec<Lease> = through.iter().map(|held| held.lease.clone()).collect();
    let heard = tools::launch(&Injection {
        task,
        resource,
        lease,
        via: &via,
        is_hooked: wanted.is_hooked,
        logins: &wanted.logins,
        is_mixed: wanted.is_mixed,
        also: &[],
        places: &ground.session.places,
        now: (ground.session.clock)(),
    })
    .and_then(|launch| launch.attempt(PATIENCE));
    let back = |held: &Held| lease::give_back(held, ground);
    let left = through.iter().filter_map(back).collect();
    Ok((heard?, left))
}

/// What ssh's own words mean (OpenSSH's `sshconnect.c` and `ssh.c`; those on connections are the
/// system's).
fn explained(name: &ResourceName, host: &str, said: &str) -> Finding {
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    let bad = |what: &str| Finding::bad(name, format!("{host} {what}"));
    if says(&["Could not resolve hostname"]) {
        return bad("has no address").hint("correct `hosts` in authority.toml, or the resolver");
    }
    if says(&["Permission denied"]) {
        return bad("does not let the certificate in").hint(format!(
            "let it trust this authority: jit trust {name} | ssh root@{host} sh; it must know the login"
        ));
    }
    if says(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        return bad("has another host key than known_hosts says").hint(format!(
            "find out why; if it was made anew: ssh-keygen -R {host}"
        ));
    }
    if says(&["Host key verification failed", "host key is known"]) {
        return bad("has a host key that is not known").hint(format!(
            "log in once by hand to see and accept it: ssh {host}"
        ));
    }
    if says(&[
        "Connection refused",
        "timed out",
        "No route to host",
        "Network is unreachable",
    ]) {
        return bad(&format!("cannot be reached: {}", last_line(said)))
            .hint("check `hosts` in authority.toml, the network and the host itself");
    }
    bad(&format!("could not be logged in to: {}", last_line(said))).hint(format!(
        "see what ssh says: jit exec --on {name} -- ssh -v {host} true"
    ))
}

fn last_line(said: &str) -> String {
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let last = last.unwrap_or("ssh says nothing");
    last.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_told_apart() {
        let name: ResourceName = "ssh/web".parse().unwrap();
        for (said, what) in [
            (
                "ssh: Could not resolve hostname w: Name or service not known",
                "has no address",
            ),
            (
                "root@w: Permission denied (publickey).",
                "does not let the certificate in",
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                "has another host key than known_hosts says",
            ),
            (
                "No ED25519 host key is known for w and you have requested strict checking.\nHost key verification failed.",
                "has a host key that is not known",
            ),
            (
                "ssh: connect to host w port 22: Connection refused\r\n",
                "cannot be reached: ssh: connect to host w port 22: Connection refused",
            ),
            ("", "could not be logged in to: ssh says nothing"),
        ] {
            let finding = explained(&name, "w", said);
            assert_eq!(finding.says, format!("w {what}"), "{said}");
            assert!(finding.hint.is_some());
        }
    }
}
