//! The agent that every ssh of one login shares: behind a link at a path of its own, one process for
//! each certificate.
//!
//! The link is exchanged whole when a lease is renewed, so that whoever comes finds one agent or the
//! other. `CACHE/run/ssh,CONFIGURATION/NAME/ROLE/` holds the link `s`, a lock, and a directory for each
//! agent. That is no directory of the log-in: ssh's configuration names it also for what goes on after that.
//! Each configuration directory has its own, as it has its own leases.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    os::unix::{fs::symlink, net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::handover::{self, SOCKET};
use crate::{
    domain::{
        credential::Secret,
        entitlement::{Entitlement, ResourceName, RoleName},
        environment::Places,
        failure::{Failure, Result},
        lease::Lease,
    },
    platform::{configuration, files, keys, lock::Lock},
};

/// An agent answers at once; one that does not is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than a certificate has bytes.
const LARGEST: usize = 1 << 16;

/// Messages of draft-miller-ssh-agent, section 6.1.
const REQUEST_IDENTITIES: [u8; 5] = [0, 0, 0, 1, 11];
const IDENTITIES_ANSWER: u8 = 12;

/// Where the link for an entitlement is, below the directory of sockets.
pub fn below_runtime(places: &Places, entitlement: &Entitlement) -> PathBuf {
    let Entitlement { resource, role } = entitlement;
    place(places, resource, role.as_str()).join(SOCKET)
}

/// The directory of the links.
pub fn directory(places: &Places) -> PathBuf {
    places.cache.join("run")
}

fn place(places: &Places, resource: &ResourceName, role: &str) -> PathBuf {
    let own = configuration::own_directory("ssh", &places.configuration);
    Path::new(&own).join(resource.name()).join(role)
}

/// The same for a configuration of ssh, which puts the login name in for `%r`.
///
/// # Errors
/// ssh would not take the path as it is, or the socket of one of these roles could not be made.
pub fn pattern<'a>(
    places: &Places,
    resource: &ResourceName,
    roles: impl IntoIterator<Item = &'a RoleName>,
) -> Result<String> {
    for role in roles {
        let longest = directory(places)
            .join(place(places, resource, role.as_str()))
            .join("00000000");
        handover::refuse_unfit(&longest.join(SOCKET)).map_err(|failure| Failure {
            hint: format!(
                "set XDG_CACHE_HOME to a short path of plain letters; or give {resource} a shorter name"
            ),
            ..failure
        })?;
    }
    let path = directory(places)
        .join(place(places, resource, "%r"))
        .join(SOCKET);
    Ok(path.to_string_lossy().into_owned())
}

/// Makes sure that an agent serves exactly the certificate of `lease` behind `link`. However many
/// come at once, one starts it. The lease is taken again by whoever does: one that was forgotten or
/// revoked meanwhile is not served.
///
/// # Errors
/// There is no lease; the agent cannot be started; others can reach into its directory; whoever was
/// about to start one was stopped (124).
pub fn ensure(link: &Path, lease: impl Fn() -> Result<Lease>) -> Result<()> {
    let directory = link.parent().unwrap_or_else(|| Path::new("/"));
    private(link)?;
    if is_served(link, &lease()?)? {
        return Ok(());
    }
    let _lock = Lock::soon(&directory.join("lock"))?;
    let lease = lease()?;
    if is_served(link, &lease)? {
        return Ok(());
    }
    sweep(directory);
    let name = handover::start_behind(&lease, link)?;
    point(link, &Path::new(&name).join(SOCKET)).map_err(|error| {
        Failure::failed(format!("{} cannot be made", link.display()))
            .because(&error)
            .hint("check the free space and the permissions of its directory")
    })
}

/// Makes sure that the link's directory, and those above it that are ours, are ours alone.
fn private(link: &Path) -> Result<()> {
    // RUN/ssh,CONFIGURATION/NAME/ROLE
    let mut directories: Vec<&Path> = link.ancestors().skip(1).take(4).collect();
    directories.reverse();
    directories
        .into_iter()
        .try_for_each(files::private_directory)
}

