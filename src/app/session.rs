//! What every verb is given: where it runs, where things are kept, the clock, and the way it speaks.

use std::{
    io::{ErrorKind, Write as _, stdout},
    path::PathBuf,
};

use serde::Serialize;

use crate::{
    config::{
        authority,
        client::{self, Config},
        places, served, surroundings,
    },
    domain::{
        catalogue::Catalogue,
        environment::{Environment, Places},
        event::Origin,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{clock, files, process, terminal},
};

/// One run of `jit`.
#[derive(Clone)]
pub struct Session {
    /// The process's surroundings.
    pub environment: Environment,
    /// Where things are kept.
    pub places: Places,
    /// What `config.toml` says, or why it cannot be read.
    pub config: Result<Config>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Fetches the catalogue of the server that `config.toml` names.
    pub fetch: fn(&Self) -> Result<Catalogue>,
    /// `--json`
    pub json: bool,
    /// `--verbose`
    pub verbose: bool,
}

impl Session {
    /// A run with these options, in this process's surroundings.
    pub fn begin(options: &Options, fetch: fn(&Self) -> Result<Catalogue>) -> Result<Self> {
        let environment = surroundings::capture();
        let places = places::find(&environment, options.config_dir.as_deref())?;
        let config = client::load(&places);
        Ok(Self {
            environment,
            places: match &config {
                Ok(config) => client::placed(places, config),
                Err(_) => places,
            },
            config,
            clock: clock::now,
            fetch,
            json: options.json,
            verbose: options.verbose,
        })
    }

    /// The same run, after `config.toml` was changed.
    pub fn again(&self) -> Result<Self> {
        let places = places::find(&self.environment, Some(&self.places.configuration))?;
        let config = client::load(&places)?;
        Ok(Self {
            places: client::placed(places, &config),
            config: Ok(config),
            ..self.clone()
        })
    }

    /// What `config.toml` says.
    pub fn config(&self) -> Result<&Config> {
        self.config.as_ref().map_err(Clone::clone)
    }

    /// The server that decides; none where the authority is in this process.
    pub fn server(&self) -> Result<Option<&str>> {
        Ok(self.config()?.server.as_deref())
    }

    /// What can be reached: what was written here, or what the server says, as it rests here. Only
    /// where nothing of it does, the server is asked.
    pub fn catalogue(&self) -> Result<Catalogue> {
        if self.server()?.is_none() {
            return authority::load(&self.places);
        }
        match served::load(&self.places)? {
            Some(served) => Ok(served.catalogue),
            None => (self.fetch)(self),
        }
    }

    /// The same for who looks a few resources up: no others are read of a large catalogue of a server.
    pub fn catalogue_to_look_up(&self) -> Result<Catalogue> {
        if self.server()?.is_some()
            && let Some(catalogue) = served::indexed(&self.places)?
        {
            return Ok(catalogue);
        }
        self.catalogue()
    }

    /// What tells the catalogue's file, as it rests here, from that of another time; empty where there is
    /// none.
    pub fn catalogue_stamp(&self) -> Result<String> {
        let file = if self.server()?.is_none() {
            self.places.configuration.join(authority::FILE)
        } else {
            served::path(&self.places)
        };
        Ok(files::stamp(&file))
    }

    /// Where this run is asked from, for the ledger.
    pub fn origin(&self, tool: Option<&str>) -> Origin {
        Origin {
            host: process::host_name(),
            terminal: terminal::name(),
            tool: tool.map(str::to_owned),
            address: None,
        }
    }

    /// Says something to whoever wants to know more.
    pub fn tell(&self, line: &str) {
        if self.verbose {
            terminal::say(&format!("jit: {line}"));
        }
    }

    /// Prints a line on stdout.
    pub fn print(&self, text: &str) -> Result<()> {
        print(text)
    }

    /// Prints something as one line of JSON, in which nothing is left that a terminal would obey.
    pub fn print_json(&self, what: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(what)
            .map_err(|error| Failure::failed("the answer cannot be written").because(&error))?;
        self.print(&terminal::plain_json(&text))
    }
}

/// Prints on stdout, cleaned of what a terminal would obey: the only place that does, since names come from
/// other people's files, targets and servers.
pub fn print(text: &str) -> Result<()> {
    match writeln!(stdout().lock(), "{}", terminal::plain(text)) {
        // Whoever read it has read enough: `jit audit | head`.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed("stdout cannot be written").because(&error))
        }
        _ => Ok(()),
    }
}

/// What every verb accepts.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Keep config.toml, authority.toml and policies/ in this directory (or `JIT_CONFIG_DIR`).
    #[arg(long, global = true, value_name = "DIR")]
    pub config_dir: Option<PathBuf>,
    /// Print JSON; errors too, as one object on stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say what was inferred, asked for and used.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}
