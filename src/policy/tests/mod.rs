//! What policy must hold, whatever is written and whoever asks.

mod decisions;
mod index;
mod messages;
mod names;
mod sign_in;

use std::{collections::BTreeSet, time::Duration};

use super::{
    question::{Circumstances, Question},
    set::Policies,
    starter,
};
use crate::domain::{
    decision::Decision,
    entitlement::{Entitlement, Tier},
    principal::{Caller, Class, Principal, SignIn},
    time::Timestamp,
};

/// A question with everything that it borrows.
#[derive(Clone, Debug)]
struct Ask {
    caller: Caller,
    entitlement: Entitlement,
    tier: Tier,
    labels: BTreeSet<String>,
    justification: Option<&'static str>,
    break_glass: bool,
    sign_in_age: Option<Duration>,
    sign_in: Option<SignIn>,
}

impl Ask {
    fn new(entitlement: &str, tier: Tier) -> Self {
        Self {
            caller: Caller::new(
                Principal::new(Class::Human, "alice").unwrap(),
                BTreeSet::new(),
            ),
            entitlement: entitlement.parse().unwrap(),
            tier,
            labels: BTreeSet::new(),
            justification: None,
            break_glass: false,
            sign_in_age: None,
            sign_in: None,
        }
    }

    fn group(mut self, group: &str) -> Self {
        self.caller.groups.insert(group.to_owned());
        self
    }

    fn because(mut self, why: &'static str) -> Self {
        self.justification = Some(why);
        self
    }

    fn break_glass(mut self) -> Self {
        self.break_glass = true;
        self
    }

    fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            entitlement: &self.entitlement,
            tier: self.tier,
            labels: &self.labels,
            justification: self.justification,
            ttl: None,
            break_glass: self.break_glass,
            verb: Some("get"),
            circumstances: Circumstances {
                sign_in_age: self.sign_in_age,
                sign_in: self.sign_in.as_ref(),
                ..Circumstances::default()
            },
            now: Timestamp::parse("2026-11-22T10:00:00Z").unwrap(),
        }
    }

    fn of(&self, policies: &Policies) -> Decision {
        policies.decide(&self.question())
    }
}

fn file(text: &str) -> (String, String) {
    ("policies/p.cedar".to_owned(), text.to_owned())
}

fn parse(text: &str) -> Policies {
    Policies::parse(&[file(text)]).unwrap()
}

fn starters() -> Policies {
    let files = starter::FILES.map(|(name, text)| (format!("policies/{name}"), text.to_owned()));
    Policies::parse(&files).unwrap()
}
