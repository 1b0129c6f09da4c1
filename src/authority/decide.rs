//! Policy's answer, asked of everybody in the line: an agent may have what all of them may have.

use super::{Authority, Client, elevate::Ask};
use crate::{
    domain::{
        decision::{Decision, Obligations, Verdict},
        elevation::DEFAULT_TTL,
        entitlement::{Entitlement, Tier},
        principal::{Caller, Class, Principal, SignIn},
        time::Timestamp,
    },
    policy::{
        decide::Ruling,
        question::{Circumstances, Question},
        vocabulary::Action,
    },
};

/// One of a line: the caller, and whom it acts for.
#[derive(Debug)]
pub(super) struct Hop<'a> {
    pub(super) caller: &'a Caller,
    /// Whom it acts for itself, the nearest first.
    pub(super) chain: Vec<String>,
    /// How whoever stands behind it signed in.
    pub(super) sign_in: Option<&'a SignIn>,
}

impl Client {
    /// The caller first; one alone in the embedded authority.
    pub(super) fn hops(&self) -> Vec<Hop<'_>> {
        if self.sessions.is_empty() {
            return vec![Hop {
                caller: &self.caller,
                chain: Vec::new(),
                sign_in: self.caller.sign_in.as_ref(),
            }];
        }
        let hops = self.sessions.iter().enumerate().map(|(at, session)| {
            let above = self.sessions.iter().skip(at + 1);
            let mut signed_in = self.sessions.iter().skip(at);
            Hop {
                caller: &session.caller,
                chain: above.map(|hop| hop.caller.principal.written()).collect(),
                sign_in: signed_in.find_map(|hop| hop.caller.sign_in.as_ref()),
            }
        });
        hops.collect()
    }

    /// Whether nobody in the line handed on less than that.
    pub(super) fn may_ask(&self, entitlement: &Entitlement) -> bool {
        let mut narrowed = self.sessions.iter().filter_map(|hop| hop.only.as_ref());
        narrowed.all(|only| only.contains(entitlement))
    }
}

impl Authority {
    /// Policy's answer. Asked once more for each credential under a grant. How old the sign-in was is
    /// seen from `asked_at`, so that it does not age while people think.
    pub(super) fn decide(
        &self,
        client: &Client,
        ask: &Ask,
        tier: Tier,
        asked_at: Timestamp,
    ) -> Decision {
        if !client.may_ask(&ask.entitlement) {
            return denied("it was not handed on to this session");
        }
        if ask.break_glass && client.caller.principal.class() == Class::Agent {
            return denied("an agent never breaks the glass");
        }
        let hops = client.hops();
        let decisions = hops.iter().map(|hop| {
            let decision = self.decide_hop(client, hop, ask, (tier, asked_at));
            labelled(decision, hop, &client.caller.principal)
        });
        let mut decision = strictest(decisions.collect());
        self.limit(client, &mut decision);
        if decision.verdict != Verdict::Deny && decision.obligations.record_session {
            decision.verdict = Verdict::Deny;
            decision.reason =
                Some("its sessions must be recorded, which this authority cannot do".to_owned());
        }
        decision
    }

    fn decide_hop(
        &self,
        client: &Client,
        hop: &Hop<'_>,
        ask: &Ask,
        (tier, asked_at): (Tier, Timestamp),
    ) -> Decision {
        let labels = self.labels(&ask.entitlement);
        self.policies.decide(&Question {
            caller: hop.caller,
            entitlement: &ask.entitlement,
            tier,
            labels: &labels,
            justification: ask.justification.as_deref(),
            ttl: ask.ttl,
            break_glass: ask.break_glass,
            now: (self.clock)(),
            verb: ask.verb.as_deref(),
            circumstances: Circumstances {
                address: client.origin.address,
                sign_in_age: hop.sign_in.map(|sign_in| asked_at.left(sign_in.at)),
                chain: &hop.chain,
                of_another: false,
            },
        })
    }

