//! What people are asked about an elevation: how many must say yes, until when, and who did.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, Result},
    principal::{Caller, Class, Principal},
    time::Timestamp,
};

/// One approver's recorded yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// What they said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// In which groups the approver was then, and how they had signed in, so that policy can be asked again;
    /// absent in approvals of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// From which address they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// What people are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// How many must say yes.
    pub needed: u32,
    /// How long they have to.
    pub until: Timestamp,
    /// Who did, the first one first.
    pub approvals: Vec<Approval>,
}

impl Vote {
    /// How many of `needed` have not said yes yet.
    pub fn missing(&self, needed: u32) -> u32 {
        let given = u32::try_from(self.approvals.len()).unwrap_or(u32::MAX);
        needed.saturating_sub(given)
    }

    /// One more yes. `parties` are whoever asked and those it was asked for: none of them approves,
    /// whatever policy says, and an agent never does.
    pub(super) fn add<'a>(
        &mut self,
        approval: Approval,
        mut parties: impl Iterator<Item = &'a Principal>,
    ) -> Result<()> {
        let by = &approval.by;
        if by.class() == Class::Agent {
            return Err(Failure::denied(format!(
                "{} is an agent, and agents never approve",
                by.written()
            ))
            .hint("a person who may approve it runs: jit approvals"));
        }
        if parties.any(|party| party.is_twin(by)) {
            return Err(Failure::denied(
                "nobody approves their own request, nor what an agent asked for them",
            )
            .hint("somebody else who may approve it runs: jit approvals"));
        }
        if self.approvals.iter().any(|other| other.by.is_twin(by)) {
            return Err(
                Failure::denied(format!("{} has approved it already", by.written()))
                    .hint("it needs somebody else's approval too"),
            );
        }
        self.approvals.push(approval);
        Ok(())
    }
}
