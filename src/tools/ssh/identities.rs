//! The private keys below `~/.ssh`: which files they are, and whether a passphrase seals them.

use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use zeroize::Zeroizing;

use crate::domain::environment::Environment;

/// A private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its file.
    pub file: PathBuf,
    /// Whether a passphrase seals it.
    pub is_sealed: bool,
}

/// The start of a key's file says all that is asked.
const START: u64 = 256;

/// The private keys of the user, by name. Files that cannot be read are nobody's credential.
pub fn find(environment: &Environment) -> Vec<Identity> {
    let directory = environment.in_home(".ssh");
    let listing = directory.and_then(|directory| fs::read_dir(directory).ok());
    let files = listing
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<Identity> = files
        .filter_map(|file| {
            let is_sealed = is_sealed(&start(&file)?)?;
            Some(Identity { file, is_sealed })
        })
        .collect();
    found.sort_unstable_by(|one, other| one.file.cmp(&other.file));
    found
}

fn start(file: &PathBuf) -> Option<Zeroizing<String>> {
    // A socket or a pipe is no key, and opening it could wait.
    if !fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = File::open(file).ok()?;
    opened.take(START).read_to_end(&mut bytes).ok()?;
    let text = str::from_utf8(&bytes).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Whether a passphrase seals the key; `None` where it is no private key.
fn is_sealed(start: &str) -> Option<bool> {
    let (header, rest) = start.trim_start().split_once('\n')?;
    match header.trim() {
        "-----BEGIN OPENSSH PRIVATE KEY-----" => Some(cipher(rest)? != b"none"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----" => Some(true),
        // Of PEM's older form the second line says so (RFC 1421).
        header if header.starts_with("-----BEGIN ") && header.ends_with("PRIVATE KEY-----") => {
            Some(rest.starts_with("Proc-Type: 4,ENCRYPTED"))
        }
        _ => None,
    }
}

/// The name of the cipher in OpenSSH's own format (PROTOCOL.key): a magic word, then a string.
fn cipher(body: &str) -> Option<Vec<u8>> {
    let line: String = body.lines().next()?.trim().to_owned();
    let bytes = STANDARD
        .decode(&line)
        .or_else(|_| STANDARD_NO_PAD.decode(&line));
    // A line that is cut off in the middle of four letters is whole up to there.
    let whole = line.get(..line.len() / 4 * 4)?;
    let bytes = Zeroizing::new(bytes.or_else(|_| STANDARD.decode(whole)).ok()?);
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::platform::files;

    #[test]
    fn keys_are_told_from_other_files_and_sealed_ones_from_open_ones() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(".ssh").join(name);
        files::private_directory(&home.path().join(".ssh")).unwrap();
        for (name, options) in [
            ("open", &["-t", "ed25519", "-N", ""][..]),
            ("sealed", &["-t", "ed25519", "-N", "hunter2"]),
            ("pem", &["-t", "rsa", "-m", "PEM", "-N", ""]),
            ("pem-sealed", &["-t", "rsa", "-m", "PEM", "-N", "hunter2"]),
        ] {
            let mut made = Command::new("ssh-keygen");
            let made = made.args(["-q", "-f"]).arg(at(name)).args(options);
            if !made.status().is_ok_and(|status| status.success()) {
                return;
            }
        }
        files::write_public(&at("known_hosts"), b"h ssh-ed25519 AAAA\n").unwrap();
        let environment = Environment {
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        let found = find(&environment);
        let shown: Vec<String> = found
            .iter()
            .map(|key| {
                let name = key.file.file_name().unwrap().to_string_lossy();
                format!("{name} {}", key.is_sealed)
            })
            .collect();
        assert_eq!(
            shown,
            ["open false", "pem false", "pem-sealed true", "sealed true"]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _sealed = is_sealed(&text);
            let _sealed = is_sealed(&format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{text}"));
        }
    }
}
