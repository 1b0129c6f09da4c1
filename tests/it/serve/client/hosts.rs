//! Hosts that ssh trusts unseen, by what the server vouches for.

use std::{fs, path::Path};

use super::{
    super::{member::Member, revocations::not_asked_lately},
    Desk,
};
use crate::support::{
    Sshd,
    home::{Ran, run},
    until,
    whereabouts::user_name,
};

/// A certificate of the server for the host key of an sshd, as its administrator asks for it.
fn certified(desk: &Desk, files: &Path) -> String {
    let key = files.join("host_key.pub").display().to_string();
    let words = [
        "trust",
        "ssh/web",
        "--ca",
        "--host-key",
        &key,
        "--host",
        "127.0.0.1",
    ];
    let certificate = files.join("host_key-cert.pub");
    fs::write(&certificate, desk.works(&words)).unwrap();
    format!("HostCertificate {}", certificate.display())
}

/// A server whose catalogue has this machine as ssh/web, with a role for its user.
fn desk() -> Desk {
    let user = user_name();
    Desk::new(&format!(
        "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\nroles.other = {{}}\n"
    ))
}

/// Plain ssh, which knows no host and would ask, if it might; `-F`, since it does not look at `$HOME`.
fn ssh(desk: &Desk, sshd: &Sshd) -> Ran {
    let mut ssh = desk.home.command(Path::new("ssh"));
    ssh.arg("-F").arg(desk.home.path(".ssh/config"));
    for option in [
        "UserKnownHostsFile=/dev/null",
        "GlobalKnownHostsFile=none",
        "BatchMode=yes",
        "ConnectTimeout=20",
    ] {
        ssh.args(["-o", option]);
    }
    let login = format!("{}@127.0.0.1", sshd.user());
    run(ssh.args(["-p", &sshd.port().to_string(), &login, "echo here"]))
}

#[test]
fn plain_ssh_knows_the_servers_hosts_and_logs_in_by_it() {
    let (user, desk) = (user_name(), desk());
    // What rests here of the catalogue is from before any host was vouched for.
    desk.works(&["request", "ssh/web:other"]);
    let ca = desk
        .home
        .write("ca.pub", &desk.works(&["trust", "ssh/web", "--ca"]));
    let (Some(ours), Some(stranger)) = (
        Sshd::start_with(&ca, |files| certified(&desk, files)),
        Sshd::start(&ca),
    ) else {
        return;
    };
    desk.works(&["setup", "ssh", "--anyway"]);
    let said = ssh(&desk, &ours);
    assert_eq!((said.code, &*said.stdout), (0, "here\n"), "{said:?}");
    assert_eq!(said.stderr, "");
    let story = desk.story();
    assert!(
        story.contains(&format!("issued ssh/web:{user}")),
        "{story:?}"
    );
    let line = ours.logged("Accepted publickey");
    assert!(
        line.contains(" ID jit:") && line.contains(":alice (serial "),
        "{line}"
    );
    // Whoever sits at the address with a key of their own is not the host.
    let refused = ssh(&desk, &stranger);
    assert_eq!((refused.code, &*refused.stdout), (255, ""), "{refused:?}");
    assert!(
        refused.stderr.contains("Host key verification failed"),
        "{refused:?}"
    );
    assert!(!stranger.log().contains("Accepted"), "{}", stranger.log());
}

/// Its certificate would open sshd for minutes to come.
#[test]
fn plain_ssh_logs_in_no_more_once_its_user_was_disabled() {
    let desk = desk();
    let trusted = desk.works(&["trust", "ssh/web", "--ca"]);
    let ca = desk.home.write("ca.pub", &trusted);
    let Some(sshd) = Sshd::start_with(&ca, |files| certified(&desk, files)) else {
        return;
    };
    desk.works(&["setup", "ssh", "--anyway"]);
    let said = ssh(&desk, &sshd);
    assert_eq!((said.code, &*said.stdout), (0, "here\n"), "{said:?}");
    let root = Member::of(&desk.serve, "root", &[]);
    root.works(&["principals", "disable", "alice", "-j", "has left"]);
    until("the log-ins to end", || {
        not_asked_lately(&desk.home);
        (ssh(&desk, &sshd).code == 255).then_some(())
    });
    let accepted = |log: &str| log.matches("Accepted publickey").count();
    let before = accepted(&sshd.log());
    let refused = ssh(&desk, &sshd);
    assert_eq!(refused.code, 255, "{refused:?}");
    assert_eq!(accepted(&sshd.log()), before, "{}", sshd.log());
    let status = run(&mut desk.home.jit(["status"]));
    assert!(
        status.stderr.contains("the session has ended"),
        "{status:?}"
    );
}
