//! The explanation: which policies decided, and which near misses would have decided otherwise.

use std::{collections::BTreeMap, fmt, time::Duration};

use cedar_policy::{Effect, PolicyId};
use serde::Serialize;

use super::{
    decide::{Ruling, steps},
    question::{Asked, Question},
    set::Policies,
    vocabulary::Action,
};
use crate::domain::{
    decision::{Decision, Obligations, Verdict},
    principal::Caller,
    time::Ttl,
};

/// Why the answer is what it is. Displayed as text for a person, serialised for `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Who asks.
    pub principal: String,
    /// What for.
    pub entitlement: String,
    /// The answer.
    pub verdict: Verdict,
    /// Why it is no.
    pub reason: Option<String>,
    /// What the grant would be obliged to, written as the annotations are: `ttl` → `1h`.
    pub obligations: BTreeMap<&'static str, String>,
    /// Each action that was consulted, in its order.
    pub steps: Vec<Step>,
    /// What would have led to a better answer, the smallest changes only.
    pub near_misses: Vec<NearMiss>,
}

/// One action, and what the policies said to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The question.
    pub action: Action,
    /// The answer: `permitted`, `forbidden`, `silent` or `broken`.
    pub ruling: &'static str,
    /// The policies that decided, with their places; or Cedar's words where one is broken.
    pub policies: Vec<String>,
    /// The permits that speak of this caller and entitlement, whose conditions are false.
    pub conditions_false: Vec<String>,
}

/// A change that would have led to a better answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearMiss {
    /// What it takes: `a justification`, `the group "on-call"`, `--break-glass`, or to leave that out.
    pub needs: Vec<String>,
    /// The answer then.
    pub verdict: Verdict,
    /// The policies that would decide, with their places.
    pub policies: Vec<String>,
}

impl Policies {
    /// The answer to a question, with the way that led there.
    pub fn explain(&self, question: &Question<'_>) -> Explanation {
        let decision = self.decide(question);
        Explanation {
            principal: question.caller.principal.to_string(),
            entitlement: question.entitlement.to_string(),
            verdict: decision.verdict,
            steps: self.way(question),
            near_misses: self.near_misses(question, &decision),
            reason: decision.reason,
            obligations: duties(&decision.obligations),
        }
    }

    fn way(&self, question: &Question<'_>) -> Vec<Step> {
        let Ok(asked) = Asked::new(question, &self.words) else {
            return Vec::new();
        };
        let mut way = Vec::new();
        for (action, _) in steps(question) {
            let step = self.step(action, &asked);
            let is_last = step.ruling == "permitted" || step.ruling == "broken";
            way.push(step);
            if is_last {
                break;
            }
        }
        way
    }

    fn step(&self, action: Action, asked: &Asked) -> Step {
        let (ruling, policies) = match self.rule(action, asked) {
            Ruling::Permitted(policies) => ("permitted", self.all_shown(&policies)),
            Ruling::Forbidden(policies) => ("forbidden", self.all_shown(&policies)),
            Ruling::Silent => ("silent", Vec::new()),
            Ruling::Broken(words) => ("broken", vec![words]),
        };
        let fails = |number: &usize| {
            let is_permit = self
                .rules
                .get(*number)
                .is_some_and(|rule| rule.policy.effect() == Effect::Permit);
            is_permit && self.is_conditional_on_more(action, asked, *number)
        };
        let slice = self.slice(action, asked).into_iter();
        Step {
            action,
            ruling,
            policies,
            conditions_false: slice
                .filter(fails)
                .map(|number| self.shown(number))
                .collect(),
        }
    }

    /// Whether the policy's scope may match while its condition does not hold.
    fn is_conditional_on_more(&self, action: Action, asked: &Asked, number: usize) -> bool {
        let conditional = self.rules.get(number).is_some_and(|rule| {
            rule.policy.has_non_scope_constraint() && asked.is_of_its_class(&rule.policy)
        });
        let ruling = self.evaluate(action, asked, &self.subset([number]));
        conditional && ruling == Ruling::Silent
    }

    /// Asks again with a justification, with each group that a policy names, and with or without break-glass,
    /// alone and together; keeps what helps and has nothing in it that does not.
    fn near_misses(&self, question: &Question<'_>, decision: &Decision) -> Vec<NearMiss> {
        let mut found: Vec<(Change, NearMiss)> = Vec::new();
        for change in self.changes(question) {
            let better = |verdict: Verdict| verdict < decision.verdict;
            let covered = |(other, miss): &(Change, NearMiss), verdict: Verdict| {
                other.is_within(&change) && miss.verdict <= verdict
            };
            let then = self.decide_with(question, &change);
            if better(then.verdict) && !found.iter().any(|other| covered(other, then.verdict)) {
                let miss = NearMiss {
                    needs: change.words(question),
                    verdict: then.verdict,
                    policies: self.all_shown(&then.policies),
                };
                found.push((change, miss));
            }
        }
        found.into_iter().map(|(_, miss)| miss).collect()
    }

