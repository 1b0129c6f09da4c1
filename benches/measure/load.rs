//! Many clients at once, each with a connection of its own, which asks again as soon as it was answered.

use std::{
    fs,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::measure::quantile;

/// What so many clients got in that time.
pub(crate) struct Load {
    /// Answers in a second.
    pub(crate) rate: f64,
    /// What the server's process computed for each, in milliseconds.
    pub(crate) cpu: f64,
    /// How long each took, in milliseconds, sorted.
    spans: Vec<f64>,
}

impl Load {
    /// The span that a part of the answers does not exceed, in milliseconds.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        quantile(&self.spans, part)
    }
}

/// Has `clients` ask that process for `span`; each is made by `client` and then called again and again.
pub(crate) fn load<C: FnMut()>(
    process: u32,
    (clients, span): (usize, Duration),
    client: impl Fn(usize) -> C + Sync,
) -> Load {
    let (ready, over) = (Barrier::new(clients + 1), AtomicBool::new(false));
    let (elapsed, cpu, mut spans) = thread::scope(|scope| {
        let running: Vec<_> = (0..clients)
            .map(|number| {
                let (client, ready, over) = (&client, &ready, &over);
                scope.spawn(move || {
                    let mut ask = client(number);
                    // Connected, and known to the server.
                    ask();
                    ready.wait();
                    let mut spans = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let started = Instant::now();
                        ask();
                        spans.push(started.elapsed().as_secs_f64() * 1e3);
                    }
                    spans
                })
            })
            .collect();
        ready.wait();
        let (started, before) = (Instant::now(), cpu_time(process));
        thread::sleep(span);
        over.store(true, Ordering::Relaxed);
        let spans: Vec<f64> = running
            .into_iter()
            .flat_map(|client| client.join().expect("a client"))
            .collect();
        let cpu = cpu_time(process) - before;
        (started.elapsed().as_secs_f64(), cpu, spans)
    });
    spans.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let answers = spans.len() as f64;
    Load {
        rate: answers / elapsed,
        cpu: cpu / answers,
        spans,
    }
}

/// What a process has computed so far, in milliseconds: its ticks (of a hundredth of a second) in
/// /proc/PID/stat, of which the fields behind the program's name in brackets are sure.
fn cpu_time(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks = fields.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("ticks") * 10.0)
        .sum()
}
