//! The sign-in that policies oblige to: how old it may be, and whether it must be a strong one.

use std::{collections::BTreeSet, time::Duration};

use super::{
    decide::{Ruling, steps},
    place::one_line,
    question::{Asked, Circumstances, Question},
    set::Policies,
    vocabulary::Action,
};
use crate::domain::{
    decision::{Obligations, SignInNeeded},
    failure::{Failure, Result},
    principal::{Caller, Class, SignIn, StrongSignIn},
    time::Ttl,
};

/// So many sign-ins are tried in the place of the caller's.
const MOST_CANDIDATES: usize = 32;
/// What helps where the sign-in is too old.
const AGAIN: &str = "run: jit login --fresh";
/// What helps where it is young, and not strong.
const STRONGER: &str = "run: jit login --fresh, and use a second factor; where the provider asks for none, its administrator sets that up";

impl Policies {
    /// The same policies where these sign-ins count as strong.
    ///
    /// # Errors
    /// A policy asks for a strong sign-in where none counts as one: nobody could ever meet it.
    pub fn with_strong_sign_in(self, strong: StrongSignIn) -> Result<Self> {
        let mut rules = self.rules.iter();
        let asking = rules.find(|rule| rule.obligations.mfa_within.is_some());
        if let Some(rule) = asking.filter(|_| strong.is_empty()) {
            return Err(Failure::failed(format!(
                "{}: @mfa_within needs acr_values or amr_values of [people] in server.toml, which say which sign-ins are strong",
                rule.place.shown()
            ))
            .hint("name them there, as the provider does; or write @signed_in_within, which asks for a recent sign-in alone"));
        }
        Ok(Self { strong, ..self })
    }

    /// The sign-in that the obligations ask for, where the caller's does not do.
    pub(super) fn sign_in_needed(
        &self,
        obligations: &Obligations,
        circumstances: &Circumstances<'_>,
    ) -> Option<SignInNeeded> {
        let is_old = |within: &Duration| circumstances.sign_in_age.is_none_or(|age| age > *within);
        let sign_in = circumstances.sign_in;
        let is_strong = sign_in.is_some_and(|sign_in| self.strong.includes(sign_in));
        let strong = obligations.mfa_within;
        if let Some(within) = strong.filter(|within| is_old(within) || !is_strong) {
            let had = sign_in.filter(|_| !is_strong).map_or_else(String::new, had);
            return Some(SignInNeeded {
                within,
                words: format!(
                    "{} within the last {}{had}",
                    self.strong_words(),
                    Ttl(within)
                ),
                hint: if is_old(&within) { AGAIN } else { STRONGER },
            });
        }
        let within = obligations.signed_in_within.filter(is_old)?;
        Some(SignInNeeded {
            within,
            words: format!("a sign-in within the last {}", Ttl(within)),
            hint: AGAIN,
        })
    }

    /// The sign-in with which the policies would permit what they deny, where there is one: a fresh one, or one of
    /// a class or by a method that they or configuration name.
    pub(super) fn step_up(
        &self,
        question: &Question<'_>,
        rule: impl Fn(Action, &Asked) -> Ruling,
    ) -> Option<SignInNeeded> {
        let mut candidates = self.candidates(question).into_iter();
        let (_, words) = candidates.find(|(sign_in, _)| {
            signed_in(question, sign_in, |question| {
                let asked = Asked::new(question, &self.words).ok();
                asked.is_some_and(|asked| {
                    let mut steps = steps(question).into_iter();
                    steps.any(|(action, _)| rule(action, &asked).is_permitted())
                })
            })
        })?;
        let had = question.circumstances.sign_in.map_or_else(String::new, had);
        Some(SignInNeeded {
            within: Duration::ZERO,
            words: one_line(&format!("{words}{had}")),
            hint: STRONGER,
        })
    }

    /// Sign-ins that could take the place of the caller's, each with what it is, in words; none where no policy
    /// looks at them, or the caller is no person.
    pub(super) fn candidates(&self, question: &Question<'_>) -> Vec<(SignIn, String)> {
        if question.caller.principal.class() != Class::Human || !self.sign_ins.matter {
            return Vec::new();
        }
        let now = question.circumstances.sign_in;
        let fresh = SignIn {
            at: question.now,
            methods: now.map_or_else(BTreeSet::new, |now| now.methods.clone()),
            context: now.and_then(|now| now.context.clone()),
        };
        let classes = self.strong.acr_values.union(&self.sign_ins.classes);
        let classes = classes.cloned().map(|class| {
            let words = format!("a sign-in of the class {class:?} (acr)");
            let context = Some(class);
            (
                SignIn {
                    context,
                    ..fresh.clone()
                },
                words,
            )
        });
        let methods = self.strong.amr_values.union(&self.sign_ins.methods);
        let methods = methods.cloned().map(|method| {
            let words = format!("a sign-in by {method:?} (amr)");
            let mut methods = fresh.methods.clone();
            methods.insert(method);
            (
                SignIn {
                    methods,
                    ..fresh.clone()
                },
                words,
            )
        });
        let others = classes.chain(methods).collect::<Vec<_>>();
        let fresh = (fresh, "a fresh sign-in".to_owned());
        [fresh]
            .into_iter()
            .chain(others)
            .take(MOST_CANDIDATES)
            .collect()
    }

    /// What counts as strong, in words: `a strong sign-in (acr "phr", or amr "otp")`.
    fn strong_words(&self) -> String {
        let StrongSignIn {
            acr_values,
            amr_values,
        } = &self.strong;
        let kinds = [("acr", acr_values), ("amr", amr_values)].into_iter();
        let named = kinds.filter(|(_, values)| !values.is_empty());
        let named = named.map(|(name, values)| format!("{name} {}", quoted(values, " or ")));
        let named = named.collect::<Vec<_>>().join(", or ");
        if named.is_empty() {
            return "a strong sign-in".to_owned();
        }
        format!("a strong sign-in ({named})")
    }
}

/// Asks the same question about the same caller, signed in so.
pub(super) fn signed_in<T>(
    question: &Question<'_>,
    sign_in: &SignIn,
    ask: impl FnOnce(&Question<'_>) -> T,
) -> T {
    let caller = Caller {
        sign_in: Some(sign_in.clone()),
        ..question.caller.clone()
    };
    ask(&Question {
        caller: &caller,
        circumstances: Circumstances {
            sign_in_age: Some(Duration::ZERO),
            sign_in: Some(sign_in),
            ..question.circumstances
        },
        ..*question
    })
}

/// What the caller's sign-in was by, in words.
fn had(sign_in: &SignIn) -> String {
    let class = sign_in.context.iter().map(|class| format!("acr {class:?}"));
    let methods =
        (!sign_in.methods.is_empty()).then(|| format!("amr {}", quoted(&sign_in.methods, " and ")));
    let all: Vec<String> = class.chain(methods).collect();
    if all.is_empty() {
        return "; the provider does not say how this one was made".to_owned();
    }
    one_line(&format!("; this one has {}", all.join(", ")))
}

fn quoted(values: &BTreeSet<String>, between: &str) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    quoted.join(between)
}
