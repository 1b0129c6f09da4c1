//! What ssh is told of our hosts by its own configuration, so that nobody need type `jit`.
//!
//! One `Host` block for the hosts of a resource, in which nothing is run to find out whether it
//! matches. ssh takes the first value that it meets, so that the blocks of the patterns that say the
//! most come first, as [`target::at`] has it.
//!
//! [`target::at`]: super::target::at

use std::{cmp::Reverse, collections::BTreeSet, ffi::OsStr, fs, path::PathBuf};

use super::{resolve::HOOK, shared, target::ours};
use crate::{
    domain::{
        catalogue::{Catalogue, SshResource},
        entitlement::{Entitlement, ResourceName},
        environment::Places,
        failure::{Failure, Result},
        host::weight,
    },
    platform::{configuration, files},
};

/// What the files of host authorities are called, before their configuration directory and their resource.
const KNOWN_HOSTS: &str = "known_hosts";

/// The keyword that says where the agent of a login is.
const AGENT: &str = "IdentityAgent";

/// The configuration that setup makes, for an `Include`.
pub fn ssh_config(places: &Places) -> PathBuf {
    places.state.join("setup").join("ssh_config")
}

/// The host authorities of a resource of this configuration directory, as setup left them: lines of
/// `known_hosts`.
pub fn known_hosts(places: &Places, name: &ResourceName) -> PathBuf {
    let own = configuration::own_directory(KNOWN_HOSTS, &places.configuration);
    let setup = places.state.join("setup");
    setup.join(format!("{own},{}", name.name()))
}

/// All such files that are there, also of resources that are in no catalogue any more.
pub fn all_known_hosts(places: &Places) -> Vec<PathBuf> {
    let entries = fs::read_dir(places.state.join("setup"));
    let entries = entries.into_iter().flatten().flatten();
    let prefix = format!("{KNOWN_HOSTS},");
    let is_one = |name: &OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| is_one(&entry.file_name()))
        .map(|entry| entry.path())
        .collect();
    files.sort_unstable();
    files
}

/// Names that stand for hosts of a resource in the user's own configuration.
pub type Alias<'a> = (&'a str, &'a ResourceName);

/// The patterns of the blocks, with the resource of each, in their order.
pub fn blocks<'a>(
    catalogue: &'a Catalogue,
    aliases: &[Alias<'a>],
) -> Vec<(&'a ResourceName, Vec<String>)> {
    let named = aliases.iter().map(|(alias, name)| (*name, *alias));
    let listed = ours(catalogue).flat_map(|(name, resource)| {
        let hosts = resource.hosts.iter();
        hosts.map(move |host| (name, host.as_str()))
    });
    // ssh compares what was typed as it is; hosts are mostly typed in lower case.
    let mut all: Vec<(Reverse<usize>, &ResourceName, String)> = listed
        .chain(named)
        .flat_map(|(name, host)| [(name, host.to_owned()), (name, host.to_ascii_lowercase())])
        .map(|(name, host)| (Reverse(weight(&host)), name, host))
        .collect();
    all.sort();
    all.dedup();
    let mut blocks: Vec<(&ResourceName, Vec<String>)> = Vec::new();
    for (_, name, host) in all {
        match blocks.last_mut() {
            Some((last, hosts)) if *last == name => hosts.push(host),
            _ => blocks.push((name, vec![host])),
        }
    }
    blocks
}

