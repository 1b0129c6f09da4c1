//! `jit revoke` by what a grant is for, and of what the catalogue has no more.

use crate::support::{home::run, web::web};

#[test]
fn a_grant_is_ended_by_what_it_is_for() {
    let home = web();
    let jit = |words: &[&str]| run(&mut home.jit(words.iter().copied()));
    assert_eq!(jit(&["request", "ssh/web:deploy"]).code, 0);
    let ended = jit(&["revoke", "ssh/web:deploy"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("revoked "), "{ended:?}");
    let again = jit(&["revoke", "ssh/web:deploy"]);
    assert_eq!(again.code, 125, "{again:?}");
    assert!(
        again
            .stderr
            .contains("you hold no live grant for ssh/web:deploy"),
        "{again:?}"
    );
}

#[test]
fn a_grant_whose_resource_left_the_catalogue_is_ended() {
    let home = web();
    let jit = |words: &[&str]| run(&mut home.jit(words.iter().copied()));
    assert_eq!(jit(&["request", "ssh/web:deploy"]).code, 0);
    home.configure("authority.toml", "");
    let ended = jit(&["revoke", "--all"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("revoked "), "{ended:?}");
    let left = jit(&["status"]);
    assert!(!left.stdout.contains("ssh/web:deploy"), "{left:?}");
    assert_eq!(jit(&["audit", "verify"]).code, 0);
}
