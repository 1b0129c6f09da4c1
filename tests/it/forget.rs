//! `jit forget` where something stands in its way.

use std::fs;

use crate::support::{Home, held::lease_file, home::Ran, run, until};

const CATALOGUE: &str = r#"
[resources."postgres/orders"]
hosts = ["db.internal"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
[resources."ssh/web"]
hosts = ["web"]
roles.deploy = {}
"#;

/// A home where both are held, and PostgreSQL's is kept for programs without jit.
fn held() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure(
        "policies/all.cedar",
        r#"@id("all") permit (principal, action == Action::"elevate", resource);"#,
    );
    for words in [
        &["setup", "postgres", "--anyway"][..],
        &["request", "postgres/orders:read"],
        &["request", "ssh/web:deploy"],
    ] {
        works(&run(&mut home.jit(words)));
    }
    assert_eq!(kept(&home), 1);
    home
}

fn works(ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// How many files programs without jit find.
fn kept(home: &Home) -> usize {
    let directory = home.own("run/jit", "postgres").join("orders/read");
    fs::read_dir(directory).map_or(0, Iterator::count)
}

/// How many leases rest.
fn leases(home: &Home) -> usize {
    let entries = fs::read_dir(home.path("cache/jit/leases")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "lease"))
        .count()
}

#[test]
fn everything_goes_whatever_became_of_the_catalogue() {
    let home = held();
    home.configure("authority.toml", "[resources");
    works(&run(&mut home.jit(["forget", "--all"])));
    assert_eq!((leases(&home), kept(&home)), (0, 0));
}

#[test]
fn everything_else_goes_where_one_lease_cannot_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = held();
    let shared = lease_file(&home, "postgres/orders:read");
    fs::set_permissions(shared, fs::Permissions::from_mode(0o644)).unwrap();
    works(&run(&mut home.jit(["forget", "--all"])));
    assert_eq!(leases(&home), 0);
}

#[test]
fn what_is_revoked_goes_where_another_lease_cannot_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = held();
    let shared = lease_file(&home, "postgres/orders:read");
    fs::set_permissions(shared, fs::Permissions::from_mode(0o644)).unwrap();
    works(&run(&mut home.jit(["revoke", "--all"])));
    assert_eq!(leases(&home), 1);
}

#[test]
fn what_is_kept_elsewhere_goes_at_once_too() {
    let home = held();
    let mut forget = home.jit(["forget", "--all"]);
    works(&run(forget.env_remove("XDG_RUNTIME_DIR")));
    until("the keeper to take its files away", || {
        (kept(&home) == 0).then_some(())
    });
}
