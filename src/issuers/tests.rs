//! What holds for every kind's issuer.

use std::time::Duration;

use super::sample;
use crate::domain::{
    elevation::Grant,
    principal::{Class, Principal},
};

#[test]
fn a_credential_ends_no_later_than_its_grant() {
    let mut grant = sample::grant("ssh/web:deploy");
    let end = |grant: &Grant| sample::order(grant).expires_at().left(sample::NOW);
    assert_eq!(end(&grant), Duration::from_mins(10));
    grant.expires_at = sample::NOW.after(Duration::from_millis(90_900));
    assert_eq!(end(&grant), Duration::from_secs(90));
    grant.credential_ttl = Duration::MAX;
    assert_eq!(end(&grant), Duration::from_secs(90));
}

/// In no target's log does an agent pass for the person that it is named after.
#[test]
fn an_agent_is_not_known_by_a_persons_name() {
    let mut grant = sample::grant("ssh/web:deploy");
    grant.principal = Principal::new(Class::Agent, "alice@example.com").unwrap();
    assert_eq!(
        sample::order(&grant).label(),
        format!("jit:{}:agent/alice@example.com", grant.id)
    );
}

#[test]
fn a_log_names_all_for_whom_somebody_acts_and_is_not_flooded() {
    let mut grant = sample::grant("ssh/web:deploy");
    let id = grant.id.clone();
    let agent = |name: &str| Principal::new(Class::Agent, name).unwrap();
    let alice = grant.principal.clone();
    grant.principal = agent("sub");
    grant.chain = vec![agent("helper"), alice];
    let label = sample::order(&grant).label();
    assert_eq!(
        label,
        format!("jit:{id}:agent/sub:agent/helper:alice@example.com")
    );
    // Whoever names their agents at length does not push out what stands behind.
    grant.chain = vec![agent(&"x".repeat(128)); 7];
    let one = sample::order(&grant).label();
    grant.chain.pop();
    let other = sample::order(&grant).label();
    assert_eq!((one.len(), other.len()), (label_length(), label_length()));
    assert_ne!(one, other);
}

const fn label_length() -> usize {
    "jit:01mcc5rm000w3ge1r70w3ge1r7:".len() + 256
}
