//! Jobs at real targets: from what a runner gives a job to the target's own log, without a word.

use std::{fs, path::Path};

use jit::domain::{
    event::EventKind,
    principal::{Class, Principal},
};
use rustix::process::Signal;

use super::served::{MAIN, POLICIES, Team, app};
use crate::support::{
    Access, Home, Postgres, Sshd, client_config,
    home::run,
    issuer::Mood,
    pty::Pty,
    skip::skip,
    story::{only, story},
    web::CATALOGUE,
    whereabouts::{jit, user_name},
};

fn workload(name: &str) -> Principal {
    Principal::new(Class::Workload, name).unwrap()
}

#[test]
fn a_job_of_github_logs_in_as_itself_and_again_while_nobody_answers() {
    let user = user_name();
    let catalogue =
        format!("[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\n");
    let mut team = Team::of(&catalogue, POLICIES, app);
    let ca = team.admin(&team.machine(), &["trust", "ssh/web", "--ca"]);
    assert_eq!(ca.code, 0, "{ca:?}");
    let Some(sshd) = Sshd::start(&team.server.home.write("ca.pub", &ca.stdout)) else {
        return;
    };
    let runner = team.machine();
    let config = client_config(&runner.path(""), &[("web", &sshd, None)]);
    let ssh = ["ssh", "-F", config.to_str().unwrap(), "web", "echo hello"];
    let line = [&["exec", "--"][..], &ssh].concat();
    // Where somebody could be asked, nobody is.
    let shell = format!(
        "{} exec -- ssh -F {} web 'echo hello'",
        jit().display(),
        config.display()
    );
    let terminal = Pty::start(&runner, &shell, |command| {
        team.on_github(command, "74", MAIN);
    });
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\nhello\n"), "{shown}");
    let mut said = shown.lines().filter(|line| line.contains("jit: "));
    // Where there is no keyring, that is told once.
    assert!(said.all(|line| line.contains("made the key")), "{shown}");
    let granted = only(&team.server, EventKind::Granted);
    assert_eq!(granted.principal, workload("gh-74"));
    assert_eq!(
        granted.entitlement.unwrap().to_string(),
        format!("ssh/web:{user}")
    );
    assert_eq!(only(&team.server, EventKind::Issued).grant, granted.grant);
    sshd.logged(&format!("ID jit:{}:workload/gh-74 ", granted.grant));
    // Once more, with nobody to ask: neither the runner nor the server.
    let mut again = team.job(&runner, "74", &line);
    let heard = team.issuer.heard().len();
    team.server.stop(Signal::KILL);
    team.issuer.behave(Mood::Gone);
    let again = run(&mut again);
    assert_eq!(
        (again.code, &*again.stdout, &*again.stderr),
        (0, "hello\n", "")
    );
    assert_eq!(team.issuer.heard().len(), heard);
}

/// A team whose database takes certificates of the server.
fn with_orders(postgres: &Postgres) -> Team {
    for sql in ["create role orders_ro login", "create database orders"] {
        postgres.psql(sql);
    }
    postgres.psql_in(
        "orders",
        "create table item (name text); insert into item values ('kite'); grant select on item to orders_ro",
    );
    let catalogue = format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = \"{}\"\nissuer = \"certificate\"\nroles.read = {{ role = \"orders_ro\" }}\n",
        postgres.port(),
        postgres.ca().display(),
    );
    let team = Team::of(&catalogue, POLICIES, |issuer| {
        format!(
            "[[workloads]]\nname = \"reports\"\nkind = \"gitlab\"\nissuer = \"{issuer}\"\n\
             principal = \"gl-{{project_id}}\"\nmatch = {{ project_id = \"21\" }}\n"
        )
    });
    let ca = team.admin(&team.machine(), &["trust", "postgres/orders", "--ca"]);
    assert_eq!(ca.code, 0, "{ca:?}");
    postgres.allow(Access {
        client_ca: Some(&ca.stdout),
        hba: "hostssl orders orders_ro 127.0.0.1/32 cert",
        ident: "",
    });
    team
}

