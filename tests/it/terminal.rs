//! On a terminal: who waits says for what, and nobody else says anything.

use std::{fs::File, path::Path, process::Stdio};

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use crate::support::{
    held::lease_file,
    home::{Home, Ran, run},
    pty::Pty,
    until,
    web::{ask, web},
};

#[test]
fn who_waits_on_a_terminal_says_for_what() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    // Another jit, which takes its time.
    let lock = lease_file(&home, "ssh/web:deploy").with_extension("lock");
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

const QUESTION: &str = "Why? (ssh/web:ops needs a reason) ";

/// `jit exec` for what is elevated, as a shell's words.
fn exec(home: &Home) -> String {
    let jit = home.jit([""; 0]).get_program().to_owned();
    let jit = jit.to_str().unwrap();
    format!("'{jit}' exec --on ssh/web --role ops -- printf %s-%s ran well")
}

/// Each event's kind and reason.
fn recorded(home: &Home) -> Vec<(String, Option<String>)> {
    let listed = run(&mut home.jit(["audit", "--json"])).stdout;
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        (text("kind").unwrap(), text("justification"))
    };
    listed.lines().map(event).collect()
}

#[test]
fn a_person_is_asked_why_once_and_the_command_goes_on() {
    let home = web();
    // What was typed before is no answer, and what is piped in is the tool's.
    let mut terminal = Pty::run(&home, &format!("printf input | {}", exec(&home)));
    terminal.wait_for(QUESTION);
    terminal.type_in("  disk is \u{1b}[2J full\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("ran-well"), "{shown}");
    assert_eq!(shown.matches("Why?").count(), 1, "{shown}");
    let reason = Some("disk is \u{fffd}[2J full".to_owned());
    let events = recorded(&home);
    assert_eq!(
        events,
        [
            ("granted".to_owned(), reason.clone()),
            ("issued".to_owned(), reason)
        ],
        "no denial before the answer"
    );
}

#[test]
fn an_empty_answer_is_the_denial_that_it_always_was() {
    let home = web();
    let mut terminal = Pty::run(&home, &exec(&home));
    terminal.wait_for(QUESTION);
    terminal.type_in(" \n");
    let (code, shown) = terminal.end();
    assert_eq!(code, 121, "{shown}");
    assert!(shown.contains("jit: ssh/web:ops needs a justification\nhint: say why with -j WHY"));
    assert_eq!(recorded(&home), [("denied".to_owned(), None)]);
}

#[test]
fn nobody_is_asked_why_where_a_reason_is_not_enough() {
    let home = web();
    home.configure(
        "policies/all.cedar",
        "@id(\"sensitive\")\n@justification(\"required\")\npermit (principal is Human, \
         action == Action::\"request\", resource in Tier::\"sensitive\");\n",
    );
    let terminal = Pty::run(&home, &exec(&home).replace("--role ops", "--role root"));
    let (code, shown) = terminal.end();
    assert_eq!(code, 121, "{shown}");
    assert!(!shown.contains("Why?"), "{shown}");
    assert!(
        shown.contains("ssh/web:root needs somebody else's approval"),
        "{shown}"
    );
    assert_eq!(recorded(&home), [("denied".to_owned(), None)]);
}

#[test]
fn the_end_of_input_is_an_empty_answer_and_its_line_ends() {
    let home = web();
    let mut terminal = Pty::run(&home, &exec(&home));
    terminal.wait_for(QUESTION);
    terminal.type_in("\u{4}");
    let (code, shown) = terminal.end();
    assert_eq!(code, 121, "{shown}");
    assert!(
        shown.contains("\njit: ssh/web:ops needs a justification"),
        "{shown}"
    );
}

#[test]
fn ctrl_c_at_the_question_ends_jit_and_leaves_nothing() {
    let home = web();
    let mut terminal = Pty::run(&home, &exec(&home));
    terminal.wait_for(QUESTION);
    terminal.type_in("\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, 130, "{shown}");
    assert_eq!(recorded(&home), []);
}

#[test]
fn nobody_is_asked_in_the_background_or_without_a_terminal_or_by_a_hook() {
    let home = web();
    // In the background of an interactive shell; the kernel would stop whoever reads there.
    let line = format!(
        "bash -ic '{} & wait $!; echo code-$?'",
        exec(&home).replace('\'', "\"")
    );
    let (_, shown) = Pty::run(&home, &line).end();
    assert!(shown.contains("code-121"), "{shown}");
    assert!(!shown.contains("Why?"), "{shown}");
    // Run by a program that was itself started on a terminal.
    let line = format!(
        "{} </dev/null 2>{} || echo code-$?",
        exec(&home),
        home.path("err").display()
    );
    let (_, shown) = Pty::run(&home, &line).end();
    assert!(
        shown.contains("code-121") && !shown.contains("Why?"),
        "{shown}"
    );
    let jit = env!("CARGO_BIN_EXE_jit");
    for line in [
        "request ssh/web:ops --json",
        "request ssh/web:ops </dev/null 2>&1 | cat",
    ] {
        let (_, shown) = Pty::run(&home, &format!("'{jit}' {line}")).end();
        assert!(shown.contains("needs a justification"), "{line}: {shown}");
        assert!(!shown.contains("Why?"), "{line}: {shown}");
    }
}
