//! The key that seals what rests on disk: in the kernel's keyring, or in a file of our own.
//!
//! The warm path asks the kernel only. The file is where the key survives a reboot; the kernel's
//! persistent keyring (`persistent-keyring(7)`) is where it is read from without a file.

use std::path::Path;

use zeroize::Zeroizing;

use super::{files, keys, lock::Lock, seal::SealingKey, terminal};
use crate::domain::failure::{Failure, Result};

const NAME: &str = "jit:sealing-key";

/// The sealing key, from the kernel if it has it.
pub fn sealing_key(file: &Path) -> Result<SealingKey> {
    match in_kernel(file) {
        Some(bytes) => Ok(SealingKey::new(bytes)),
        None => durable_sealing_key(file),
    }
}

/// The sealing key from its file, made on first use: what is sealed with it outlives the kernel.
pub fn durable_sealing_key(file: &Path) -> Result<SealingKey> {
    let key = match kept(file)? {
        Some(key) => key,
        None => make(file)?,
    };
    kernel::write(&kernel_name(file), key.expose());
    Ok(key)
}

/// Where the sealing key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Whether its file holds it.
    pub in_file: bool,
    /// Whether the kernel's keyring does.
    pub in_kernel: bool,
}

/// Looks for the sealing key, and makes none.
///
/// # Errors
/// Its file can be reached by others, or holds no key of 32 bytes.
pub fn look(file: &Path) -> Result<Whereabouts> {
    Ok(Whereabouts {
        in_file: kept(file)?.is_some(),
        in_kernel: in_kernel(file).map(SealingKey::new).is_some(),
    })
}

/// The sealing key where there is one already; none is made.
pub fn known_sealing_key(file: &Path) -> Option<SealingKey> {
    let kernel = in_kernel(file).map(SealingKey::new);
    kernel.or_else(|| kept(file).ok().flatten())
}

fn in_kernel(file: &Path) -> Option<[u8; 32]> {
    kernel::read_key(&kernel_name(file))
}

/// One key per place, so that two configurations of one user stay apart.
fn kernel_name(file: &Path) -> String {
    let place = keys::hex(&keys::sha256(file.as_os_str().as_encoded_bytes()));
    format!("{NAME}:{}", place.get(..16).unwrap_or_default())
}

fn kept(file: &Path) -> Result<Option<SealingKey>> {
    let Some(bytes) = files::read_private(file)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let key = bytes.as_slice().try_into().map_err(|_| {
        Failure::failed(format!(
            "{} does not hold a key of 32 bytes",
            file.display()
        ))
        .hint("restore it from a backup; without it, what it sealed cannot be opened")
    })?;
    Ok(Some(SealingKey::new(key)))
}

/// Makes the key under a lock, so that of many first processes one makes it. Where only the file
/// was lost, the kernel still knows what it held.
fn make(file: &Path) -> Result<SealingKey> {
    if let Some(directory) = file.parent() {
        files::private_directory(directory)?;
    }
    let _lock = Lock::acquire(&file.with_extension("lock"), || ())?;
    if let Some(key) = kept(file)? {
        return Ok(key);
    }
    let bytes = match in_kernel(file) {
        Some(bytes) => bytes,
        None => keys::random::<32>()?,
    };
    files::write_private(file, &bytes)?;
    if terminal::is_watched() {
        terminal::say(&format!(
            "jit: made the key that seals credentials on this machine: {} (readable by you alone)",
            file.display()
        ));
    }
    Ok(SealingKey::new(bytes))
}

/// The secret that the user put into the kernel's keyring under `jit:NAME`.
pub fn secret(name: &str) -> Result<Zeroizing<Vec<u8>>> {
    kernel::read(&format!("jit:{name}"))
        .map(Zeroizing::new)
        .ok_or_else(|| {
            Failure::failed(format!("the keyring has no secret named {name:?}")).hint(format!(
                "store it: keyctl padd user jit:{name} @u < FILE, or use file: or env:"
            ))
        })
}

#[cfg(target_os = "linux")]
mod kernel {
    use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};

    fn keyring() -> Option<KeyRing> {
        KeyRing::get_persistent(KeyRingIdentifier::Process)
            .or_else(|_| KeyRing::from_special_id(KeyRingIdentifier::User, false))
            .ok()
    }

    fn find(name: &str) -> Option<Key> {
        let found = keyring()?
            .search(name)
            .or_else(|_| KeyRing::from_special_id(KeyRingIdentifier::User, false)?.search(name));
        found.ok()
    }

    pub(super) fn read(name: &str) -> Option<Vec<u8>> {
        find(name)?.read_to_vec().ok()
    }

    /// Exactly 32 bytes, on the stack; a longer one is not the key.
    pub(super) fn read_key(name: &str) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        (find(name)?.read(&mut key).ok()? == key.len()).then_some(key)
    }

    /// A kernel without keyrings (many containers) is no reason to fail: the file serves.
    pub(super) fn write(name: &str, bytes: &[u8]) {
        if let Some(keyring) = keyring() {
            let _ = keyring.add_key(name, bytes);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    pub(super) fn read(_: &str) -> Option<Vec<u8>> {
        None
    }

    pub(super) fn read_key(_: &str) -> Option<[u8; 32]> {
        None
    }

    pub(super) fn write(_: &str, _: &[u8]) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};

    use super::*;

    #[test]
    fn a_secret_that_the_user_stored_is_found_and_an_absent_one_is_said() {
        let Ok(keyring) = KeyRing::from_special_id(KeyRingIdentifier::User, true) else {
            return;
        };
        let key = keyring.add_key("jit:of-a-test", b"stored").unwrap();
        assert_eq!(secret("of-a-test").unwrap().as_slice(), b"stored");
        key.invalidate().unwrap();
        let failure = secret("of-a-test").unwrap_err();
        assert!(
            failure.hint.contains("keyctl padd user jit:of-a-test @u"),
            "{failure:?}"
        );
    }

    #[test]
    fn the_key_outlives_the_kernel_in_its_file_and_the_file_in_the_kernel() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("state/sealing.key");
        let nowhere = look(&file).unwrap();
        assert!(!nowhere.in_file && !nowhere.in_kernel && !directory.path().join("state").exists());
        let made = durable_sealing_key(&file).unwrap();
        assert!(look(&file).unwrap().in_file);
        assert_eq!(kept(&file).unwrap().unwrap().expose(), made.expose());
        assert_eq!(sealing_key(&file).unwrap().expose(), made.expose());
        files::remove(&file).unwrap();
        let again = durable_sealing_key(&file).unwrap();
        if in_kernel(&file).is_some() {
            assert_eq!(again.expose(), made.expose());
        }
    }
}
