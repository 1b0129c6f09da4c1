//! A hook that waits for a person says so on the desktop, at most once a minute, and never waits for it.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::support::{
    home::{Home, Ran, run},
    kubernetes::question,
    pty::Pty,
    until,
    web::POLICIES,
};

const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://prod.invalid:6443"
issuer = "token-request"
credential = "file:x"
roles.edit = { service_account = "jit/edit", tier = "elevated" }
roles.admin = { service_account = "jit/admin", tier = "sensitive" }
[resources."aws/prod"]
account = "123456789012"
issuer = "assume-role"
roles.write = { arn = "arn:aws:iam::123456789012:role/write", tier = "elevated" }
"#;

const EDIT: [&str; 2] = ["exec-credential", "kubernetes/prod:edit"];
const WRITE: [&str; 2] = ["credential-process", "aws/prod:write"];

/// A home whose desktop shows each notification as a line of `shown`, and then hangs.
fn home() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", POLICIES);
    let shown = home.path("shown");
    home.tool(
        "notify-send",
        &format!("echo \"$@\" >>'{}'; exec sleep 5", shown.display()),
    );
    home
}

fn hook(home: &Home, line: &[&str], display: &str) -> Ran {
    run(asked(home, line).env(display, ":0"))
}

/// The hook as kubectl calls it.
fn asked(home: &Home, line: &[&str]) -> Command {
    let mut command = home.jit(line);
    command.env("KUBERNETES_EXEC_INFO", reaches());
    command
}

fn reaches() -> String {
    question(&json!({ "server": "https://prod.invalid:6443" }))
}

fn shown(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.path("shown")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn until_shown(home: &Home, count: usize) -> Vec<String> {
    until("a notification", || {
        let shown = shown(home);
        (shown.len() >= count).then_some(shown)
    })
}

#[test]
fn a_hook_that_wants_a_reason_says_so_once_on_the_desktop() {
    let home = home();
    let ran = hook(&home, &EDIT, "WAYLAND_DISPLAY");
    assert_eq!((ran.code, ran.stdout.as_str()), (121, ""), "{ran:?}");
    assert!(
        ran.stderr
            .contains("run: jit request kubernetes/prod:edit -j")
    );
    assert_eq!(
        until_shown(&home, 1),
        [
            "--app-name=jit -- jit: kubernetes/prod:edit needs a justification \
          run: jit request kubernetes/prod:edit -j WHY"
        ]
    );
    // A tool calls again and again.
    for _ in 0..3 {
        assert_eq!(hook(&home, &EDIT, "DISPLAY").code, 121);
    }
    // What no reason would change is no affair of the desktop's.
    let admin = ["exec-credential", "kubernetes/prod:admin"];
    assert_eq!(hook(&home, &admin, "DISPLAY").code, 121);
    assert_eq!(hook(&home, &WRITE, "DISPLAY").code, 121);
    let all = until_shown(&home, 2);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].contains("aws/prod:write"), "{all:?}");
}

#[test]
fn nothing_is_shown_without_a_desktop_or_where_stderr_is_read() {
    let home = home();
    assert_eq!(run(&mut asked(&home, &EDIT)).code, 121, "no display");
    let jit = env!("CARGO_BIN_EXE_jit");
    let line = format!(
        "KUBERNETES_EXEC_INFO='{}' DISPLAY=:0 '{jit}' exec-credential kubernetes/prod:edit",
        reaches()
    );
    let (code, screen) = Pty::run(&home, &line).end();
    assert_eq!(code, 121, "{screen}");
    assert!(screen.contains("needs a justification") && !screen.contains("Why?"));
    // A person's own command has said it already.
    let request = ["request", "kubernetes/prod:edit"];
    assert_eq!(hook(&home, &request, "DISPLAY").code, 121);
    assert_eq!(hook(&home, &WRITE, "DISPLAY").code, 121);
    let all = until_shown(&home, 1);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].contains("aws/prod:write"), "{all:?}");
}

#[test]
fn a_desktop_that_is_broken_changes_nothing() {
    let home = home();
    let plain = run(&mut asked(&home, &EDIT));
    home.tool("notify-send", "exit 1");
    assert_eq!(hook(&home, &EDIT, "DISPLAY").stderr, plain.stderr);
    fs::remove_file(home.path("bin/notify-send")).unwrap();
    assert_eq!(hook(&home, &WRITE, "DISPLAY").code, 121, "there is none");
    // Nowhere to remember that it was shown.
    fs::remove_dir_all(home.path("run/jit")).unwrap();
    fs::write(home.path("run/jit"), "").unwrap();
    home.tool("notify-send", "exit 1");
    let ran = run(asked(&home, &EDIT)
        .env("DISPLAY", ":0")
        .stdin(Stdio::null()));
    assert_eq!(ran.code, 121, "{ran:?}");
}
