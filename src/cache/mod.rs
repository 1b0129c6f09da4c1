//! Where leases rest: sealed, one file each, one flight per entitlement.

mod owner;

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use owner::{Owner, SUFFIX};

use crate::{
    domain::{
        entitlement::Entitlement,
        environment::Places,
        failure::{Code, Failure, Result},
        lease::{Binding, Freshness, Lease},
        time::Timestamp,
    },
    platform::{files, keyring, lock::Lock, seal::SealingKey, terminal},
};

/// No job has a use for a lease that was not written for so long.
const LONGEST: Duration = Duration::from_hours(24);

/// The leases of one user.
pub struct Cache {
    directory: PathBuf,
    key: SealingKey,
    patience: Option<Duration>,
    owner: Owner,
    binding: Option<Binding>,
}

/// The file of the key that seals leases and signing keys.
pub fn sealing_key_file(places: &Places) -> PathBuf {
    places.state.join("sealing.key")
}

/// The directory where leases rest.
pub fn directory(places: &Places) -> PathBuf {
    places.cache.join("leases")
}

/// The file of an entitlement's lease, whether it is there or not.
pub fn file(places: &Places, entitlement: &Entitlement) -> PathBuf {
    file_of(&directory(places), &Owner::of(places), entitlement)
}

/// `kubernetes,prod,view,0123456789abcdef.lease`; a comma is in no name.
fn file_of(directory: &Path, owner: &Owner, entitlement: &Entitlement) -> PathBuf {
    let name = entitlement.to_string().replace(['/', ':'], ",");
    let of = owner.suffix();
    directory.join(format!("{name}{of}.{SUFFIX}"))
}

impl Cache {
    /// Opens the cache, and makes it on first use.
    ///
    /// # Errors
    /// The directory or the key's file can be reached by others; the hint mends it.
    pub fn open(places: &Places) -> Result<Self> {
        let key = keyring::sealing_key(&sealing_key_file(places))?;
        let directory = directory(places);
        if let Err(failure) = files::private_directory(&directory) {
            // One that is there and shared is refused; one that cannot be made is done without.
            if directory.exists() {
                return Err(failure);
            }
        }
        Ok(Self {
            directory,
            key,
            patience: None,
            owner: Owner::of(places),
            binding: None,
        })
    }

    /// The same cache, in which a lease that was issued for anything else counts as none.
    #[must_use]
    pub fn bound_to(self, binding: Binding) -> Self {
        Self {
            binding: Some(binding),
            ..self
        }
    }

