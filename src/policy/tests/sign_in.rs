//! The sign-in that a policy obliges to: recent, and strong where it says so.

use std::time::Duration;

use super::{Ask, file, parse};
use crate::{
    domain::{
        decision::Verdict::{Allow, Deny},
        entitlement::Tier::Routine,
        principal::{SignIn, StrongSignIn},
        time::Timestamp,
    },
    policy::set::Policies,
};

const STRONG: &str =
    r#"@id("strong") @mfa_within("1h") permit (principal, action == Action::"elevate", resource);"#;

fn strong(acr: &[&str], amr: &[&str]) -> StrongSignIn {
    let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    StrongSignIn {
        acr_values: set(acr),
        amr_values: set(amr),
    }
}

/// Somebody who signed in so long ago, in that way.
fn signed_in(age: Duration, acr: Option<&str>, amr: &[&str]) -> Ask {
    Ask {
        sign_in_age: Some(age),
        sign_in: Some(SignIn {
            at: Timestamp::from_secs(0),
            methods: amr.iter().map(|value| (*value).to_owned()).collect(),
            context: acr.map(str::to_owned),
        }),
        ..Ask::new("ssh/web:deploy", Routine)
    }
}

#[test]
fn a_recent_sign_in_that_is_not_strong_does_not_meet_mfa_within() {
    let policies = parse(STRONG).with_strong_sign_in(strong(&["phr"], &["otp", "hwk"]));
    let policies = policies.unwrap();
    let now = Duration::ZERO;
    let weak = signed_in(now, Some("0"), &["pwd"]).of(&policies);
    assert_eq!(weak.verdict, Deny);
    assert_eq!(
        weak.reason.unwrap(),
        "strong needs a strong sign-in (acr \"phr\", or amr \"hwk\" or \"otp\") within the last 1h; \
         this one has acr \"0\", amr \"pwd\""
    );
    let needed = weak.sign_in.unwrap();
    assert_eq!(needed.within, Duration::from_hours(1));
    assert!(needed.hint.contains("a second factor"), "{needed:?}");
    assert_eq!(signed_in(now, None, &[]).of(&policies).verdict, Deny);
    assert_eq!(
        Ask::new("ssh/web:deploy", Routine).of(&policies).verdict,
        Deny
    );
    assert_eq!(
        signed_in(now, Some("phr"), &["pwd"]).of(&policies).verdict,
        Allow
    );
    assert_eq!(
        signed_in(now, None, &["pwd", "otp"]).of(&policies).verdict,
        Allow
    );
    let old = signed_in(Duration::from_secs(3601), Some("phr"), &[]).of(&policies);
    assert_eq!(old.verdict, Deny);
    assert_eq!(old.sign_in.unwrap().hint, "run: jit login --fresh");
}

#[test]
fn where_no_sign_in_counts_as_strong_none_meets_mfa_within_and_a_server_refuses_it() {
    let policies = parse(STRONG);
    let best = signed_in(Duration::ZERO, Some("phr"), &["otp"]);
    assert_eq!(best.of(&policies).verdict, Deny);
    let failure = policies.with_strong_sign_in(StrongSignIn::default());
    let failure = failure.unwrap_err();
    assert!(
        failure
            .message
            .starts_with("policies/p.cedar:1: @mfa_within needs acr_values or amr_values"),
        "{failure}"
    );
    assert!(failure.hint.contains("@signed_in_within"), "{failure:?}");
    let fresh = STRONG.replace("mfa_within", "signed_in_within");
    let fresh = Policies::parse(&[file(&fresh)]).unwrap();
    let fresh = fresh.with_strong_sign_in(StrongSignIn::default()).unwrap();
    assert_eq!(
        signed_in(Duration::ZERO, None, &["pwd"]).of(&fresh).verdict,
        Allow
    );
}
