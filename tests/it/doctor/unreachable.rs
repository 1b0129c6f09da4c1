//! Targets that are down or silent, and those that cannot be had without a word.

use std::time::Instant;

use super::{Home, Ran, command, findings, home, jit, run, says};
use crate::support::{
    moto::ACCOUNT,
    stranger::{DOWN, silent},
};

/// One of each kind at that port.
fn all_at(port: u16) -> String {
    format!(
        "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\", \"*.internal\"]\nroles.deploy = {{}}\n\
         [resources.\"kubernetes/prod\"]\nserver = \"https://127.0.0.1:{port}\"\nissuer = \"token-request\"\n\
         credential = \"env:BASE\"\nroles.view.service_account = \"jit/view\"\n\
         [resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{port}\"]\nissuer = \"certificate\"\n\
         roles.read.role = \"orders_ro\"\n\
         [resources.\"aws/prod\"]\naccount = \"{ACCOUNT}\"\nissuer = \"assume-role\"\n\
         endpoint = \"http://127.0.0.1:{port}\"\nroles.read.arn = \"arn:aws:iam::{ACCOUNT}:role/read\"\n\
         [resources.\"ssh/sensitive\"]\nhosts = [\"other\"]\nroles.root.tier = \"sensitive\"\n\
         [resources.\"ssh/elevated\"]\nhosts = [\"third\"]\nroles.ops.tier = \"elevated\"\n"
    )
}

fn at_port(port: u16) -> (Home, Ran) {
    let home = home(&all_at(port));
    home.tool(
        "ssh",
        &format!("exec /usr/bin/ssh -F none -o Port={port} -o StrictHostKeyChecking=yes \"$@\""),
    );
    let mut command = command(&home, &[]);
    command.env("BASE", "hunter2");
    command.env("AWS_ACCESS_KEY_ID", "AKIA");
    command.env("AWS_SECRET_ACCESS_KEY", "hunter2");
    let ran = run(&mut command);
    assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"));
    assert_eq!(ran.code, 125, "{ran:?}");
    (home, ran)
}

#[test]
fn targets_that_are_down_are_one_line_each() {
    let (_home, ran) = at_port(DOWN);
    for (subject, said) in [
        ("ssh/web", "fail: 127.0.0.1 cannot be reached: "),
        (
            "kubernetes/prod",
            "fail: kubernetes/prod at https://127.0.0.1:9 refuses connections",
        ),
        (
            "postgres/orders",
            "fail: postgres/orders at 127.0.0.1:9 refuses connections",
        ),
        (
            "aws/prod",
            "fail: aws/prod at http://127.0.0.1:9 refuses connections",
        ),
    ] {
        assert!(
            says(&ran, "targets", subject).starts_with(said),
            "{subject}: {ran:?}"
        );
    }
    for (subject, said) in [
        (
            "ssh/sensitive",
            "note: not tried: ssh/sensitive:root needs somebody's approval",
        ),
        (
            "ssh/elevated",
            "note: not tried: ssh/elevated:ops needs a reason",
        ),
    ] {
        assert_eq!(says(&ran, "targets", subject), said);
    }
    assert!(says(&ran, "targets", "ssh/web").contains("not tried: *.internal could be any host"));
    let failed = findings(&ran)
        .iter()
        .filter(|one| one["level"] == "fail")
        .count();
    assert_eq!(failed, 4, "{ran:?}");
    assert!(ran.stderr.contains("4 checks failed"), "{ran:?}");
}

#[test]
fn targets_that_are_silent_hold_up_nobody() {
    let (_silent, port) = silent();
    let began = Instant::now();
    let (home, ran) = at_port(port);
    assert!(began.elapsed().as_secs() < 50, "{:?}", began.elapsed());
    for subject in ["ssh/web", "kubernetes/prod", "postgres/orders", "aws/prod"] {
        let said = says(&ran, "targets", subject);
        assert!(said.starts_with("fail: "), "{subject}: {ran:?}");
    }
    assert_eq!(jit(&home, &["status", "--json"]).stdout, "");
}
