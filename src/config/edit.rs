//! One change to a `config.toml` that a person wrote: everything else in it stays as it is.

use std::path::PathBuf;

use super::client::{self, Config};
use crate::domain::failure::{Failure, Result};

/// The text with that server, and with that file of its authority or none.
///
/// # Errors
/// It is written in a way that this cannot change safely; or it is wrong already.
pub fn with_server(text: &str, server: &str, authority: Option<&str>) -> Result<String> {
    let before = client::parse(client::FILE, text)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = set(&mut lines, "server", server);
    remove(&mut lines, "certificate_authority");
    if let Some(file) = authority {
        lines.insert(at + 1, line("certificate_authority", file));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    let wanted = Config {
        server: Some(server.to_owned()),
        certificate_authority: authority.map(PathBuf::from),
        ..before
    };
    match client::parse(client::FILE, &text) {
        Ok(config) if config == wanted => Ok(text),
        _ => Err(
            Failure::failed("config.toml is written in a way that jit does not change")
                .hint(format!("write into it: {}", line("server", server))),
        ),
    }
}

/// Sets a key of the part before the first table; where it stands now.
fn set(lines: &mut Vec<String>, key: &str, value: &str) -> usize {
    let top = top(lines);
    let own = lines.iter().take(top).position(|line| sets(line, key));
    let proposed = || {
        let mut lines = lines.iter().take(top);
        lines.position(|line| line.strip_prefix('#').is_some_and(|rest| sets(rest, key)))
    };
    let line = line(key, value);
    let place = own.or_else(proposed);
    if let Some(place) = place.and_then(|at| lines.get_mut(at)) {
        *place = line;
    } else {
        lines.insert(0, line);
    }
    place.unwrap_or(0)
}

fn remove(lines: &mut Vec<String>, key: &str) {
    let top = top(lines);
    if let Some(at) = lines.iter().take(top).position(|line| sets(line, key)) {
        lines.remove(at);
    }
}

/// How many lines stand before the first table.
fn top(lines: &[String]) -> usize {
    let first = lines
        .iter()
        .position(|line| line.trim_start().starts_with('['));
    first.unwrap_or(lines.len())
}

fn sets(line: &str, key: &str) -> bool {
    let rest = line.trim_start().strip_prefix(key);
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Neither a URL nor a file name of ours has a quote or a backslash.
fn line(key: &str, value: &str) -> String {
    format!("{key} = \"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "https://jit.example.com";

    #[test]
    fn what_was_proposed_is_filled_in_and_the_rest_stays() {
        let before = "# Mine.\n# server = \"https://jit.example.org\"\n\n[exec]\n# server = \"x\"\nwait = \"3m\"\n";
        let after = with_server(before, SERVER, Some("server-ca.crt")).unwrap();
        assert_eq!(
            after,
            "# Mine.\nserver = \"https://jit.example.com\"\ncertificate_authority = \"server-ca.crt\"\n\n[exec]\n# server = \"x\"\nwait = \"3m\"\n"
        );
        let again = with_server(&after, SERVER, Some("server-ca.crt")).unwrap();
        assert_eq!(again, after);
        let other = with_server(&after, "https://b.example", None).unwrap();
        assert_eq!(
            other,
            "# Mine.\nserver = \"https://b.example\"\n\n[exec]\n# server = \"x\"\nwait = \"3m\"\n"
        );
    }

    #[test]
    fn what_has_no_place_for_it_gets_one() {
        assert_eq!(
            with_server("[exec]\nwait = \"3m\"", SERVER, None).unwrap(),
            "server = \"https://jit.example.com\"\n[exec]\nwait = \"3m\"\n"
        );
        let order = "certificate_authority = \"a.crt\"\nserver = \"https://a\"\n";
        let after = with_server(order, SERVER, None).unwrap();
        assert_eq!(after, "server = \"https://jit.example.com\"\n");
    }

    #[test]
    fn what_cannot_be_changed_safely_is_left() {
        let odd = "\"server\" = \"https://a\"\n";
        assert!(with_server(odd, SERVER, None).is_err());
        assert!(with_server("sever = 1", SERVER, None).is_err());
    }
}
