//! Chains of hosts: each hop is a log-in of its own, with what belongs to it.

use std::{fmt::Write as _, fs};

use super::{Site, authority, catalogue, certified, fingerprint, said};
use crate::support::{Sshd, run};

/// An entry for the user's configuration and its known hosts.
fn add(site: &Site, name: &str, address: &str, server: &Sshd) {
    let (config, known) = (site.config(), site.home.path(".ssh/known_hosts"));
    let entry = format!(
        "Host {name}\n  HostName {address}\n  Port {}\n  User {}\n",
        server.port(),
        server.user()
    );
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, text + &entry).unwrap();
    let mut hosts = fs::read_to_string(&known).unwrap();
    writeln!(hosts, "[{address}]:{} {}", server.port(), server.host_key()).unwrap();
    fs::write(known, hosts).unwrap();
}

/// A server that is not ours, which lets in the user's own key.
pub(super) fn not_ours(site: &Site) -> Option<Sshd> {
    let keys = site.home.path("own.pub");
    let server = Sshd::start_with(&keys, |_| {
        format!("AuthorizedKeysFile {}\n", keys.display())
    })?;
    add(site, "other", "localhost", &server);
    Some(server)
}

#[test]
fn a_chain_through_hosts_of_ours_works_however_it_is_written() {
    let Some(site) = Site::new() else { return };
    said(&site.ssh(&["far", "echo there"]), "there");
    certified(&site, &site.far);
    certified(&site, &site.near);
    said(&site.ssh(&["-J", "far,near", "near", "echo here"]), "here");
    assert_eq!(site.story(), ["granted", "issued"]);
}

#[test]
fn a_hop_of_another_resource_is_an_entitlement_of_its_own() {
    let Some(site) = Site::before() else { return };
    let user = site.near.user();
    let bastion =
        format!("[resources.\"ssh/bastion\"]\nhosts = [\"localhost\"]\nroles.\"{user}\" = {{}}\n");
    site.home.configure("authority.toml", &catalogue(&bastion));
    let trusted = authority(&site.home, "ssh/bastion");
    let Some(bastion) = Sshd::start(&trusted) else {
        return;
    };
    add(&site, "bastion", "localhost", &bastion);
    site.set_up();
    said(&site.ssh(&["-J", "bastion", "near", "echo here"]), "here");
    certified(&site, &bastion);
    certified(&site, &site.near);
    let story = run(&mut site.home.jit(["audit"])).stdout;
    assert!(
        story.contains("ssh/bastion:") && story.contains("ssh/web:"),
        "{story}"
    );
}

#[test]
fn a_hop_that_is_not_ours_gets_the_users_own_key_and_a_host_of_ours_does_not() {
    let Some(site) = Site::new() else { return };
    let Some(other) = not_ours(&site) else { return };
    said(&site.ssh(&["-J", "other", "near", "echo here"]), "here");
    let line = other.logged("Accepted publickey");
    assert!(line.contains(&fingerprint(&site.home)), "{line}");
    certified(&site, &site.near);
    // And the other way round.
    said(&site.ssh(&["-J", "near", "other", "echo other"]), "other");
    assert!(!other.log().contains("CERT"), "{}", other.log());
}

#[test]
fn a_host_that_is_not_ours_is_as_it_was() {
    let Some(site) = Site::before() else { return };
    let Some(other) = not_ours(&site) else { return };
    let resolved = |host: &str| site.ssh(&["-G", host]).stdout;
    let before = [resolved("other"), resolved("elsewhere.example")];
    site.set_up();
    assert_eq!([resolved("other"), resolved("elsewhere.example")], before);
    assert!(resolved("near").contains("knownhostscommand"));
    said(&site.ssh(&["other", "echo other"]), "other");
    assert!(other.log().contains(&fingerprint(&site.home)));
    assert_eq!(site.story(), [""; 0], "jit was not asked");
}
