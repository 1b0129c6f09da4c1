//! Where the key that seals an authority's secrets is kept: a file, a variable, a credential of systemd.
//! A key management service would be one more [`Keeper`].

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{files, keys, lock::Lock, seal::SealingKey, secret};
use crate::domain::{
    environment::Environment,
    failure::{Failure, Result},
    secret_reference::SecretReference,
};

/// Keeps a sealing key, which nobody but this process can read.
pub trait Keeper: Send + Sync {
    /// The key as it is kept now.
    fn key(&self) -> Result<SealingKey>;
}

/// A file of this server's own, made on first use.
#[derive(Clone, Debug)]
pub struct Own(pub PathBuf);

impl Keeper for Own {
    fn key(&self) -> Result<SealingKey> {
        if !files::is_private(&self.0)? {
            if let Some(directory) = self.0.parent() {
                files::private_directory(directory)?;
            }
            make(&self.0)?;
        }
        let named = Named {
            reference: SecretReference::File(self.0.clone()),
            directory: PathBuf::new(),
            environment: Environment::default(),
        };
        named.key()
    }
}

/// What somebody else keeps: `file:`, `env:`, `credential:` or `keyring:`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Where.
    pub reference: SecretReference,
    /// Where a relative path starts.
    pub directory: PathBuf,
    /// The process's surroundings.
    pub environment: Environment,
}

impl Keeper for Named {
    fn key(&self) -> Result<SealingKey> {
        let Self {
            reference,
            directory,
            environment,
        } = self;
        if let SecretReference::File(path) = reference {
            let bytes = secret::read_file(&directory.join(path))?.map(Zeroizing::new);
            // As this program writes it.
            if let Some(key) = bytes.and_then(|bytes| raw(&bytes)) {
                return Ok(key);
            }
        }
        let text = secret::resolve(reference, directory, environment)?;
        let bytes = STANDARD.decode(text.expose_secret().trim());
        let bytes = bytes.ok().map(Zeroizing::new);
        bytes.and_then(|bytes| raw(&bytes)).ok_or_else(|| {
            Failure::failed("the sealing key is not 32 bytes in base64")
                .hint("make one: openssl rand -base64 32")
        })
    }
}

fn raw(bytes: &[u8]) -> Option<SealingKey> {
    bytes.try_into().ok().map(SealingKey::new)
}

/// Makes a sealing key in a file, if there is none; of many processes that start at once one does.
pub fn make(file: &Path) -> Result<()> {
    let _lock = Lock::soon(&file.with_extension("lock"))?;
    if files::is_private(file)? {
        return Ok(());
    }
    files::write_private(file, &keys::random::<32>()?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn named(text: &str, variables: &[(&str, &str)]) -> Result<SealingKey> {
        let variables = variables.iter().map(|(n, v)| (n.into(), v.into()));
        let named = Named {
            reference: SecretReference::try_from(text.to_owned()).unwrap(),
            directory: PathBuf::from("/nonexistent"),
            environment: Environment {
                variables: variables.collect(),
                ..Environment::default()
            },
        };
        named.key()
    }

    #[test]
    fn a_key_is_32_bytes_wherever_it_is_kept() {
        let text = STANDARD.encode([7; 32]);
        let wanted = SealingKey::new([7; 32]).fingerprint();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        for bytes in [
            &[7; 32][..],
            text.as_bytes(),
            format!("{text}\n").as_bytes(),
        ] {
            files::write_private(&file, bytes).unwrap();
            let kept = named(&format!("file:{}", file.display()), &[]).unwrap();
            assert_eq!(kept.fingerprint(), wanted);
        }
        let variable = named("env:SEALING", &[("SEALING", &text)]).unwrap();
        assert_eq!(variable.fingerprint(), wanted);
        let place = directory.path().to_str().unwrap();
        let handed = named("credential:key", &[("CREDENTIALS_DIRECTORY", place)]).unwrap();
        assert_eq!(handed.fingerprint(), wanted);
    }

    #[test]
    fn what_is_no_key_is_refused_and_never_shown() {
        let short = STANDARD.encode([7; 16]);
        for text in ["hunter2", &short, "", "not base64!"] {
            let failure = named("env:SEALING", &[("SEALING", text)]).unwrap_err();
            assert!(
                text.is_empty() || !failure.to_string().contains(text),
                "{failure}"
            );
            assert!(!failure.hint.is_empty());
        }
        for absent in ["file:key", "env:SEALING", "credential:key"] {
            assert!(named(absent, &[]).is_err(), "{absent}");
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        files::write_private(&file, &[7; 32]).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let failure = named(&format!("file:{}", file.display()), &[]).unwrap_err();
        assert!(failure.hint.starts_with("run: chmod 600"), "{failure:?}");
    }

    #[test]
    fn a_key_of_ones_own_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let own = Own(directory.path().join("state/sealing.key"));
        let made = own.key().unwrap();
        assert_eq!(own.key().unwrap().fingerprint(), made.fingerprint());
    }
}
