//! What a command would connect to: argument, service and environment in libpq's order.

use super::{
    command::{self, Said},
    conninfo::Settings,
    named_service,
    place::PORT,
    programs,
};
use crate::{
    domain::failure::{Failure, Result},
    tools::task::Task,
};

/// libpq's parameters that decide where a connection goes, and the variables behind them.
const VARIABLES: [(&str, &str); 5] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
];

/// A connection before the credential is injected.
#[derive(Debug, Default)]
pub struct Connection {
    /// What the command line names.
    pub named: Said,
    /// The service, by its name, with its parameters.
    pub service: Option<(String, Settings)>,
    /// What the environment's variables name.
    pub environment: Settings,
}

impl Connection {
    /// What `task` would connect to. Only the command lines of libpq's own programs are
    /// read; other programs' are their own.
    pub fn of(task: &Task<'_>) -> Result<Self> {
        let named = match programs::named(task.program_name()) {
            Some(program) => command::read(program, task.arguments())?,
            None => Said::default(),
        };
        let environment = task.environment;
        let service = named.settings.get("service").map(String::as_str);
        let service = match service.or_else(|| environment.text("PGSERVICE")) {
            Some(name) => Some((name.to_owned(), named_service::find(name, task)?)),
            None => None,
        };
        let variables = VARIABLES.iter().filter_map(|(key, variable)| {
            let value = environment.text(variable)?;
            Some(((*key).to_owned(), value.to_owned()))
        });
        Ok(Self {
            named,
            service,
            environment: variables.collect(),
        })
    }

    /// The value of a parameter, as libpq finds it.
    pub fn value(&self, key: &str) -> Option<&str> {
        let value = self.wish(key).or_else(|| self.of_service(key));
        value.or_else(|| self.environment.get(key).map(String::as_str))
    }

    /// A parameter that the command line itself names: a wish for this command, where a service or
    /// the shell's environment holds a default.
    pub fn wish(&self, key: &str) -> Option<&str> {
        self.named.settings.get(key).map(String::as_str)
    }

    /// A parameter of the service.
    pub fn of_service(&self, key: &str) -> Option<&str> {
        let (_, settings) = self.service.as_ref()?;
        settings.get(key).map(String::as_str)
    }

    /// The database.
    pub fn database(&self) -> Option<&str> {
        self.value("dbname")
    }

    /// The port, where one is named without a host.
    pub fn port(&self) -> Result<Option<u16>> {
        self.value("port").map(port).transpose()
    }

    /// Whether a host or an address is named; without one libpq connects to this machine.
    pub fn names_host(&self) -> bool {
        self.value("host")
            .or_else(|| self.value("hostaddr"))
            .is_some()
    }

    /// The hosts with their ports; empty where none is named.
    pub fn hosts(&self) -> Result<Vec<(String, u16)>> {
        let hosts = self.value("host").or_else(|| self.value("hostaddr"));
        let Some(hosts) = hosts else {
            return Ok(Vec::new());
        };
        let ports: Vec<&str> = self
            .value("port")
            .map_or(vec![], |p| p.split(',').collect());
        hosts
            .split(',')
            .enumerate()
            .filter(|(_, host)| !host.is_empty())
            .map(|(at, host)| {
                let own = if ports.len() == 1 { 0 } else { at };
                let port = ports.get(own).copied().map_or(Ok(PORT), port)?;
                Ok((host.to_owned(), port))
            })
            .collect()
    }
}

fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(PORT);
    }
    text.trim()
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            Failure::usage(format!("{text:?} is not a port"))
                .hint("a port is a number from 1 to 65535; look at -p, PGPORT and pg_service.conf")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_share_a_port_or_have_one_each() {
        let of = |host: &str, port: &str| {
            let pairs = [("host", host), ("port", port)];
            let pairs = pairs.map(|(k, v)| (k.to_owned(), v.to_owned()));
            Connection {
                environment: Settings::from(pairs),
                ..Connection::default()
            }
            .hosts()
        };
        assert_eq!(of("a,b", "1").unwrap()[1], ("b".to_owned(), 1));
        assert_eq!(of("a,b", "1,").unwrap()[1], ("b".to_owned(), 5432));
        assert_eq!(of("a,,b", "1,2,3").unwrap()[1], ("b".to_owned(), 3));
        assert!(of("a", "x").is_err());
        assert!(of("a", "99999").is_err());
    }
}
