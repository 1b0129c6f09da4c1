//! The decision: three questions at most, each over the handful of policies that can matter.

use cedar_policy::{Authorizer, Decision as Answer, PolicyId, PolicySet, PrincipalConstraint};

use super::{
    place::one_line,
    question::{Asked, Duty, Question},
    set::Policies,
    vocabulary::Action,
};
use crate::domain::{
    decision::{Decision, Obligations, SignInNeeded, Verdict},
    principal::Class,
};

/// What the policies say to one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Permitted by these.
    Permitted(Vec<String>),
    /// Forbidden by these, whatever permits it.
    Forbidden(Vec<String>),
    /// Nothing permits it.
    Silent,
    /// A policy could not be evaluated, which denies: Cedar alone would skip an erring `forbid`.
    Broken(String),
}

impl Ruling {
    /// Whether it is a yes.
    pub const fn is_permitted(&self) -> bool {
        match self {
            Self::Permitted(_) => true,
            Self::Forbidden(_) | Self::Silent | Self::Broken(_) => false,
        }
    }
}

impl Policies {
    /// Policy's answer. A question for break-glass is answered by `break_glass` alone: what it
    /// permits is `Allow`, and the caller records it as such. Otherwise `elevate` permitted is
    /// `Allow`, else `request` permitted is `RequireApproval`, else it is `Deny`.
    ///
    /// An obligation that is not met (no justification, a sign-in that is too old or unknown) and any
    /// error of evaluation deny; the reason says so.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        self.decide_by(question, |action, asked| self.rule(action, asked))
    }

    /// The same with every policy looked at: what tests and benchmarks compare with.
    #[doc(hidden)]
    pub fn decide_unsliced(&self, question: &Question<'_>) -> Decision {
        let all = self.subset(0..self.len());
        self.decide_by(question, |action, asked| self.evaluate(action, asked, &all))
    }

    fn decide_by(
        &self,
        question: &Question<'_>,
        rule: impl Fn(Action, &Asked) -> Ruling,
    ) -> Decision {
        let asked = match Asked::new(question, &self.words) {
            Ok(asked) => asked,
            Err(words) => return denied(Vec::new(), format!("policy cannot be asked: {words}")),
        };
        let mut forbidding = Vec::new();
        for (action, verdict) in steps(question) {
            match rule(action, &asked) {
                Ruling::Permitted(policies) => return self.granted(question, verdict, policies),
                Ruling::Forbidden(policies) => forbidding.extend(policies),
                Ruling::Silent => {}
                Ruling::Broken(reason) => return denied(Vec::new(), reason),
            }
        }
        forbidding.sort_unstable();
        forbidding.dedup();
        let reason = self.silence(question, &forbidding);
        Decision {
            sign_in: self.step_up(question, rule),
            ..denied(forbidding, reason)
        }
    }

    /// Whether one of these policies names principals of that class in its scope, by class or one by one.
    pub fn speak_of(&self, class: Class, policies: &[String]) -> bool {
        let speaks = |id: &String| {
            let number = self.by_id.get(&PolicyId::new(id))?;
            let constraint = self.rules.get(*number)?.policy.principal_constraint();
            let name = match &constraint {
                PrincipalConstraint::Eq(uid) => uid.type_name(),
                PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => name,
                PrincipalConstraint::Any | PrincipalConstraint::In(_) => return None,
            };
            Some(name.basename() == class.as_str())
        };
        policies.iter().filter_map(speaks).any(|speaks| speaks)
    }

    /// What the policies say to one action, obligations aside.
    pub fn permits(&self, action: Action, question: &Question<'_>) -> Ruling {
        match Asked::new(question, &self.words) {
            Ok(asked) => self.rule(action, &asked),
            Err(words) => Ruling::Broken(format!("policy cannot be asked: {words}")),
        }
    }

    /// The same of a question about the authority itself.
    pub fn permits_duty(&self, action: Action, duty: &Duty<'_>) -> Ruling {
        match Asked::of_authority(duty, &self.words) {
            Ok(asked) => self.rule(action, &asked),
            Err(words) => Ruling::Broken(format!("policy cannot be asked: {words}")),
        }
    }

    pub(super) fn rule(&self, action: Action, asked: &Asked) -> Ruling {
        self.evaluate(action, asked, &self.subset(self.slice(action, asked)))
    }

    pub(super) fn evaluate(&self, action: Action, asked: &Asked, set: &PolicySet) -> Ruling {
        if set.is_empty() {
            return Ruling::Silent;
        }
        let request = match asked.request(action, &self.words) {
            Ok(request) => request,
            Err(words) => return Ruling::Broken(format!("policy cannot be asked: {words}")),
        };
        let response = Authorizer::new().is_authorized(&request, set, &asked.entities);
        let diagnostics = response.diagnostics();
        let errors = diagnostics.errors().map(ToString::to_string);
        if let Some(words) = errors.min() {
            return Ruling::Broken(one_line(&words));
        }
        let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        policies.sort_unstable();
        match response.decision() {
            Answer::Allow => Ruling::Permitted(policies),
            Answer::Deny if policies.is_empty() => Ruling::Silent,
            Answer::Deny => Ruling::Forbidden(policies),
        }
    }

    fn granted(
        &self,
        question: &Question<'_>,
        verdict: Verdict,
        policies: Vec<String>,
    ) -> Decision {
        let obligations = self.obligations(&policies);
        if let Some((reason, sign_in)) = self.unmet(&obligations, question, &policies) {
            return Decision {
                obligations,
                sign_in,
                ..denied(policies, reason)
            };
        }
        Decision {
            verdict,
            policies,
            obligations,
            reason: None,
            sign_in: None,
        }
    }

    fn obligations(&self, policies: &[String]) -> Obligations {
        let of = |id: &String| {
            let number = self.by_id.get(&PolicyId::new(id))?;
            self.rules.get(*number).map(|rule| rule.obligations)
        };
        policies
            .iter()
            .filter_map(of)
            .fold(Obligations::default(), Obligations::and)
    }

    /// The obligation that the question does not meet, if there is one; with the sign-in that is needed,
    /// where that is it. Whoever must sign in again is asked for a reason afterwards.
    fn unmet(
        &self,
        obligations: &Obligations,
        question: &Question<'_>,
        policies: &[String],
    ) -> Option<(String, Option<SignInNeeded>)> {
        let by = policies.join(", ");
        if let Some(needed) = self.sign_in_needed(obligations, &question.circumstances) {
            return Some((format!("{by} needs {}", needed.words), Some(needed)));
        }
        let is_unexplained = obligations.justification && question.reason_given().is_none();
        is_unexplained.then(|| (format!("{by} needs a justification"), None))
    }

    fn silence(&self, question: &Question<'_>, forbidding: &[String]) -> String {
        if self.is_empty() {
            return "there are no policies".to_owned();
        }
        if !forbidding.is_empty() {
            return format!("forbidden by {}", forbidding.join(", "));
        }
        if question.break_glass {
            return "no policy permits break-glass".to_owned();
        }
        "no policy permits it".to_owned()
    }
}

/// The questions that are asked, in their order, each with what a yes means.
pub(super) fn steps(question: &Question<'_>) -> Vec<(Action, Verdict)> {
    if question.break_glass {
        return vec![(Action::BreakGlass, Verdict::Allow)];
    }
    vec![
        (Action::Elevate, Verdict::Allow),
        (Action::Request, Verdict::RequireApproval),
    ]
}

fn denied(policies: Vec<String>, reason: String) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        policies,
        obligations: Obligations::default(),
        reason: Some(reason),
        sign_in: None,
    }
}
