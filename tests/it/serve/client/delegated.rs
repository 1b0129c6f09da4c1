//! What the command of a delegated agent gets of its human's credentials: nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::targets::Web;
use crate::{
    serve::member::Member,
    support::{
        home::{Ran, run},
        until,
        whereabouts::{jit, user_name},
    },
};

const DELEGATING: &str = "
@id(\"delegate\") permit (principal is Human, action == Action::\"delegate\", resource);
";

/// Runs a shell command as an agent of alice's.
fn as_agent(web: &Web, script: &str, variables: &[(&str, &Path)]) -> Ran {
    let only = format!("ssh/web:{}", user_name());
    let delegate = [
        "delegate", "--to", "helper", "--only", &only, "--", "sh", "-c", script,
    ];
    let mut command = web.desk.home.jit(delegate);
    run(command.envs(variables.iter().copied()))
}

#[test]
fn variables_that_lead_to_credentials_of_the_human_are_removed_or_replaced() {
    let Some(web) = Web::with_policies(DELEGATING) else {
        return;
    };
    let home = &web.desk.home;
    let own = home.write("mine.conf", "[mine]\nhost=elsewhere\n");
    let made = |yours: &str| {
        let origin = "# Made by \"jit setup postgres\", and made anew with each grant: your changes would be lost.";
        format!(
            "{origin}\n# configuration: {}\n{yours}",
            home.config().display()
        )
    };
    let behind = format!(
        "# your own services, behind those of jit: {}\n",
        own.display()
    );
    let services = home.write("state/jit/setup/pg_service.conf", &made(&behind));
    let bare = home.write("state/jit/setup/bare.conf", &made(""));
    let (socket, kubeconfig) = (
        home.path("run/jit/ssh-1/s"),
        home.path("cache/jit/k/config"),
    );
    let tools = home.path("run/jit/ssh-1/bin");
    let path = std::env::join_paths([&tools, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let script = "echo \"[$PGSERVICEFILE][$SSH_AUTH_SOCK][$KUBECONFIG][$JIT_PROMPT]\
        [$AWS_CREDENTIAL_EXPIRATION][$MINE][$PATH]\"";
    let ends = Path::new("2026-01-01T00:00:00Z");
    let shown = |services: &Path| {
        let variables = [
            ("PGSERVICEFILE", services),
            ("SSH_AUTH_SOCK", &*socket),
            ("KUBECONFIG", &*kubeconfig),
            ("JIT_PROMPT", Path::new("ssh/web")),
            ("JIT_CREDENTIAL_EXPIRATION", ends),
            ("AWS_CREDENTIAL_EXPIRATION", ends),
            ("MINE", Path::new("stays")),
            ("PATH", Path::new(&path)),
        ];
        let ran = as_agent(&web, script, &variables);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout.replace(' ', "")
    };
    let rest = "[][][][][stays][/usr/bin:/bin]\n";
    assert_eq!(shown(&services), format!("[{}]{rest}", own.display()));
    assert_eq!(shown(&bare), format!("[]{rest}"));
    assert_eq!(
        shown(&own),
        format!("[{}]{rest}", own.display()),
        "the user's own"
    );
}

#[test]
fn the_agent_of_a_human_s_log_ins_is_neither_used_nor_repointed() {
    let Some(web) = Web::with_policies(DELEGATING) else {
        return;
    };
    let plain = web.set_up();
    let link: PathBuf = web.shared_agent();
    let target = fs::read_link(&link).unwrap();
    assert_eq!(plain.stdout, "hello\n", "{plain:?}");
    let config = web.user_config();
    let ssh = format!("ssh -F {} web echo hello", config.display());
    let refused = as_agent(&web, &ssh, &[]);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(refused.stderr.contains("jit exec -- ssh"), "{refused:?}");
    assert_eq!(fs::read_link(&link).unwrap(), target, "repointed");
    let prefixed = format!("{} exec -- {ssh}", jit().display());
    let ran = as_agent(&web, &prefixed, &[]);
    assert_eq!(ran.stdout, "hello\n", "{ran:?}");
    assert_eq!(fs::read_link(&link).unwrap(), target, "repointed");
    // Nor does it write the files of its human's tools.
    let before = fs::read_to_string(&config).unwrap();
    let setup = format!("{} setup ssh", jit().display());
    let ran = as_agent(&web, &setup, &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
}

/// Its certificate would open sshd for minutes to come.
#[test]
fn a_running_agent_logs_in_no_more_once_its_human_was_disabled() {
    let Some(web) = Web::with_policies(DELEGATING) else {
        return;
    };
    let root = Member::of(&web.desk.serve, "root", &[]);
    let log = web.desk.home.path("logins");
    let script = format!(
        "while test ! -e \"$HOME/enough\"; do {} exec -- ssh -F {} web true 2>>{log}.err; echo $? >> {log}; sleep 0.3; done",
        jit().display(),
        web.config().display(),
        log = log.display(),
    );
    let only = format!("ssh/web:{}", user_name());
    let delegate = [
        "delegate", "--to", "helper", "--only", &only, "--", "sh", "-c", &script,
    ];
    let mut child = web.desk.home.jit(delegate).spawn().unwrap();
    let codes = || fs::read_to_string(&log).unwrap_or_default();
    until("a log-in", || codes().contains("0\n").then_some(()));
    let said = root.works(&["principals", "disable", "alice", "-j", "has left"]);
    // What outlives it is said, with its time.
    let line = said
        .lines()
        .find(|line| line.contains(" of agent/helper: "));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(&only), "{said}");
    assert!(
        line.contains("the newest credential works until 20"),
        "{said}"
    );
    assert!(
        said.contains("a session that is open at a target"),
        "{said}"
    );
    until("the log-ins to end", || {
        codes().ends_with("123\n123\n").then_some(())
    });
    web.desk.home.write("enough", "");
    child.wait().unwrap();
    let why = fs::read_to_string(log.with_extension("err")).unwrap();
    assert!(why.contains("this agent's session"), "{why}");
}
