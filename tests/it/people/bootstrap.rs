//! The first administrator of a server without a provider.

use std::{fs, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{events, machine};
use crate::support::{
    Home,
    home::{Ran, run},
    pty::Pty,
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};

const ADMINISTERED: &str = "permit (principal in Group::\"administrators\", \
     action == Action::\"administer\", resource);";

fn code(serve: &Serve) -> Option<String> {
    let log = serve.log();
    let (_, rest) = log.split_once("when asked for the code, types ")?;
    Some(rest.split_once('\n')?.0.to_owned())
}

fn bootstrap(home: &Home, code: &str, name: &str) -> Ran {
    run(&mut home.jit(["login", "--bootstrap", code, "--name", name]))
}

#[test]
fn whoever_reads_the_terminal_is_the_first_administrator_and_nobody_after_them() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let shown = until("a code", || code(&serve));
    let home = machine(&serve);
    let ran = run(&mut home.jit(["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("--bootstrap --name"), "{ran:?}");
    let ran = bootstrap(&home, "00000000000000000000000000000000", "mallory");
    assert_eq!(ran.code, 121, "{ran:?}");
    let ran = bootstrap(&home, &shown, "not a name");
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = bootstrap(&home, &shown, "alice");
    assert_eq!(ran.code, 0, "{ran:?}");
    // Whoever has a key there needs no provider to come again.
    let ran = run(&mut home.jit(["login"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let who = run(&mut home.jit(["whoami", "--json"])).stdout;
    assert!(who.contains("\"principal\":\"alice\""), "{who}");
    assert!(who.contains("\"administrators\""), "{who}");
    // The same code again, and a new one, open nothing.
    let other = machine(&serve);
    let ran = bootstrap(&other, &shown, "mallory");
    assert_eq!(ran.code, 121, "{ran:?}");
    let ran = bootstrap(&other, &shown, "alice");
    assert_eq!(ran.code, 121, "{ran:?}");
    assert_eq!(run(&mut other.jit(["whoami"])).code, 123);
    serve.stop(Signal::TERM);
    serve.start_again();
    assert_eq!(code(&serve), None, "{}", serve.log());
    let enrolled = events(&serve)
        .into_iter()
        .filter(|(kind, who, _)| kind == "enrolled" && who == "alice");
    assert!(enrolled.count() >= 1);
}

#[test]
fn the_key_of_the_first_administrator_is_removed_once_somebody_else_administers() {
    let serve = Serve::start(CATALOGUE, ADMINISTERED);
    let shown = until("a code", || code(&serve));
    let home = machine(&serve);
    let ran = bootstrap(&home, &shown, "alice");
    assert_eq!(ran.code, 0, "{ran:?}");
    let remove = |name: &str| run(&mut home.jit(["enrolments", "remove", name]));
    let ran = remove("alice");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("jit enrolments remove human/alice"),
        "{ran:?}"
    );
    let ran = remove("human/alice");
    assert_eq!(ran.code, 121, "nobody would be left: {ran:?}");
    assert!(ran.stderr.contains("another administrator"), "{ran:?}");
    serve.let_in("root", &["administrators"]);
    let ran = remove("human/alice");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("removed alice"), "{ran:?}");
    // Neither her session nor her key is good for anything.
    for verb in ["whoami", "login"] {
        let ran = run(&mut home.jit([verb]));
        assert_eq!(ran.code, 121, "{ran:?}");
        assert!(
            ran.stderr
                .contains("no enrolment of this server has this key"),
            "{ran:?}"
        );
    }
    let removed = events(&serve)
        .into_iter()
        .any(|(_, who, detail)| who == "alice" && detail.contains("enrolment was removed"));
    assert!(removed, "{:?}", events(&serve));
}

/// A shell that minds neither Ctrl-C nor a signal, has a code asked for, and says how that left its terminal.
fn asking(home: &Home) -> String {
    let script = format!(
        "trap : INT TERM HUP; sh -c 'echo $$ > ~/asking; exec {} login --bootstrap --name alice'; \
         echo code-$?; stty -a | grep -o -E '.(echo|isig) '; read -t 1 rest; echo \"rest:$rest\"",
        crate::support::whereabouts::jit().display()
    );
    let script = home.write("script", &script);
    format!("exec bash {}", script.display())
}

#[test]
fn a_signal_at_the_question_leaves_the_terminal_as_it_was() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let home = machine(&serve);
    let line = asking(&home);
    for (signal, code) in [(Signal::TERM, "code-143"), (Signal::HUP, "code-129")] {
        let terminal = Pty::run(&home, &line);
        terminal.wait_for("The code: ");
        let asking = fs::read_to_string(home.path("asking")).unwrap();
        let asking = Pid::from_raw(asking.trim().parse().unwrap()).unwrap();
        kill_process(asking, signal).unwrap();
        let (_, said) = terminal.end();
        assert!(said.contains(code) && !said.contains("jit: "), "{said}");
        let is_as_it_was = !said.contains("-echo ") && !said.contains("-isig ");
        assert!(is_as_it_was && said.contains("rest:\n"), "{said}");
    }
}

#[test]
fn a_code_is_asked_for_and_not_shown() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let shown = until("a code", || code(&serve));
    let home = machine(&serve);
    let line = asking(&home);
    let mut terminal = Pty::run(&home, &line);
    terminal.wait_for("The code: ");
    terminal.type_in("half a code\u{3}");
    let (_, said) = terminal.end();
    assert!(said.contains("code-130"), "{said}");
    assert!(!said.contains("half") && !said.contains("jit: "), "{said}");
    assert!(
        !said.contains("-echo ") && !said.contains("-isig "),
        "{said}"
    );
    let mut terminal = Pty::run(&home, &line);
    terminal.wait_for("The code: ");
    // The rest of a paste is no line of the shell's.
    terminal.type_in(&format!("{shown}\necho pasted\n"));
    let (_, said) = terminal.end();
    assert!(said.contains("signed in at "), "{said}");
    assert!(!said.contains(&shown), "{said}");
    assert!(
        said.contains("rest:\n") && !said.contains("pasted"),
        "{said}"
    );
    // Without a terminal it is read from stdin.
    let other = machine(&serve);
    let mut piped = other.jit(["login", "--join"]);
    let ran = run(piped.stdin(Stdio::null()));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("nothing was written on stdin"),
        "{ran:?}"
    );
}

#[test]
fn of_many_who_come_at_once_one_is_first() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let shown = until("a code", || code(&serve));
    let homes: Vec<Home> = (0..4).map(|_| machine(&serve)).collect();
    let mut children = Vec::new();
    for (number, home) in homes.iter().enumerate() {
        let name = format!("person{number}");
        let mut jit = home.jit(["login", "--bootstrap", &shown, "--name", &name]);
        children.push(jit.spawn().unwrap());
    }
    let codes = children.iter_mut().map(|child| child.wait().unwrap());
    let mut codes: Vec<i32> = codes.map(|status| status.code().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 121, 121, 121]);
}

#[test]
fn a_misspelt_directory_is_not_served_empty() {
    let home = Home::new();
    for verb in [&["serve"][..], &["serve", "rotate", "--list"]] {
        let ran = run(home.jit(verb).args(["--config", "srev"]));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("jit init --config-dir"), "{ran:?}");
    }
    assert!(!home.path("srev").exists());
}

#[test]
fn the_check_of_policies_reads_what_a_server_is_told() {
    let home = Home::new();
    home.write("server/authority.toml", CATALOGUE);
    home.write("server/policies/all.cedar", POLICIES);
    home.write("server/server.toml", "listn = \"127.0.0.1:0\"");
    let check = || {
        run(home
            .jit(["policy", "check", "--config-dir"])
            .arg(home.path("server")))
    };
    let ran = check();
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("server.toml:1"), "{ran:?}");
    home.write("server/server.toml", "listen = \"127.0.0.1:0\"");
    assert_eq!(check().code, 0);
}
