//! What `jit setup postgres` makes of the services that the user has already, and leaves of them.

use std::{fs, path::Path};

use jit::platform::configuration;

use super::{postgres::with_certificates, services::SetUp};
use crate::support::{Access, Home, Postgres};

fn started() -> Option<(Postgres, Home)> {
    let postgres = Postgres::start(Access::default())?;
    let home = with_certificates(&postgres);
    Some((postgres, home))
}

/// A service that logs in as the superuser.
fn superuser(postgres: &Postgres) -> String {
    let url = postgres.superuser_url("orders");
    let password = url.split([':', '@']).nth(2).unwrap();
    format!(
        "host=127.0.0.1\nport={}\ndbname=orders\nuser=postgres\npassword={password}\nsslmode=require\n",
        postgres.port()
    )
}

const WHO: &str = "select current_user";

#[test]
fn the_users_own_services_go_on_working() {
    let Some((postgres, home)) = started() else {
        return;
    };
    let mine = superuser(&postgres);
    // Broken before, between and behind: libpq passes over what it does not look for.
    let own =
        format!("junk\r\n[broken\n=\nno value\n[mine]\r\n{mine}[bad]\nno value\n[last]\n{mine}#");
    let file = home.write(".pg_service.conf", &own);
    let set_up = SetUp::of(home, &postgres);
    set_up.works(&["request", "postgres/orders:read"]);
    for (service, who) in [
        ("orders", "orders_ro\n"),
        ("mine", "postgres\n"),
        ("last", "postgres\n"),
    ] {
        let ran = set_up.psql(&format!("service={service}"), WHO);
        assert_eq!((ran.code, &*ran.stdout), (0, who), "{service}: {ran:?}");
    }
    let bad = set_up.psql("service=bad", WHO);
    assert!(bad.stderr.contains("syntax error"), "as it was: {bad:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), own);

    // What changes there counts with the next grant.
    fs::write(&file, format!("{own}\n[new]\n{mine}")).unwrap();
    set_up.works(&["request", "postgres/orders:write", "-j", "x"]);
    assert_eq!(set_up.psql("service=new", WHO).stdout, "postgres\n");
}

#[test]
fn a_name_that_both_have_is_ours_only_for_the_same_server() {
    let Some((postgres, home)) = started() else {
        return;
    };
    let port = postgres.port();
    let own = format!(
        "[orders]\nhost=127.0.0.1\nport={port}\nuser=orders_rw\npassword=old\nconnect_timeout=7\n"
    );
    let file = home.write(".pg_service.conf", &own);
    let set_up = SetUp::of(home, &postgres);
    set_up.works(&["request", "postgres/orders:write", "-j", "x"]);
    let ran = set_up.psql("service=orders", WHO);
    assert_eq!(
        ran.stdout, "orders_rw\n",
        "the role behind its user: {ran:?}"
    );
    let text = fs::read_to_string(set_up.service_file()).unwrap();
    assert!(text.contains("connect_timeout=7"), "{text}");

    fs::write(
        &file,
        superuser(&postgres).replace("host=127.0.0.1", "[orders]\nhost=localhost"),
    )
    .unwrap();
    let said = set_up.works(&["setup", "postgres", "--anyway"]);
    assert!(
        said.contains("stays yours; use service=orders:read"),
        "{said}"
    );
    assert_eq!(set_up.psql("service=orders", WHO).stdout, "postgres\n");
    assert_eq!(
        set_up.psql("service=orders:write", WHO).stdout,
        "orders_rw\n"
    );
}

#[test]
fn setup_is_idempotent_and_undone_to_the_byte() {
    let Some((postgres, home)) = started() else {
        return;
    };
    let own = home.write(".pg_service.conf", "[mine]\nhost=elsewhere\r\n");
    let before = fs::read(&own).unwrap();
    let shown = super::works(&home, &["setup", "postgres", "--anyway", "--dry-run"]);
    assert!(
        shown.contains("+[orders:read]") && shown.contains("1 to change"),
        "{shown}"
    );
    let set_up = SetUp::of(home, &postgres);
    let again = set_up.works(&["setup", "postgres", "--anyway"]);
    assert_eq!(again, "postgres: nothing to change\n");
    // The shell's PGSERVICEFILE is ours by now.
    let mut again = set_up.home.jit(["setup", "postgres", "--anyway"]);
    let again = crate::support::run(again.env("PGSERVICEFILE", set_up.service_file()));
    assert!(again.stdout.contains("nothing to change"), "{again:?}");

    set_up.works(&["request", "postgres/orders:read"]);
    let directory = set_up.home.own("run/jit", "postgres").join("orders/read");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    set_up.works(&["setup", "postgres", "--undo"]);
    assert!(!set_up.service_file().exists());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    assert_eq!(fs::read(&own).unwrap(), before);
    set_up.works(&["forget", "--all"]);
    set_up.works(&["request", "postgres/orders:read"]);
    assert_eq!(
        fs::read_dir(&directory).unwrap().count(),
        0,
        "nobody set it up"
    );
}

#[test]
fn a_file_that_was_named_before_is_the_users_and_one_that_is_no_text_is_refused() {
    let Some((postgres, home)) = started() else {
        return;
    };
    let named = home.write("mine.conf", &format!("[mine]\n{}", superuser(&postgres)));
    home.write(".pg_service.conf", "[other]\nhost=elsewhere\n");
    let mut setup = home.jit(["setup", "postgres", "--anyway"]);
    let done = crate::support::run(setup.env("PGSERVICEFILE", &named));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        !done.stdout.contains("superuser"),
        "a password is not shown: {done:?}"
    );
    let set_up = SetUp::of(home, &postgres);
    assert_eq!(
        set_up.psql("service=mine", WHO).stdout,
        "postgres\n",
        "it is remembered"
    );
    assert_ne!(set_up.psql("service=other", WHO).code, 0);
    fs::write(&named, b"[mine]\nuser=\xff\n").unwrap();
    let refused = set_up.jit(&["setup", "postgres", "--anyway"]);
    assert_eq!(refused.code, 125, "{refused:?}");
    assert!(refused.stderr.contains("is not UTF-8 text"), "{refused:?}");
    // A name that would write a line of its own.
    let hostile = set_up.home.write("a\n[orders]\nhost=evil", "[mine]\n");
    let mut setup = set_up.home.jit(["setup", "postgres", "--anyway"]);
    let refused = crate::support::run(setup.env("PGSERVICEFILE", hostile));
    assert_eq!(refused.code, 125, "{refused:?}");
}

