//! `[lifecycle.human]`, `[lifecycle.workload]` and `[lifecycle.agent]` of `server.toml`.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    config::check::fault::{Checked, Fault},
    domain::{
        lifecycle::{self, Lifecycles},
        time::Ttl,
    },
};

/// The longest session where nobody says otherwise: a working day, a job, an agent's task.
const DAY: Ttl = Ttl(Duration::from_hours(12));
const JOB: Ttl = Ttl(Duration::from_hours(1));
const TASK: Ttl = Ttl(Duration::from_hours(8));

/// How long after a sign-in a person's provider must vouch again: whoever leaves is out by then.
const HOUR: Ttl = Ttl(Duration::from_hours(1));

/// How long without use until a person may not come.
const LONG_AWAY: Ttl = Ttl(Duration::from_hours(90 * 24));

/// `[lifecycle]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycle {
    /// People.
    pub human: Class,
    /// Machines.
    pub workload: Class,
    /// Agents.
    pub agent: Class,
}

/// One class; what is absent is as it is by default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Class {
    /// The longest session.
    pub session: Option<Ttl>,
    /// The longest grant, whatever policy says.
    pub grant: Option<Ttl>,
    /// How long after a sign-in its provider must vouch again.
    pub attest: Option<Ttl>,
    /// How long a live session of a person goes on beyond that while the provider is away.
    pub attest_grace: Option<Ttl>,
    /// How long without use until an administrator must enable it.
    pub dormant: Option<Ttl>,
}

impl Lifecycle {
    /// What is written, with the defaults for what is not.
    pub fn lifecycles(&self) -> Lifecycles {
        Lifecycles {
            human: self.human.or(DAY, Some(HOUR), Some(LONG_AWAY)),
            workload: self.workload.or(JOB, None, None),
            agent: self.agent.or(TASK, None, None),
        }
    }
}

impl Class {
    fn or(self, session: Ttl, attest: Option<Ttl>, dormant: Option<Ttl>) -> lifecycle::Lifecycle {
        let span = |ttl: Option<Ttl>| ttl.map(|ttl| ttl.0);
        lifecycle::Lifecycle {
            session: span(self.session.or(Some(session))),
            grant: span(self.grant),
            attest: span(self.attest.or(attest)),
            attest_grace: span(self.attest_grace),
            dormant: span(self.dormant.or(dormant)),
        }
    }
}

/// Refuses the first mistake.
pub(super) fn check(lifecycle: &Lifecycle) -> Checked {
    let others = [
        ("workload", &lifecycle.workload),
        ("agent", &lifecycle.agent),
    ];
    let wrong = others
        .iter()
        .find(|(_, class)| class.attest_grace.is_some());
    wrong.map_or(Ok(()), |(class, _)| {
        Err(Fault::new(
            ["lifecycle", class, "attest_grace"],
            "attest_grace is for people alone, whose OpenID provider may be away",
            "write it under [lifecycle.human]",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_is_as_it_is_by_default() {
        let read: Lifecycle =
            toml::from_str("human.attest = \"2h\"\nagent.session = \"30m\"").unwrap();
        let all = read.lifecycles();
        assert_eq!(all.human.attest, Some(Duration::from_hours(2)));
        assert_eq!(Lifecycle::default().lifecycles().human.attest, Some(HOUR.0));
        assert_eq!(all.human.session, Some(DAY.0));
        assert_eq!(all.agent.session, Some(Duration::from_mins(30)));
        assert_eq!(all.workload.dormant, None);
        assert!(toml::from_str::<Lifecycle>("human.dormnat = \"1h\"").is_err());
    }
}
