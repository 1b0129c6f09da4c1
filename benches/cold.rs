//! Cold elevations end to end in the embedded authority, whole processes in turns, against real
//! targets where their programs are; and a hundred processes at once on a cold cache.
//! Run: `cargo bench --bench cold`
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark may fail, and prints"
)]

mod measure;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod support;

use std::{
    fs,
    process::{Command, Stdio},
    time::Instant,
};

use measure::{Contender, in_turns, quantile, rounds};
use support::{Access, Home, Kube, Moto, Postgres, run, web::POLICIES};

const AT_ONCE: usize = 100;

/// One kind of credential, ready to be asked for in a home of its own.
struct Kind {
    name: &'static str,
    entitlement: &'static str,
    home: Home,
    /// For the base credentials of AWS.
    variables: Vec<(&'static str, String)>,
}

impl Kind {
    fn new(name: &'static str, entitlement: &'static str, keys: &str) -> Self {
        let home = Home::new();
        let resource = entitlement.split_once(':').expect("resource and role").0;
        home.configure(
            "authority.toml",
            &format!("[resources.{resource:?}]\n{keys}\n"),
        );
        home.configure("policies/all.cedar", POLICIES);
        let variables = Vec::new();
        Self {
            name,
            entitlement,
            home,
            variables,
        }
    }

    fn jit(&self, args: &[&str]) -> Command {
        let mut command = self.home.jit(args);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn output(&self, args: &[&str]) -> String {
        let ran = run(&mut self.jit(args));
        assert_eq!(ran.code, 0, "{}: {ran:?}", self.name);
        ran.stdout
    }

    /// Leaves the grants and the ledger as they are.
    fn empty_cache(&self) {
        fs::remove_dir_all(self.home.path("cache/jit/leases")).expect("leases");
    }

    fn grants(&self) -> usize {
        let events = self.output(&["audit", "--json"]);
        events.matches("\"kind\":\"granted\"").count()
    }

    /// How long a hundred take that start together, in milliseconds, and how many requests they make.
    fn at_once(&self) -> (f64, usize) {
        self.empty_cache();
        let before = self.grants();
        let started = Instant::now();
        let children: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let mut command = self.jit(&["request", self.entitlement]);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                command.spawn().expect("jit")
            })
            .collect();
        for mut child in children {
            assert!(child.wait().expect("jit").success());
        }
        let span = started.elapsed().as_secs_f64() * 1e3;
        (span, self.grants() - before)
    }
}

fn main() {
    let mut kinds = vec![
        Kind::new(
            "ssh, a certificate",
            "ssh/bench:deploy",
            "hosts = [\"bench.invalid\"]\nroles.deploy = {}",
        ),
        Kind::new(
            "postgres, a certificate",
            "postgres/bench:read",
            "hosts = [\"bench.invalid\"]\nissuer = \"certificate\"\nroles.read.role = \"reader\"",
        ),
    ];
    let server = Postgres::start(Access::default());
    kinds.extend(server.as_ref().map(dynamic_role));
    let kube = Kube::start(&[]);
    kinds.extend(kube.as_ref().map(token_request));
    let cloud = Moto::start();
    kinds.extend(cloud.as_ref().map(assume_role));

    println!(
        "{:36} {:>9} {:>9} {:>7}   a hundred at once",
        "", "median", "p95", "ratio"
    );
    let measured = in_turns(rounds(50), &mut contenders(&kinds));
    let base = quantile(&measured[0].1, 0.5);
    for (at, (name, spans)) in measured.iter().enumerate() {
        let (middle, slow) = (quantile(spans, 0.5), quantile(spans, 0.95));
        let together = at.checked_sub(1).map_or_else(String::new, |at| {
            let (span, requests) = kinds[at].at_once();
            format!("{span:.0} ms, requests made: {requests}")
        });
        println!(
            "{name:36} {:>6.1} ms {:>6.1} ms {:>7.1}   {together}",
            middle / 1e3,
            slow / 1e3,
            middle / base
        );
    }
}

fn contenders(kinds: &[Kind]) -> Vec<Contender<'_>> {
    let version = || drop(kinds[0].output(&["--version"]));
    let mut contenders: Vec<Contender<'_>> = vec![("jit --version".to_owned(), Box::new(version))];
    for kind in kinds {
        drop(kind.output(&["request", kind.entitlement]));
        let ask = || {
            kind.empty_cache();
            drop(kind.output(&["request", kind.entitlement]));
        };
        contenders.push((kind.name.to_owned(), Box::new(ask)));
    }
    contenders
}

fn dynamic_role(server: &Postgres) -> Kind {
    server.psql("create role readers");
    let kind = Kind::new(
        "postgres, a dynamic role",
        "postgres/bench:read",
        &format!(
            "hosts = [\"127.0.0.1:{}\"]\nissuer = \"dynamic-role\"\ncredential = \"file:base.url\"
            certificate_authority = \"{}\"\nroles.read.role = \"readers\"",
            server.port(),
            server.ca().display()
        ),
    );
    kind.home
        .configure("base.url", &server.superuser_url("postgres"));
    kind
}

fn token_request(kube: &Kube) -> Kind {
    let kind = Kind::new(
        "kubernetes, TokenRequest",
        "kubernetes/bench:view",
        &format!(
            "server = {:?}\ncertificate_authority = \"{}\"\nissuer = \"token-request\"
            credential = \"file:base.token\"\nroles.view.service_account = \"jit/view\"",
            kube.url(),
            kube.ca().display()
        ),
    );
    kind.home
        .configure("base.token", "not needed to print what to trust");
    kube.apply(&kind.output(&["trust", "kubernetes/bench"]));
    let token = kube.kubectl(&["-n", "jit", "create", "token", "jit", "--duration=2h"]);
    kind.home.configure("base.token", token.trim());
    kind
}

fn assume_role(cloud: &Moto) -> Kind {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
    let all =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let arn = cloud.create_role("read", trust, all);
    let (key, secret) = cloud.create_user("base", all);
    let mut kind = Kind::new(
        "aws, AssumeRole",
        "aws/bench:read",
        &format!(
            "account = \"123456789012\"\nregion = \"eu-west-1\"\nissuer = \"assume-role\"
            endpoint = {:?}\nroles.read.arn = {arn:?}",
            cloud.url()
        ),
    );
    kind.variables = vec![
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    kind
}
