//! psql's command line: which connection it names, and the same line for another login.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use super::conninfo::{self, Settings};
use crate::{
    domain::failure::{Failure, Result},
    tools::getopt::{self, Grammar, Line},
};

/// psql 15 to 18, `startup.c`.
const GRAMMAR: Grammar = Grammar {
    short: "aAbc:d:eEf:F:h:HlL:no:p:P:qR:sStT:U:v:VwWxXz?01",
    long: &[
        ("command", 'c', true),
        ("csv", '2', false),
        ("dbname", 'd', true),
        ("echo-all", 'a', false),
        ("echo-errors", 'b', false),
        ("echo-hidden", 'E', false),
        ("echo-queries", 'e', false),
        ("expanded", 'x', false),
        ("field-separator", 'F', true),
        ("field-separator-zero", 'z', false),
        ("file", 'f', true),
        ("help", '?', false),
        ("host", 'h', true),
        ("html", 'H', false),
        ("list", 'l', false),
        ("log-file", 'L', true),
        ("no-align", 'A', false),
        ("no-password", 'w', false),
        ("no-psqlrc", 'X', false),
        ("no-readline", 'n', false),
        ("output", 'o', true),
        ("password", 'W', false),
        ("port", 'p', true),
        ("pset", 'P', true),
        ("quiet", 'q', false),
        ("record-separator", 'R', true),
        ("record-separator-zero", '0', false),
        ("set", 'v', true),
        ("single-line", 'S', false),
        ("single-step", 's', false),
        ("single-transaction", '1', false),
        ("table-attr", 'T', true),
        ("tuples-only", 't', false),
        ("username", 'U', true),
        ("variable", 'v', true),
        ("version", 'V', false),
    ],
    permutes: true,
};

/// What a psql command line says about its connection.
#[derive(Debug, Default)]
pub struct Said {
    /// The parameters that it names, by libpq's names.
    pub settings: Settings,
    /// Whether it only lists the databases, which it does in `postgres`.
    pub lists: bool,
}

/// Reads the arguments of psql.
///
/// # Errors
/// Usage, where libpq would refuse the connection string.
pub fn read(arguments: &[OsString]) -> Result<Said> {
    let line = getopt::read(&GRAMMAR, arguments);
    let mut settings = Settings::new();
    let options = [('h', "host"), ('p', "port"), ('U', "user")];
    for (letter, key) in options {
        if let Some(value) = line.last(letter) {
            settings.insert(key.to_owned(), text(value.text)?);
        }
    }
    if let Some((place, start)) = user_word(&line) {
        settings.insert("user".to_owned(), text(tail(arguments, place, start))?);
    }
    if let Some((place, start)) = database(&line) {
        let name = text(tail(arguments, place, start))?;
        if conninfo::is_connection_string(&name) {
            settings.extend(connection_string(&name)?);
        } else {
            settings.insert("dbname".to_owned(), name);
        }
    }
    settings.retain(|_, value| !value.is_empty());
    let lists = line.has('l');
    Ok(Said { settings, lists })
}

/// The same command line, in which every login is `login` and every connection string has passed
/// through `change`.
pub fn rewrite(
    arguments: &[OsString],
    login: &str,
    change: impl Fn(&mut Settings),
) -> Result<Vec<OsString>> {
    let line = getopt::read(&GRAMMAR, arguments);
    let mut written = arguments.to_vec();
    let mut put = |place: usize, start: usize, value: &str| {
        if let Some(argument) = written.get_mut(place) {
            let mut bytes = argument.as_bytes().to_vec();
            bytes.truncate(start);
            bytes.extend_from_slice(value.as_bytes());
            *argument = OsString::from_vec(bytes);
        }
    };
    let options = line.values('U').map(|value| (value.place, value.start));
    for (place, start) in options.chain(user_word(&line)) {
        put(place, start, login);
    }
    if let Some((place, start)) = database(&line) {
        let name = text(tail(arguments, place, start))?;
        if conninfo::is_connection_string(&name) {
            let mut settings = connection_string(&name)?;
            change(&mut settings);
            put(place, start, &conninfo::write(&settings));
        }
    }
    Ok(written)
}

