//! On a terminal: who waits says for what, and nobody else says anything.

use std::{fs::File, path::Path, process::Stdio};

use rustix::fs::{FlockOperation, flock};

use crate::support::{
    home::{Ran, run},
    until,
    web::{ask, web},
};

#[test]
fn who_waits_on_a_terminal_says_for_what() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    // Another jit, which takes its time.
    let lock = home.path("cache/jit/leases/ssh,web,deploy.lock");
    let held = File::options().write(true).open(lock).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();

    let screen = home.path("screen");
    let mut terminal = home.command(Path::new("script"));
    let jit = env!("CARGO_BIN_EXE_jit");
    terminal
        .args(["-q", "-e", "-f", "-c"])
        .arg(format!(
            "'{jit}' exec --on ssh/web --role deploy -- printf %s-%s ran well"
        ))
        .arg(&screen)
        .stdout(Stdio::null());
    let mut waiting = terminal.spawn().unwrap();
    let shown =
        || String::from_utf8_lossy(&std::fs::read(&screen).unwrap_or_default()).into_owned();
    let said = "jit: waiting for another jit, which is asking for ssh/web:deploy";
    until("who waits to say so", || {
        shown().contains(said).then_some(())
    });
    assert!(!shown().contains("ran-well"), "{}", shown());
    // Without a terminal one waits in silence.
    let quiet = home
        .jit(["request", "ssh/web:deploy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(held);
    assert!(waiting.wait().unwrap().success(), "{}", shown());
    assert!(shown().contains("ran-well"), "{}", shown());
    assert_eq!(shown().matches(said).count(), 1, "said once: {}", shown());
    let quiet = Ran::from(quiet.wait_with_output().unwrap());
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""), "{quiet:?}");
}
