//! Policy's answer, asked of everybody in the line: an agent may have what all of them may have.

use std::borrow::Cow;

use super::{Authority, Client, request::Ask};
use crate::{
    domain::{
        decision::{Decision, Obligations, Verdict},
        elevation::DEFAULT_TTL,
        entitlement::{Entitlement, Tier},
        principal::{Caller, Class, Principal, SignIn},
        time::Timestamp,
    },
    policy::question::{Circumstances, Question},
};

/// One of a line: the caller, and whom it acts for.
#[derive(Debug)]
pub(super) struct Hop<'a> {
    pub(super) caller: Cow<'a, Caller>,
    /// Whom it acts for itself, the nearest first.
    chain: Vec<String>,
    /// How whoever stands behind it signed in.
    sign_in: Option<&'a SignIn>,
}

/// What policy is asked about, whoever of a line is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matter<'a> {
    pub(super) ask: &'a Ask,
    pub(super) tier: Tier,
    /// From when the age of a sign-in is seen.
    pub(super) seen_at: Timestamp,
    /// Whether the elevation that is spoken of is somebody else's.
    pub(super) of_another: bool,
}

impl Client {
    /// The caller first; one alone in the embedded authority. Somebody stands here twice whom a newer
    /// attestation put into another group ([`Caller::for_policy`]).
    pub(super) fn hops(&self) -> Vec<Hop<'_>> {
        if self.sessions.is_empty() {
            return each(&self.caller, &[], self.caller.sign_in.as_ref());
        }
        let hops = self.sessions.iter().enumerate().flat_map(|(at, session)| {
            let above = self.sessions.iter().skip(at + 1);
            let mut signed_in = self.sessions.iter().skip(at);
            let chain: Vec<String> = above.map(|hop| hop.caller.principal.written()).collect();
            let sign_in = signed_in.find_map(|hop| hop.caller.sign_in.as_ref());
            each(&session.caller, &chain, sign_in)
        });
        hops.collect()
    }

    /// Whether nobody in the line handed on less than that.
    pub(super) fn may_ask(&self, entitlement: &Entitlement) -> bool {
        let mut narrowed = self.sessions.iter().filter_map(|hop| hop.only.as_ref());
        narrowed.all(|only| only.contains(entitlement))
    }
}

/// A caller as policy is asked about it.
fn each<'a>(caller: &'a Caller, chain: &[String], sign_in: Option<&'a SignIn>) -> Vec<Hop<'a>> {
    let callers = caller.for_policy().into_iter();
    callers
        .map(|caller| Hop {
            caller,
            chain: chain.to_vec(),
            sign_in,
        })
        .collect()
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
        let matter = Matter {
            ask,
            tier,
            seen_at: asked_at,
            of_another: false,
        };
        let hops = client.hops();
        let decisions = hops.iter().map(|hop| {
            let decision = self.policies.decide(&self.question(client, hop, &matter));
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

    /// The question put to policy about one of a line.
    pub(super) fn question<'a>(
        &'a self,
        client: &Client,
        hop: &'a Hop<'_>,
        matter: &Matter<'a>,
    ) -> Question<'a> {
        let ask = matter.ask;
        Question {
            caller: &hop.caller,
            entitlement: &ask.entitlement,
            tier: matter.tier,
            labels: self.labels(&ask.entitlement),
            justification: ask.justification.as_deref(),
            ttl: ask.ttl,
            break_glass: ask.break_glass,
            now: (self.clock)(),
            verb: ask.verb.as_deref(),
            circumstances: Circumstances {
                address: client.origin.address,
                sign_in_age: hop.sign_in.map(|sign_in| matter.seen_at.left(sign_in.at)),
                sign_in: hop.sign_in,
                chain: &hop.chain,
                of_another: matter.of_another,
            },
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
        sign_in: None,
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
            sign_in: None,
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
