//! Decisions: the starter policies, obligations, errors, and names that are not what they seem.

use std::time::Duration;

use insta::assert_snapshot;

use super::{
    super::{decide::Ruling, question::principal, vocabulary::Action},
    Ask, parse, starters,
};
use crate::domain::{
    decision::Verdict::{Allow, Deny, RequireApproval},
    entitlement::Tier::{Elevated, Routine, Sensitive},
    principal::{Class, Principal},
};

#[test]
fn what_is_routine_is_granted_at_once() {
    let decision = Ask::new("kubernetes/prod:view", Routine).of(&starters());
    assert_eq!(decision.verdict, Allow);
    assert_eq!(decision.policies, ["routine"]);
    assert_eq!(decision.obligations.ttl, Some(Duration::from_hours(8)));
}

#[test]
fn what_is_elevated_needs_a_reason() {
    let ask = Ask::new("postgres/orders:write", Elevated);
    let refused = ask.of(&starters());
    assert_eq!(refused.verdict, Deny);
    assert_eq!(refused.policies, ["elevated"]);
    assert_eq!(refused.reason.unwrap(), "elevated needs a justification");
    assert_eq!(
        ask.clone().because(" \n\t").of(&starters()).verdict,
        Deny,
        "white space is no reason"
    );
    assert_eq!(ask.because("INC-7").of(&starters()).verdict, Allow);
}

#[test]
fn what_is_sensitive_is_decided_by_a_person() {
    let decision = Ask::new("kubernetes/prod:admin", Sensitive)
        .because("INC-7")
        .of(&starters());
    assert_eq!(decision.verdict, RequireApproval);
    assert_eq!(decision.obligations.approvals, Some(1));
}

#[test]
fn an_agent_gets_what_is_routine_and_no_more() {
    let mut ask = Ask::new("kubernetes/prod:admin", Sensitive).because("INC-7");
    ask.caller.principal = Principal::new(Class::Agent, "alice").unwrap();
    assert_eq!(ask.of(&starters()).verdict, Deny);
    ask.tier = Elevated;
    assert_eq!(ask.of(&starters()).verdict, Deny);
    ask.tier = Routine;
    assert_eq!(ask.of(&starters()).verdict, Allow);
}

#[test]
fn break_glass_is_for_whoever_is_on_call_and_says_why() {
    let ask = Ask::new("kubernetes/prod:admin", Sensitive).break_glass();
    assert_eq!(
        ask.of(&starters()).reason.unwrap(),
        "no policy permits break-glass"
    );
    let on_call = ask.group("on-call");
    assert_eq!(
        on_call.of(&starters()).reason.unwrap(),
        "break-glass needs a justification"
    );
    let decision = on_call.because("the cluster burns").of(&starters());
    assert_eq!(
        (decision.verdict, decision.policies),
        (Allow, vec!["break-glass".to_owned()])
    );
}

#[test]
fn everyone_may_end_their_own_and_on_call_anybodys() {
    let ask = Ask::new("ssh/web:root", Sensitive);
    let mut question = ask.question();
    assert_eq!(
        starters().permits(Action::Revoke, &question),
        Ruling::Permitted(vec!["own".into()])
    );
    question.circumstances.of_another = true;
    assert_eq!(
        starters().permits(Action::Revoke, &question),
        Ruling::Silent
    );
    assert_eq!(starters().permits(Action::Audit, &question), Ruling::Silent);
    let ask = ask.group("on-call");
    let mut question = ask.question();
    question.circumstances.of_another = true;
    assert!(matches!(
        starters().permits(Action::Revoke, &question),
        Ruling::Permitted(_)
    ));
}

#[test]
fn without_policies_everything_is_denied() {
    let decision = Ask::new("ssh/web:deploy", Routine).of(&parse(""));
    assert_eq!(
        (decision.verdict, decision.reason.unwrap().as_str()),
        (Deny, "there are no policies")
    );
}

#[test]
fn the_strictest_obligation_wins() {
    let policies = parse(
        r#"
        @id("a") @ttl("2h") @credential_ttl("5m")
        permit (principal, action in Action::"obtain", resource);
        @id("b") @ttl("1h") @justification("required") @record("session")
        permit (principal, action == Action::"elevate", resource in Kind::"ssh");
        @id("c") @ttl("1m")
        permit (principal, action == Action::"elevate", resource in Kind::"aws");
        "#,
    );
    let decision = Ask::new("ssh/web:deploy", Routine)
        .because("x")
        .of(&policies);
    assert_eq!(decision.policies, ["a", "b"]);
    assert_eq!(decision.obligations.ttl, Some(Duration::from_hours(1)));
    assert_eq!(
        decision.obligations.credential_ttl,
        Some(Duration::from_mins(5))
    );
    assert!(decision.obligations.justification && decision.obligations.record_session);
}

#[test]
fn a_policy_that_errs_denies_even_where_another_permits() {
    let policies = parse(
        r#"
        @id("open") permit (principal, action, resource is Entitlement);
        @id("shut") forbid (principal, action == Action::"elevate", resource)
        when { context.ttl + 9223372036854775807 > 0 };
        "#,
    );
    let decision = Ask::new("ssh/web:deploy", Routine).of(&policies);
    assert_eq!(decision.verdict, Deny);
    assert!(decision.reason.unwrap().contains("shut"));
}