    /// Whether policy lets one of a line do that to an entitlement.
    pub(super) fn hop_permits(
        &self,
        action: Action,
        client: &Client,
        hop: &Hop<'_>,
        (entitlement, tier): (&Entitlement, Tier),
    ) -> bool {
        let labels = self.labels(entitlement);
        let now = (self.clock)();
        let ruling = self.policies.permits(
            action,
            &Question {
                caller: hop.caller,
                entitlement,
                tier,
                labels: &labels,
                justification: None,
                ttl: None,
                break_glass: false,
                now,
                verb: None,
                circumstances: Circumstances {
                    address: client.origin.address,
                    sign_in_age: hop.sign_in.map(|sign_in| now.left(sign_in.at)),
                    chain: &hop.chain,
                    of_another: false,
                },
            },
        );
        match ruling {
            Ruling::Permitted(_) => true,
            Ruling::Forbidden(_) | Ruling::Silent | Ruling::Broken(_) => false,
        }
    }

    /// No grant is longer than the class of anybody in the line may have, nor than an agent's session.
    fn limit(&self, client: &Client, decision: &mut Decision) {
        let now = (self.clock)();
        let classes = client.hops();
        let classes = classes.iter().map(|hop| hop.caller.principal.class());
        let longest = classes.filter_map(|class| self.lifecycles.of(class).grant);
        let handed_on = client.sessions.first().filter(|hop| hop.parent.is_some());
        let ends = handed_on.map(|session| session.expires_at.left(now));
        if let Some(longest) = longest.chain(ends).min() {
            let ttl = decision.obligations.ttl.unwrap_or(DEFAULT_TTL);
            decision.obligations.ttl = Some(ttl.min(longest));
        }
    }
}

fn denied(reason: &str) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        policies: Vec::new(),
        obligations: Obligations::default(),
        reason: Some(reason.to_owned()),
        stale: None,
    }
}

/// Says whose answer it is, where it is not the caller's own.
fn labelled(mut decision: Decision, hop: &Hop<'_>, caller: &Principal) -> Decision {
    if hop.caller.principal != *caller
        && let Some(reason) = &mut decision.reason
    {
        *reason = format!(
            "of {}, whom it acts for: {reason}",
            hop.caller.principal.written()
        );
    }
    decision
}

/// What all of them allow, with what any of them obliges to. Of denials, one that a reason would not
/// change comes first.
fn strictest(decisions: Vec<Decision>) -> Decision {
    let denials = || {
        let all = decisions.iter();
        all.filter(|decision| decision.verdict == Verdict::Deny)
    };
    let firm = denials().find(|decision| !decision.obligations.justification);
    if let Some(denial) = firm.or_else(|| denials().next()) {
        return denial.clone();
    }
    let mut decisions = decisions.into_iter();
    let Some(mut all) = decisions.next() else {
        return denied("nobody asks");
    };
    for decision in decisions {
        all.verdict = all.verdict.max(decision.verdict);
        all.obligations = all.obligations.and(decision.obligations);
        all.policies.extend(decision.policies);
    }
    all.policies.sort_unstable();
    all.policies.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(verdict: Verdict, policy: &str) -> Decision {
        Decision {
            verdict,
            policies: vec![policy.to_owned()],
            obligations: Obligations {
                justification: policy.starts_with("says why"),
                approvals: Some(1),
                ..Obligations::default()
            },
            reason: None,
            stale: None,
        }
    }

    #[test]
    fn the_strictest_of_a_line_counts() {
        use Verdict::{Allow, Deny, RequireApproval};
        let both = strictest(vec![
            decision(Allow, "agents"),
            decision(RequireApproval, "says why, sensitive"),
        ]);
        assert_eq!(both.verdict, RequireApproval);
        assert_eq!(both.policies, ["agents", "says why, sensitive"]);
        assert!(both.obligations.justification);
        let denied = strictest(vec![
            decision(Deny, "says why"),
            decision(Allow, "x"),
            decision(Deny, "never"),
        ]);
        assert_eq!(denied.policies, ["never"]);
        assert_eq!(strictest(Vec::new()).verdict, Deny);
    }
}
