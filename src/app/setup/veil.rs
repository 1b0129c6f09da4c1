//! Texts of a user's own files without the secrets in them, for the diff that setup shows.

use super::block::ASIDE;

/// What keys end with whose values are secrets, in the files that setup edits and in shells' rc files.
const SECRET: [&str; 14] = [
    "access-key",
    "access_key",
    "api-key",
    "api_key",
    "apikey",
    "credential",
    "credentials",
    "key-data",
    "passphrase",
    "passwd",
    "password",
    "private-key",
    "secret",
    "token",
];

/// What stands in the place of a secret.
const VEIL: &str = "…";

/// The text with as many lines, and everything left out that a key calls a secret: what stands behind the key
/// on its line, and the lines that go on with the value.
pub(super) fn veiled(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut value: Option<Value> = None;
    for line in text.split_inclusive('\n') {
        let plain = line.trim_end_matches(['\n', '\r']);
        let end = line.get(plain.len()..).unwrap_or_default();
        if plain.trim().is_empty() {
            shown.push_str(line);
            continue;
        }
        let goes_on = value.as_ref().is_some_and(|value| value.has(plain));
        let (kept, next) = if goes_on {
            (VEIL.to_owned(), value.take().map(Value::begun))
        } else {
            of_line(plain)
        };
        value = next;
        shown.push_str(&kept);
        shown.push_str(end);
    }
    shown
}

/// A secret value that may go on with the lines below its key.
#[derive(Clone, Copy)]
struct Value {
    /// How far its key is indented.
    indent: usize,
    /// Whether nothing of it has been seen.
    is_open: bool,
}

impl Value {
    /// Whether a line is part of it: an indented one, and the first one where the key's own line holds none.
    fn has(&self, line: &str) -> bool {
        self.is_open || indent(line) > self.indent
    }

    const fn begun(self) -> Self {
        Self {
            is_open: false,
            ..self
        }
    }
}

/// How far a line is indented, behind the mark of a line that is commented out.
fn indent(line: &str) -> usize {
    let plain = line.strip_prefix(ASIDE).or_else(|| line.strip_prefix('#'));
    let plain = plain.unwrap_or(line);
    plain.len() - plain.trim_start().len()
}

/// A line without its secret, and the value that it begins.
fn of_line(line: &str) -> (String, Option<Value>) {
    let line = without_login(line);
    let Some(at) = secret_at(&line) else {
        return (line, None);
    };
    let (key, rest) = line.split_at(at);
    let value = Value {
        indent: indent(&line),
        is_open: matches!(rest.trim(), "" | "|" | ">" | "|-" | ">-" | "|+" | ">+"),
    };
    let kept = if rest.trim().is_empty() {
        line.clone()
    } else {
        format!("{key} {VEIL}")
    };
    (kept, Some(value))
}

/// Where the first secret of a line begins: behind a secret key and what parts it from its value, or behind
/// an option that takes a secret as the next word.
fn secret_at(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<usize> = SECRET
        .iter()
        .flat_map(|word| lower.match_indices(word).map(|(at, word)| at + word.len()))
        .collect();
    found.sort_unstable();
    found.into_iter().find_map(|end| {
        let (before, rest) = lower.split_at_checked(end)?;
        let behind = rest.trim_start_matches(['"', '\'', ' ', '\t']);
        let parted = rest.len() - behind.len();
        if behind.starts_with([':', '=']) {
            return Some(end + parted + 1);
        }
        let word = before.rsplit([' ', '\t', '[', ',', '"', '\'']).next()?;
        (word.starts_with("--") && (behind.is_empty() || parted > 0 || behind.starts_with(',')))
            .then_some(end + parted)
    })
}

/// The line without the login in a URL: `https://user:password@host`.
fn without_login(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("://") {
        let host = behind
            .find(['/', ' ', '\t', '"', '\''])
            .unwrap_or(behind.len());
        let (authority, after) = behind.split_at_checked(host).unwrap_or((behind, ""));
        shown.push_str(before);
        shown.push_str("://");
        match authority.rsplit_once('@') {
            Some((login, host)) if login.contains(':') => {
                shown.push_str(VEIL);
                shown.push('@');
                shown.push_str(host);
            }
            _ => shown.push_str(authority),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_left_wherever_its_key_stands() {
        for (text, wanted) in [
            ("aws_secret_access_key = x\n", "aws_secret_access_key = …\n"),
            ("    token: hunter2\r\n", "    token: …\r\n"),
            (
                "- {name: a, user: {token: hunter2}}\n",
                "- {name: a, user: {token: …\n",
            ),
            (
                "  \"client-key-data\": \"x\",\n  \"a\": 1\n",
                "  \"client-key-data\": …\n  \"a\": 1\n",
            ),
            ("a: b; password = 'x'; c: d", "a: b; password = …"),
            (
                "token: |\n  one\n\n  two\nname: a\n",
                "token: …\n…\n\n…\nname: a\n",
            ),
            ("token:\nhunter2\nname: a\n", "token:\n…\nname: a\n"),
            (
                "aws_session_token = one\n  two\nregion = x\n",
                "aws_session_token = …\n…\nregion = x\n",
            ),
            ("args: [\"--token\", \"x\"]\n", "args: [\"--token\" …\n"),
            (
                "  - --client-secret\n  - x\n  - y\n",
                "  - --client-secret\n…\n  - y\n",
            ),
            ("  - --client-secret=x\n", "  - --client-secret= …\n"),
            ("proxy: http://a:b@h:1/p", "proxy: http://…@h:1/p"),
            ("url = http://h/a@b:c", "url = http://h/a@b:c"),
            (
                "#jit# aws_session_token = one\n#jit#   two\nregion = x\n",
                "#jit# aws_session_token = …\n…\nregion = x\n",
            ),
            (
                "- name: deploy-token\n  user:\n",
                "- name: deploy-token\n  user:\n",
            ),
            (
                "export GITHUB_TOKEN=x\nexport B=y\n",
                "export GITHUB_TOKEN= …\nexport B=y\n",
            ),
            ("credential_process = jit\n", "credential_process = jit\n"),
        ] {
            assert_eq!(veiled(text), wanted, "{text}");
        }
    }
}
