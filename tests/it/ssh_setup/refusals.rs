//! What is refused is refused before anything is offered, with one line that says what to do.

use std::path::Path;

use super::{Site, catalogue};
use crate::support::{home::Ran, run};

/// ssh failed, and of its lines jit said this one.
fn refused(ran: &Ran, wanted: &[&str]) {
    assert_eq!(ran.code, 255, "{ran:?}");
    let own: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("jit: "))
        .collect();
    assert_eq!(own.len(), 1, "{ran:?}");
    for words in wanted {
        assert!(own[0].contains(words), "{words}: {ran:?}");
    }
    let others = ran
        .stderr
        .lines()
        .filter(|line| !line.starts_with("jit: ") && !line.contains("KnownHostsCommand"));
    assert_eq!(others.count(), 0, "{ran:?}");
}

#[test]
fn what_needs_a_reason_or_a_person_says_what_to_run() {
    let Some(site) = Site::new() else { return };
    let ran = site.ssh(&["ops@near", "true"]);
    refused(
        &ran,
        &["needs a justification", "jit request ssh/web:ops -j"],
    );
    let ran = site.ssh(&["nobody@near", "true"]);
    refused(&ran, &["somebody else's approval", "jit policy explain"]);
    assert!(
        !site.near.log().contains("publickey"),
        "{}",
        site.near.log()
    );
    // Once it was asked for, ssh goes as far as the server lets it.
    let asked = run(&mut site.home.jit(["request", "ssh/web:ops", "-j", "a reason"]));
    assert_eq!(asked.code, 0, "{asked:?}");
    let ran = site.ssh(&["ops@near", "true"]);
    assert!(ran.stderr.contains("Permission denied"), "{ran:?}");
}

#[test]
fn a_login_that_is_no_role_lists_the_roles() {
    let Some(site) = Site::new() else { return };
    for login in [
        "op",
        "../../evil",
        "-oProxyCommand=touch hacked",
        "$(touch hacked)",
        "%h",
    ] {
        let ran = site.ssh(&["-l", login, "near", "true"]);
        assert_eq!(ran.code, 255, "{ran:?}");
        assert!(
            ran.stderr.contains("its roles are") || !ran.stderr.contains("jit: "),
            "{ran:?}"
        );
    }
    let ran = site.ssh(&["op@near", "true"]);
    refused(&ran, &["did you mean \"ops\"?", "its roles are"]);
    assert!(!site.home.path("hacked").exists());
    assert!(!site.home.path("run/jit").exists(), "nothing was started");
    assert_eq!(site.story(), [""; 0]);
}

#[test]
fn a_name_that_means_another_host_by_now_gets_no_certificate() {
    let Some(site) = Site::new() else { return };
    let text = std::fs::read_to_string(site.config()).unwrap();
    let moved = text.replacen("HostName 127.0.0.1", "HostName localhost", 1);
    site.home.write(".ssh/config", &moved);
    let ran = site.ssh(&["near", "true"]);
    refused(
        &ran,
        &["near (localhost) is no host of ssh/web", "jit setup ssh"],
    );
    site.home.configure(
        "authority.toml",
        &catalogue("").replace("127.0.0.1", "gone"),
    );
    let ran = site.ssh(&["far", "true"]);
    assert_eq!(ran.code, 255, "{ran:?}");
    assert_eq!(site.story(), [""; 0]);
}

#[test]
fn a_directory_that_others_can_reach_is_refused() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let Some(site) = Site::new() else { return };
    fs::create_dir_all(site.place()).unwrap();
    fs::set_permissions(site.place(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = site.ssh(&["near", "true"]);
    refused(&ran, &["can be reached by other users", "chmod 700"]);
}

#[test]
fn the_hook_answers_on_stdout_or_in_one_line_on_stderr() {
    let Some(site) = Site::new() else { return };
    let ran = run(&mut site.home.jit(["known-hosts", "ssh/web"]));
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
    // Without a home, a terminal or a stdin.
    let agent = format!("--agent={}", site.place().join("s").display());
    let user = format!("--user={}", site.near.user());
    let words = [
        "known-hosts",
        "ssh/web",
        &agent,
        &user,
        "--host=127.0.0.1",
        "--alias=near",
    ];
    let jit = site.home.jit(words);
    let mut closed = site.home.command(Path::new("sh"));
    closed
        .args(["-c", "exec \"$@\" <&-", "sh"])
        .arg(jit.get_program())
        .args(words)
        .env_remove("HOME");
    let ran = run(&mut closed);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
    assert_eq!(site.agents().len(), 1);
    for words in [
        &["known-hosts"][..],
        &["known-hosts", "web"],
        &[
            "known-hosts",
            "aws/prod",
            "--agent=/x",
            "--user=a",
            "--host=b",
            "--alias=c",
        ],
        &["known-hosts", "ssh/web", "--agent=/x"],
        &[
            "known-hosts",
            "ssh/web",
            "--agent=/x/s",
            "--user=ops",
            "--host=127.0.0.1",
            "--alias=c",
        ],
    ] {
        let ran = run(&mut site.home.jit(words));
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{words:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{words:?}: {ran:?}");
    }
}
