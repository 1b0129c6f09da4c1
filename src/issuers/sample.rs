//! What the issuers' own tests are made from: a grant of alice's, a key, a site.

use std::{path::Path, sync::LazyLock, time::Duration};

use super::order::{Issuer, Order, Site};
use crate::{
    domain::{
        elevation::Grant,
        environment::Environment,
        id::GrantId,
        key::{EcKey, PrivateKey, PublicKey},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::keys,
};

/// 2027-01-15T08:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

static AUTHORITY: LazyLock<PrivateKey> = LazyLock::new(|| keys::from_seed(&[7; 32]).unwrap());
static ISSUER: LazyLock<EcKey> = LazyLock::new(|| keys::generate_ec().unwrap());
static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(Environment::default);

/// An hour for that entitlement, in credentials of ten minutes.
pub(super) fn grant(entitlement: &str) -> Grant {
    Grant {
        id: GrantId::new(NOW, [7; 10]),
        principal: Principal::new(Class::Human, "alice@example.com").unwrap(),
        entitlement: entitlement.parse().unwrap(),
        granted_at: NOW,
        expires_at: NOW.after(Duration::from_hours(1)),
        credential_ttl: Duration::from_mins(10),
        policies: vec![],
        break_glass: false,
        chain: Vec::new(),
    }
}

/// The first credential under it.
pub(super) fn order(grant: &Grant) -> Order<'_> {
    Order {
        grant,
        public_key: PublicKey([9; 32]),
        serial: 4_815_162_342,
        now: NOW,
    }
}

/// A site with a certificate authority of fixed bytes, and an issuer's URL.
pub(super) fn site() -> Site<'static> {
    Site {
        authority: Some(&AUTHORITY),
        also: &[],
        issuer: Some(Issuer {
            url: "https://jit.example.com",
            key: &ISSUER,
            certificate_authority: None,
        }),
        directory: Path::new("/nonexistent"),
        environment: &ENVIRONMENT,
        now: NOW,
    }
}
