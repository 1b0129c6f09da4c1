//! Hosts of others, which trust no authority of ours: public git forges.

const HOSTS: [&str; 15] = [
    "altssh.bitbucket.org",
    "altssh.gitlab.com",
    "aur.archlinux.org",
    "bitbucket.org",
    "codeberg.org",
    "gist.github.com",
    "git.launchpad.net",
    "git.sr.ht",
    "github.com",
    "gitlab.com",
    "hf.co",
    "salsa.debian.org",
    "ssh.dev.azure.com",
    "ssh.github.com",
    "vs-ssh.visualstudio.com",
];

/// Whether a host is one of a public git forge.
pub(super) fn is_forge(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_commit = host.starts_with("git-codecommit.") && host.ends_with(".amazonaws.com");
    is_commit || HOSTS.contains(&host.as_str())
}

/// What a proposed target still needs, where nothing says that it trusts this authority.
pub(super) const TRUST: &str =
    "a look whether it trusts this authority (\"jit trust\" prints what makes it)";
