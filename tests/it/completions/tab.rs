//! A TAB in bash, zsh and fish, on a terminal.

use std::{fs, path::Path};

use insta::assert_snapshot;

use super::{home, is_there};
use crate::support::{
    Home, run,
    skip::skip,
    typist::{Typist, completions},
};

/// The lines of a shell's own completion of `frob`, a tool.
const BASH_FROB: &str = "complete -W 'alpha beta:gamma' frob";
const OTHER: &str = "[resources.\"ssh/other\"]\nhosts = [\"a\"]\nroles.a = {}\n";
const ZSH_FROB: &str = "_frob() { compadd alpha beta:gamma }; compdef _frob frob";
const FISH_FROB: &str = "complete --command frob --no-files --arguments 'alpha beta:gamma'";

#[test]
fn tab_in_bash() {
    if !is_there("bash") {
        return;
    }
    let home = home();
    home.write("some file", "");
    home.write("my conf/authority.toml", OTHER);
    let mut bash = Typist::bash(&home, "");
    for (keys, line) in [
        ("jit reques\t", "jit request "),
        // A word is broken at ':' and '=' here.
        (
            "jit request kubernetes/prod:ad\t",
            "jit request kubernetes/prod:admin ",
        ),
        (
            "jit request kubernetes/prod:v\t",
            "jit request kubernetes/prod:view",
        ),
        (
            "jit request kubernetes/prod:\u{1b}*",
            "jit request kubernetes/prod:admin view view-all ",
        ),
        ("jit request kub\t", "jit request kubernetes/prod:"),
        ("jit request 'ssh/web:ro\t", "jit request 'ssh/web:root' "),
        ("jit exec --on=ss\t", "jit exec --on=ssh/web "),
        (
            "jit exec --on ssh/web --role ro\t",
            "jit exec --on ssh/web --role root ",
        ),
        (
            "jit exec --on=ssh/web --role ro\t",
            "jit exec --on=ssh/web --role root ",
        ),
        ("jit --config-dir so\t", "jit --config-dir some\\ file "),
        (
            "jit --config-dir 'my conf' trust \t",
            "jit --config-dir 'my conf' trust ssh/other ",
        ),
        (
            "jit --config-dir ~/my\\ conf trust \t",
            "jit --config-dir ~/my\\ conf trust ssh/other ",
        ),
        ("jit agen\t", "jit agen"),
        ("jit request nothing/x\t", "jit request nothing/x"),
        ("jit exec -- fro\t", "jit exec -- frob "),
        ("jit exec -- frob so\t", "jit exec -- frob some\\ file "),
    ] {
        assert_eq!(bash.line(keys), line, "{keys:?}");
    }
    // Before the cursor is what counts, and stays behind it what was there.
    assert_eq!(
        bash.line("jit request ssh/web:r -j x\u{1}\u{1b}f\u{1b}f\u{1b}f\u{1b}f\u{1b}f\t"),
        "jit request ssh/web:root -j x"
    );
    // What is listed says what it is.
    bash.line("jit request kubernetes/prod:v\u{1b}?");
    let screen = bash.screen();
    assert!(screen.contains("view      (routine)"), "{screen}");
    assert!(screen.contains("view-all  (elevated)"), "{screen}");
}

#[test]
fn tab_in_bash_behind_the_dashes_is_the_tools_own() {
    let library = Path::new("/usr/share/bash-completion/bash_completion");
    if !is_there("bash") || !library.exists() {
        return skip("bash-completion is missing (Debian: bash-completion)");
    }
    let home = home();
    let mut bash = Typist::bash(&home, &format!("source {}\n{BASH_FROB}", library.display()));
    for (keys, line) in [
        ("jit exec -- frob al\t", "jit exec -- frob alpha "),
        (
            "jit exec --on ssh/web -- frob al\t",
            "jit exec --on ssh/web -- frob alpha ",
        ),
        (
            "jit exec --on=ssh/web -- frob x al\t",
            "jit exec --on=ssh/web -- frob x alpha ",
        ),
        ("jit exec -- fro\t", "jit exec -- frob "),
        (
            "jit request kubernetes/prod:ad\t",
            "jit request kubernetes/prod:admin ",
        ),
    ] {
        assert_eq!(bash.line(keys), line, "{keys:?}");
    }
}

