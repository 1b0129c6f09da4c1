//! What a decision costs at 10, 1,000 and 10,000 policies: sliced by action and scope, as `jit`
//! does it, against all policies, as Cedar alone does it. Run: `cargo bench --bench decision`
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::{collections::BTreeSet, hint::black_box, time::Instant};

use jit::{
    domain::{
        entitlement::{Entitlement, Tier},
        failure::Result,
        principal::{Caller, Class, Principal},
        time::Timestamp,
    },
    policy::{
        question::{Circumstances, Question},
        set::Policies,
    },
};

fn main() -> Result<()> {
    let caller = Caller::new(
        Principal::new(Class::Human, "alice")?,
        (0..5).map(|n| format!("team-{n}")).collect(),
    );
    let entitlement: Entitlement = "kubernetes/cluster-3:view".parse()?;
    let labels = BTreeSet::from(["eu".to_owned()]);
    let question = Question {
        caller: &caller,
        entitlement: &entitlement,
        tier: Tier::Routine,
        labels: &labels,
        justification: Some("INC-7"),
        ttl: None,
        break_glass: false,
        verb: Some("get"),
        circumstances: Circumstances::default(),
        now: Timestamp::from_secs(1_800_000_000),
    };
    println!("policies     parse   decide (sliced)   decide (all)");
    for count in [10, 1_000, 10_000] {
        let started = Instant::now();
        let policies = Policies::parse(&[file(count)])?;
        let parsed = started.elapsed();
        let sliced = median(|| drop(black_box(policies.decide(&question))));
        let all = median(|| drop(black_box(policies.decide_unsliced(&question))));
        println!(
            "{count:>8} {:>6.1} ms {sliced:>14.1} µs {all:>11.1} µs",
            parsed.as_secs_f64() * 1e3
        );
    }
    Ok(())
}

fn file(count: usize) -> (String, String) {
    let policy = |n: usize| {
        let team = n % (count / 5).max(1);
        format!(
            "@id(\"p{n}\") @ttl(\"1h\")\npermit (principal in Group::\"team-{team}\", action == Action::\"elevate\", \
             resource in Resource::\"kubernetes/cluster-{}\") when {{ resource.role == \"view\" && context.hour < 24 }};\n",
            n / 5
        )
    };
    ("bench.cedar".to_owned(), (0..count).map(policy).collect())
}

/// The median of some hundred calls, in microseconds.
fn median(mut call: impl FnMut()) -> f64 {
    let mut spans: Vec<f64> = (0..301)
        .map(|_| {
            let started = Instant::now();
            call();
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    spans.sort_by(f64::total_cmp);
    spans.get(spans.len() / 2).copied().unwrap_or_default()
}
