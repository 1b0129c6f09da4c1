//! Names of roles and databases, written so that SQL and `pg_hba.conf` read each as one name.

use crate::domain::failure::{Failure, Result};

/// NAMEDATALEN - 1: PostgreSQL would cut what is longer, and mean another role.
const LONGEST: usize = 63;

/// Refuses a name that PostgreSQL cannot hold, or that no honest catalogue has: empty, longer than
/// 63 bytes, or with control characters in it.
pub(super) fn checked(name: &str) -> Result<&str> {
    if !name.is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control) {
        return Ok(name);
    }
    Err(
        Failure::failed(format!("{name:?} cannot name a role or a database"))
            .hint("correct it in authority.toml: 1 to 63 bytes, no control characters"),
    )
}

/// An SQL identifier, quoted (PostgreSQL documentation, 4.1.1).
pub(super) fn identifier(name: &str) -> Result<String> {
    Ok(format!("\"{}\"", checked(name)?.replace('"', "\"\"")))
}

/// An SQL string constant that means the same whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let text = text.replace('\'', "''");
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\"));
    }
    format!("'{text}'")
}

/// A name in `pg_hba.conf`, quoted so that `all`, `+group` and `@file` are names as well.
pub(super) fn hba(name: &str) -> Result<String> {
    if checked(name)?.starts_with('/') {
        return Err(Failure::failed(format!(
            "{name:?} would be a regular expression in pg_hba.conf"
        ))
        .hint("give the role or the database a name without a slash at its start"));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads quoted text as PostgreSQL does: to the first quote that is not doubled.
    fn read(text: &str, quote: char) -> Option<(String, &str)> {
        let mut rest = text.strip_prefix(quote)?;
        let mut name = String::new();
        loop {
            let (before, after) = rest.split_once(quote)?;
            name.push_str(before);
            let Some(next) = after.strip_prefix(quote) else {
                return Some((name, after));
            };
            name.push(quote);
            rest = next;
        }
    }

    proptest! {
        #[test]
        fn a_quoted_identifier_is_read_back_whole(name in "[^\\x00-\\x1f\\x7f-\\x9f]{1,15}") {
            let quoted = identifier(&name).unwrap();
            prop_assert_eq!(read(&quoted, '"'), Some((name, "")));
        }

        #[test]
        fn a_literal_is_read_back_whole(text in "[^\\x00]{0,40}") {
            let quoted = literal(&text);
            let (escaped, body) = quoted.strip_prefix('E').map_or((false, &*quoted), |b| (true, b));
            let (read, rest) = read(body, '\'').unwrap();
            prop_assert_eq!(rest, "");
            prop_assert_eq!(escaped, text.contains('\\'));
            let read = if escaped { read.replace("\\\\", "\\") } else { read };
            prop_assert_eq!(read, text);
        }
    }

    #[test]
    fn a_hostile_name_is_quoted_or_refused() {
        let hostile = "x\"; drop role postgres; --";
        assert_eq!(
            identifier(hostile).unwrap(),
            "\"x\"\"; drop role postgres; --\""
        );
        assert_eq!(hba("all").unwrap(), "\"all\"");
        assert!(hba("/.*").is_err());
        for name in ["", "a\nhost all all all trust", "a\0", &"x".repeat(64)] {
            assert!(identifier(name).is_err(), "{name:?}");
            assert!(hba(name).is_err(), "{name:?}");
        }
    }
}