/// Where the database is named: `-d`, or the first word.
fn database(line: &Line<'_>) -> Option<(usize, usize)> {
    match line.last('d') {
        Some(value) => Some((value.place, value.start)),
        None => line.words.first().map(|(place, _)| (*place, 0)),
    }
}

/// Where the user is named as a word: behind the database, and only where `-U` does not name one.
fn user_word(line: &Line<'_>) -> Option<(usize, usize)> {
    let nth = usize::from(line.last('d').is_none());
    let word = line.words.get(nth).map(|(place, _)| (*place, 0));
    word.filter(|_| line.last('U').is_none())
}

fn tail(arguments: &[OsString], place: usize, start: usize) -> &OsStr {
    let bytes = arguments.get(place).map(|argument| argument.as_bytes());
    OsStr::from_bytes(bytes.and_then(|b| b.get(start..)).unwrap_or_default())
}

fn text(value: &OsStr) -> Result<String> {
    value.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("{} is not UTF-8 text", value.to_string_lossy()))
            .hint("name hosts, databases and users in UTF-8")
    })
}

/// The string may hold a password, so it is not repeated.
fn connection_string(text: &str) -> Result<Settings> {
    conninfo::parse(text).ok_or_else(|| {
        Failure::usage("psql's connection string cannot be read")
            .hint("write it as postgresql://host:port/database or \"host=… dbname=…\"")
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_connection_is_read_as_psql_reads_it() {
        for (line, said) in [
            ("orders", "dbname='orders'"),
            ("orders me", "dbname='orders' user='me'"),
            ("-U me orders you", "dbname='orders' user='me'"),
            ("-d orders me", "dbname='orders' user='me'"),
            (
                "-hdb -p 5433 -tAc select orders",
                "dbname='orders' host='db' port='5433'",
            ),
            ("--host=db --user me -lX", "host='db' user='me'"),
            ("-h db postgres://other/x", "dbname='x' host='other'"),
            (
                "-U me postgres://you@other/x",
                "dbname='x' host='other' user='you'",
            ),
            ("-c select -- -d", "dbname='-d'"),
            ("-d a -d b", "dbname='b'"),
            ("--host= orders", "dbname='orders'"),
        ] {
            let arguments = arguments(line);
            let read = read(&arguments).unwrap();
            assert_eq!(conninfo::write(&read.settings), said, "{line}");
        }
    }

    #[test]
    fn every_login_is_replaced_and_nothing_else() {
        for (line, written) in [
            ("-XUme -c x orders", "-XUjit_7 -c x orders"),
            ("--username=me orders", "--username=jit_7 orders"),
            ("orders me -X", "orders jit_7 -X"),
            ("-d orders -U me you", "-d orders -U jit_7 you"),
            (
                "postgres://me:secret@db/x -c y",
                "dbname='x' host='db' user='jit_7' -c y",
            ),
        ] {
            let changed = rewrite(&arguments(line), "jit_7", |settings| {
                settings.remove("password");
                settings.insert("user".to_owned(), "jit_7".to_owned());
            });
            let changed = changed.unwrap().join(OsStr::new(" "));
            assert_eq!(changed.to_str().unwrap(), written, "{line}");
        }
    }

    #[test]
    fn a_broken_connection_string_is_refused_without_its_password() {
        let failure = read(&arguments("postgres://me:hunter2@db/%zz")).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_command_line_makes_it_panic(line in vec("[-=dUhpl':/@ a\u{e9}]{0,8}", 0..6)) {
            let arguments: Vec<OsString> = line.into_iter().map(OsString::from).collect();
            let _read = read(&arguments);
            let _written = rewrite(&arguments, "jit", |_| ());
        }
    }
}
