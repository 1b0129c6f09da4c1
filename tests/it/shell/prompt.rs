//! What a prompt shows of what is held, and what that costs.

use std::{fs, fs::File};

use rustix::fs::{FlockOperation, flock};

use super::shells::{SHELLS, says, set_up};
use crate::support::{
    held::{home_with_leases, lease_file},
    home::{Home, Ran, run},
    skip::skip,
    whereabouts::program,
};

fn leases(home: &Home) -> usize {
    let listing = fs::read_dir(home.path("cache/jit/leases")).unwrap();
    let files = listing.map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "lease"))
        .count()
}

fn in_two_hours(home: &Home, faketime: &std::path::Path) -> Ran {
    let mut command = home.command(faketime);
    command.args(["-f", "+2h", env!("CARGO_BIN_EXE_jit"), "prompt"]);
    run(command.env("DONT_FAKE_MONOTONIC", "1"))
}

#[test]
fn a_line_says_what_is_held() {
    let home = home_with_leases();
    let ran = run(&mut home.jit(["prompt"]));
    let segment = ran.stdout.strip_suffix('\n').unwrap();
    let words: Vec<&str> = segment.split(' ').collect();
    let ["ssh/held:deploy", left, "+3"] = words[..] else {
        panic!("{segment}");
    };
    let minutes = left.strip_suffix('m').and_then(|left| left.parse().ok());
    assert!(minutes.is_some_and(|minutes: u8| minutes < 60), "{segment}");
    assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    let ran = run(&mut home.jit(["prompt"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "\n"), "{ran:?}");
}

#[test]
fn what_is_over_is_removed_unless_somebody_asks_for_it_anew() {
    let Some(faketime) = program("faketime", None) else {
        return skip("faketime is not installed");
    };
    let home = home_with_leases();
    let lock = lease_file(&home, "aws/held:read").with_extension("lock");
    let held = File::options().write(true).open(lock).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let ran = in_two_hours(&home, &faketime);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "\n"), "{ran:?}");
    assert_eq!(leases(&home), 1, "the one that somebody is asking for");
    drop(held);
    assert_eq!(in_two_hours(&home, &faketime).code, 0);
    assert_eq!(leases(&home), 0);
}

#[test]
fn the_prompt_shows_what_is_held_and_then_no_more() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home_with_leases();
        set_up(&home);
        let mut pty = shell.open(&home);
        pty.wait_for("m +3] st-0> ");
        assert!(pty.shown().contains("[ssh/held:deploy "), "{}", pty.shown());
        says(&mut pty, "false", "m +3] st-1> ");
        // An expiry without the keys that it is of would end a job that brings its own.
        let line = "sh -c 'echo \"ends-[${AWS_CREDENTIAL_EXPIRATION-unset}]\"'";
        says(&mut pty, line, "ends-[unset]");
        says(
            &mut pty,
            "sh -c 'echo \"child-$JIT_PROMPT\"'",
            "child-ssh/held:deploy ",
        );
        assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
        says(&mut pty, "true", "st-0> ");
        let line = "sh -c 'echo \"gone-[${AWS_CREDENTIAL_EXPIRATION-unset}${JIT_PROMPT-unset}]\"'";
        says(&mut pty, line, "gone-[unsetunset]");
        let before = pty.shown().len();
        pty.type_in("echo last-$PWD\n");
        pty.wait_behind(before, "last-/");
        let shown = pty.shown();
        assert!(!shown[before..].contains("[ssh"), "{shell:?}: {shown}");
    }
}

#[test]
fn your_own_prompt_and_credentials_are_left_alone() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home_with_leases();
        set_up(&home);
        let export = if shell.name == "fish" {
            "set -gx "
        } else {
            "export "
        };
        let set = |name: &str, value: &str| match shell.name {
            "fish" => format!("{export}{name} {value}\n"),
            _ => format!("{export}{name}={value}\n"),
        };
        shell.configure(&home, &set("JIT_PROMPT_OFF", "1"));
        shell.configure(&home, &set("AWS_ACCESS_KEY_ID", "mine"));
        let mut pty = shell.open(&home);
        says(
            &mut pty,
            "echo \"seen-$JIT_PROMPT\"",
            "seen-ssh/held:deploy",
        );
        let line = "sh -c 'echo \"ends-[${AWS_CREDENTIAL_EXPIRATION-unset}]\"'";
        says(&mut pty, line, "ends-[unset]");
        assert!(!pty.shown().contains("[ssh/held"), "{}", pty.shown());
    }
}

/// Counted, since no clock says so: what a shell runs or forks for ten prompts is what it does for one.
#[test]
fn a_prompt_starts_no_process_while_nothing_is_held() {
    if program("strace", None).is_none() {
        return skip("strace is missing (Debian: strace)");
    }
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = Home::new();
        set_up(&home);
        let counted = |prompts: usize| {
            let log = home.path("calls");
            // fish makes threads, which are no processes.
            let calls = if shell.name == "fish" {
                "execve"
            } else {
                "execve,fork,vfork,clone,clone3"
            };
            let wrapper = format!(
                "strace -f --seccomp-bpf -qq -o '{}' -e trace={calls}",
                log.display()
            );
            let mut pty = shell.open_under(&home, &wrapper);
            for prompt in 0..prompts {
                says(
                    &mut pty,
                    &format!("echo prompt-{prompt}-x"),
                    &format!("prompt-{prompt}-x\n"),
                );
            }
            pty.type_in("exit\n");
            let (_, shown) = pty.end();
            let text = fs::read_to_string(log).unwrap();
            let made = text.lines().filter(|line| line.contains('(')).count();
            (made, format!("{shown}\n{text}"))
        };
        // The first start in a home makes its files.
        counted(0);
        let ((once, _), (often, text)) = (counted(1), counted(10));
        assert_eq!(once, often, "{shell:?}: {text}");
    }
}

#[test]
fn a_shell_under_exec_says_what_it_was_given_before_its_prompt() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home_with_leases();
        set_up(&home);
        let wrapper = format!("{} exec --on aws/held --", env!("CARGO_BIN_EXE_jit"));
        let mut pty = shell.open_under(&home, &wrapper);
        pty.wait_for("(aws/held:read) [");
        says(
            &mut pty,
            "echo \"given-$JIT_ENTITLEMENTS-\"",
            "given-aws/held:read-",
        );
        pty.type_in("exit\n");
        // A name that a program of somebody else left there is shown to nobody.
        let hostile = "env 'JIT_ENTITLEMENTS=$(touch gone)'";
        let mut pty = shell.open_under(&home, hostile);
        says(&mut pty, "true", "st-0> ");
        assert!(!pty.shown().contains("($("), "{}", pty.shown());
        assert!(!home.path("gone").exists());
    }
}
