//! Every mistake in a policy file is named with its place and the nearest right word.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{super::set::Policies, file};

/// Message and hint of what is wrong with `text`.
fn wrong(text: &str) -> String {
    let failure = Policies::parse(&[file(text)]).unwrap_err();
    format!("{failure}\n  {}", failure.hint)
}

fn all_wrong(texts: &[&str]) -> String {
    let all: Vec<String> = texts.iter().map(|text| wrong(text)).collect();
    all.join("\n")
}

const ELEVATE: &str = "permit (principal, action == Action::\"elevate\", resource);";

#[test]
fn cedar_that_does_not_parse() {
    assert_snapshot!(all_wrong(&[
        "permit (principal, action, resource)\nwhen { context. };",
        "permti (principal, action, resource);",
        "permit (principal, action",
        "@ttl(1h)\npermit (principal, action, resource);",
    ]), @r#"
    policies/p.cedar:2:17: unexpected token `}`, expected identifier
      correct it, then run: jit policy check
    policies/p.cedar:1:1: invalid policy effect: permti
      effect must be either `permit` or `forbid`
    policies/p.cedar:1:26: unexpected end of input, expected `!=`, `)`, `,`, `:`, `<`, `<=`, `==`, `>`, `>=`, `in`, or `is`
      correct it, then run: jit policy check
    policies/p.cedar:1:6: unexpected token `1`, expected string literal
      correct it, then run: jit policy check
    "#);
}

#[test]
fn what_is_nested_without_end_is_refused_before_it_is_read() {
    let nested = |open: &str, close: &str, deep| {
        let (open, close) = (open.repeat(deep), close.repeat(deep));
        format!(
            "{}\nwhen {{ {open}true{close} }};",
            ELEVATE.trim_end_matches(';')
        )
    };
    assert!(Policies::parse(&[file(&nested("(", ")", 20))]).is_ok());
    for (open, close) in [("(", ")"), ("[", "]"), ("{a:", "}")] {
        let said = wrong(&nested(open, close, 10_000));
        let wanted = "policies/p.cedar:2: more than 50 brackets are open";
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[test]
fn a_word_that_the_schema_does_not_know() {
    assert_snapshot!(all_wrong(&[
        "permit (\n  principal,\n  action == Action::\"elevat\",\n  resource\n);",
        "permit (principal in Grup::\"a\", action, resource);",
        "permit (principal, action, resource in Tier::\"rutine\");",
        "permit (principal, action in Action::\"obtain\", resource)\nwhen { context.justificaton == \"x\" };",
        "permit (principal, action in Action::\"obtain\", resource)\nwhen { context.justification == \"x\" };",
        "permit (principal, action in Action::\"obtain\", resource)\nwhen { resource.role == 1 };",
        "permit (principal in Tier::\"routine\", action == Action::\"elevate\", resource);",
    ]), @r#"
    policies/p.cedar:3:13: unrecognized action `Action::"elevat"`
      did you mean `Action::"elevate"`?
    policies/p.cedar:1:22: unrecognized entity type `Grup`
      did you mean `Group`?
    policies/p.cedar:1:40: entity `Tier::"rutine"` is of an enumerated entity type, but `"rutine"` is not declared as a valid eid
      did you mean "routine"? valid entity eids: "routine", "elevated", "sensitive"
    policies/p.cedar:2:8: attribute `justificaton` in context not found
      did you mean `justification`?
    policies/p.cedar:2:8: unable to guarantee safety of access to optional attribute `justification` in context
      try testing for the attribute's presence with `context has justification && ..`
    policies/p.cedar:2:8: the types Long and String are not compatible
      both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible
    policies/p.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests
      correct it, then run: jit policy check
    "#);
}

#[test]
fn an_annotation_that_makes_no_sense() {
    assert_snapshot!(all_wrong(&[
        &format!("@tl(\"1h\")\n{ELEVATE}"),
        &format!("// @ttl\n@id(\"a\")\n@ttl(\"1 banana\")\n{ELEVATE}"),
        &format!("@ttl\n{ELEVATE}"),
        &format!("@ttl(\"0s\")\n{ELEVATE}"),
        &format!("@justification(\"requird\")\n{ELEVATE}"),
        &format!("@approvals(\"2\")\n{ELEVATE}"),
        "@approvals(\"0\")\npermit (principal, action == Action::\"request\", resource);",
        "@ttl(\"1h\")\nforbid (principal, action, resource);",
        "@ttl(\"1h\")\npermit (principal, action == Action::\"revoke\", resource);",
        &format!("@id(\"a\\n\u{1b}[2J\")\n{ELEVATE}"),
    ]), @r#"
    policies/p.cedar:1: unknown annotation @tl
      the annotations are @id, @ttl, @credential_ttl, @approvals, @mfa_within, @signed_in_within, @justification, @record
    policies/p.cedar:3: @ttl("1 banana") makes no sense
      "1 banana" is not a span; write it as "30m" or "1h"
    policies/p.cedar:1: @ttl("") makes no sense
      "" is not a span; write it as "30m" or "1h"
    policies/p.cedar:1: @ttl("0s") makes no sense
      a span must be longer than nothing; write it as "30m" or "1h"
    policies/p.cedar:1: @justification("requird") makes no sense
      did you mean "required"?
    policies/p.cedar:1: @approvals does nothing here
      it belongs on a permit of Action::"request"
    policies/p.cedar:1: @approvals("0") makes no sense
      write a number of people, 1 to 20, as "2"
    policies/p.cedar:1: @ttl on a forbid obliges nobody
      put it on the permit, or remove it
    policies/p.cedar:1: @ttl does nothing here
      it belongs on a permit of Action::"elevate", "request" or "break_glass"
    policies/p.cedar:1: "a\n\u{1b}[2J" cannot name a policy
      use letters, digits, spaces and . _ - /, 64 at most
    "#);
}

#[test]
fn a_policy_that_cannot_be_told_from_another_or_is_none() {
    assert_snapshot!(all_wrong(&[
        &format!("@id(\"a\")\n{ELEVATE}\n\n@id(\"a\")\n{ELEVATE}"),
        "\npermit (principal == ?principal, action, resource);",
        "permit (principal, action == Action::\"obtain\", resource);",
        &format!("{}\nwhen {{ false }};", ELEVATE.trim_end_matches(';')),
        "permit (principal == Human::\"\u{430}lice\", action == Action::\"elevate\", resource);",
    ]), @r#"
    policies/p.cedar:4: @id("a") is there twice
      policies/p.cedar:1 has it already; give each policy its own
    policies/p.cedar:2: a template is not a policy
      replace ?principal and ?resource by what is meant
    policies/p.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests
      correct it, then run: jit policy check
    policies/p.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests
      correct it, then run: jit policy check
    policies/p.cedar:1:1: identifier `аlice` contains mixed scripts
      correct it, then run: jit policy check
    "#);
}

#[test]
fn a_policy_without_a_name_gets_one_and_the_tenth_is_not_the_second() {
    let policies = Policies::parse(&[file(&ELEVATE.repeat(12))]).unwrap();
    let ids: Vec<String> = policies
        .rules
        .iter()
        .map(|rule| rule.policy.id().to_string())
        .collect();
    assert_eq!(ids[1], "p.cedar#2");
    assert_eq!(ids[10], "p.cedar#11");
}

#[test]
fn the_place_is_that_of_the_policy_itself() {
    let text = format!("{ELEVATE}\n// {ELEVATE}\n\n@id(\"b\")\n{ELEVATE}\n{ELEVATE}");
    let policies = Policies::parse(&[file(&text)]).unwrap();
    let lines: Vec<usize> = policies.rules.iter().map(|rule| rule.place.line).collect();
    assert_eq!(lines, [1, 4, 6]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        drop(Policies::parse(&[file(&text)]));
    }

    #[test]
    fn no_mangled_policy_panics(cut in 0_usize..700, extra in "[@(){};:\"\\\\ a-z?]{0,4}") {
        let (_, text) = super::starter::FILES[2];
        let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        drop(Policies::parse(&[file(&format!("{}{extra}{}", &text[..cut], &text[cut..]))]));
        drop(Policies::parse(&[file(&format!("{}{extra}", &text[..cut]))]));
    }
}
