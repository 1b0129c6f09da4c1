//! Measuring in one run: contenders take turns, so that a slow moment of the machine meets them all.

use std::{
    env, thread,
    time::{Duration, Instant},
};

/// One contender: its name, and one run of it.
pub(crate) type Contender<'a> = (String, Box<dyn FnMut() + 'a>);

/// What a run leaves behind, such as an agent that is still starting, ends before the next one.
const PAUSE: Duration = Duration::from_millis(5);

/// How long each contender's runs took, in microseconds, sorted.
pub(crate) fn in_turns(rounds: usize, contenders: &mut [Contender<'_>]) -> Vec<(String, Vec<f64>)> {
    let mut spans = vec![Vec::with_capacity(rounds); contenders.len()];
    let count = contenders.len();
    for round in 0..=rounds {
        for turn in 0..count {
            let at = (round + turn) % count;
            thread::sleep(PAUSE);
            let started = Instant::now();
            contenders[at].1();
            let span = started.elapsed().as_secs_f64() * 1e6;
            // The first round warms up.
            if round > 0 {
                spans[at].push(span);
            }
        }
    }
    let names = contenders.iter().map(|(name, _)| name.clone());
    names
        .zip(spans)
        .map(|(name, mut spans)| {
            spans.sort_by(f64::total_cmp);
            (name, spans)
        })
        .collect()
}

/// The value that a part of the sorted spans does not exceed: 0.5 is the median.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place among some hundred"
)]
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * part).round() as usize;
    sorted[place]
}

/// A number of rounds from the environment, for a quick look: `JIT_BENCH_ROUNDS`.
pub(crate) fn rounds(usual: usize) -> usize {
    env::var("JIT_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(usual)
}