    /// The same cache for whoever can wait for another process only so long.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self {
            patience: Some(patience),
            ..self
        }
    }

    /// A lease that is fresh at `now`: the one that rests here, or the one that `ask` brings, which
    /// is then kept. `ask` is given the lease that is to be renewed, if its grant still lives.
    ///
    /// However many processes come at once, one asks; the others wait for it and use its lease.
    ///
    /// # Errors
    /// Timed out: another process has been asking for longer than this one can wait, and no lease
    /// that rests here works. Otherwise what `ask` says.
    pub fn fresh_or(
        &self,
        entitlement: &Entitlement,
        now: impl Fn() -> Timestamp,
        ask: impl FnOnce(Option<Lease>) -> Result<Lease>,
    ) -> Result<Lease> {
        self.enough_or(entitlement, now, |_| true, ask)
    }

    /// The same for whoever needs more of a lease than that it is fresh: one that is not `enough` is renewed.
    ///
    /// # Errors
    /// As those of [`Cache::fresh_or`].
    pub fn enough_or(
        &self,
        entitlement: &Entitlement,
        now: impl Fn() -> Timestamp,
        enough: impl Fn(&Lease) -> bool,
        ask: impl FnOnce(Option<Lease>) -> Result<Lease>,
    ) -> Result<Lease> {
        if let Some(lease) = self.fresh(entitlement, now())?.filter(&enough) {
            return Ok(lease);
        }
        let _flight = match self.lock(entitlement) {
            Ok(flight) => flight,
            Err(failure) => {
                let held = self.bound(entitlement)?.filter(|held| held.works(now()));
                return held.ok_or(failure);
            }
        };
        let held = self.bound(entitlement)?;
        let is_enough = held.as_ref().is_some_and(&enough);
        match held.as_ref().map(|lease| lease.freshness(now())) {
            Some(Freshness::Fresh) if is_enough => held.map_or_else(|| ask(None), Ok),
            Some(Freshness::Fresh | Freshness::Renewable) => {
                let lease = ask(held)?;
                // What was forgotten while it was renewed stays forgotten.
                if self.file(entitlement).exists() {
                    return self.keep(lease);
                }
                Ok(lease)
            }
            Some(Freshness::Over) | None => {
                let lease = self.keep(ask(None)?)?;
                self.sweep(now());
                Ok(lease)
            }
        }
    }

    /// The lease of an entitlement, if it is fresh at `now`. This is the warm path: one file is read.
    pub fn fresh(&self, entitlement: &Entitlement, now: Timestamp) -> Result<Option<Lease>> {
        let lease = self.bound(entitlement)?;
        Ok(lease.filter(|lease| lease.freshness(now) == Freshness::Fresh))
    }

    /// The lease of an entitlement, where it was issued for what it is to be used for.
    fn bound(&self, entitlement: &Entitlement) -> Result<Option<Lease>> {
        let lease = self.read(entitlement)?;
        Ok(lease.filter(|lease| self.is_for(lease)))
    }

    fn is_for(&self, lease: &Lease) -> bool {
        let mut wanted = self.binding.iter();
        wanted.all(|binding| *binding == lease.binding)
    }

    /// Changes a lease that rests here, unless another process is just asking for a new one.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn update(&self, entitlement: &Entitlement, change: impl FnOnce(&mut Lease)) -> Result<()> {
        let lock = self.file(entitlement).with_extension("lock");
        let Ok(Some(_flight)) = Lock::if_free(&lock) else {
            return Ok(());
        };
        if let Some(mut lease) = self.bound(entitlement)? {
            change(&mut lease);
            self.keep(lease)?;
        }
        Ok(())
    }

    /// The lease of an entitlement as it rests here, whatever it is good for.
    pub fn held(&self, entitlement: &Entitlement) -> Result<Option<Lease>> {
        self.read(entitlement)
    }

    /// Every lease that rests here, by entitlement; those of other jobs on this machine are not seen.
    pub fn leases(&self) -> Result<Vec<Lease>> {
        let names = self.entitlements();
        let leases = names.iter().filter_map(|name| self.read(name).transpose());
        leases.collect()
    }

    /// The entitlements of the leases that rest here, in order.
    pub fn entitlements(&self) -> Vec<Entitlement> {
        entitlements(&self.directory, &self.owner)
    }

    /// The leases whose grants live at `now`. Those whose grants are over are removed, except where
    /// somebody is just asking for a new one.
    pub fn live(&self, now: Timestamp) -> Result<Vec<Lease>> {
        let (live, over): (Vec<Lease>, Vec<Lease>) = self
            .leases()?
            .into_iter()
            .partition(|lease| lease.grant.is_live(now));
        for lease in over {
            let entitlement = &lease.grant.entitlement;
            let file = self.file(entitlement);
            let Ok(Some(_flight)) = Lock::if_free(&file.with_extension("lock")) else {
                continue;
            };
            // Read again: it may be another one by now.
            let newest = self.read(entitlement)?;
            if newest.is_some_and(|newest| !newest.grant.is_live(now)) {
                drop(files::remove(&file));
            }
        }
        Ok(live)
    }

    /// Drops a lease; whether there was one.
    pub fn forget(&self, entitlement: &Entitlement) -> Result<bool> {
        let file = self.file(entitlement);
        let held = file.exists();
        files::remove(&file)?;
        Ok(held)
    }

    /// A lease that cannot be opened (truncated, somebody else's, sealed with another key) is
    /// dropped, which is said once, since the next one is made anew.
    fn read(&self, entitlement: &Entitlement) -> Result<Option<Lease>> {
        let file = self.file(entitlement);
        let Some(sealed) = files::read_private(&file)? else {
            return Ok(None);
        };
        let lease = self.unseal(entitlement, &sealed);
        if lease.is_none() {
            terminal::say(&format!(
                "jit: dropped the cached lease for {entitlement}: it could not be opened"
            ));
            drop(files::remove(&file));
        }
        Ok(lease)
    }

    fn unseal(&self, entitlement: &Entitlement, sealed: &[u8]) -> Option<Lease> {
        self.key
            .open(&self.owner.sealed_as(entitlement), sealed)
            .and_then(|text| serde_json::from_slice::<Lease>(&text).ok())
            .filter(|lease| lease.grant.entitlement == *entitlement)
    }

    /// Keeps a lease. A cache that cannot be written costs the next command time, not this one its
    /// credential.
    fn keep(&self, lease: Lease) -> Result<Lease> {
        let entitlement = &lease.grant.entitlement;
        let kept = serde_json::to_vec(&lease)
            .ok()
            .map(zeroize::Zeroizing::new)
            .map(|text| self.key.seal(&self.owner.sealed_as(entitlement), &text))
            .transpose()?
            .map(|sealed| files::write_passing(&self.file(entitlement), &sealed));
        if let Some(Err(failure)) = kept {
            terminal::say(&format!("jit: the lease was not cached: {failure}"));
        }
        Ok(lease)
    }

    /// The lock of an entitlement; none where the cache cannot be written, as then nothing is shared.
    fn lock(&self, entitlement: &Entitlement) -> Result<Option<Lock>> {
        let file = self.file(entitlement).with_extension("lock");
        let Some(patience) = self.patience else {
            let waiting = || {
                if terminal::is_watched() {
                    terminal::say(&format!(
                        "jit: waiting for another jit, which is asking for {entitlement}"
                    ));
                }
            };
            return Ok(Lock::acquire(&file, waiting).ok());
        };
        match Lock::within(&file, patience) {
            Ok(None) => Err(busy(entitlement, patience)),
            Ok(lock) => Ok(lock),
            Err(_) => Ok(None),
        }
    }

    fn file(&self, entitlement: &Entitlement) -> PathBuf {
        file_of(&self.directory, &self.owner, entitlement)
    }

    /// Removes what other jobs and earlier versions left long ago: nobody who comes later can open it, to
    /// see whether it is over.
    fn sweep(&self, now: Timestamp) {
        let day_ago = now.before(LONGEST);
        for file in fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = file.file_name();
            if !name.to_str().is_some_and(|name| self.owner.leaves(name)) {
                continue;
            }
            let written = file.metadata().map(|metadata| metadata.mtime());
            if written.is_ok_and(|at| Timestamp::from_secs(at) < day_ago) {
                drop(files::remove(&file.path()));
            }
        }
    }
}

