//! Where a tool reads what must not stand in its arguments or its environment.

use std::{
    ffi::OsString,
    fs::{self, DirEntry},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use super::login::Login;
use crate::{
    domain::{
        catalogue::PostgresIssuer,
        entitlement::Entitlement,
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{configuration, files},
};

const KIND: &str = "postgres";
const CERTIFICATE: &str = "client.pem";
const PASSWORD: &str = "pgpass";

/// Where the files of an entitlement are: below the runtime directory, one directory for each configuration
/// directory, as it has its own leases, and one below it for each entitlement.
pub fn directory(places: &Places, entitlement: &Entitlement) -> PathBuf {
    let resource = own_directory(places).join(entitlement.resource.name());
    resource.join(entitlement.role.as_str())
}

fn own_directory(places: &Places) -> PathBuf {
    let own = configuration::own_directory(KIND, &places.configuration);
    places.runtime.join(own)
}

/// The file of one of an entitlement's locks. It lies beside the directory, where no role can be of
/// that name, and stays.
pub fn lock(places: &Places, entitlement: &Entitlement, what: &str) -> PathBuf {
    directory(places, entitlement).with_file_name(format!("{},{what}", entitlement.role))
}

/// The file that libpq reads a certificate and its key from, or a password.
pub fn file(directory: &Path, issuer: PostgresIssuer) -> PathBuf {
    directory.join(match issuer {
        PostgresIssuer::Certificate => CERTIFICATE,
        PostgresIssuer::DynamicRole => PASSWORD,
    })
}

/// Removes the files of an entitlement; whether there were any. Their directory stays, for whoever
/// watches it.
pub fn clear(places: &Places, entitlement: &Entitlement) -> Result<bool> {
    clear_directory(&directory(places, entitlement))
}

fn clear_directory(directory: &Path) -> Result<bool> {
    let Ok(listing) = fs::read_dir(directory) else {
        return Ok(false);
    };
    let mut any = false;
    for file in listing.flatten() {
        files::remove(&file.path())?;
        any = true;
    }
    Ok(any)
}

/// Removes the files of every other configuration directory: only one has a service file that names its own.
pub fn clear_others(places: &Places) -> Result<()> {
    let own = own_directory(places);
    let entries = fs::read_dir(&places.runtime)
        .into_iter()
        .flatten()
        .flatten();
    let others = entries.filter(|entry| {
        let name = entry.file_name();
        let is_one = name.to_str().is_some_and(|name| name.starts_with(KIND));
        is_one && entry.path() != own
    });
    for other in others {
        for resource in directories(&other.path()) {
            for role in directories(&resource.path()) {
                clear_directory(&role.path())?;
            }
        }
    }
    Ok(())
}

fn directories(directory: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

/// The entitlements that have a directory.
pub fn all(places: &Places) -> Vec<Entitlement> {
    let kind = own_directory(places);
    directories(&kind)
        .flat_map(|resource| {
            directories(&resource.path()).map(move |role| (resource.file_name(), role))
        })
        .filter_map(|(resource, role)| {
            let (resource, role) = (resource.into_string().ok()?, role.file_name());
            format!("{KIND}/{resource}:{}", role.to_str()?).parse().ok()
        })
        .collect()
}

/// The files of one launch: in memory where the tool itself opens them, and below the runtime
/// directory where a child that closes inherited descriptors may have to.
#[derive(Debug)]
pub struct Material {
    directory: Option<PathBuf>,
    /// The files in memory, for the launch to hand over.
    pub inherited: Vec<OwnedFd>,
}

impl Material {
    /// Files in memory, without close-on-exec.
    pub const fn in_memory() -> Self {
        Self {
            directory: None,
            inherited: Vec::new(),
        }
    }

    /// Files of mode 0600 in a directory of 0700 that belongs to the entitlement; each launch
    /// replaces those of the one before.
    ///
    /// # Errors
    /// The directory is not ours alone, or has a colon, behind which libpq looks for an engine's key.
    pub fn in_files(places: &Places, entitlement: &Entitlement) -> Result<Self> {
        let directory = directory(places, entitlement);
        if directory.as_os_str().as_encoded_bytes().contains(&b':') {
            let shown = places.runtime.display();
            return Err(
                Failure::failed(format!("libpq can read no key below {shown}"))
                    .hint("set XDG_RUNTIME_DIR to a directory without a colon in its name"),
            );
        }
        let above: Vec<&Path> = directory.ancestors().take(4).collect();
        for path in above.into_iter().rev() {
            files::private_directory(path)?;
        }
        Ok(Self {
            directory: Some(directory),
            inherited: Vec::new(),
        })
    }

    /// Puts a login away; answers the path under which libpq reads it.
    pub fn put_login(&mut self, login: &Login<'_>) -> Result<OsString> {
        match login {
            Login::Certificate { pem, .. } => self.put(CERTIFICATE, pem.as_bytes()),
            Login::Password { lines, .. } => self.put(PASSWORD, lines.as_bytes()),
        }
    }

    /// Puts `bytes` away as `name`; answers the path under which the tool reads them.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<OsString> {
        let Some(directory) = &self.directory else {
            let file = memory::file(name, bytes)?;
            let path = memory::path(&file);
            self.inherited.push(file);
            return Ok(path.into());
        };
        let path: &Path = &directory.join(name);
        // Replacing a file can wait for the disk where this is no tmpfs; the same lease need not.
        if !matches!(files::read_private(path), Ok(Some(there)) if there == bytes) {
            files::write_passing(path, bytes)?;
        }
        Ok(path.as_os_str().to_owned())
    }
}

#[cfg(target_os = "linux")]
mod memory {
    use std::{
        fs::File,
        io::{self, Write as _},
        os::fd::{AsRawFd as _, OwnedFd},
    };

    use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};

    use crate::domain::failure::{Failure, Result};

    /// A file in memory that nobody can change; libpq wants keys to be 0600.
    pub(super) fn file(name: &str, bytes: &[u8]) -> Result<OwnedFd> {
        sealed(name, bytes).map_err(|error| {
            Failure::failed("the credential cannot be put into a file in memory")
                .because(&error)
                .hint("check the free memory and the limit of open files (ulimit -n)")
        })
    }

    fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
        let mut file = File::from(memfd_create(name, MemfdFlags::ALLOW_SEALING)?);
        file.write_all(bytes)?;
        fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        let seals = SealFlags::SEAL | SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
        fcntl_add_seals(&file, seals)?;
        Ok(file.into())
    }

    pub(super) fn path(file: &OwnedFd) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_on_disk_is_private_and_no_colon_is_in_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| Places {
            configuration: PathBuf::new(),
            state: PathBuf::new(),
            cache: PathBuf::new(),
            runtime: directory.path().join(name),
            job: None,
        };
        let entitlement = "postgres/orders:read".parse().unwrap();
        let mut material = Material::in_files(&at("run"), &entitlement).unwrap();
        let path = material.put("client.pem", b"secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Material::in_files(&at("a:b"), &entitlement).is_err());
    }

    #[test]
    fn a_file_in_memory_is_private_whole_and_sealed() {
        let mut material = Material::in_memory();
        let path = material.put("key", b"secret").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::read(&path).unwrap(), b"secret", "read twice");
        let metadata = fs::metadata(&path).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let opened = fs::OpenOptions::new().write(true).open(&path);
        assert!(opened.unwrap().write(b"x").is_err());
    }
}
