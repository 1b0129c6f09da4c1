//! Hosts that `~/.ssh/known_hosts` names in the clear, for users who have a key to log in to them.

use std::collections::BTreeSet;

use super::{
    forges::is_forge,
    found::{Found, list, quote, role, tier_of},
};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::Environment,
        failure::Result,
        host::is_name,
    },
    platform::files,
    tools::ssh::identities::{self, Identity},
};

/// No more of them are proposed: nobody reads a longer list.
const MOST: usize = 20;
/// The hosts; none where the user has no key of their own.
pub(super) fn find(environment: &Environment, user: &str) -> Result<Vec<Found>> {
    let (Some(file), Ok(login)) = (
        environment.in_home(".ssh/known_hosts"),
        user.parse::<RoleName>(),
    ) else {
        return Ok(Vec::new());
    };
    let keys = identities::find(environment);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&file)?.unwrap_or_default();
    let mut seen = BTreeSet::new();
    let hosts = text.lines().filter_map(host);
    let hosts = hosts.filter(|host| seen.insert(*host)).take(MOST);
    Ok(hosts
        .filter_map(|host| found(host, &login, &keys))
        .collect())
}

/// The first name of a line that is no address (`sshd(8)`, on the format of its file). A name that is
/// hashed is nobody's to know.
fn host(line: &str) -> Option<&str> {
    let names = line.split_whitespace().next()?;
    if names.starts_with(['#', '@', '|']) {
        return None;
    }
    names.split(',').map(bare).find(|name| {
        let has_letters = name.chars().any(|c| c.is_ascii_alphabetic());
        let is_of_others = is_forge(name);
        is_name(name) && has_letters && !name.contains(':') && name.contains('.') && !is_of_others
    })
}

/// The name in `[name]:port`.
fn bare(name: &str) -> &str {
    let inner = name.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    inner.map_or(name, |(inner, _)| inner)
}

fn found(host: &str, login: &RoleName, keys: &[Identity]) -> Option<Found> {
    let names: Vec<String> = keys
        .iter()
        .filter_map(|key| Some(key.file.file_name()?.to_string_lossy().into_owned()))
        .collect();
    Some(Found {
        resource: Found::name(Kind::Ssh, host.split('.').next()?)?,
        origin: format!("{} in ~/.ssh/known_hosts", quote(host)),
        needs: Some("a look whether the host is yours, and as whom you log in".to_owned()),
        replaces: Some(format!(
            "your keys there: {}",
            list(names.iter().map(String::as_str))
        )),
        keys: vec![("hosts", list([host]))],
        roles: vec![(login.clone(), role(&[], tier_of(login.as_str())))],
        certificate: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_the_clear_are_found_and_no_others() {
        for (line, name) in [
            (
                "web.example.com,10.0.0.1 ssh-ed25519 AAAA",
                Some("web.example.com"),
            ),
            (
                "10.0.0.1,web.example.com ssh-ed25519 AAAA",
                Some("web.example.com"),
            ),
            (
                "[web.example.com]:2222 ssh-ed25519 AAAA",
                Some("web.example.com"),
            ),
            ("|1|abc=|def= ssh-ed25519 AAAA", None),
            ("@cert-authority *.example.com ssh-ed25519 AAAA", None),
            ("github.com ssh-ed25519 AAAA", None),
            ("10.0.0.1 ssh-ed25519 AAAA", None),
            ("*.example.com ssh-ed25519 AAAA", None),
            ("# web.example.com", None),
            ("localhost ssh-rsa x", None),
            ("", None),
        ] {
            assert_eq!(host(line), name, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "[a.,\\[\\]:|@# é]{0,20}") {
            let _host = host(&line);
        }
    }
}
