//! What ssh is told of the private agent, and for which hosts.

use std::path::Path;

use super::{
    aliases,
    handover::Agent,
    private_config::Entry,
    resolve::{HOOK, Resolved},
    setup::{self, Alias, blocks},
    target,
};
use crate::{
    domain::{
        catalogue::{Catalogue, Resources},
        entitlement::{Entitlement, Kind, ResourceName, RoleName},
        failure::{Failure, Result},
        host::overlap,
        lookup::Key,
    },
    platform::process::own_file,
    tools::task::Injection,
};

/// ssh's options, each without a character that ssh or a shell would read as more than text.
///
/// Our certificate is the only identity that is offered: a plain key of the user's, from a file, a
/// token or another agent, does not pass for a certificate of that type. A connection that somebody
/// shares (`ControlMaster`) would be used without our certificate, and would outlive it.
pub fn options(agent: &Agent, certificate: &Path, role: &RoleName) -> Result<Vec<String>> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            Failure::failed(format!("{} is not UTF-8 text", path.display()))
                .hint("set XDG_RUNTIME_DIR to a path of plain letters")
        })
    };
    Ok(vec![
        format!("User={role}"),
        format!("IdentityAgent={}", text(&agent.socket)?),
        format!("IdentityFile={}", text(certificate)?),
        "IdentitiesOnly=yes".to_owned(),
        "PubkeyAuthentication=yes".to_owned(),
        // The name of PubkeyAcceptedAlgorithms before OpenSSH 8.5, which all versions know.
        "PubkeyAcceptedKeyTypes=ssh-ed25519-cert-v01@openssh.com".to_owned(),
        "PreferredAuthentications=publickey,keyboard-interactive".to_owned(),
        "ControlMaster=no".to_owned(),
        "ControlPath=none".to_owned(),
        "ForwardAgent=no".to_owned(),
    ])
}

/// In place of the hook that setup put: the agent is there already, so that only lines are printed.
pub fn only_lines(resource: &ResourceName) -> Result<String> {
    let program = own_file()?;
    Ok(format!(
        "KnownHostsCommand=\"{}\" {HOOK} {resource}",
        program.display()
    ))
}

/// What is known of the hosts that a command logs in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    Known,
    /// That they are of the resource, as far as they are ours.
    WholeResource,
}

/// The entries of a private configuration: one for each host of ours that the command is known to log in
/// to, and for those of the whole resource, by the names that the user gave them, too, where nobody knows
/// where else it does.
pub fn entries(injection: &Injection<'_>, agent: &Agent, reach: Reach) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for login in injection.logins {
        let hosts = vec![login.host.clone()];
        entries.push(entry(
            injection,
            agent,
            hosts,
            (&login.entitlement, login.is_hooked),
        )?);
    }
    if reach == Reach::WholeResource {
        let is_hooked = setup::ssh_config(injection.places).exists();
        let own = [&injection.lease.grant.entitlement].into_iter();
        for own in own.chain(injection.also) {
            for hosts in hosts_of(injection, &own.resource) {
                entries.push(entry(injection, agent, hosts, (own, is_hooked))?);
            }
        }
    }
    Ok(entries)
}

fn entry(
    injection: &Injection<'_>,
    agent: &Agent,
    hosts: Vec<String>,
    (entitlement, is_hooked): (&Entitlement, bool),
) -> Result<Entry> {
    let leases = [injection.lease].into_iter().chain(injection.via);
    let mut held = leases.zip(&agent.certificates);
    let certificate = held.find(|(lease, _)| lease.grant.entitlement == *entitlement);
    let (_, certificate) = certificate.ok_or_else(|| {
        Failure::failed(format!("no lease for {entitlement} is at hand"))
            .hint("this is a defect of jit; report it")
    })?;
    let mut options = options(agent, certificate, &entitlement.role)?;
    if is_hooked {
        options.push(only_lines(&entitlement.resource)?);
    }
    Ok(Entry { hosts, options })
}

/// The resource, and of all others those with a host that could be taken for one of its hosts, or that an
/// alias stands for.
fn beside(catalogue: &Catalogue, resource: &ResourceName, aliases: &[Resolved]) -> Catalogue {
    let own = catalogue.named(resource).and_then(target::of_ssh);
    let own = own.map_or(&[][..], |(_, own)| &own.hosts);
    let fits = |key: &Key<'_>| {
        let Key::Host(host) = key else { return false };
        let is_alias =
            |of: &Resolved| target::is_at(host, &of.alias) || target::is_at(host, &of.hostname);
        aliases.iter().any(is_alias) || own.iter().any(|own| overlap(own, host))
    };
    let found = catalogue.found(Kind::Ssh, fits).into_iter();
    let found = found.map(|(name, resource)| (name.clone(), resource.clone()));
    Catalogue {
        resources: Resources(found.collect()),
        ..Catalogue::default()
    }
}

/// The patterns of a resource's hosts, the most specific first, each without what is more specific and
/// another resource's.
fn hosts_of(injection: &Injection<'_>, resource: &ResourceName) -> Vec<Vec<String>> {
    let task = &injection.task;
    let known = aliases::read(task.environment, injection.places).unwrap_or_default();
    let aliases: Vec<Resolved> = aliases::aliases(&known)
        .into_iter()
        .filter_map(|alias| {
            let hostname = aliases::hostname(&known, alias)?;
            Some(Resolved {
                hostname,
                ..Resolved::plain(alias)
            })
        })
        .collect();
    let catalogue = beside(task.catalogue, resource, &aliases);
    let named: Vec<Alias<'_>> = aliases
        .iter()
        .filter_map(|resolved| {
            let (name, _) = target::at(&catalogue, resolved).ok().flatten()?;
            Some((resolved.alias.as_str(), name))
        })
        .collect();
    let mut theirs: Vec<String> = Vec::new();
    let mut ours = Vec::new();
    for (name, mut hosts) in blocks(&catalogue, &named) {
        if name == resource {
            hosts.extend(theirs.iter().map(|host| format!("!{host}")));
            ours.push(hosts);
        } else {
            theirs.append(&mut hosts);
        }
    }
    ours
}
