//! A test that cannot run here says so loudly, and is counted.

use std::fs::File;
use std::io::{Write as _, stderr};
use std::{env, thread};

/// Reports the current test as skipped: on stderr, past the test harness' capture, and in the
/// file `$JIT_TEST_SKIPS`, which `tests/run` prints at its end.
pub(crate) fn skip(reason: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    writeln!(stderr(), "SKIPPED {test}: {reason}").expect("stderr");
    let Some(path) = env::var_os("JIT_TEST_SKIPS") else {
        return;
    };
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .expect("JIT_TEST_SKIPS");
    file.write_all(format!("{test}: {reason}\n").as_bytes())
        .expect("JIT_TEST_SKIPS");
}
