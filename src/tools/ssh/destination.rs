//! Destinations as OpenSSH's tools and git write them.

use crate::domain::failure::{Failure, Result};
use crate::tools::percent::decoded;

/// A host to log in to, as it is written: ssh itself resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Host name, address or alias.
    pub host: String,
    /// The login name, where one is written.
    pub user: Option<String>,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl Destination {
    /// `[user@]host` or `ssh://[user@]host[:port]`, as ssh and sftp take it.
    pub fn of_ssh(text: &str) -> Result<Self> {
        match uri(text, &["ssh://", "sftp://"]) {
            Some(authority) => Self::of_authority(authority, text),
            None => Self::of_login(text, None),
        }
    }

    /// The remote side of an argument of scp, sftp or rsync: `[user@]host:path`, or a URI of that
    /// `scheme`; `None` where the argument is a local file.
    pub fn of_file(text: &str, scheme: &str) -> Result<Option<Self>> {
        if let Some(authority) = uri(text, &[scheme]) {
            return Self::of_authority(authority, text).map(Some);
        }
        match colon(text) {
            Some(login) => Self::of_login(login, None).map(Some),
            None => Ok(None),
        }
    }

    /// The host of a URL of git's that goes over ssh; `None` for every other.
    pub fn of_git(url: &str) -> Result<Option<Self>> {
        const SCHEMES: [&str; 3] = ["ssh://", "git+ssh://", "ssh+git://"];
        match uri(url, &SCHEMES) {
            Some(authority) => Self::of_authority(authority, url).map(Some),
            None if url.contains("://") => Ok(None),
            None => Self::of_file(url, "ssh://"),
        }
    }

    /// The word that means this host to ssh.
    pub fn word(&self) -> String {
        match &self.user {
            Some(user) => format!("{user}@{}", self.host),
            None => self.host.clone(),
        }
    }

    /// `[user[;…]@]host[:port]`, percent-encoded.
    fn of_authority(authority: &str, whole: &str) -> Result<Self> {
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match place.strip_prefix('[').and_then(|p| p.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match place.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port.filter(|port| !port.is_empty()).map(str::parse) {
            None => None,
            Some(Ok(port)) => Some(port),
            Some(Err(_)) => return Err(senseless(whole)),
        };
        let user = login.split(';').next().unwrap_or_default();
        let user = decoded(user).ok_or_else(|| senseless(whole))?;
        let login = if user.is_empty() {
            host.to_owned()
        } else {
            format!("{user}@{host}")
        };
        Self::of_login(&login, port)
    }

    /// `[user@]host`, split at the last `@` as ssh does. Neither may be read as an option or by a
    /// shell (the rules of OpenSSH's `valid_hostname` and `valid_ruser`).
    fn of_login(text: &str, port: Option<u16>) -> Result<Self> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let odd =
            |c: char| c.is_control() || c.is_whitespace() || "'`\"$;&<>|(){}\u{fffd}".contains(c);
        let hostile = |name: &str| name.is_empty() || name.starts_with('-') || name.contains(odd);
        if hostile(host) || host.contains('\\') || user.is_some_and(hostile) {
            return Err(senseless(text));
        }
        Ok(Self {
            host: host.to_owned(),
            user: user.map(str::to_owned),
            port,
        })
    }
}

fn senseless(text: &str) -> Failure {
    Failure::usage(format!("{text:?} is no destination"))
        .hint("write it as host, user@host or ssh://user@host:port")
}

/// What stands between the scheme and the path of a URI.
fn uri<'a>(text: &'a str, schemes: &[&str]) -> Option<&'a str> {
    let rest = schemes
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))?;
    rest.split('/').next()
}

/// What stands before the first colon, if it comes before the first slash and behind something: the
/// rule by which scp, rsync and git tell a remote file from a local one.
fn colon(text: &str) -> Option<&str> {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            ':' if !inside => return text.get(..at).filter(|login| !login.is_empty()),
            '/' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(destination: Result<Option<Destination>>) -> String {
        match destination {
            Ok(Some(d)) => format!(
                "{} {}",
                d.word(),
                d.port.map_or_else(|| "-".into(), |p| p.to_string())
            ),
            Ok(None) => "local".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn ssh_s_destinations() {
        for (text, read) in [
            ("web", "web -"),
            ("deploy@web", "deploy@web -"),
            ("a@b@web", "a@b@web -"),
            ("ssh://deploy@web:2222", "deploy@web 2222"),
            ("ssh://web/", "web -"),
            ("ssh://a%40b;x=y@[::1]:22", "a@b@::1 22"),
            ("ssh://web:x", "refused"),
            ("ssh://%zz@web", "refused"),
            ("-oProxyCommand=id", "refused"),
            ("root@-oProxyCommand=id", "refused"),
            ("-l@web", "refused"),
            ("@web", "refused"),
            ("web\n", "refused"),
            ("we b", "refused"),
            ("web;id", "refused"),
            ("$(id)@web", "refused"),
            ("", "refused"),
        ] {
            assert_eq!(shown(Destination::of_ssh(text).map(Some)), read, "{text}");
        }
    }

    #[test]
    fn scp_s_and_git_s_destinations() {
        for (text, read) in [
            ("web:file", "web -"),
            ("me@web:", "me@web -"),
            ("./web:file", "local"),
            ("/a:b", "local"),
            (":file", "local"),
            ("file", "local"),
            ("me@[::1]:file", "me@::1 -"),
            ("scp://me@web:22//etc", "me@web 22"),
            ("-x:file", "refused"),
        ] {
            assert_eq!(shown(Destination::of_file(text, "scp://")), read, "{text}");
        }
        for (text, read) in [
            ("git@web:org/repo.git", "git@web -"),
            ("ssh://git@web:2222/repo", "git@web 2222"),
            ("git+ssh://web/repo", "web -"),
            ("https://web/repo", "local"),
            ("../repo", "local"),
            ("ssh://-oProxyCommand=id/x", "refused"),
        ] {
            assert_eq!(shown(Destination::of_git(text)), read, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(ssh://|scp://)?[-a@:/\\[\\]%;\u{e9} ]{0,16}") {
            for read in [
                Destination::of_ssh(&text).map(Some),
                Destination::of_file(&text, "scp://"),
                Destination::of_git(&text),
            ] {
                if let Ok(Some(destination)) = read {
                    prop_assert!(!destination.word().starts_with('-'));
                    prop_assert!(!destination.host.is_empty());
                }
            }
        }
    }
}