#[test]
fn another_configuration_does_not_touch_the_services_of_this_one() {
    let Some((postgres, home)) = started() else {
        return;
    };
    let set_up = SetUp::of(home, &postgres);
    let before = fs::read_to_string(set_up.service_file()).unwrap();
    let other = set_up.home.path("other");
    fs::create_dir(&other).unwrap();
    let catalogue = fs::read_to_string(set_up.home.config().join("authority.toml")).unwrap();
    let catalogue = catalogue.replace("postgres/orders", "postgres/others");
    fs::write(other.join("authority.toml"), catalogue).unwrap();
    fs::create_dir(other.join("policies")).unwrap();
    let policies = set_up.home.config().join("policies/all.cedar");
    fs::copy(policies, other.join("policies/all.cedar")).unwrap();
    let other = other.to_str().unwrap();
    set_up.works(&["--config-dir", other, "request", "postgres/others:read"]);
    assert_eq!(fs::read_to_string(set_up.service_file()).unwrap(), before);
    let theirs = configuration::own_directory("postgres", Path::new(other));
    assert!(!set_up.home.path("run/jit").join(theirs).exists());
    let said = set_up.works(&["--config-dir", other, "setup", "postgres", "--anyway"]);
    assert!(said.contains("give way to those of"), "{said}");
    set_up.works(&["setup", "postgres", "--anyway"]);
}