    fn decide_with(&self, question: &Question<'_>, change: &Change) -> Decision {
        let mut caller: Caller = question.caller.clone();
        caller.groups.extend(change.group.clone());
        self.decide(&Question {
            caller: &caller,
            justification: change
                .justification
                .then_some("for the explanation")
                .or(question.justification),
            break_glass: change.break_glass != question.break_glass,
            ..*question
        })
    }

    /// The changes to try, those with the fewest parts first.
    fn changes(&self, question: &Question<'_>) -> Vec<Change> {
        let groups = self
            .words
            .named_groups
            .difference(&question.caller.groups)
            .cloned()
            .map(Some)
            .collect::<Vec<_>>();
        let mut changes = Vec::new();
        for group in [None].into_iter().chain(groups) {
            for justification in [false, true] {
                for break_glass in [false, true] {
                    let is_new = !justification || question.reason_given().is_none();
                    let change = Change {
                        justification,
                        group: group.clone(),
                        break_glass,
                    };
                    if is_new && change.parts() > 0 {
                        changes.push(change);
                    }
                }
            }
        }
        changes.sort_by_key(Change::parts);
        changes
    }

    fn all_shown(&self, ids: &[String]) -> Vec<String> {
        let number = |id: &String| self.by_id.get(&PolicyId::new(id)).copied();
        ids.iter()
            .filter_map(number)
            .map(|number| self.shown(number))
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    justification: bool,
    group: Option<String>,
    break_glass: bool,
}

impl Change {
    fn parts(&self) -> usize {
        usize::from(self.justification)
            + usize::from(self.group.is_some())
            + usize::from(self.break_glass)
    }

    fn is_within(&self, other: &Self) -> bool {
        (!self.justification || other.justification)
            && (self.group.is_none() || self.group == other.group)
            && (!self.break_glass || other.break_glass)
    }

    fn words(&self, question: &Question<'_>) -> Vec<String> {
        let justification = self
            .justification
            .then(|| "a justification (-j)".to_owned());
        let group = self
            .group
            .as_ref()
            .map(|group| format!("the group {group:?}"));
        let flag = if question.break_glass {
            "no --break-glass"
        } else {
            "--break-glass"
        };
        let break_glass = self.break_glass.then(|| flag.to_owned());
        [group, break_glass, justification]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Explanation {
    /// Whether the answer, or the better answer of a near miss, is that people approve it.
    pub fn needs_people(&self) -> bool {
        let misses = self.near_misses.iter().map(|miss| miss.verdict);
        let mut verdicts = misses.chain([self.verdict]);
        verdicts.any(|verdict| verdict == Verdict::RequireApproval)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match self.verdict {
            Verdict::Allow => "may have",
            Verdict::RequireApproval => "may ask for",
            Verdict::Deny => "may not have",
        };
        writeln!(f, "{} {answer} {}", self.principal, self.entitlement)?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  because {reason}")?;
        }
        for step in &self.steps {
            let words = match step.ruling {
                "permitted" => format!("permitted by {}", step.policies.join(", ")),
                "forbidden" => format!("forbidden by {}", step.policies.join(", ")),
                "silent" => "no policy permits it".to_owned(),
                _ => format!(
                    "denied, since a policy is broken: {}",
                    step.policies.join(", ")
                ),
            };
            writeln!(f, "  {:<12} {words}", step.action.as_str())?;
            for policy in &step.conditions_false {
                writeln!(f, "  {:<12} condition is false in {policy}", "")?;
            }
        }
        for (name, value) in &self.obligations {
            writeln!(f, "  @{name}({value:?})")?;
        }
        for miss in &self.near_misses {
            let answer = match miss.verdict {
                Verdict::Allow => "would be allowed",
                Verdict::RequireApproval => "could be asked for",
                Verdict::Deny => continue,
            };
            let needs = miss.needs.join(" and ");
            writeln!(
                f,
                "  {answer} with {needs}, by {}",
                miss.policies.join(", ")
            )?;
        }
        Ok(())
    }
}

fn duties(obligations: &Obligations) -> BTreeMap<&'static str, String> {
    let span = |span: Option<Duration>| span.map(|span| Ttl(span).to_string());
    let word = |is_set: bool, word: &str| is_set.then(|| word.to_owned());
    let duties = [
        ("ttl", span(obligations.ttl)),
        ("credential_ttl", span(obligations.credential_ttl)),
        ("approvals", obligations.approvals.map(|n| n.to_string())),
        ("mfa_within", span(obligations.mfa_within)),
        ("signed_in_within", span(obligations.signed_in_within)),
        ("justification", word(obligations.justification, "required")),
        ("record", word(obligations.record_session, "session")),
    ];
    let owed = duties
        .into_iter()
        .filter_map(|(name, duty)| Some((name, duty?)));
    owed.collect()
}
