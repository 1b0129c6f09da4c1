//! psql, `pg_dump` and psycopg without `jit` in front: after `jit setup postgres`, by a service file and
//! credentials in files that are kept fresh.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::Pid,
};

use super::{
    events,
    postgres::{with_certificates, with_roles},
};
use crate::support::{
    Access, Home, Postgres,
    home::{Ran, run},
    until,
    whereabouts::aws_bin,
};

/// A home that is set up, whose keepers end with this value.
pub(super) struct SetUp {
    pub(super) home: Home,
    manager: String,
}

impl SetUp {
    pub(super) fn of(home: Home, postgres: &Postgres) -> Self {
        let manager = postgres.superuser_url("orders");
        let set_up = Self { home, manager };
        set_up.works(&["setup", "postgres", "--anyway"]);
        set_up
    }

    pub(super) fn jit(&self, args: &[&str]) -> Ran {
        run(self.home.jit(args).env("MANAGER", &self.manager))
    }

    #[track_caller]
    pub(super) fn works(&self, args: &[&str]) -> String {
        let ran = self.jit(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }

    pub(super) fn service_file(&self) -> PathBuf {
        self.home.path("state/jit/setup/pg_service.conf")
    }

    /// A program of libpq that knows nothing of jit but what a shell exports.
    pub(super) fn plain(&self, program: &str, args: &[&str]) -> Ran {
        let mut command = self.home.command(Path::new(program));
        run(command
            .args(args)
            .env("PGSERVICEFILE", self.service_file())
            .env("PGCONNECT_TIMEOUT", "20"))
    }

    pub(super) fn psql(&self, connection: &str, sql: &str) -> Ran {
        self.plain("psql", &["-w", "-X", "-At", "-c", sql, connection])
    }

    /// psycopg brings a libpq of its own, newer than the system's.
    pub(super) fn python(&self, script: &str) -> Ran {
        let python = aws_bin().join("python3");
        self.plain(python.to_str().unwrap(), &["-c", script])
    }

    /// The directory of an entitlement's files.
    pub(super) fn files(&self, role: &str) -> PathBuf {
        self.home
            .own("run/jit", "postgres")
            .join("orders")
            .join(role)
    }

    pub(super) fn held(&self, role: &str) -> Vec<PathBuf> {
        let listing = fs::read_dir(self.files(role)).into_iter().flatten();
        listing.map(|file| file.unwrap().path()).collect()
    }

    pub(super) fn is_kept(&self, role: &str) -> bool {
        let lock = self.files(role).with_file_name(format!("{role},keeper"));
        let Ok(file) = fs::File::open(lock) else {
            return false;
        };
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
    }

    /// The keepers of this home.
    pub(super) fn keepers(&self) -> Vec<Pid> {
        let own = format!("HOME={}", self.home.path("").display());
        let own = own.trim_end_matches('/');
        let is_keeper = |entry: &fs::DirEntry| {
            let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
            let has =
                |text: &[u8], word: &str| text.split(|b| *b == 0).any(|w| w == word.as_bytes());
            let line = read("cmdline");
            has(&line, "keep") && has(&line, "--stay") && has(&read("environ"), own)
        };
        let all = fs::read_dir("/proc").unwrap().flatten().filter(is_keeper);
        all.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
            .collect()
    }

    pub(super) fn issued(&self) -> usize {
        let all = events(&self.home);
        all.iter().filter(|event| event["kind"] == "issued").count()
    }
}

impl Drop for SetUp {
    fn drop(&mut self) {
        self.jit(&["forget", "--all"]);
        until("the keepers to end", || {
            self.keepers().is_empty().then_some(())
        });
    }
}

pub(super) fn started() -> Option<Postgres> {
    Postgres::start(Access::default())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(super) const WHO: &str = "select name, current_user from item";
const PSYCOPG: &str = "import psycopg; print(psycopg.connect('service=orders').execute('select name, current_user from item').fetchone())";

#[test]
fn psql_pg_dump_and_psycopg_connect_by_a_service() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    let without = set_up.psql("service=orders", WHO);
    assert_eq!(without.code, 2, "no grant yet: {without:?}");
    set_up.works(&["request", "postgres/orders:read"]);

    let read = set_up.psql("service=orders", WHO);
    assert_eq!(
        (read.code, &*read.stdout),
        (0, "kite|orders_ro\n"),
        "{read:?}"
    );
    let dumped = set_up.plain("pg_dump", &["-t", "item", "service=orders"]);
    assert!(
        dumped.code == 0 && dumped.stdout.contains("kite"),
        "{dumped:?}"
    );
    let driver = set_up.python(PSYCOPG);
    assert_eq!(driver.stdout, "('kite', 'orders_ro')\n", "{driver:?}");
    let grant = events(&set_up.home)[0]["grant"]
        .as_str()
        .unwrap()
        .to_owned();
    postgres.logged(&format!("orders_ro@orders jit:{grant} "));

    let write = set_up.psql("service=orders:write", WHO);
    assert_eq!(write.code, 2, "another role's: {write:?}");
    set_up.works(&["request", "postgres/orders:write", "-j", "order 4711"]);
    let write = set_up.psql("service=orders:write", WHO);
    assert_eq!(write.stdout, "kite|orders_rw\n", "{write:?}");

    let file = set_up.files("read").join("client.pem");
    assert_eq!((mode(&file), mode(&set_up.service_file())), (0o600, 0o600));
    for above in file.ancestors().skip(1).take(4) {
        assert_eq!(mode(above), 0o700, "{}", above.display());
    }
    assert_eq!(set_up.keepers().len(), 2);
}

#[test]
fn a_role_made_for_the_grant_is_in_the_service_that_it_is_for() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_roles(&postgres), &postgres);
    let without = set_up.psql("service=orders", WHO);
    assert_eq!(without.code, 2, "{without:?}");
    set_up.works(&["request", "postgres/orders:read"]);
    set_up.works(&["request", "postgres/orders:write", "-j", "order 4711"]);
    for (service, said) in [
        ("orders", "kite|orders_ro\n"),
        ("orders:read", "kite|orders_ro\n"),
        ("orders:write", "kite|orders_rw\n"),
    ] {
        let mut command = set_up.home.command(Path::new("psql"));
        // What a whole shell may have set.
        let read = run(command
            .args(["-w", "-X", "-At", "-c", WHO, &format!("service={service}")])
            .env("PGSERVICEFILE", set_up.service_file())
            .env("PGPASSWORD", "mine")
            .env("PGUSER", "postgres")
            .env("PGHOSTADDR", "192.0.2.1"));
        assert_eq!((read.code, &*read.stdout), (0, said), "{service}: {read:?}");
    }
    let driver = set_up.python(PSYCOPG);
    assert_eq!(driver.stdout, "('kite', 'orders_ro')\n", "{driver:?}");
    assert_eq!(mode(&set_up.files("read").join("pgpass")), 0o600);
    let dumped = run(set_up
        .home
        .jit(["exec", "--", "pg_dump", "-t", "item", "service=orders"])
        .env("MANAGER", &set_up.manager)
        .env("PGSERVICEFILE", set_up.service_file()));
    assert!(dumped.stdout.contains("kite"), "{dumped:?}");
    // Through jit the same service means the same role, and says the grant once.
    let wrapped = run(set_up
        .home
        .jit([
            "exec",
            "--",
            "psql",
            "-XAt",
            "-c",
            "show application_name",
            "-c",
            WHO,
        ])
        .arg("service=orders:write")
        .env("MANAGER", &set_up.manager)
        .env("PGSERVICEFILE", set_up.service_file()));
    let (name, who) = wrapped.stdout.split_once('\n').unwrap();
    assert_eq!(who, "kite|orders_rw\n", "{wrapped:?}");
    assert!(
        name.matches("jit").count() == 1 && name.ends_with(" psql"),
        "{name}"
    );

    set_up.works(&["revoke", "--all"]);
    let after = set_up.psql("service=orders", WHO);
    assert_eq!(after.code, 2, "{after:?}");
    let text = fs::read_to_string(set_up.service_file()).unwrap();
    assert!(text.contains("user=jit_no_grant"), "{text}");
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_told_the_password() {
    let Some(postgres) = started() else { return };
    let home = with_roles(&postgres);
    let catalogue = fs::read_to_string(home.config().join("authority.toml")).unwrap();
    let bare = catalogue
        .lines()
        .filter(|line| !line.starts_with("certificate_authority"));
    home.configure("authority.toml", &bare.collect::<Vec<_>>().join("\n"));
    let set_up = SetUp::of(home, &postgres);
    set_up.works(&["request", "postgres/orders:read"]);
    let read = set_up.psql("service=orders", WHO);
    assert_eq!(read.stdout, "kite|orders_ro\n", "{read:?}");
    // It asks for the password in clear.
    postgres.allow(Access {
        client_ca: None,
        hba: "hostssl orders all 127.0.0.1/32 password",
        ident: "",
    });
    let asked = set_up.psql("service=orders", WHO);
    assert!(
        asked.stderr.contains("channel binding required"),
        "{asked:?}"
    );
}

#[test]
fn many_connect_at_once_and_one_keeper_is_enough() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    let many: Vec<_> = (0..8)
        .map(|_| {
            let mut command = set_up.home.jit(["request", "postgres/orders:read"]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut one in many {
        assert!(one.wait().unwrap().success());
    }
    let script = "import psycopg, concurrent.futures as f\n\
        def one(n): return psycopg.connect('service=orders').execute('select count(*) from item').fetchone()[0]\n\
        print(sum(f.ThreadPoolExecutor(20).map(one, range(20))))";
    let connected = set_up.python(script);
    assert_eq!(connected.stdout, "20\n", "{connected:?}");
    assert_eq!(set_up.issued(), 1);
    assert_eq!(set_up.keepers().len(), 1);
}