#[test]
fn a_job_of_gitlab_reads_a_table_as_itself_and_then_opens_no_socket() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let team = with_orders(&postgres);
    let (runner, token) = (team.machine(), team.on_gitlab("21"));
    let psql = [
        "exec",
        "--",
        "psql",
        "-XAtc",
        "select name from item",
        "orders",
    ];
    let read = run(runner.jit(psql).env("JIT_ID_TOKEN", &token));
    assert_eq!((read.code, &*read.stdout, &*read.stderr), (0, "kite\n", ""));
    let granted = only(&team.server, EventKind::Granted);
    assert_eq!(granted.principal, workload("gl-21"));
    postgres.logged(&format!(
        "identity=\"UID=workload/gl-21,OU=jit:{}",
        granted.grant
    ));
    let trace = runner.path("trace");
    let mut strace = runner.command(Path::new("strace"));
    strace
        .args(["-qq", "-e", "trace=%network", "-o"])
        .arg(&trace)
        .arg(jit());
    strace.args([
        "exec",
        "--on",
        "postgres/orders",
        "--",
        "printenv",
        "PGUSER",
    ]);
    let Ok(traced) = strace.env("JIT_ID_TOKEN", &token).output() else {
        return skip("strace is missing (Debian: strace)");
    };
    assert_eq!(
        String::from_utf8_lossy(&traced.stdout),
        "orders_ro\n",
        "{traced:?}"
    );
    assert_eq!(fs::read_to_string(&trace).unwrap(), "");
    assert_eq!(
        story(&team.server)
            .iter()
            .filter(|event| event.principal == workload("gl-21"))
            .count(),
        3
    );
}

/// Jobs of all repositories of one owner, which share a name; each may know of the role.
const OF_ACME: &str = r#"
@id("deploys")
permit (principal is Workload, action == Action::"elevate", resource == Entitlement::"ssh/web:deploy")
when {
  principal.hasTag("repository_id") && principal.getTag("repository_id") == "74" &&
  principal.hasTag("ref") && principal.getTag("ref") == "refs/heads/main"
};
@id("glass")
permit (principal is Workload, action == Action::"break_glass", resource);
"#;

fn acme() -> Team {
    Team::of(CATALOGUE, OF_ACME, |issuer| {
        format!(
            "[[workloads]]\nname = \"acme\"\nkind = \"github\"\nissuer = \"{issuer}\"\n\
             principal = \"acme\"\nmatch = {{ repository_owner_id = \"65\" }}\n"
        )
    })
}

/// What a job gets who asks for the deployment, on that machine.
fn deploys(team: &Team, home: &Home, repository: &str, git_ref: &str) -> i32 {
    let mut jit = home.jit(["exec", "--on", "ssh/web", "--role", "deploy", "--", "true"]);
    team.on_github(&mut jit, repository, git_ref);
    run(&mut jit).code
}

#[test]
fn policy_tells_jobs_apart_by_what_no_job_can_choose() {
    let team = acme();
    assert_eq!(deploys(&team, &team.machine(), "74", MAIN), 0);
    for (repository, git_ref) in [("75", MAIN), ("74", "refs/heads/evil"), ("7", MAIN)] {
        let code = deploys(&team, &team.machine(), repository, git_ref);
        assert_eq!(code, 121, "{repository} {git_ref}");
    }
    // Somebody of whom none of that is known.
    let person = team.server.let_in("acme", &[]);
    let refused = person.ask("ssh/web:deploy", &crate::support::serve::Keys::new());
    assert_eq!(refused.status, 403, "{refused:?}");
    let recorded = story(&team.server);
    let of_kind = |kind| recorded.iter().filter(move |event| event.kind == kind);
    assert_eq!(of_kind(EventKind::Granted).count(), 1);
    assert_eq!(of_kind(EventKind::Denied).count(), 4);
}

/// A runner that stays has what the job before held, and two jobs on it do not get in each other's way.
#[test]
fn what_a_job_holds_is_not_the_next_jobs() {
    let team = acme();
    let runner = team.machine();
    assert_eq!(deploys(&team, &runner, "74", MAIN), 0);
    assert_eq!(deploys(&team, &runner, "75", MAIN), 121);
    assert_eq!(deploys(&team, &runner, "74", "refs/heads/evil"), 121);
    let nobody =
        run(&mut runner.jit(["exec", "--on", "ssh/web", "--role", "deploy", "--", "true"]));
    assert_ne!(nobody.code, 0, "{nobody:?}");
    assert_eq!(deploys(&team, &runner, "74", MAIN), 0);
    only(&team.server, EventKind::Granted);
}
