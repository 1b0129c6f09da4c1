//! Connection strings as libpq reads them: `key=value` pairs and URIs (libpq, 34.1.1).

use crate::tools::percent::decoded;
use std::collections::BTreeMap;

/// Connection parameters by libpq's names for them: `host`, `port`, `dbname`, `user`, …
pub type Settings = BTreeMap<String, String>;

/// Whether libpq reads a database name as a connection string.
pub fn is_connection_string(text: &str) -> bool {
    uri_body(text).is_some() || text.contains('=')
}

/// The parameters of a connection string; `None` where libpq would refuse it.
pub fn parse(text: &str) -> Option<Settings> {
    match uri_body(text) {
        Some(body) => uri(body),
        None => pairs(text),
    }
}

/// The connection string of these parameters, in the `key='value'` form.
pub fn write(settings: &Settings) -> String {
    let pair = |(key, value): (&String, &String)| {
        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
        format!("{key}='{value}'")
    };
    let pairs: Vec<String> = settings.iter().map(pair).collect();
    pairs.join(" ")
}

fn uri_body(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("postgresql://");
    rest.or_else(|| text.strip_prefix("postgres://"))
}

/// `key = value` with single quotes and backslashes.
fn pairs(text: &str) -> Option<Settings> {
    let mut settings = Settings::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=')?;
        let key = key.trim_end();
        if !is_keyword(key) {
            return None;
        }
        let (value, behind) = pair_value(behind.trim_start())?;
        settings.insert(key.to_owned(), value);
        rest = behind.trim_start();
    }
    Some(settings)
}

/// One value and what stands behind it.
fn pair_value(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('\'');
    let mut characters = inner.unwrap_or(text).chars();
    let mut value = String::new();
    loop {
        match (characters.next(), inner) {
            (Some('\\'), _) => value.extend(characters.next()),
            (Some('\''), Some(_)) => return Some((value, characters.as_str())),
            (Some(c), None) if c.is_whitespace() => return Some((value, characters.as_str())),
            (Some(c), _) => value.push(c),
            (None, Some(_)) => return None,
            (None, None) => return Some((value, "")),
        }
    }
}

/// `[user[:password]@][host[:port][,…]][/dbname][?key=value&…]`
fn uri(body: &str) -> Option<Settings> {
    let mut settings = Settings::new();
    // A password may hold a question mark, so the login is cut off first.
    let (login, rest) = match body.split_once(['@', '/']) {
        Some((login, rest)) if body.get(login.len()..)?.starts_with('@') => (login, rest),
        _ => ("", body),
    };
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = before.split_once('/').unwrap_or((before, ""));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    put(&mut settings, "user", user)?;
    put(&mut settings, "password", password)?;
    put(&mut settings, "dbname", database)?;
    let (hosts, ports): (Vec<&str>, Vec<&str>) = hosts.split(',').map(host_and_port).unzip();
    put(&mut settings, "host", &hosts.join(","))?;
    if ports.iter().any(|port| !port.is_empty()) {
        put(&mut settings, "port", &ports.join(","))?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=')? {
            ("ssl", "true") => put(&mut settings, "sslmode", "require")?,
            (key, value) => {
                let key = decoded(key).filter(|key| is_keyword(key))?;
                settings.insert(key, decoded(value)?);
            }
        }
    }
    Some(settings)
}

/// Whether it could be one of libpq's keywords, which refuses all others. What is not could be read as
/// more than a key once it is written again.
fn is_keyword(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
}

/// A host (an IPv6 address without its brackets) and its port, empty where none is named.
fn host_and_port(text: &str) -> (&str, &str) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return (address, rest.strip_prefix(':').unwrap_or_default());
    }
    text.split_once(':').unwrap_or((text, ""))
}

fn put(settings: &mut Settings, key: &str, value: &str) -> Option<()> {
    if !value.is_empty() {
        settings.insert(key.to_owned(), decoded(value)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        parse(text).map_or_else(|| "refused".to_owned(), |settings| write(&settings))
    }

    #[test]
    fn connection_strings_are_read_as_libpq_reads_them() {
        for (text, read) in [
            ("host=db dbname = 'my db'", "dbname='my db' host='db'"),
            (
                r"user=a\ b password='it\'s'",
                r"password='it\'s' user='a b'",
            ),
            ("host=db host=other", "host='other'"),
            ("host='db", "refused"),
            ("a b=c", "refused"),
            ("=c", "refused"),
            (
                "postgres://me:p%40ss@db:5433/orders?sslmode=require",
                "dbname='orders' host='db' password='p@ss' port='5433' sslmode='require' user='me'",
            ),
            (
                "postgresql://[::1]:5433,b/x",
                "dbname='x' host='::1,b' port='5433,'",
            ),
            (
                "postgresql:///x?host=/run/pg&ssl=true",
                "dbname='x' host='/run/pg' sslmode='require'",
            ),
            ("postgresql://", ""),
            ("postgresql://%00", "refused"),
            ("postgresql://%zz", "refused"),
            ("postgresql://a@/x?user%3Db%20dbname=c", "refused"),
            ("postgresql://a@/x?=c", "refused"),
            ("postgresql://a@/x?user=b", "dbname='x' user='b'"),
            (
                "postgresql://a:b?c@d/x",
                "dbname='x' host='d' password='b?c' user='a'",
            ),
        ] {
            assert_eq!(shown(text), read, "{text}");
        }
    }

    #[test]
    fn a_plain_name_is_no_connection_string() {
        assert!(!is_connection_string("orders"));
        assert!(!is_connection_string("mysql://x"));
        assert!(is_connection_string("postgres://x"));
        assert!(is_connection_string("dbname=x"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in ".{0,12}", other in ".{0,12}") {
            let settings = Settings::from([("dbname".into(), value), ("user".into(), other)]);
            prop_assert_eq!(parse(&write(&settings)), Some(settings));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(postgres://)?[a-c:/@?&=%'\\\\ \\[\\],\u{e9}]{0,24}") {
            let _read = parse(&text);
        }
    }
}
