//! The cache: one flight, nothing foreign believed, nothing lost.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::UNIX_EPOCH,
};

use jit::{
    cache::Cache,
    config::places,
    domain::environment::Places,
    platform::{clock, configuration},
};
use serde_json::Value;

use crate::support::held;
use crate::support::home::{Home, run};
use crate::support::web::{ask, web};

fn lease(home: &Home) -> PathBuf {
    held::lease_file(home, "ssh/web:deploy")
}

fn events(home: &Home) -> Vec<Value> {
    let listed = run(&mut home.jit(["audit", "--json"]));
    assert_eq!(listed.code, 0, "{listed:?}");
    listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn grants(home: &Home) -> usize {
    events(home)
        .iter()
        .filter(|event| event["kind"] == "granted")
        .count()
}

#[test]
fn a_hundred_processes_at_once_make_one_request() {
    let home = web();
    let children: Vec<_> = (0..100)
        .map(|_| {
            home.jit(["request", "ssh/web:deploy", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut held = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        let row: Value = serde_json::from_slice(&output.stdout).unwrap();
        held.push(row["credential"].clone());
    }
    held.dedup();
    assert_eq!(held.len(), 1, "all use the one credential");
    let kinds: Vec<_> = events(&home)
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(kinds, ["granted", "issued"]);
}

#[test]
fn a_cached_lease_is_used_until_it_is_forgotten() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    assert_eq!(ask(&home).code, 0);
    assert_eq!(grants(&home), 1);
    assert_eq!(
        run(&mut home.jit(["forget", "ssh/web:deploy"])).stdout,
        "forgot ssh/web:deploy\n"
    );
    let twice = run(&mut home.jit(["forget", "ssh/web:deploy"]));
    assert_eq!(twice.code, 125);
    assert!(
        twice
            .stderr
            .contains("hint: \"jit status\" lists what you hold"),
        "{twice:?}"
    );
    assert_eq!(ask(&home).code, 0);
    assert_eq!(grants(&home), 2);
}

#[test]
fn a_broken_lease_is_dropped_said_once_and_made_anew() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    let whole = fs::read(lease(&home)).unwrap();
    let mut changed = whole.clone();
    changed[40] ^= 1;
    let foreign = {
        let other = web();
        assert_eq!(ask(&other).code, 0);
        fs::read(lease(&other)).unwrap()
    };
    for broken in [
        &[][..],
        &whole[..10],
        &whole[..whole.len() - 1],
        &changed,
        &foreign,
        b"{}",
    ] {
        fs::write(lease(&home), broken).unwrap();
        let asked = ask(&home);
        assert_eq!(asked.code, 0, "{asked:?}");
        let said = "jit: dropped the cached lease for ssh/web:deploy: it could not be opened\n";
        assert_eq!(asked.stderr, said);
        assert_eq!(ask(&home).stderr, "", "said once");
    }
}

#[test]
fn a_lease_moved_to_another_entitlement_is_not_believed() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    fs::copy(lease(&home), held::lease_file(&home, "ssh/web:root")).unwrap();
    let asked = run(&mut home.jit(["request", "ssh/web:root"]));
    assert_eq!(asked.code, 121, "{asked:?}");
}

#[test]
fn files_that_others_can_reach_are_refused_with_the_command_that_mends_them() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    for (file, wrong, right) in [
        (lease(&home), 0o640, 0o600),
        (home.path("cache/jit/leases"), 0o755, 0o700),
        (home.path("state/jit/sealing.key"), 0o604, 0o600),
    ] {
        let name = file.display().to_string();
        fs::set_permissions(&file, Permissions::from_mode(wrong)).unwrap();
        // The key is in the kernel, too: its file is looked at when something new is asked for.
        let asked = run(&mut home.jit([
            "request",
            if name.ends_with("key") {
                "ssh/web:root"
            } else {
                "ssh/web:deploy"
            },
        ]));
        assert_eq!(asked.code, 125, "{name}: {asked:?}");
        let mend = format!("hint: run: chmod {right:o} '{}'", file.display());
        assert!(asked.stderr.contains(&mend), "{asked:?}");
        fs::set_permissions(&file, Permissions::from_mode(right)).unwrap();
        assert_eq!(ask(&home).code, 0);
    }
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_not_access() {
    let home = web();
    home.write("cache/jit", "a file where a directory should be");
    let asked = ask(&home);
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(
        asked.stderr.starts_with("jit: the lease was not cached: "),
        "{asked:?}"
    );
    assert_eq!(grants(&home), 1);
}

#[test]
fn a_lease_never_rests_in_plain_text() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    for needle in ["ssh-ed25519-cert", "deploy", "eyJ", "grant"] {
        let sealed = fs::read(lease(&home)).unwrap();
        assert!(
            !sealed
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        );
    }
}

