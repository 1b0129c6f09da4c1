//! The checks at work: several at once, so that a target that is down holds up no other.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use super::{finding::Finding, ground::Ground};

/// How many checks run at once. They wait much and work little.
const HANDS: usize = 16;
/// The longest that any check takes: each of its steps has an end of its own, and together they come
/// to less than this.
const PATIENCE: Duration = Duration::from_mins(1);

type Look = Box<dyn FnOnce(&Ground) -> Vec<Finding> + Send>;

/// One check.
pub(super) struct Check {
    /// Its group: `keyring`, `tools`, `targets`.
    pub(super) group: &'static str,
    /// What it looks at, for whoever waits.
    pub(super) about: String,
    look: Look,
}

impl Check {
    /// A check of that group that looks at `about`.
    pub(super) fn new(
        group: &'static str,
        about: &(impl ToString + ?Sized),
        look: impl FnOnce(&Ground) -> Vec<Finding> + Send + 'static,
    ) -> Self {
        Self {
            group,
            about: about.to_string(),
            look: Box::new(look),
        }
    }
}

/// Runs the checks; their findings in the order of the checks. `waiting` is told, each time that one
/// has ended, what the others look at. One that does not end is given up, and said to be.
pub(super) fn run(
    checks: Vec<Check>,
    ground: &Arc<Ground>,
    mut waiting: impl FnMut(&[&str]),
) -> Vec<Vec<Finding>> {
    let abouts: Vec<String> = checks.iter().map(|check| check.about.clone()).collect();
    let mut found: Vec<Option<Vec<Finding>>> = abouts.iter().map(|_| None).collect();
    let mut left: BTreeSet<usize> = (0..abouts.len()).collect();
    let ended = begin(checks, ground);
    while !left.is_empty() {
        let names: Vec<&str> = abouts
            .iter()
            .enumerate()
            .filter(|(at, _)| left.contains(at))
            .map(|(_, about)| about.as_str())
            .collect();
        waiting(&names);
        // Whatever runs ends within its patience; where nothing has, nothing will.
        let Ok((at, findings)) = ended.recv_timeout(PATIENCE) else {
            break;
        };
        left.remove(&at);
        if let Some(place) = found.get_mut(at) {
            *place = Some(findings);
        }
    }
    let unended = |about: &String| {
        vec![
            Finding::bad(about, "this check did not come to an end")
                .hint("look at it alone: jit doctor KIND/NAME"),
        ]
    };
    let pairs = found.into_iter().zip(&abouts);
    pairs
        .map(|(findings, about)| findings.unwrap_or_else(|| unended(about)))
        .collect()
}

fn begin(checks: Vec<Check>, ground: &Arc<Ground>) -> mpsc::Receiver<(usize, Vec<Finding>)> {
    let (done, ended) = mpsc::channel();
    let hands = checks.len().min(HANDS);
    let queue = Arc::new(Mutex::new(checks.into_iter().enumerate()));
    for _ in 0..hands {
        let (done, queue, ground) = (done.clone(), Arc::clone(&queue), Arc::clone(ground));
        thread::spawn(move || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, check)) = next else { return };
                let findings = (check.look)(&ground);
                // Whoever has given up does not hear it.
                drop(done.send((at, findings)));
            }
        });
    }
    ended
}
