//! The filters of `jit audit`: names as the listing writes them, kinds, and times as people write them.

use crate::support::{
    home::{Home, run},
    web::{ask, web},
};

fn audit(home: &Home, args: &[&str]) -> Vec<String> {
    let ran = run(home.jit(["audit"]).args(args));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_name_that_occurs_nowhere_is_an_error_that_names_the_nearest() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    let me = audit(&home, &[])[0].clone();
    let me = me.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(audit(&home, &["--principal", &me]).len(), 2);
    for (flag, wrong, near) in [
        ("--principal", format!("{me}x"), me.as_str()),
        ("--resource", "ssh/wbe".to_owned(), "ssh/web"),
        ("--role", "deplyo".to_owned(), "deploy"),
        ("--kind", "isued".to_owned(), "issued"),
    ] {
        let ran = run(&mut home.jit(["audit", flag, &wrong]));
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
        let hint = format!("did you mean \"{near}\"?");
        assert!(ran.stderr.contains(&hint), "{hint}: {ran:?}");
    }
    // What is in the catalogue and never happened is no error.
    assert_eq!(audit(&home, &["--role", "root"]), [""; 0]);
    assert_eq!(audit(&home, &["--kind", "denied"]), [""; 0]);
    assert_eq!(audit(&home, &["--kind", "issued"]).len(), 1);
}

#[test]
fn times_are_read_and_shown_in_the_users_time_zone() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    let in_tokyo = |args: &[&str]| {
        let ran = run(home.jit(["audit"]).args(args).env("TZ", "JST-9"));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    assert!(in_tokyo(&[]).contains("+09:00  granted"));
    assert!(audit(&home, &[])[0].contains("Z  granted"));
    assert!(in_tokyo(&["--since", "yesterday"]).contains("granted"));
    assert!(in_tokyo(&["--since", "yesterday 14:00"]).contains("granted"));
    assert_eq!(in_tokyo(&["--until", "yesterday"]), "");
    assert_eq!(in_tokyo(&["--until", "2026-11-24"]), "");
    assert_eq!(in_tokyo(&["--until", "24h"]), "");
    let json = in_tokyo(&["--json"]);
    assert!(json.contains("Z\""), "programs read UTC: {json}");
    let ran = run(&mut home.jit(["audit", "--since", "the day before"]));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("`the day before` is not a time"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("yesterday 14:00"), "{ran:?}");
}
