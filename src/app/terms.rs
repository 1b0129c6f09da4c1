//! On which terms an elevation is asked for, and by whom.

use std::time::Duration;

use super::session::Session;
use crate::{
    authority::request::Ask,
    domain::{failure::Result, time::Ttl},
    platform::terminal::Person,
    tools::task::Recognised,
};

/// On which terms an elevation is asked for.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Terms {
    /// Say why; some entitlements need it, all record it.
    #[arg(long, short, value_name = "WHY")]
    pub justification: Option<String>,
    /// Ask for no longer than this: 30m, 1h.
    #[arg(long, value_name = "SPAN")]
    pub ttl: Option<Ttl>,
    /// Wait this long for an approval, where an authority has somebody else who could give it.
    #[arg(long, value_name = "SPAN", conflicts_with = "no_wait")]
    pub wait: Option<Ttl>,
    /// Do not wait for an approval.
    #[arg(long)]
    pub no_wait: bool,
    /// Skip approval in an emergency: alerted, and reviewed afterwards.
    #[arg(long)]
    pub break_glass: bool,
    /// Who asks: a person's command line, or by default a hook that a tool calls.
    #[arg(skip = Asker::Person)]
    pub asker: Asker,
}

/// Who may be asked back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// Whoever gave the command, if they are at a terminal.
    Person,
    /// Nobody: a tool called, and waits for its answer.
    #[default]
    Hook,
}

impl Terms {
    /// Those of a hook: behind it is a program that waits for an answer, and nobody to ask.
    pub fn of_a_hook() -> Self {
        Self {
            no_wait: true,
            ..Self::default()
        }
    }

    /// Who can be asked for what is missing.
    pub fn person(&self, session: &Session) -> Option<Person> {
        match self.asker {
            Asker::Person if !session.json => Person::present(),
            Asker::Person | Asker::Hook => None,
        }
    }

    /// How long to wait for people: as long as was said, and at a terminal as config.toml says.
    pub fn patience(&self, session: &Session, person: Option<&Person>) -> Result<Duration> {
        match (self.wait, person) {
            _ if self.no_wait => Ok(Duration::ZERO),
            (Some(wait), _) => Ok(wait.0),
            (None, Some(_)) => Ok(session.config()?.exec.wait.0),
            (None, None) => Ok(Duration::ZERO),
        }
    }

    /// What is asked of the authority.
    pub fn ask(&self, wanted: &Recognised) -> Ask {
        Ask {
            entitlement: wanted.entitlement.clone(),
            justification: self.justification.clone(),
            ttl: self.ttl.map(|ttl| ttl.0),
            break_glass: self.break_glass,
            verb: wanted.verb.clone(),
            answerable: false,
        }
    }
}