#[test]
fn a_forbid_wins_and_is_named() {
    let policies = parse(
        r#"
        @id("open") permit (principal, action in Action::"obtain", resource);
        @id("frozen") forbid (principal, action in Action::"obtain", resource in Label::"frozen");
        "#,
    );
    let mut ask = Ask::new("ssh/web:deploy", Routine);
    assert_eq!(ask.of(&policies).verdict, Allow);
    ask.labels.insert("frozen".to_owned());
    let decision = ask.of(&policies);
    assert_eq!(
        (decision.verdict, decision.policies),
        (Deny, vec!["frozen".to_owned()])
    );
    assert_eq!(decision.reason.unwrap(), "forbidden by frozen");
    assert_eq!(ask.break_glass().of(&policies).verdict, Deny);
}

#[test]
fn a_sign_in_that_is_old_or_unknown_does_not_meet_signed_in_within() {
    let policies = parse(
        r#"@id("fresh") @signed_in_within("1h") permit (principal, action == Action::"elevate", resource);"#,
    );
    let mut ask = Ask::new("ssh/web:deploy", Routine);
    assert_eq!(
        ask.of(&policies).reason.unwrap(),
        "fresh needs a sign-in within the last 1h"
    );
    ask.sign_in_age = Some(Duration::from_secs(3601));
    assert_eq!(ask.of(&policies).verdict, Deny);
    ask.sign_in_age = Some(Duration::from_hours(1));
    assert_eq!(ask.of(&policies).verdict, Allow);
}

#[test]
fn a_name_is_one_name_whatever_it_holds() {
    let policies =
        parse(r#"permit (principal in Group::"admins", action == Action::"elevate", resource);"#);
    for group in [
        "admins\" || true",
        "Group::\"admins\"",
        "admins\n",
        "admins,x",
        "Admins",
        " admins",
    ] {
        let ask = Ask::new("ssh/web:deploy", Routine).group(group);
        assert_eq!(ask.of(&policies).verdict, Deny, "{group:?}");
    }
    assert_eq!(
        Ask::new("ssh/web:deploy", Routine)
            .group("admins")
            .of(&policies)
            .verdict,
        Allow
    );
}

#[test]
fn a_class_is_not_another_class_of_the_same_name() {
    let policies =
        parse(r#"permit (principal == Human::"alice", action == Action::"elevate", resource);"#);
    let mut ask = Ask::new("ssh/web:deploy", Routine);
    assert_eq!(ask.of(&policies).verdict, Allow);
    ask.caller.principal = Principal::new(Class::Workload, "alice").unwrap();
    assert_eq!(ask.of(&policies).verdict, Deny);
}

#[test]
fn conditions_see_the_circumstances() {
    let policies = parse(
        r#"
        permit (principal, action == Action::"elevate", resource)
        when {
          resource.kind == "ssh" && resource.role like "dep*" && principal.name == "alice" &&
          context has verb && context.verb == "get" && context.hour == 10 && context.weekday == 7 &&
          context.now.toDate() == datetime("2026-11-22") && context.ttl == 3600 && context.own &&
          context.chain.isEmpty() && !(context has address)
        };
        "#,
    );
    assert_eq!(
        Ask::new("ssh/web:deploy", Routine).of(&policies).verdict,
        Allow
    );
}

#[test]
fn an_explanation_names_what_decided_and_what_nearly_did() {
    let ask = Ask::new("kubernetes/prod:admin", Sensitive);
    assert_snapshot!(starters().explain(&ask.question()), @r#"
    alice may not have kubernetes/prod:admin
      because sensitive needs a justification
      elevate      no policy permits it
      request      permitted by sensitive (policies/30-sensitive.cedar:4)
      @approvals("1")
      @credential_ttl("5m")
      @justification("required")
      @ttl("1h")
      could be asked for with a justification (-j), by sensitive (policies/30-sensitive.cedar:4)
      would be allowed with the group "on-call" and --break-glass and a justification (-j), by break-glass (policies/40-break-glass.cedar:6)
    "#);
    assert_snapshot!(starters().explain(&ask.break_glass().question()), @r#"
    alice may not have kubernetes/prod:admin
      because no policy permits break-glass
      break_glass  no policy permits it
      could be asked for with no --break-glass and a justification (-j), by sensitive (policies/30-sensitive.cedar:4)
      would be allowed with the group "on-call" and a justification (-j), by break-glass (policies/40-break-glass.cedar:6)
    "#);
    let ask = Ask::new("kubernetes/prod:view", Routine);
    assert_snapshot!(starters().explain(&ask.question()), @r#"
    alice may have kubernetes/prod:view
      elevate      permitted by routine (policies/10-routine.cedar:9)
      @credential_ttl("10m")
      @ttl("8h")
    "#);
    let night = parse(
        r#"
        @id("night") permit (principal, action == Action::"elevate", resource) when { context.hour < 6 };
        @id("frozen") forbid (principal, action in Action::"obtain", resource in Kind::"ssh");
        "#,
    );
    assert_snapshot!(night.explain(&Ask::new("ssh/web:deploy", Routine).question()), @r#"
    alice may not have ssh/web:deploy
      because forbidden by frozen
      elevate      forbidden by frozen (policies/p.cedar:3)
                   condition is false in night (policies/p.cedar:2)
      request      forbidden by frozen (policies/p.cedar:3)
    "#);
}

#[test]
fn groups_that_no_policy_names_become_no_entities() {
    let mut caller = Ask::new("ssh/web:deploy", Routine).caller;
    caller.groups = (0..1000).map(|number| format!("team-{number}")).collect();
    caller.groups.insert("on-call".to_owned());
    let (_, groups) = principal(&caller, &starters().words);
    let names: Vec<&str> = groups.iter().map(|uid| uid.id().unescaped()).collect();
    assert_eq!(names, ["on-call"]);
}
