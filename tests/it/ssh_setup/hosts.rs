//! Hosts that ssh trusts without having seen them, by the authority's own certificates.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{Site, authority, catalogue, said};
use crate::support::{Sshd, home::Ran, run};

/// A certificate for the host key in a file, as `jit trust` prints it.
fn certify(site: &Site, resource: &str, key: &Path, host: &str) -> Ran {
    let key = key.to_str().unwrap();
    let words = ["trust", resource, "--ca", "--host-key", key, "--host", host];
    run(&mut site.home.jit(words))
}

/// A server that shows a certificate of that resource for that host.
fn server(site: &Site, resource: &str, host: &str) -> Option<Sshd> {
    let trusted = authority(&site.home, "ssh/web");
    Sshd::start_with(&trusted, |files| {
        let made = certify(site, resource, &files.join("host_key.pub"), host);
        assert_eq!((made.code, &*made.stderr), (0, ""), "{made:?}");
        let certificate = files.join("host_key-cert.pub");
        fs::write(&certificate, made.stdout).unwrap();
        format!("HostCertificate {}", certificate.display())
    })
}

/// Logs in where nothing is known of any host.
fn log_in(site: &Site, server: &Sshd) -> Ran {
    let port = server.port().to_string();
    let login = format!("{}@127.0.0.1", server.user());
    site.ssh(&[
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "StrictHostKeyChecking=yes",
        "-p",
        &port,
        &login,
        "echo here",
    ])
}

#[test]
fn a_host_with_our_certificate_is_trusted_unseen_and_others_are_not() {
    let Some(site) = Site::before() else { return };
    let other = "[resources.\"ssh/other\"]\nhosts = [\"127.0.0.*\"]\nroles.deploy = {}\n";
    site.home.configure("authority.toml", &catalogue(other));
    let Some(ours) = server(&site, "ssh/web", "127.0.0.1") else {
        return;
    };
    site.set_up();
    said(&log_in(&site, &ours), "here");
    // Of another authority, for another name, and with no certificate at all.
    let Some(foreign) = server(&site, "ssh/other", "127.0.0.7") else {
        return;
    };
    site.set_up();
    for server in [&foreign, &site.near] {
        let ran = log_in(&site, server);
        assert_eq!(ran.code, 255, "{ran:?}");
        assert!(
            ran.stderr.contains("Host key verification failed"),
            "{ran:?}"
        );
    }
    site.home.configure(
        "authority.toml",
        &catalogue("").replace("\"127.0.0.1\"", "\"127.0.0.1\", \"127.0.0.8\""),
    );
    let Some(misnamed) = server(&site, "ssh/web", "127.0.0.8") else {
        return;
    };
    site.set_up();
    let ran = log_in(&site, &misnamed);
    assert_eq!(ran.code, 255, "{ran:?}");
    said(&log_in(&site, &ours), "here");
    // What somebody else could have written says nothing.
    let lines = known_hosts_of_setup(&site);
    fs::set_permissions(&lines, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(log_in(&site, &ours).code, 255);
    fs::set_permissions(&lines, fs::Permissions::from_mode(0o600)).unwrap();
    // Known hosts are as they were: what the user's own file has is trusted as before.
    said(&site.ssh(&["near", "echo here"]), "here");
}

/// The file of host authorities that setup made for ssh/web.
fn known_hosts_of_setup(site: &Site) -> PathBuf {
    let files = fs::read_dir(site.home.path("state/jit/setup")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let is_it = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.starts_with("known_hosts,") && name.ends_with(",web")
    };
    files.find(is_it).unwrap()
}

#[test]
fn the_host_authorities_of_one_configuration_directory_say_nothing_in_another() {
    let Some(site) = Site::before() else { return };
    let Some(ours) = server(&site, "ssh/web", "127.0.0.1") else {
        return;
    };
    site.set_up();
    said(&log_in(&site, &ours), "here");
    let other = site.home.path("other");
    fs::create_dir(&other).unwrap();
    let catalogue = fs::read(site.home.config().join("authority.toml")).unwrap();
    fs::write(other.join("authority.toml"), catalogue).unwrap();
    let hook = |more: &[&str]| {
        let line = [more, &["known-hosts", "ssh/web"]].concat();
        let ran = run(&mut site.home.jit(line));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    assert!(hook(&[]).contains("@cert-authority"));
    assert_eq!(hook(&["--config-dir", other.to_str().unwrap()]), "");
}

#[test]
fn each_certificate_is_on_record_before_it_leaves() {
    let Some(site) = Site::before() else { return };
    let key = site.home.path("own.pub");
    let made = certify(&site, "ssh/web", &key, "127.0.0.1");
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.starts_with("ssh-ed25519-cert-v01@openssh.com "));
    let told = run(&mut site.home.jit(["audit"])).stdout;
    let print = super::fingerprint(&site.home);
    assert!(
        told.contains("host-certified") && told.contains(&format!("127.0.0.1 has {print}")),
        "{told}"
    );
    let whole = run(&mut site.home.jit(["audit", "verify"]));
    assert_eq!(whole.code, 0, "{whole:?}");
    let script = run(&mut site.home.jit([
        "trust",
        "ssh/web",
        "--ttl",
        "90d",
        "--host",
        "127.0.0.1",
        "--host-key",
        key.to_str().unwrap(),
    ]));
    assert!(
        script.stdout.contains("HostCertificate /etc/ssh/"),
        "{script:?}"
    );
    assert!(
        script
            .stdout
            .contains("# @cert-authority 127.0.0.1,[127.0.0.1]:* ")
    );
}

#[test]
fn nobody_is_vouched_for_under_a_name_that_is_not_theirs() {
    let Some(site) = Site::before() else { return };
    let public = site.home.path("own.pub");
    for (resource, key, host) in [
        ("ssh/web", &public, "elsewhere.example"),
        ("ssh/web", &public, "127.0.0.*"),
        ("ssh/web", &public, "*"),
        ("ssh/web", &public, "127.0.0.1,evil"),
        ("ssh/web", &public, ""),
        ("ssh/wbe", &public, "127.0.0.1"),
        ("ssh/web", &site.home.path("own"), "127.0.0.1"),
        ("ssh/web", &site.home.path("absent"), "127.0.0.1"),
    ] {
        let ran = certify(&site, resource, key, host);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{host:?}: {ran:?}");
        assert!(!ran.stderr.contains("PRIVATE"), "{ran:?}");
    }
    let key = public.to_str().unwrap();
    let words = ["trust", "ssh/web", "--host-key", key, "--host", "127.0.0.1"];
    let mut for_ever = site.home.jit(words);
    let ran = run(for_ever.args(["--ttl", "999999999999h"]));
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
    assert_eq!(site.story(), [""; 0]);
}
