//! Twenty requests of boto3 against a stand-in for AWS, in turns: with a credential of ten minutes,
//! for which botocore calls its hook once per request, and with static keys, for which it calls none.
//! Run: `cargo bench --bench sdk`, with `JIT_BENCH_BIN` for a `jit` that was linked as `install.sh`
//! does it.
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

use std::{cell::RefCell, time::Duration};

use jit::platform::clock;
use measure::{Contender, in_turns, quantile, rounds};
use support::{
    Home, Moto,
    held::{change, home_with_leases},
    run,
    whereabouts::{aws_bin, jit, program},
};

/// Prints how long the client and its requests took, without Python's own start.
const LOOP: &str = "
import time, boto3
start = time.perf_counter()
client = boto3.Session().client('sts')
for _ in range(20):
    client.get_caller_identity()
print(time.perf_counter() - start)
";

/// What any hook costs: a program that prints a file.
const CAT: &str = r#"{"Version":1,"AccessKeyId":"ASIABENCH","SecretAccessKey":"x","SessionToken":"y","Expiration":"EXPIRATION"}"#;

fn main() {
    let Some(cloud) = Moto::start() else { return };
    let home = home_with_leases();
    let end = clock::now().after(Duration::from_mins(10));
    change(&home, "aws/held:read", |lease| {
        lease.credential.expires_at = end;
    });
    let answer = home.write(
        "answer.json",
        &CAT.replace("EXPIRATION", &end.to_rfc3339_seconds()),
    );
    home.write(
        ".aws/config",
        &format!(
            "[profile jit]\ncredential_process = {} credential-process aws/held:read\n
            [profile cat]\ncredential_process = cat {}\n
            [profile static]\naws_access_key_id = AKIABENCH\naws_secret_access_key = x\n",
            jit().display(),
            answer.display()
        )
        .replace("\n            ", "\n"),
    );
    let profiles = ["static", "cat", "jit"];
    let loops = RefCell::new(vec![Vec::new(); profiles.len()]);
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for (at, profile) in profiles.into_iter().enumerate() {
        let (home, cloud, loops) = (&home, &cloud, &loops);
        let once = move || loops.borrow_mut()[at].push(seconds(home, cloud, profile));
        contenders.push((profile.to_owned(), Box::new(once)));
    }
    let measured = in_turns(rounds(15), &mut contenders);
    drop(contenders);
    let loops: Vec<f64> = loops.into_inner().into_iter().map(median).collect();
    println!(
        "{:28} {:>12} {:>7}   whole process",
        "", "20 requests", "ratio"
    );
    for (at, name) in [
        "static keys",
        "a hook that is cat",
        "jit credential-process",
    ]
    .iter()
    .enumerate()
    {
        let whole = quantile(&measured[at].1, 0.5) / 1e6;
        let (took, ratio) = (loops[at], loops[at] / loops[0]);
        println!("{name:28} {took:>10.3} s {ratio:>7.2}   {whole:.3} s");
    }
    println!("\n{}", jit().display());
}

fn seconds(home: &Home, cloud: &Moto, profile: &str) -> f64 {
    let python = program("python3", Some(&aws_bin())).expect("it came with moto");
    let ran = run(home
        .command(&python)
        .env("AWS_PROFILE", profile)
        .env("AWS_DEFAULT_REGION", support::moto::REGION)
        .env("AWS_ENDPOINT_URL", cloud.url())
        .args(["-c", LOOP]));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.trim().parse().expect("seconds")
}

/// Without the first run, which warms up.
fn median(mut spans: Vec<f64>) -> f64 {
    spans.remove(0);
    spans.sort_by(f64::total_cmp);
    quantile(&spans, 0.5)
}
