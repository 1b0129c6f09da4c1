//! Signing keys in memory: of each purpose its generations, wiped when they are dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use crate::{
    domain::{
        failure::{Failure, Result},
        key::PublicKey,
        time::Timestamp,
    },
    platform::proof,
};

/// How long after its successor began a key is still shown to those who verify: longer than anything
/// that it signed.
const OVERLAP: Duration = Duration::from_hours(24 * 30);

/// How many tokens that were opened are remembered at most.
const SEEN: usize = 4096;

/// The keys in memory. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Rings(Arc<Mutex<BTreeMap<String, Arc<Ring>>>>);

impl Rings {
    pub(super) fn of(&self, purpose: &str) -> Option<Arc<Ring>> {
        self.lock(|rings| rings.get(purpose).cloned())
    }

    pub(super) fn keep(&self, purpose: &str, ring: &Arc<Ring>) {
        self.lock(|rings| rings.insert(purpose.to_owned(), Arc::clone(ring)));
    }

    pub(super) fn forget(&self) {
        self.lock(BTreeMap::clear);
    }

    fn lock<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Arc<Ring>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Rings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rings").finish_non_exhaustive()
    }
}

/// The generations of one purpose, the newest first.
pub(super) struct Ring {
    pub(super) read_at: Instant,
    pub(super) keys: Vec<Kept>,
    /// The hashes of what these keys were seen to have signed.
    opened: Mutex<BTreeSet<[u8; 32]>>,
}

/// A key as the database has it.
pub(super) struct Kept {
    pub(super) generation: i64,
    pub(super) starts_at: Timestamp,
    /// The private half; none once it only verifies.
    pub(super) secret: Option<Zeroizing<Vec<u8>>>,
    pub(super) public: Vec<u8>,
}

/// Both halves of a new key.
pub(super) struct Halves {
    pub(super) secret: Zeroizing<Vec<u8>>,
    pub(super) public: Vec<u8>,
}

impl Ring {
    pub(super) fn new(read_at: Instant, keys: Vec<Kept>) -> Self {
        Self {
            read_at,
            keys,
            opened: Mutex::default(),
        }
    }

    pub(super) fn has_opened(&self, hash: &[u8; 32]) -> bool {
        self.seen().contains(hash)
    }

    pub(super) fn note_opened(&self, hash: [u8; 32]) {
        let mut seen = self.seen();
        if seen.len() >= SEEN {
            seen.clear();
        }
        seen.insert(hash);
    }

    fn seen(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn signing(&self, now: Timestamp) -> Option<&Kept> {
        // A clock that is behind others' may not have come to where the old one's private half went.
        let signs = |kept: &&Kept| kept.secret.is_some();
        let begun = self
            .keys
            .iter()
            .filter(signs)
            .find(|kept| kept.starts_at <= now);
        begun.or_else(|| self.keys.iter().rev().find(signs))
    }

    pub(super) fn shown(&self, purpose: &str, now: Timestamp) -> impl Iterator<Item = &Kept> {
        let first = self.signing(now);
        let signing = first.map(|kept| kept.generation);
        let for_ever = is_verified_for_ever(purpose);
        let others = self.keys.iter().enumerate().filter(move |(at, kept)| {
            let successor = at.checked_sub(1).and_then(|at| self.keys.get(at));
            let ended = successor.map(|next| next.starts_at.after(OVERLAP));
            Some(kept.generation) != signing && (for_ever || ended.is_none_or(|end| now < end))
        });
        first.into_iter().chain(others.map(|(_, kept)| kept))
    }

    pub(super) fn named(&self, id: Option<&str>) -> Result<Vec<PublicKey>> {
        let mut named = Vec::new();
        for key in self.keys.iter().map(public) {
            let key = key?;
            if id.is_none_or(|id| proof::thumbprint(key).is_ok_and(|own| own == id)) {
                named.push(key);
            }
        }
        Ok(named)
    }
}

/// What lives for years, or is shown to auditors years later.
fn is_verified_for_ever(purpose: &str) -> bool {
    purpose == "checkpoint" || purpose.starts_with("host ca ")
}

pub(super) fn public(kept: &Kept) -> Result<PublicKey> {
    let bytes = kept.public.as_slice().try_into();
    bytes
        .map(PublicKey)
        .map_err(|_| Failure::failed("a key in the store is not an Ed25519 key"))
}
