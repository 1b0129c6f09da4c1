//! The files: what is written, when again, and how it goes away.

use std::fs;

use jit::app::{
    served,
    session::{Options, Session},
    setup::ssh::{is_included, uncovered},
};

use super::{Site, catalogue};
use crate::support::{held::environment, run};

fn session(site: &Site) -> Session {
    let mut session = Session::begin(&Options::default(), served::fetch).unwrap();
    session.environment = environment(&site.home);
    session.places = jit::config::places::find(&session.environment, None).unwrap();
    session
}

#[test]
fn the_include_comes_first_and_goes_away_to_the_byte() {
    let Some(site) = Site::before() else { return };
    let before = fs::read_to_string(site.config()).unwrap();
    let seen = session(&site);
    assert!(!is_included(&seen).unwrap());
    let dry = run(&mut site.home.jit(["setup", "ssh", "--anyway", "--dry-run"]));
    assert!(dry.stdout.contains("+Include \""), "{dry:?}");
    assert_eq!(fs::read_to_string(site.config()).unwrap(), before);
    site.set_up();
    let after = fs::read_to_string(site.config()).unwrap();
    let included = site.home.path("state/jit/setup/ssh_config");
    let line = format!("Include \"{}\"", included.display());
    assert_eq!(after.lines().nth(1), Some(&*line));
    assert!(is_included(&seen).unwrap());
    let again = site.set_up();
    assert!(again.stdout.contains("nothing to change"), "{again:?}");
    // Something before it would win over it.
    site.home.write(".ssh/config", &format!("Host *\n{after}"));
    assert!(!is_included(&seen).unwrap());
    site.set_up();
    assert!(is_included(&seen).unwrap());
    site.home
        .write(".ssh/config", &format!("{after}Host mine\n"));
    let undone = run(&mut site.home.jit(["setup", "ssh", "--undo"]));
    assert_eq!(undone.code, 0, "{undone:?}");
    let restored = fs::read_to_string(site.config()).unwrap();
    assert_eq!(restored, format!("{before}Host mine\n"));
    assert!(!included.exists());
}

#[test]
fn where_there_was_no_configuration_none_stays() {
    let Some(site) = Site::before() else { return };
    fs::remove_dir_all(site.home.path(".ssh")).unwrap();
    site.set_up();
    assert!(site.config().exists());
    let undone = run(&mut site.home.jit(["setup", "ssh", "--undo"]));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert!(!site.config().exists());
}

#[test]
fn names_of_the_users_own_are_covered_once_setup_has_seen_them() {
    let Some(site) = Site::new() else { return };
    let seen = session(&site);
    let known = seen.catalogue().unwrap();
    let uncovered = || uncovered(&seen, &"ssh/web".parse().unwrap(), &known).unwrap();
    assert_eq!(uncovered(), [""; 0]);
    let text = fs::read_to_string(site.config()).unwrap();
    let more = "Host new\n  HostName 127.0.0.1\nHost old\n  HostName old.example\n";
    site.home.write(".ssh/config", &format!("{text}{more}"));
    assert_eq!(uncovered(), ["new"]);
    site.set_up();
    assert_eq!(uncovered(), [""; 0]);
    site.home.write(".ssh/config", &text);
    site.set_up();
    let made = fs::read_to_string(site.home.path("state/jit/setup/ssh_config")).unwrap();
    assert!(made.contains("Host 127.0.0.1 far near\n"), "{made}");
}