/// Ends the agents behind a link whose lease was dropped: what they are asked from now on they refuse.
pub fn end(link: &Path) -> Result<()> {
    let directory = link.parent().unwrap_or_else(|| Path::new("/"));
    if !directory.exists() {
        return Ok(());
    }
    // They end also where somebody was stopped who is about to start one.
    let _lock = Lock::soon(&directory.join("lock"));
    files::remove(link)?;
    for agent in agents(directory) {
        fs::remove_dir_all(&agent).map_err(|error| {
            Failure::failed(format!("{} cannot be removed", agent.display()))
                .because(&error)
                .hint("check the permissions of its directory")
        })?;
    }
    Ok(())
}

/// Takes away what agents that were killed have left.
fn sweep(directory: &Path) {
    for agent in agents(directory) {
        let there = UnixStream::connect(agent.join(SOCKET));
        if there.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            drop(fs::remove_dir_all(agent));
        }
    }
}

fn agents(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// Exchanges the link in one step.
fn point(link: &Path, target: &Path) -> io::Result<()> {
    let chance = keys::random::<4>().map_err(|_| io::Error::from(ErrorKind::Other))?;
    let temporary = link.with_file_name(format!(".{}", keys::hex(&chance)));
    symlink(target, &temporary)?;
    fs::rename(&temporary, link).inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// The certificate as the protocol has it.
fn blob(lease: &Lease) -> Result<Vec<u8>> {
    let broken = || {
        Failure::failed("the lease holds no certificate for ssh")
            .hint("drop it with \"jit forget --all\", then try again")
    };
    match &lease.credential.secret {
        Secret::SshCertificate(text) => {
            let word = text.split_ascii_whitespace().nth(1);
            word.and_then(|word| STANDARD.decode(word).ok())
                .ok_or_else(broken)
        }
        Secret::KubernetesToken(_)
        | Secret::PostgresCertificate { .. }
        | Secret::PostgresRole { .. }
        | Secret::AwsSession { .. } => Err(broken()),
    }
}

fn is_served(socket: &Path, lease: &Lease) -> Result<bool> {
    let certificate = blob(lease)?;
    Ok(served(socket).is_ok_and(|served| served == certificate))
}

/// The first identity that the agent behind a socket serves.
fn served(socket: &Path) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&REQUEST_IDENTITIES)?;
    let answer = string(&mut stream)?;
    let Some((&IDENTITIES_ANSWER, rest)) = answer.split_first() else {
        return Err(ErrorKind::InvalidData.into());
    };
    // How many there are, then each with a comment.
    let mut first = rest.get(4..).unwrap_or_default();
    string(&mut first)
}

/// A string of the protocol: its length in four bytes, then itself.
fn string(source: &mut impl io::Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    source.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LARGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::unix::net::UnixListener, thread};

    use super::*;

    fn places(cache: &str) -> Places {
        Places {
            configuration: PathBuf::new(),
            state: PathBuf::new(),
            cache: cache.into(),
            runtime: PathBuf::new(),
            job: None,
        }
    }

    #[test]
    fn a_path_is_one_a_login_and_short_enough() {
        let name: ResourceName = "ssh/web".parse().unwrap();
        let roles: Vec<RoleName> = vec!["deploy".parse().unwrap()];
        let path = pattern(&places("/h/.cache/jit"), &name, &roles).unwrap();
        assert_eq!(path, "/h/.cache/jit/run/ssh,e3b0c442/web/%r/s");
        for cache in ["/h/a b", "/h/%h", "/h/$HOME", &"/x".repeat(40)] {
            let failure = pattern(&places(cache), &name, &roles).unwrap_err();
            assert!(failure.hint.contains("a shorter name"), "{cache}");
        }
    }

    #[test]
    fn whoever_answers_something_else_serves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        assert!(served(&socket).is_err());
        for (number, answer) in [
            &b""[..],
            b"\0\0\0\x01\x05",
            b"\0\0\0\x05\x0c\0\0\0\0",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x09\x0c\0\0\0\x01\0\0\0\x09",
        ]
        .into_iter()
        .enumerate()
        {
            let socket = directory.path().join(number.to_string());
            let listener = UnixListener::bind(&socket).unwrap();
            let answering = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 5]).unwrap();
                stream.write_all(answer).unwrap();
            });
            assert!(served(&socket).is_err(), "{answer:?}");
            answering.join().unwrap();
        }
    }
}
