//! What the catalogue's texts must look like: each goes into a command line, a certificate, SQL or
//! YAML one day, so each has its own short list of characters.

use std::net::IpAddr;

use crate::domain::host;

/// Whether `host` is a host name, an address, or either with `*` for any run of characters.
pub(super) fn is_host_pattern(host: &str) -> bool {
    host::is_name(&host.replace('*', "x"))
}

/// Whether it is a host name that a server's certificate can be made out to, and no address.
pub(super) fn is_certificate_name(name: &str) -> bool {
    host::is_name(name) && name.parse::<IpAddr>().is_err()
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` where it is none of them.
pub(super) fn host_and_port(text: &str, default: u16) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            if !host.contains(':') {
                return None;
            }
            (
                host,
                port.strip_prefix(':')
                    .or(if port.is_empty() { None } else { Some("?") }),
            )
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => default,
    };
    (is_host_pattern(host) && !host.contains('*')).then_some((host, port))
}

/// Whether it is an `https` URL of a server; plain `http` only where it cannot leave this machine.
pub(super) fn is_server(url: &str) -> bool {
    let (rest, is_local_only) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return false,
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-~%".contains(c);
    let Some((host, _)) = host_and_port(authority, 443) else {
        return false;
    };
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
    path.chars().all(plain) && (!is_local_only || is_local)
}

/// Whether it is a DNS label (RFC 1123), as Kubernetes wants the names of namespaces.
pub(super) fn is_label(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c != '-');
    (1..=63).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && ends(name.chars().next())
        && ends(name.chars().next_back())
}

/// Whether it is `namespace/name` of a service account.
pub(super) fn is_service_account(text: &str) -> bool {
    text.split_once('/').is_some_and(|(namespace, name)| {
        is_label(namespace) && name.len() <= 253 && name.split('.').all(is_label)
    })
}

/// Whether it can name a database role: 63 bytes at most (`NAMEDATALEN`), nothing that SQL,
/// `pg_ident.conf` or a certificate's common name reads as more than text.
pub(super) fn is_database_role(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.@$".contains(c))
}

/// Whether it is text that YAML, CEL and a shell all read as itself: 1 to 255 letters, digits and
/// `. _ - / : @ +`, the first of them a letter or digit.
pub(super) fn is_plain_line(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/:@+".contains(c))
}

/// Whether it is one line of printable text.
pub(super) fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
}

/// Whether it can be an account's `sub` (OpenID Connect Core 1.0, section 2): printable ASCII, 255 at most.
pub(super) fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

/// Whether it is a 12-digit account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account in `arn:aws:iam::123456789012:role/NAME`; `None` where it is no role's ARN.
pub(super) fn account_of_role(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let partition_is_aws = parts.next()? == "arn" && parts.next()?.starts_with("aws");
    let is_iam = parts.next()? == "iam" && parts.next()?.is_empty();
    let account = parts.next().filter(|account| is_account(account))?;
    let role = parts.next()?.strip_prefix("role/")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/+=,.@_-".contains(c);
    let sane = (1..=576).contains(&role.len()) && role.chars().all(plain) && !role.ends_with('/');
    (partition_is_aws && is_iam && sane).then_some(account)
}

/// Whether it looks like a region: `eu-west-1`.
pub fn is_region(text: &str) -> bool {
    is_label(text) && text.contains('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_host_and_nothing_else() {
        for host in [
            "web-1.example.com",
            "*.web.internal",
            "10.0.0.1",
            "2001:db8::1",
            "web_1",
        ] {
            assert!(is_host_pattern(host), "{host:?}");
        }
        for host in [
            "",
            "a b",
            "a,b",
            "a\nb",
            "-oProxyCommand=x",
            "$(id)",
            "a;b",
            "a\"b",
            "a/b",
            "ä",
            "!a",
            "a?",
        ] {
            assert!(!is_host_pattern(host), "{host:?}");
        }
    }

    #[test]
    fn a_port_is_read_where_there_is_one() {
        assert_eq!(host_and_port("db:5433", 5432), Some(("db", 5433)));
        assert_eq!(host_and_port("db", 5432), Some(("db", 5432)));
        assert_eq!(host_and_port("[::1]:5433", 5432), Some(("::1", 5433)));
        assert_eq!(host_and_port("[::1]", 5432), Some(("::1", 5432)));
        assert_eq!(
            host_and_port("2001:db8::1", 5432),
            Some(("2001:db8::1", 5432))
        );
        for text in [
            "db:",
            "db:0",
            "db:65536",
            "db:x",
            ":5432",
            "[::1",
            "[::1]x",
            "[db]:1",
            "*.db:5432",
            "/tmp",
            "a b",
        ] {
            assert_eq!(host_and_port(text, 5432), None, "{text:?}");
        }
    }

    #[test]
    fn a_server_is_encrypted_unless_it_is_this_machine() {
        for url in [
            "https://203.0.113.5:6443",
            "https://a/b-c",
            "http://127.0.0.1:8080",
            "https://[::1]:6443",
            "http://localhost/x",
        ] {
            assert!(is_server(url), "{url:?}");
        }
        for url in [
            "http://a",
            "https://",
            "https://u:p@a",
            "https://a b",
            "ftp://a",
            "https://a/?x",
            "https://a\n",
            "http://localhost.evil.example",
        ] {
            assert!(!is_server(url), "{url:?}");
        }
    }

    #[test]
    fn names_of_targets_are_their_targets_own() {
        assert!(is_service_account("jit/view") && is_service_account("kube-system/a.b"));
        for text in [
            "view", "/view", "jit/", "Jit/view", "jit/a/b", "jit/-a", "jit/a:b",
        ] {
            assert!(!is_service_account(text), "{text:?}");
        }
        assert!(is_plain_line("jit:view") && is_plain_line("https://prod.example.com/jit"));
        for text in [
            "", "a b", "a'b", "a\"b", "-a", "a\\b", "a\nb", "ä", ":a", "a]",
        ] {
            assert!(!is_plain_line(text), "{text:?}");
        }
        assert!(is_database_role("orders_ro") && is_database_role("pg_read_all_data"));
        for text in [
            "",
            "a b",
            "a\"b",
            "a'b",
            "-a",
            "a;b",
            &"x".repeat(64),
            "a,b",
        ] {
            assert!(!is_database_role(text), "{text:?}");
        }
        assert_eq!(
            account_of_role("arn:aws:iam::123456789012:role/a/b"),
            Some("123456789012")
        );
        assert_eq!(
            account_of_role("arn:aws-us-gov:iam::123456789012:role/a"),
            Some("123456789012")
        );
        for arn in [
            "",
            "arn:aws:iam::12:role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:sts::123456789012:role/a",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert_eq!(account_of_role(arn), None, "{arn:?}");
        }
    }
}