/// Runs something on a resource that a home holds a lease for; no policy of these homes gives anything.
fn used(home: &Home, options: &[&str], on: &str) -> i32 {
    run(home.jit(options).args(["exec", "--on", on, "--", "true"])).code
}

#[test]
fn a_lease_is_used_only_for_what_it_was_issued_for() {
    for (on, from, to) in [
        ("ssh/held", "ssh.invalid", "other.invalid"),
        ("kubernetes/held", "kubernetes.invalid", "other.invalid"),
        ("kubernetes/held", "jit/view", "jit/other"),
        ("postgres/held", "postgres.invalid", "other.invalid"),
        ("postgres/held", "\"reader\"", "\"writer\""),
        ("aws/held", "123456789012", "210987654321"),
    ] {
        let home = held::home_with_leases();
        assert_eq!(used(&home, &[], on), 0, "{on}");
        // What else the catalogue says is nothing to this lease.
        let more = format!("{}\n[groups]\nstaff = [\"alice\"]\n", held::CATALOGUE);
        home.configure("authority.toml", &more);
        assert_eq!(used(&home, &[], on), 0, "{on}");
        home.configure("authority.toml", &held::CATALOGUE.replace(from, to));
        assert_eq!(used(&home, &[], on), 121, "{on}: {to}");
    }
}

#[test]
fn a_hook_of_aws_gives_credentials_for_the_account_of_the_catalogue_alone() {
    let home = held::home_with_leases();
    let hook = || run(&mut home.jit(["credential-process", "aws/held:read"]));
    for _ in 0..2 {
        assert!(hook().stdout.contains("AccessKeyId"));
    }
    let other = held::CATALOGUE.replace("123456789012", "210987654321");
    home.configure("authority.toml", &other);
    let refused = hook();
    assert_eq!((refused.code, &*refused.stdout), (121, ""), "{refused:?}");
    home.configure("authority.toml", held::CATALOGUE);
    assert!(hook().stdout.contains("AccessKeyId"));
}

/// What the policies of one configuration allow is nothing to another.
#[test]
fn a_lease_of_one_configuration_directory_is_none_of_another() {
    let home = held::home_with_leases();
    home.write("other/authority.toml", held::CATALOGUE);
    for on in ["ssh/held", "kubernetes/held", "postgres/held", "aws/held"] {
        assert_eq!(used(&home, &["--config-dir", "other"], on), 121, "{on}");
        assert_eq!(used(&home, &[], on), 0, "{on}");
    }
    let config = home.config();
    let same = config.join(".").display().to_string();
    assert_eq!(used(&home, &["--config-dir", &same], "aws/held"), 0);
    let listed = run(&mut home.jit(["--config-dir", "other", "status", "--json"]));
    assert_eq!(listed.stdout, "");
}

