//! What is written, and what is left as it was.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::home::{Home, SSH};
use crate::{
    app::init::{Args, run, server::Server},
    config::{client, policies},
    platform::files,
    policy::{set::Policies, starter, strangers::GroupsOf},
};

const WRITE: Args = Args {
    discover: false,
    server: Server::NONE,
};

#[test]
fn a_second_run_changes_nothing_and_everything_written_is_right() {
    let home = Home::new(&[(".ssh/config", SSH), (".kube/config", "\t")]);
    let session = home.session();
    run(&WRITE, &session).unwrap();
    let catalogue = session.catalogue().unwrap();
    assert_eq!(
        catalogue.resources.0.len(),
        0,
        "nothing is known to trust us"
    );
    client::load(&session.places).unwrap();
    let policies = policies::load(&session.places).unwrap();
    assert_eq!(policies.len(), starter::FILES.len());
    let written = Policies::parse(&policies).unwrap();
    assert!(
        written
            .strangers(&catalogue, GroupsOf::Catalogue)
            .is_empty()
    );

    fs::remove_file(home.path("jit/policies/40-break-glass.cedar")).unwrap();
    files::write_private(&home.path("jit/authority.toml"), b"# mine\n").unwrap();
    run(&WRITE, &session).unwrap();
    assert!(!home.path("jit/policies/40-break-glass.cedar").exists());
    assert_eq!(
        fs::read(home.path("jit/authority.toml")).unwrap(),
        b"# mine\n"
    );
}

#[test]
fn what_is_written_is_private() {
    let home = Home::new(&[]);
    run(&WRITE, &home.session()).unwrap();
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("jit"), 0o700);
    assert_eq!(mode("jit/policies"), 0o700);
    assert_eq!(mode("jit/authority.toml"), 0o600);
    assert_eq!(mode("jit/policies/10-routine.cedar"), 0o600);
}

#[test]
fn a_link_that_leads_nowhere_is_kept() {
    let home = Home::new(&[("jit/x", "")]);
    symlink("/nonexistent", home.path("jit/authority.toml")).unwrap();
    run(&WRITE, &home.session()).unwrap();
    assert!(
        fs::symlink_metadata(home.path("jit/authority.toml"))
            .unwrap()
            .is_symlink()
    );
}