/// The text of [`ssh_config`]. `program` is how jit is called.
///
/// # Errors
/// Something in it would mean more than text to ssh, or a socket's path would be too long.
pub fn text(
    catalogue: &Catalogue,
    aliases: &[Alias<'_>],
    program: &[String],
    places: &Places,
) -> Result<String> {
    let mut text =
        "# Made by \"jit setup ssh\", which makes it anew: what you change here is lost.\n"
            .to_owned();
    let called = called(program)?;
    for (name, hosts) in blocks(catalogue, aliases) {
        let resource = catalogue.resource(name)?;
        let roles = resource.roles().map(|(role, _)| role);
        let agent = shared::pattern(places, name, roles)?;
        let hosts = hosts.join(" ");
        text.push_str(&block(name, &hosts, &agent, &called));
    }
    Ok(text)
}

/// Nothing but our certificate is offered: neither keys from files or tokens nor those of the user's
/// own agent pass for one. No connection is shared, since that would outlive the certificate, unless
/// a command line says so.
fn block(name: &ResourceName, hosts: &str, agent: &str, called: &str) -> String {
    format!(
        "
Host {hosts}
    {AGENT} {agent}
    IdentitiesOnly no
    IdentityFile none
    PKCS11Provider none
    PubkeyAuthentication yes
    PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com
    PreferredAuthentications publickey,keyboard-interactive
    ForwardAgent no
    ControlMaster no
    ControlPath none
    KnownHostsCommand {called} {name} --user=%r --host=%h --alias=%n --agent={agent}
"
    )
}

/// The links to an entitlement's shared agents: that of this environment, and those of the environment
/// in which setup was run, whose directories may be others.
pub fn links(places: &Places, entitlement: &Entitlement) -> BTreeSet<PathBuf> {
    let below = shared::below_runtime(places, entitlement);
    let text = files::read_text(&ssh_config(places)).unwrap_or_default();
    let made = text.unwrap_or_default();
    let named = made.lines().filter_map(|line| {
        let agent = line.trim().strip_prefix(AGENT)?.trim();
        let link = PathBuf::from(agent.replace("%r", entitlement.role.as_str()));
        link.ends_with(&below).then_some(link)
    });
    let now = [shared::directory(places), places.runtime.clone()];
    named.chain(now.map(|own| own.join(&below))).collect()
}

fn called(program: &[String]) -> Result<String> {
    let plain = |c: char| c.is_alphanumeric() || " /._-+@,=:".contains(c);
    let strange = program.iter().find(|word| !word.chars().all(plain));
    if let Some(word) = strange {
        return Err(
            Failure::failed(format!("ssh would read {word:?} as more than a path"))
                .hint("move it to a path of letters, digits and spaces"),
        );
    }
    let mut words: Vec<String> = program.iter().map(|word| format!("\"{word}\"")).collect();
    words.push(HOOK.to_owned());
    Ok(words.join(" "))
}

/// The lines of `known_hosts` by which ssh trusts the resource's host authority for the resource's hosts,
/// whatever their port: one for each line of `key`, since an authority may have another key than before.
pub fn authority_line(resource: &SshResource, key: &str) -> String {
    let hosts = resource.hosts.iter().map(|host| host.to_ascii_lowercase());
    let patterns: Vec<String> = hosts
        .flat_map(|host| [host.clone(), format!("[{host}]:*")])
        .collect();
    let patterns = patterns.join(",");
    let lines = key.trim().lines();
    let lines: Vec<String> = lines
        .map(|line| format!("@cert-authority {patterns} {line}\n"))
        .collect();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        toml::from_str(
            r#"
            [resources."ssh/web"]
            hosts = ["web-1.example.com", "*.web.internal"]
            roles.deploy = {}
            [resources."ssh/eu"]
            hosts = ["*.eu.web.internal", "Same"]
            roles.a = {}
            "#,
        )
        .unwrap()
    }

    fn places(cache: &str) -> Places {
        Places {
            configuration: PathBuf::new(),
            state: PathBuf::new(),
            cache: cache.into(),
            runtime: PathBuf::new(),
            job: None,
        }
    }

    #[test]
    fn what_says_the_most_comes_first() {
        let catalogue = catalogue();
        let web = "ssh/web".parse().unwrap();
        let blocks = blocks(&catalogue, &[("w", &web), ("web-1.example.com", &web)]);
        let shown = blocks
            .iter()
            .map(|(name, hosts)| format!("{name}: {}", hosts.join(" ")));
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "ssh/eu: Same same",
                "ssh/web: w web-1.example.com",
                "ssh/eu: *.eu.web.internal",
                "ssh/web: *.web.internal",
            ]
        );
    }

    #[test]
    fn a_block_says_all_of_it() {
        let catalogue: Catalogue =
            toml::from_str("[resources.\"ssh/web\"]\nhosts = [\"web\"]\nroles.deploy = {}")
                .unwrap();
        let program = ["/opt/my jit".to_owned(), "--config-dir".into(), "/c".into()];
        let text = text(&catalogue, &[], &program, &places("/h/.cache/jit")).unwrap();
        insta::assert_snapshot!(text, @r#"
        # Made by "jit setup ssh", which makes it anew: what you change here is lost.

        Host web
            IdentityAgent /h/.cache/jit/run/ssh,e3b0c442/web/%r/s
            IdentitiesOnly no
            IdentityFile none
            PKCS11Provider none
            PubkeyAuthentication yes
            PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com
            PreferredAuthentications publickey,keyboard-interactive
            ForwardAgent no
            ControlMaster no
            ControlPath none
            KnownHostsCommand "/opt/my jit" "--config-dir" "/c" known-hosts ssh/web --user=%r --host=%h --alias=%n --agent=/h/.cache/jit/run/ssh,e3b0c442/web/%r/s
        "#);
    }

    #[test]
    fn what_ssh_would_expand_is_refused() {
        for word in ["/a\"b", "/a%h", "/a$HOME", "/a\\b", "/a'b", "/a\nb", "/a#b"] {
            let failure = text(&catalogue(), &[], &[word.to_owned()], &places("/r")).unwrap_err();
            assert!(failure.hint.starts_with("move it"), "{word:?}");
        }
    }

    #[test]
    fn an_authority_is_trusted_for_its_own_hosts() {
        let catalogue = catalogue();
        let (_, resource) = ours(&catalogue).last().unwrap();
        assert_eq!(
            authority_line(resource, "ssh-ed25519 AAAA jit ssh/web\n"),
            "@cert-authority web-1.example.com,[web-1.example.com]:*,*.web.internal,[*.web.internal]:* ssh-ed25519 AAAA jit ssh/web\n"
        );
    }
}