/// The agent of one configuration serves what that one was granted, and the hook of another leaves it alone.
#[test]
fn two_configuration_directories_share_no_agent_of_ssh() {
    let home = held::home_with_leases();
    let (own, other) = (home.config(), home.path("other"));
    home.write("other/authority.toml", held::CATALOGUE);
    held::move_leases(&home, &other);
    let link = |configuration: &Path| {
        let own = configuration::own_directory("ssh", configuration);
        home.path("cache/jit/run").join(own).join("held/deploy/s")
    };
    let hook = |configuration: &Path, link: &Path| {
        let agent = format!("--agent={}", link.display());
        let mut command = home.jit(["known-hosts", "ssh/held", "--user=deploy"]);
        run(command
            .args(["--host=ssh.invalid", "--alias=held", &agent, "--config-dir"])
            .arg(configuration))
    };
    let ready = hook(&own, &link(&own));
    assert_eq!(ready.code, 0, "{ready:?}");
    let served = fs::read_link(link(&own)).unwrap();
    let refused = hook(&other, &link(&own));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("is not ssh/held:deploy's agent"),
        "{refused:?}"
    );
    let ready = hook(&other, &link(&other));
    assert_eq!(ready.code, 0, "{ready:?}");
    assert_eq!(fs::read_link(link(&own)).unwrap(), served);
    assert!(fs::read_link(link(&other)).is_ok());
    // A password in files, which a program reads while another configuration's command is started.
    let files = |configuration: &str| {
        let exec = [
            "--config-dir",
            configuration,
            "exec",
            "--on",
            "postgres/held",
            "--",
        ];
        let print = ["sh", "-c", "echo $PGPASSFILE"];
        let ran = run(&mut home.jit([&exec[..], &print].concat()));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    let places = [files(own.to_str().unwrap()), files("other")];
    assert!(
        places[0].contains("/run/jit/postgres,") && places[0] != places[1],
        "{places:?}"
    );
}

/// The cache of a job on the machine of that home.
fn of_job(home: &Home, job: Option<char>) -> Cache {
    let places = places::find(&held::environment(home), None).unwrap();
    Cache::open(&Places {
        job: job.map(|digit| digit.to_string().repeat(64)),
        ..places
    })
    .unwrap()
}

#[test]
fn jobs_on_one_machine_keep_their_leases_until_they_are_over() {
    let home = held::home_with_leases();
    let (person, first, second) = (
        of_job(&home, None),
        of_job(&home, Some('a')),
        of_job(&home, Some('b')),
    );
    let name = "aws/held:read".parse().unwrap();
    let lease = person.held(&name).unwrap().unwrap();
    for job in [&first, &second] {
        assert!(job.leases().unwrap().is_empty());
        assert!(job.held(&name).unwrap().is_none());
        job.fresh_or(&name, clock::now, |_| Ok(lease.clone()))
            .unwrap();
    }
    for job in [&first, &second, &first] {
        assert_eq!(job.leases().unwrap().len(), 1);
    }
    assert_eq!(person.leases().unwrap().len(), 4);
    assert!(first.forget(&name).unwrap());
    assert_eq!(second.entitlements(), std::slice::from_ref(&name));
    // What a job left goes once nobody can need it, with its lock.
    let of = |job: char| {
        let directory = fs::read_dir(home.path("cache/jit/leases")).unwrap();
        let names = directory.map(|file| file.unwrap().file_name().into_string().unwrap());
        let of = format!(",{}.", job.to_string().repeat(16));
        names.filter(|name| name.contains(&of)).count()
    };
    let renew = || {
        assert!(person.forget(&name).unwrap());
        person
            .fresh_or(&name, clock::now, |_| Ok(lease.clone()))
            .unwrap();
    };
    renew();
    assert_eq!((of('a'), of('b')), (1, 2));
    for file in fs::read_dir(home.path("cache/jit/leases")).unwrap() {
        let file = fs::File::open(file.unwrap().path()).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
    }
    renew();
    assert_eq!((of('a'), of('b')), (0, 0));
    assert_eq!(person.leases().unwrap().len(), 4);
}