#[test]
fn tab_in_a_bash_that_does_not_break_at_colons() {
    if !is_there("bash") {
        return;
    }
    let home = home();
    let mut bash = Typist::bash(&home, "COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]/}");
    for (keys, line) in [
        (
            "jit request kubernetes/prod:ad\t",
            "jit request kubernetes/prod:admin ",
        ),
        ("jit exec --on=ss\t", "jit exec --on=ssh/web "),
    ] {
        assert_eq!(bash.line(keys), line, "{keys:?}");
    }
}

#[test]
fn tab_in_zsh() {
    if !is_there("zsh") {
        return;
    }
    let home = home();
    home.write("some file", "");
    home.write("my conf/authority.toml", OTHER);
    let mut zsh = Typist::zsh(&home, ZSH_FROB);
    for (keys, line) in [
        ("jit reques\t", "jit request "),
        (
            "jit request kubernetes/prod:ad\t",
            "jit request kubernetes/prod:admin ",
        ),
        (
            "jit request kubernetes/prod:\u{1b}*",
            "jit request kubernetes/prod:admin kubernetes/prod:view kubernetes/prod:view-all ",
        ),
        ("jit request 'ssh/web:ro\t", "jit request 'ssh/web:root' "),
        ("jit exec --on=ss\t", "jit exec --on=ssh/web "),
        (
            "jit exec --on ssh/web --role ro\t",
            "jit exec --on ssh/web --role root ",
        ),
        ("jit --config-dir so\t", "jit --config-dir some\\ file "),
        (
            "jit --config-dir 'my conf' trust \t",
            "jit --config-dir 'my conf' trust ssh/other ",
        ),
        (
            "jit --config-dir ~/my\\ conf trust \t",
            "jit --config-dir ~/my\\ conf trust ssh/other ",
        ),
        ("jit agen\t", "jit agen"),
        ("jit request nothing/x\t", "jit request nothing/x"),
        ("jit exec -- fro\t", "jit exec -- frob "),
        (
            "jit exec --on ssh/web -- frob al\t",
            "jit exec --on ssh/web -- frob alpha ",
        ),
        ("jit exec -- frob b\t", "jit exec -- frob beta:gamma "),
    ] {
        assert_eq!(zsh.line(keys), line, "{keys:?}");
    }
    zsh.line("jit request kubernetes/prod:v\u{4}");
    let screen = zsh.screen();
    assert!(
        screen.contains("-- routine") && screen.contains("-- elevated"),
        "{screen}"
    );
}

#[test]
fn tab_in_fish() {
    if !is_there("fish") {
        return;
    }
    let home = home();
    home.write("some file", "");
    let offers = |line: &str| {
        let mut fish = home.command(Path::new("fish"));
        fish.arg("--no-config").arg("-c");
        let script = format!(
            "source '{}'; {FISH_FROB}; complete --do-complete \"{line}\"",
            completions("jit.fish").display()
        );
        let ran = run(fish.arg(script));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{line}: {ran:?}");
        ran.stdout.replace('\t', "  # ")
    };
    let lines = [
        "jit reques",
        "jit request kubernetes/prod:v",
        "jit exec --on=ssh",
        "jit exec --on ssh/web --role ",
        "jit --config-dir so",
        "jit agen",
        "jit exec -- fro",
        "jit exec --on ssh/web -- frob ",
    ];
    let shown = lines.map(|line| format!("{line}|\n{}", offers(line)));
    assert_snapshot!(shown.join(""), @r#"
    jit reques|
    request  # Ask for an entitlement now, for a command to come
    jit request kubernetes/prod:v|
    kubernetes/prod:view  # routine
    kubernetes/prod:view-all  # elevated
    jit exec --on=ssh|
    --on=ssh/web  # deploy, root
    jit exec --on ssh/web --role |
    deploy  # routine
    root  # sensitive
    jit --config-dir so|
    some file
    jit agen|
    jit exec -- fro|
    frob  # command
    jit exec --on ssh/web -- frob |
    alpha
    beta:gamma
    "#);
}

#[test]
fn jit_prints_what_is_installed() {
    let home = Home::new();
    for (shell, name) in [("bash", "jit.bash"), ("zsh", "_jit"), ("fish", "jit.fish")] {
        let printed = run(&mut home.jit(["completions", shell]));
        assert_eq!(printed.code, 0, "{printed:?}");
        assert_eq!(
            printed.stdout,
            fs::read_to_string(completions(name)).unwrap()
        );
    }
    let other = run(&mut home.jit(["completions", "elvish"]));
    assert!(other.stdout.contains("credential-process"), "{other:?}");
}
