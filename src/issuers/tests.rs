//! What holds for every kind's issuer.

use std::time::Duration;

use super::sample;
use crate::domain::elevation::Grant;

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
