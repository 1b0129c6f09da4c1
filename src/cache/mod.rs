//! Where leases rest: sealed, one file each, one flight per entitlement.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    domain::{
        entitlement::Entitlement,
        environment::Places,
        failure::{Code, Failure, Result},
        lease::{Freshness, Lease},
        time::Timestamp,
    },
    platform::{files, keyring, lock::Lock, seal::SealingKey, terminal},
};

const SUFFIX: &str = "lease";

/// The leases of one user.
pub struct Cache {
    directory: PathBuf,
    key: SealingKey,
    patience: Option<Duration>,
    /// As in [`Places`].
    job: Option<String>,
}

/// The file of the key that seals leases and signing keys.
pub fn sealing_key_file(places: &Places) -> PathBuf {
    places.state.join("sealing.key")
}

/// The directory where leases rest.
pub fn directory(places: &Places) -> PathBuf {
    places.cache.join("leases")
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
            job: places.job.clone(),
        })
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
        if let Some(lease) = self.fresh(entitlement, now())? {
            return Ok(lease);
        }
        let _flight = match self.lock(entitlement) {
            Ok(flight) => flight,
            Err(failure) => {
                let held = self.read(entitlement)?.filter(|held| held.works(now()));
                return held.ok_or(failure);
            }
        };
        let held = self.read(entitlement)?;
        match held.as_ref().map(|lease| lease.freshness(now())) {
            Some(Freshness::Fresh) => held.map_or_else(|| ask(None), Ok),
            Some(Freshness::Renewable) => {
                let lease = ask(held)?;
                // What was forgotten while it was renewed stays forgotten.
                if self.file(entitlement).exists() {
                    return self.keep(lease);
                }
                Ok(lease)
            }
            Some(Freshness::Over) | None => self.keep(ask(None)?),
        }
    }

    /// The lease of an entitlement, if it is fresh at `now`. This is the warm path: one file is read.
    pub fn fresh(&self, entitlement: &Entitlement, now: Timestamp) -> Result<Option<Lease>> {
        let lease = self.read(entitlement)?;
        Ok(lease.filter(|lease| lease.freshness(now) == Freshness::Fresh))
    }

    /// The lease of an entitlement as it rests here, whatever it is good for.
    pub fn held(&self, entitlement: &Entitlement) -> Result<Option<Lease>> {
        self.read(entitlement)
    }

    /// Every lease that rests here, by entitlement.
    pub fn leases(&self) -> Result<Vec<Lease>> {
        let names = self.entitlements();
        let leases = names.iter().filter_map(|name| self.read(name).transpose());
        leases.collect()
    }

    /// The entitlements of the leases that rest here, in order.
    pub fn entitlements(&self) -> Vec<Entitlement> {
        let listing = fs::read_dir(&self.directory).into_iter().flatten();
        let mut names: Vec<Entitlement> = listing
            .filter_map(|file| entitlement_of(&file.ok()?.path()))
            .collect();
        names.sort();
        names
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
            // Where jobs follow one another, that is what the one before left.
            if self.job.is_none() {
                terminal::say(&format!(
                    "jit: dropped the cached lease for {entitlement}: it could not be opened"
                ));
            }
            drop(files::remove(&file));
        }
        Ok(lease)
    }

    fn unseal(&self, entitlement: &Entitlement, sealed: &[u8]) -> Option<Lease> {
        self.key
            .open(&self.sealed_as(entitlement), sealed)
            .and_then(|text| serde_json::from_slice::<Lease>(&text).ok())
            .filter(|lease| lease.grant.entitlement == *entitlement)
    }

    /// As what a lease is sealed: what a job was given is no other job's, who may be somebody else.
    fn sealed_as(&self, entitlement: &Entitlement) -> String {
        match &self.job {
            Some(job) => format!("{entitlement} of {job}"),
            None => entitlement.to_string(),
        }
    }

    /// Keeps a lease. A cache that cannot be written costs the next command time, not this one its
    /// credential.
    fn keep(&self, lease: Lease) -> Result<Lease> {
        let entitlement = &lease.grant.entitlement;
        let kept = serde_json::to_vec(&lease)
            .ok()
            .map(zeroize::Zeroizing::new)
            .map(|text| self.key.seal(&self.sealed_as(entitlement), &text))
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

    /// `kubernetes,prod,view.lease`; a comma is in no name.
    fn file(&self, entitlement: &Entitlement) -> PathBuf {
        let name = entitlement.to_string().replace(['/', ':'], ",");
        self.directory.join(format!("{name}.{SUFFIX}"))
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
        job: places.job.clone(),
    };
    let names = cache.entitlements();
    let leases = names.iter().filter_map(|name| {
        let sealed = files::read_private(&cache.file(name)).ok()??;
        cache.unseal(name, &sealed)
    });
    leases.collect()
}

fn entitlement_of(file: &Path) -> Option<Entitlement> {
    let name = file
        .file_name()?
        .to_str()?
        .strip_suffix(SUFFIX)?
        .strip_suffix('.')?;
    let (resource, role) = name.rsplit_once(',')?;
    format!("{}:{role}", resource.replacen(',', "/", 1))
        .parse()
        .ok()
}
