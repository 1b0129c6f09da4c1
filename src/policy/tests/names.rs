//! Names of principals in policies.

use insta::assert_snapshot;

use super::file;
use crate::policy::set::Policies;

fn said(text: &str) -> String {
    match Policies::parse(&[file(text)]) {
        Err(failure) => format!("{failure}\n  {}", failure.hint),
        Ok(_) => format!("accepted: {text}"),
    }
}

#[test]
fn a_name_that_nobody_can_have_is_refused_with_the_one_that_was_meant() {
    let all = [
        "forbid (principal == Human::\"First.Last@Example.com\", action, resource);",
        "forbid (principal, action, resource)\nwhen { principal in [Human::\"O'Brien\"] };",
        "forbid (principal == Human::\"a b\", action, resource);",
        "forbid (principal == Workload::\"ci/prod\", action, resource);",
        "forbid (principal is Human, action, resource) when { principal.name == \"Alice\" };",
        "forbid (principal, action, resource) when { principal.name like \"*@Example.com\" };",
        "forbid (principal, action, resource) when { [\"bob\", \"Alice\"].contains(principal.name) };",
        "forbid (principal, action, resource) when { context.chain.contains(\"Alice\") };",
    ];
    assert_snapshot!(all.map(said).join("\n"), @r#"
    policies/p.cedar:1: Human::"First.Last@Example.com" is nobody: the authority knows people by names in lower case
      write Human::"first.last@example.com"
    policies/p.cedar:1: Human::"O'Brien" is nobody: the authority knows people by names in lower case
      write Human::"o_x0027_brien"
    policies/p.cedar:1: Human::"a b" is nobody: it can be no principal's name
      a principal's name is letters, digits and . _ - @ +, 128 at most
    policies/p.cedar:1: Workload::"ci/prod" is nobody: it can be no principal's name
      a principal's name is letters, digits and . _ - @ +, 128 at most
    policies/p.cedar:1: "Alice" matches no name of a person: the authority knows people by names in lower case
      write "alice"; for a machine or an agent, say `principal is Workload` or `principal is Agent` in the scope
    policies/p.cedar:1: "*@Example.com" matches no name of a person: the authority knows people by names in lower case
      write "*@example.com"; for a machine or an agent, say `principal is Workload` or `principal is Agent` in the scope
    policies/p.cedar:1: "Alice" matches no name of a person: the authority knows people by names in lower case
      write "alice"; for a machine or an agent, say `principal is Workload` or `principal is Agent` in the scope
    policies/p.cedar:1: "Alice" matches no name of a person: the authority knows people by names in lower case
      write "alice"; for a machine or an agent, say `principal is Workload` or `principal is Agent` in the scope
    "#);
}

#[test]
fn names_of_machines_and_agents_are_as_they_are_written() {
    for text in [
        "forbid (principal == Workload::\"CI-Prod\", action, resource);",
        "forbid (principal is Workload, action, resource) when { principal.name == \"CI-Prod\" };",
        "forbid (principal, action, resource) when { context.chain.contains(\"workload/CI\") };",
        "forbid (principal == Human::\"o_x0027_brien\", action, resource);",
        "forbid (principal, action, resource) when { context has acr && context.acr == \"MFA\" };",
    ] {
        assert!(said(text).starts_with("accepted"), "{}", said(text));
    }
}
