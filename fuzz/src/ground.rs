//! What targets stand on: an instant, keys, a directory of this process, somebody who asks.

use std::{env, fs, path::PathBuf, process, sync::LazyLock, time::Duration};

use jit::{
    domain::{
        credential::{Credential, Secret, Token},
        elevation::Grant,
        entitlement::Entitlement,
        environment::Places,
        id::GrantId,
        key::PrivateKey,
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::keys,
};
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};

/// When everything happens, but in a real server.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// The same for whoever takes a clock.
pub(crate) fn now() -> Timestamp {
    NOW
}

/// A key that is always the same, so that seeds hold.
pub(crate) fn key(seed: u8) -> PrivateKey {
    keys::from_seed(&[seed; 32]).expect("a key")
}

/// The directory of this process, in memory where that can be: tests write much and keep nothing.
pub(crate) fn directory() -> PathBuf {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() {
            memory
        } else {
            env::temp_dir()
        };
        let directory = env::var_os("FUZZ_DIRECTORY").map_or_else(
            || parent.join(format!("jit-fuzz.{}", process::id())),
            PathBuf::from,
        );
        fs::create_dir_all(&directory).expect("a directory");
        directory
    });
    DIRECTORY.clone()
}

/// Where this process keeps things.
pub(crate) fn places() -> Places {
    let directory = directory();
    Places {
        configuration: directory.join("config"),
        state: directory.join("state"),
        cache: directory.join("cache"),
        runtime: directory.join("run"),
        job: None,
    }
}

/// Runs something that waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The text of an input, if it is one.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}

/// The first bytes of an input, by which a target chooses, and the rest.
pub(crate) fn choice<const N: usize>(data: &[u8]) -> Option<([usize; N], &[u8])> {
    let (chosen, rest) = data.split_first_chunk::<N>()?;
    Some((chosen.map(usize::from), rest))
}

/// A grant of alice's.
pub(crate) fn grant(entitlement: &Entitlement) -> Grant {
    Grant {
        id: GrantId::new(NOW, [7; 10]),
        principal: Principal::new(Class::Human, "alice").expect("a name"),
        entitlement: entitlement.clone(),
        granted_at: NOW,
        expires_at: NOW.after(Duration::from_hours(1)),
        credential_ttl: Duration::from_mins(10),
        policies: vec!["all".to_owned()],
        break_glass: false,
        chain: Vec::new(),
    }
}

/// A lease under it.
pub(crate) fn lease(entitlement: &str, secret: Secret) -> Lease {
    let entitlement = entitlement.parse().expect("an entitlement");
    Lease {
        grant: grant(&entitlement),
        token: Token(SecretString::from("token")),
        holder: key(1),
        credential: Credential {
            serial: "7".to_owned(),
            expires_at: NOW.after(Duration::from_mins(10)),
            secret,
        },
        key: key(2),
        issued_at: NOW,
        took: Duration::from_millis(3),
        because: "get reads".to_owned(),
        binding: Binding::default(),
        justification: None,
        asked_ttl: None,
        confirmed_at: None,
        catalogue_stamp: String::new(),
        is_longest: false,
    }
}
