//! `pg_service.conf` as libpq looks it up (libpq, 34.17).

use std::{fmt::Write as _, path::PathBuf};

use super::conninfo::Settings;
use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result, did_you_mean},
    },
    platform::files,
};

/// Where packagers put libpq's system-wide directory; `PGSYSCONFDIR` overrides it.
const SYSTEM: [&str; 4] = [
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/etc/postgresql",
    "/etc",
];

/// The parameters of the service of that name.
///
/// # Errors
/// Usage, where no file defines it; the hint names the nearest.
pub fn find(name: &str, environment: &Environment) -> Result<Settings> {
    let mut known = Vec::new();
    for file in candidates(environment) {
        let Some(text) = files::read_text(&file)? else {
            continue;
        };
        if let Some(settings) = group(&text, name) {
            return Ok(settings);
        }
        known.extend(text.lines().filter_map(heading).map(str::to_owned));
    }
    let near = did_you_mean(name, known.iter().map(String::as_str));
    Err(
        Failure::usage(format!("no pg_service.conf defines the service {name:?}"))
            .hint(format!("{near}define it in ~/.pg_service.conf")),
    )
}

/// The files that may define services, in the order in which libpq looks into them.
pub fn candidates(environment: &Environment) -> Vec<PathBuf> {
    let directory = &environment.directory;
    let own = match environment.value("PGSERVICEFILE") {
        Some(file) => Some(directory.join(file)),
        None => environment.in_home(".pg_service.conf"),
    };
    let system = match environment.value("PGSYSCONFDIR") {
        Some(path) => vec![directory.join(path)],
        None => SYSTEM.map(PathBuf::from).to_vec(),
    };
    let system = system.into_iter().map(|path| path.join("pg_service.conf"));
    own.into_iter().chain(system).collect()
}

fn heading(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

/// Every service of a file with its parameters; the first of a name counts.
pub fn groups(text: &str) -> Vec<(String, Settings)> {
    let headings = text.lines().filter_map(heading);
    let all = headings.filter_map(|name| Some((name.to_owned(), group(text, name)?)));
    all.collect()
}

fn group(text: &str, name: &str) -> Option<Settings> {
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Whatever begins with a bracket is a heading; what stands behind its name is passed over.
        let heading = line.strip_prefix('[');
        match (heading, &mut found) {
            // The first group of that name counts, up to the next heading.
            (Some(_), Some(_)) => break,
            (Some(heading), None) => {
                let rest = heading.strip_prefix(name);
                found = rest
                    .filter(|rest| rest.starts_with(']'))
                    .map(|_| Settings::new());
            }
            (None, Some(settings)) => {
                if let Some((key, value)) = line.split_once('=') {
                    settings.insert(key.trim().to_owned(), value.trim().to_owned());
                }
            }
            (None, None) => {}
        }
    }
    found
}

/// A service file that holds one service; `None` where a value cannot be written into one.
pub fn write(name: &str, settings: &Settings) -> Option<String> {
    let plain = |text: &str| !text.contains(['\n', '\r', '\0']);
    let mut text = format!("[{name}]\n");
    for (key, value) in settings {
        if !plain(value) {
            return None;
        }
        let _ = writeln!(text, "{key}={value}");
    }
    plain(name).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_service_is_found_where_libpq_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a user's own file")]
        fs::write(
            directory.path().join(".pg_service.conf"),
            "# mine\n[other]\nhost=x\n\n[orders] x\nhost=db\n# no\nport = 5433\n[a=b\nuser=c\n[orders]\nhost=late\n",
        )
        .unwrap();
        let environment = Environment {
            home: Some(directory.path().to_owned()),
            ..Environment::default()
        };
        let settings = find("orders", &environment).unwrap();
        assert_eq!(
            write("orders", &settings).unwrap(),
            "[orders]\nhost=db\nport=5433\n"
        );
        let failure = find("order", &environment).unwrap_err();
        assert!(failure.hint.contains("\"orders\""), "{failure:?}");
    }

    #[test]
    fn a_hostile_service_writes_no_second_line() {
        let settings = Settings::from([("host".to_owned(), "a\n[b]".to_owned())]);
        assert!(write("orders", &settings).is_none());
        assert!(write("orders\nuser=x", &Settings::new()).is_none());
    }
}
