//! The command line of a program of libpq: which connection it names, and the same line for another
//! login.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

use super::{
    conninfo::{self, Settings},
    program::{OwnDatabase, Program, Words},
};
use crate::{
    domain::failure::{Failure, Result},
    tools::getopt::{self, Line},
};

/// What a command line says about its connection.
#[derive(Debug, Default)]
pub struct Said {
    /// The parameters that it names, by libpq's names.
    pub settings: Settings,
    /// Whether the program connects to a database of its own choice, such as `postgres`.
    pub own_database: bool,
    /// Whether the program is run to change something.
    pub writes: bool,
}

/// Whether the program only prints something about itself, or converts a file.
pub fn needs_nothing(program: &Program, arguments: &[OsString]) -> bool {
    let line = getopt::read(&program.grammar, arguments);
    let converts = program.name == "pg_restore" && !line.has('d');
    converts || line.has('V') || line.has('?')
}

/// Reads the arguments of a program.
///
/// # Errors
/// Usage, where libpq would refuse the connection string.
pub fn read(program: &Program, arguments: &[OsString]) -> Result<Said> {
    let line = getopt::read(&program.grammar, arguments);
    let mut settings = Settings::new();
    let options = [('h', "host"), ('p', "port"), ('U', "user")];
    for (letter, key) in options {
        if let Some(value) = line.last(letter) {
            settings.insert(key.to_owned(), text(value.text)?);
        }
    }
    if let Some((place, start)) = user_word(program, &line) {
        settings.insert("user".to_owned(), text(tail(arguments, place, start))?);
    }
    if let Some((place, start)) = database(program, &line) {
        let name = text(tail(arguments, place, start))?;
        if conninfo::is_connection_string(&name) {
            settings.extend(connection_string(&name)?);
        } else {
            settings.insert("dbname".to_owned(), name);
        }
    }
    settings.retain(|_, value| !value.is_empty());
    let own_database = match program.own_database {
        OwnDatabase::Never => false,
        OwnDatabase::With(letter) => line.has(letter),
        OwnDatabase::Always => true,
    };
    Ok(Said {
        settings,
        own_database,
        writes: program.writes,
    })
}

/// The same command line, in which every login is `login` and every connection string has passed
/// through `change`.
pub fn rewrite(
    program: &Program,
    arguments: &[OsString],
    login: &str,
    change: impl Fn(&mut Settings),
) -> Result<Vec<OsString>> {
    let line = getopt::read(&program.grammar, arguments);
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
    for (place, start) in options.chain(user_word(program, &line)) {
        put(place, start, login);
    }
    if let Some((place, start)) = database(program, &line) {
        let name = text(tail(arguments, place, start))?;
        if conninfo::is_connection_string(&name) {
            let mut settings = connection_string(&name)?;
            change(&mut settings);
            put(place, start, &conninfo::write(&settings));
        }
    }
    Ok(written)
}

/// Where the database is named: by an option, or as the first word.
fn database(program: &Program, line: &Line<'_>) -> Option<(usize, usize)> {
    let mut named = program.database.iter().map(|letter| line.last(*letter));
    match named.find_map(|value| value) {
        Some(value) => Some((value.place, value.start)),
        None if program.words == Words::Other => None,
        None => line.words.first().map(|(place, _)| (*place, 0)),
    }
}

/// Where the user is named as a word: behind the database, and only where `-U` does not name one.
fn user_word(program: &Program, line: &Line<'_>) -> Option<(usize, usize)> {
    let nth = usize::from(line.last('d').is_none());
    let word = line.words.get(nth).map(|(place, _)| (*place, 0));
    word.filter(|_| program.words == Words::DatabaseAndUser && line.last('U').is_none())
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
        Failure::usage("the connection string cannot be read")
            .hint("write it as postgresql://host:port/database or \"host=… dbname=…\"")
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::tools::postgres::programs::named;

    fn psql() -> &'static Program {
        named("psql").unwrap()
    }

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
            let read = read(psql(), &arguments).unwrap();
            assert_eq!(conninfo::write(&read.settings), said, "{line}");
        }
    }

    #[test]
    fn other_programs_are_read_as_they_read_themselves() {
        for (line, said) in [
            ("pg_dump -t item --section data orders", "dbname='orders'"),
            (
                "pg_dump -Fc -h db --schema x orders",
                "dbname='orders' host='db'",
            ),
            ("pg_dump -d host=db orders", "host='db'"),
            ("pg_dumpall -l orders -h db", "dbname='orders' host='db'"),
            ("pg_restore -d orders dump", "dbname='orders'"),
            ("pg_restore -h db dump", "host='db'"),
            ("pgbench -i -s 10 --log orders", "dbname='orders'"),
            ("pgbench -d orders -c 2", "dbname='orders'"),
            ("vacuumdb -z -t item orders", "dbname='orders'"),
            ("reindexdb --tablespace fast -d orders", "dbname='orders'"),
            ("createdb -h db -T base new words", "host='db'"),
            ("dropdb --maintenance-db=host=db old", "host='db'"),
        ] {
            let line = arguments(line);
            let program = named(line[0].to_str().unwrap()).unwrap();
            let read = read(program, &line[1..]).unwrap();
            assert_eq!(conninfo::write(&read.settings), said, "{line:?}");
        }
    }

    #[test]
    fn what_only_prints_needs_nothing() {
        for (line, nothing) in [
            ("pg_restore dump", true),
            ("pg_restore -d orders dump", false),
            ("pg_dump --version", true),
            ("psql -?", true),
            ("psql -c -V", false),
        ] {
            let line = arguments(line);
            let program = named(line[0].to_str().unwrap()).unwrap();
            assert_eq!(needs_nothing(program, &line[1..]), nothing, "{line:?}");
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
            let changed = rewrite(psql(), &arguments(line), "jit_7", |settings| {
                settings.remove("password");
                settings.insert("user".to_owned(), "jit_7".to_owned());
            });
            let changed = changed.unwrap().join(OsStr::new(" "));
            assert_eq!(changed.to_str().unwrap(), written, "{line}");
        }
    }

    #[test]
    fn a_broken_connection_string_is_refused_without_its_password() {
        let failure = read(psql(), &arguments("postgres://me:hunter2@db/%zz")).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_command_line_makes_it_panic(line in vec("[-=dUhpl':/@ a\u{e9}]{0,8}", 0..6)) {
            let arguments: Vec<OsString> = line.into_iter().map(OsString::from).collect();
            let _read = read(psql(), &arguments);
            let _written = rewrite(psql(), &arguments, "jit", |_| ());
        }
    }
}
