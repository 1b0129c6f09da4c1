//! `~/.pgpass` as libpq looks it up (libpq, 34.16): for whom there are passwords, not which.

use std::path::PathBuf;

use crate::{
    domain::{environment::Environment, failure::Result},
    platform::files,
};

/// A line with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its line, from 1.
    pub line: usize,
    /// Host; `*` for any, as in all fields.
    pub host: String,
    /// Port.
    pub port: String,
    /// Database.
    pub database: String,
    /// User.
    pub user: String,
}

/// Where it is: what `PGPASSFILE` names, or `~/.pgpass`.
pub fn file(environment: &Environment) -> Option<PathBuf> {
    match environment.value("PGPASSFILE") {
        Some(named) => Some(environment.directory.join(named)),
        None => environment.in_home(".pgpass"),
    }
}

/// Its entries; none where there is no file.
///
/// # Errors
/// The file cannot be read or is not text.
pub fn read(environment: &Environment) -> Result<Vec<Entry>> {
    let text = file(environment).map_or(Ok(None), |file| files::read_text(&file))?;
    let text = zeroize::Zeroizing::new(text.unwrap_or_default());
    let lines = text.lines().enumerate();
    Ok(lines.filter_map(|(at, line)| entry(at + 1, line)).collect())
}

/// `host:port:database:user:password`, with a backslash before a colon or backslash in a field.
fn entry(line: usize, text: &str) -> Option<Entry> {
    if text.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut letters = text.chars();
    while let (Some(letter), true) = (letters.next(), fields.len() < 5) {
        match letter {
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(letters.next()),
            letter => fields.last_mut()?.push(letter),
        }
    }
    let [host, port, database, user, _] = fields.try_into().ok()?;
    Some(Entry {
        line,
        host,
        port,
        database,
        user,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_read_without_their_passwords() {
        let shown = |text: &str| {
            entry(7, text).map(|e| format!("{} {} {} {}", e.host, e.port, e.database, e.user))
        };
        let read = shown("db.internal:5432:orders:me:hunter2:x");
        assert_eq!(read.as_deref(), Some("db.internal 5432 orders me"));
        let escaped = shown(r"\:\:1:*:a\\b:me:x");
        assert_eq!(escaped.as_deref(), Some(r"::1 * a\b me"));
        for text in ["", "# a:b:c:d:e", "a:b:c:d", "hunter2"] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(text in "[a:\\\\*#]{0,12}") {
            let _entry = entry(1, &text);
        }
    }
}
