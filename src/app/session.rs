//! What every verb is given: where it runs, where things are kept, the clock, and the way it speaks.

use std::{
    io::{ErrorKind, Write as _, stdout},
    path::PathBuf,
};

use serde::Serialize;

use crate::{
    config::{authority, places, surroundings},
    domain::{
        catalogue::Catalogue,
        environment::{Environment, Places},
        event::Origin,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{clock, process, terminal},
};

/// One run of `jit`.
#[derive(Clone)]
pub struct Session {
    /// The process's surroundings.
    pub environment: Environment,
    /// Where things are kept.
    pub places: Places,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// `--json`
    pub json: bool,
    /// `--verbose`
    pub verbose: bool,
}

impl Session {
    /// A run with these options, in this process's surroundings.
    pub fn begin(options: &Options) -> Result<Self> {
        let environment = surroundings::capture();
        let places = places::find(&environment, options.config_dir.as_deref())?;
        Ok(Self {
            environment,
            places,
            clock: clock::now,
            json: options.json,
            verbose: options.verbose,
        })
    }

    /// What can be reached.
    pub fn catalogue(&self) -> Result<Catalogue> {
        authority::load(&self.places)
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

    /// Prints something as one line of JSON.
    pub fn print_json(&self, what: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(what)
            .map_err(|error| Failure::failed("the answer cannot be written").because(&error))?;
        self.print(&text)
    }
}

/// Prints a line on stdout.
pub fn print(text: &str) -> Result<()> {
    match writeln!(stdout().lock(), "{text}") {
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
