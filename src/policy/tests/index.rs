//! The index leaves nothing out: sliced and unsliced, the same policies decide.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::{
        decide::Ruling,
        question::{Asked, Subject},
        set::Policies,
        vocabulary::Action,
    },
    Ask, parse,
};
use crate::domain::{
    entitlement::Tier,
    principal::{Class, Principal},
};

const PRINCIPALS: [&str; 8] = [
    "principal",
    "principal is Human",
    "principal == Human::\"alice\"",
    "principal == Workload::\"alice\"",
    "principal in Group::\"a\"",
    "principal in Group::\"b\"",
    "principal is Human in Group::\"a\"",
    "principal in Human::\"alice\"",
];
const ACTIONS: [&str; 6] = [
    "action",
    "action == Action::\"elevate\"",
    "action == Action::\"request\"",
    "action in Action::\"obtain\"",
    "action in [Action::\"elevate\", Action::\"revoke\"]",
    "action in [Action::\"obtain\", Action::\"audit\"]",
];
const RESOURCES: [&str; 9] = [
    "resource is Entitlement",
    "resource == Entitlement::\"ssh/web:deploy\"",
    "resource == Entitlement::\"ssh/web:root\"",
    "resource in Resource::\"ssh/web\"",
    "resource in Kind::\"ssh\"",
    "resource in Kind::\"aws\"",
    "resource in Tier::\"routine\"",
    "resource in Label::\"x\"",
    "resource is Entitlement in Label::\"y\"",
];
const CONDITIONS: [&str; 4] = [
    "",
    "when { context.hour < 12 }",
    "unless { context has justification }",
    "when { context.ttl + 9223372036854775807 > 0 }",
];

fn policy() -> impl Strategy<Value = String> {
    let effect = prop_oneof![4 => Just("permit"), 1 => Just("forbid")];
    let condition = prop_oneof![20 => select(&CONDITIONS[..3]), 1 => Just(CONDITIONS[3])];
    let scope = (
        select(&PRINCIPALS[..]),
        select(&ACTIONS[..]),
        select(&RESOURCES[..]),
    );
    (effect, scope, condition).prop_map(|(effect, (principal, action, resource), condition)| {
        format!("{effect} ({principal}, {action}, {resource}) {condition};\n")
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let parts = (
        select(&["ssh/web:deploy", "ssh/web:root", "aws/prod:read"][..]),
        select(&Tier::ALL[..]),
        select(&[Class::Human, Class::Workload, Class::Agent][..]),
        select(&["alice", "bob"][..]),
        vec(select(&["a", "b", "c"][..]), 0..3),
        vec(select(&["x", "y", "z"][..]), 0..3),
    );
    parts.prop_map(|(entitlement, tier, class, name, groups, labels)| {
        let mut ask = Ask::new(entitlement, tier);
        ask.caller.principal = Principal::new(class, name).unwrap();
        ask.caller.groups = groups.into_iter().map(str::to_owned).collect();
        ask.labels = labels.into_iter().map(str::to_owned).collect();
        ask
    })
}

/// The same policies, every one of them looked at.
fn unsliced(policies: &Policies, action: Action, asked: &Asked) -> Ruling {
    policies.evaluate(action, asked, &policies.subset(0..policies.len()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn sliced_and_unsliced_agree(texts in vec(policy(), 0..25), ask in ask()) {
        let policies = parse(&texts.concat());
        let asked = Asked::new(&ask.question(), &policies.words).unwrap();
        for action in Action::ALL {
            prop_assert_eq!(policies.rule(action, &asked), unsliced(&policies, action, &asked));
        }
        prop_assert_eq!(ask.of(&policies), policies.decide_unsliced(&ask.question()));
    }

    #[test]
    fn entitlements_that_are_asked_about_together_are_answered_as_one_by_one(
        texts in vec(policy(), 0..25), ask in ask(), others in vec(ask(), 0..4),
    ) {
        let policies = parse(&texts.concat());
        let mut subjects: Vec<Subject<'_>> = Vec::new();
        for one in others.iter().chain([&ask]).map(|one| one.question().subject()) {
            if subjects.iter().all(|other| other.entitlement != one.entitlement) {
                subjects.push(one);
            }
        }
        let together = policies.obtainable(&ask.question(), &subjects);
        for (subject, obtainable) in subjects.iter().zip(together) {
            let question = super::Question {
                entitlement: subject.entitlement,
                tier: subject.tier,
                labels: subject.labels,
                ..ask.question()
            };
            let ways = [Action::Elevate, Action::Request, Action::BreakGlass];
            let alone = ways.map(|way| policies.permits(way, &question).is_permitted());
            prop_assert_eq!(obtainable, alone.contains(&true));
        }
    }

    #[test]
    fn every_question_fits_the_schema(ask in ask(), why in option::of(".{0,40}")) {
        let policies = parse("");
        let why = why.as_deref();
        let question = super::Question { justification: why, ..ask.question() };
        let asked = Asked::new(&question, &policies.words).unwrap();
        prop_assert!(asked.fits(&policies.words));
    }
}

#[test]
fn a_decision_looks_at_a_handful() {
    let texts: Vec<String> = (0..500)
        .map(|n| format!("permit (principal in Group::\"g{n}\", action == Action::\"elevate\", resource in Resource::\"ssh/h{n}\");\n"))
        .collect();
    let policies = parse(&texts.concat());
    let ask = Ask::new("ssh/h7:deploy", Tier::Routine)
        .group("g7")
        .group("g8");
    let asked = Asked::new(&ask.question(), &policies.words).unwrap();
    assert_eq!(policies.slice(Action::Elevate, &asked), [7]);
}

#[test]
fn groups_that_no_policy_names_are_not_part_of_a_question() {
    let policies = parse(
        "permit (principal in Group::\"scope\", action, resource);
         permit (principal, action == Action::\"elevate\", resource) when { principal in Group::\"condition\" };",
    );
    let mut ask = Ask::new("ssh/web:deploy", Tier::Routine)
        .group("scope")
        .group("condition");
    ask.caller
        .groups
        .extend((0..1000).map(|number| format!("team-{number}")));
    let asked = Asked::new(&ask.question(), &policies.words).unwrap();
    assert_eq!(asked.principals.len(), 3, "{:?}", asked.principals);
}