fn busy(entitlement: &Entitlement, patience: Duration) -> Failure {
    let seconds = patience.as_secs();
    Failure::new(
        Code::TimedOut,
        format!("another jit has been asking for {entitlement} for {seconds} seconds"),
    )
    .hint(format!(
        "try again; to see what it waits for, run: jit request {entitlement}"
    ))
}

/// What rests there and can be opened, by entitlement, for whoever only looks (a shell that completes):
/// nothing is made, dropped or said.
pub fn glance(places: &Places) -> Vec<Lease> {
    let Some(key) = keyring::known_sealing_key(&sealing_key_file(places)) else {
        return Vec::new();
    };
    let cache = Cache {
        directory: directory(places),
        key,
        patience: None,
        owner: Owner::of(places),
        binding: None,
    };
    let names = cache.entitlements();
    let leases = names.iter().filter_map(|name| {
        let sealed = files::read_private(&cache.file(name)).ok()??;
        cache.unseal(name, &sealed)
    });
    leases.collect()
}

/// The entitlements of the leases that rest there for whoever runs there, also of those that cannot be opened.
pub fn resting(places: &Places) -> Vec<Entitlement> {
    entitlements(&directory(places), &Owner::of(places))
}

fn entitlements(directory: &Path, owner: &Owner) -> Vec<Entitlement> {
    let of = owner.suffix();
    let listing = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<Entitlement> = listing
        .filter_map(|file| entitlement_of(file.ok()?.file_name().to_str()?, of))
        .collect();
    names.sort();
    names
}

fn entitlement_of(file: &str, of: &str) -> Option<Entitlement> {
    let name = file.strip_suffix(SUFFIX)?.strip_suffix('.')?;
    let name = name.strip_suffix(of)?;
    let (resource, role) = name.rsplit_once(',')?;
    format!("{}:{role}", resource.replacen(',', "/", 1))
        .parse()
        .ok()
}