#[test]
fn the_more_specific_resource_has_the_host() {
    let Some(site) = Site::before() else { return };
    let other = "[resources.\"ssh/all\"]\nhosts = [\"127.0.0.*\", \"*.internal\"]\nroles.deploy = {}\n\
        [resources.\"ssh/eu\"]\nhosts = [\"*.eu.internal\"]\nroles.deploy = {}\n";
    site.home.configure("authority.toml", &catalogue(other));
    site.set_up();
    for (host, resource) in [
        ("127.0.0.1", "ssh/web"),
        ("near", "ssh/web"),
        ("127.0.0.9", "ssh/all"),
        ("a.internal", "ssh/all"),
        ("a.eu.internal", "ssh/eu"),
    ] {
        let resolved = site.ssh(&["-G", host]).stdout;
        let hook = resolved
            .lines()
            .find(|line| line.starts_with("knownhostscommand "))
            .unwrap();
        assert!(
            hook.contains(&format!(" known-hosts {resource} ")),
            "{host}: {hook}"
        );
    }
}

#[test]
fn where_no_host_is_ours_nothing_is_written_and_what_was_goes() {
    let Some(site) = Site::before() else { return };
    let before = fs::read_to_string(site.config()).unwrap();
    site.home.configure("authority.toml", "");
    assert!(site.set_up().stdout.contains("nothing to change"));
    site.home.configure("authority.toml", &catalogue(""));
    site.set_up();
    assert_ne!(fs::read_to_string(site.config()).unwrap(), before);
    site.home.configure("authority.toml", "");
    site.set_up();
    assert_eq!(fs::read_to_string(site.config()).unwrap(), before);
}

#[test]
fn an_ssh_that_cannot_call_us_is_refused() {
    let Some(site) = Site::before() else { return };
    site.home.tool(
        "ssh",
        "echo 'command-line: line 0: Bad configuration option: knownhostscommand' >&2; exit 255",
    );
    let ran = run(&mut site.home.jit(["setup", "ssh", "--anyway"]));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("since 8.5") && ran.stderr.contains("jit exec --"),
        "{ran:?}"
    );
    assert!(!site.home.path("state/jit/setup/ssh_config").exists());
}

#[test]
fn a_socket_that_would_not_fit_is_refused() {
    let Some(site) = Site::before() else { return };
    let long = site.home.path(&"x".repeat(60));
    fs::create_dir(&long).unwrap();
    for cache in [long, site.home.path("a b"), site.home.path("%h")] {
        let ran = run(site
            .home
            .jit(["setup", "ssh", "--anyway"])
            .env("XDG_CACHE_HOME", &cache));
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(ran.stderr.contains("hint: set XDG_CACHE_HOME"), "{ran:?}");
    }
}

#[test]
fn patterns_that_jit_exec_recognises_are_taken_too_or_told_of() {
    let Some(site) = Site::before() else { return };
    let (port, user) = (site.near.port(), site.near.user());
    let text = fs::read_to_string(site.config()).unwrap();
    let patterns = format!(
        "Match originalhost gate\n HostName 127.0.0.1\n\
         Host ?\n HostName 127.0.0.%h\n Port {port}\n User {user}\n\
         Host *-db\n HostName %h.db.internal\n\
         Host b-*\n HostName %h.mixed.internal\n\
         Host b-1\n HostName elsewhere.invalid\n{text}"
    );
    site.home.write(".ssh/config", &patterns);
    let more = "[resources.\"ssh/db\"]\nhosts = [\"*.db.internal\", \"c*.mixed.internal\"]\nroles.deploy = {}\n";
    site.home.configure("authority.toml", &catalogue(more));
    let said = site.set_up().stdout;
    assert!(
        said.contains("a Match of your configuration leads to 127.0.0.1"),
        "{said}"
    );
    assert!(
        said.contains("Host b-* of your configuration is left out"),
        "{said}"
    );
    let made = fs::read_to_string(site.home.path("state/jit/setup/ssh_config")).unwrap();
    let lines: Vec<&str> = made
        .lines()
        .filter(|line| line.starts_with("Host "))
        .collect();
    assert!(lines.iter().any(|line| line.contains("*-db")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("b-*")), "{lines:?}");
    // `1` is 127.0.0.1 by the pattern `?`, and logs in.
    super::said(&site.ssh(&["1", "echo here"]), "here");
    super::certified(&site, &site.near);
}
