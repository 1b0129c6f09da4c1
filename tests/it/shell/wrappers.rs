//! The wrapper functions: the tool is as if it had been called without them, and reaches what it should.

use std::fs;

use super::shells::{SHELLS, Shell, exists, link_to_jit, says, set_up};
use crate::{
    exec::ssh::Web,
    support::{
        held::{home_with_leases, move_leases},
        home::{Home, run},
        pty::Pty,
    },
};

/// kubectl that shows what it was given, reads stdin, fails, or stays. It stays in bash, since dash
/// cannot be stopped while it starts a program (vfork).
const KUBECTL: &str = r#"
STAY="trap 'echo goes-on' CONT; trap 'exit 130' INT; echo stays-$$; while :; do sleep 0.1; done"
case $1 in
get) for word; do printf '<%s>' "$word"; done; printf ' by %s\n' "${KUBECONFIG:-nobody}"; exit 5 ;;
apply) printf 'read-%s\n' "$(cat)" ;;
stay) exec bash -c "$STAY" ;;
esac"#;

fn home() -> Home {
    let home = home_with_leases();
    home.tool("kubectl", KUBECTL);
    set_up(&home);
    home
}

fn each(test: impl Fn(&Shell, &mut Pty)) {
    let home = home();
    for shell in SHELLS {
        if shell.is_there() {
            let mut pty = shell.open(&home);
            test(&shell, &mut pty);
            pty.type_in("exit\n");
            let shown = pty.shown();
            for trouble in ["__jit_call:", "unbound", "bad substitution", "syntax"] {
                assert!(!shown.contains(trouble), "{shell:?}: {shown}");
            }
        }
    }
}

#[test]
fn arguments_streams_and_codes_are_the_tools_own() {
    each(|shell, pty| {
        let status = shell.status;
        says(
            pty,
            "kubectl get 'a  b' '' '$x\"' 'c\nd'",
            "<get><a  b><><$x\"><c\nd> by nobody",
        );
        says(pty, &format!("kubectl get x; echo code-{status}"), "code-5");
        says(pty, "printf put | kubectl apply -f -", "read-put");
        says(pty, "kubectl get x | tr a-z A-Z", "<GET><X> BY NOBODY");
        says(
            pty,
            "kubectl get --context held",
            "<get><--context><held> by /",
        );
        says(
            pty,
            "printf held | kubectl --context held apply -f - | cat; echo over-x",
            "over-x",
        );
    });
}

#[test]
fn ctrl_c_and_job_control_reach_the_tool() {
    each(|shell, pty| {
        says(pty, "kubectl stay", "stays-");
        pty.type_in("\u{3}");
        says(pty, &format!("echo code-{}", shell.status), "code-130");
        says(pty, "kubectl stay", "stays-");
        let before = pty.shown().len();
        pty.type_in("\u{1a}");
        pty.wait_behind(before, "st-");
        says(pty, "fg", "goes-on");
        pty.type_in("\u{3}");
        says(pty, "echo after-x", "after-x");
        says(pty, "kubectl stay &", "stays-");
        says(pty, "kill %1; echo killed-x", "killed-x");
    });
}

#[test]
fn the_kin_of_psql_logs_in_as_the_role_of_the_grant() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home_with_leases();
        for tool in ["psql", "pg_dump", "pg_dumpall", "pg_restore", "pgbench"] {
            home.tool(tool, "echo \"${0##*/} as ${PGUSER:-nobody}\"");
        }
        set_up(&home);
        let mut pty = shell.open(&home);
        for tool in [
            "psql",
            "pg_dump",
            "pg_dumpall",
            "pg_restore -d x",
            "pgbench",
        ] {
            let name = tool.split(' ').next().unwrap();
            let line = format!("{tool} -h postgres.invalid");
            says(&mut pty, &line, &format!("{name} as jit_reader"));
            let line = format!("{tool} -h elsewhere.invalid");
            says(&mut pty, &line, &format!("{name} as nobody"));
        }
    }
}

/// The real ssh, and a real sshd that lets nobody in without our certificate.
#[test]
fn plain_ssh_logs_in() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let Some(web) = Web::new() else { return };
        set_up(&web.home);
        let mut pty = shell.open(&web.home);
        let line = format!(
            "ssh -F '{}' web 'printf %s-%s plain ssh; exit 9'",
            web.config()
        );
        says(&mut pty, &line, "plain-ssh");
        says(&mut pty, &format!("echo code-{}", shell.status), "code-");
        let held = run(&mut web.home.jit(["status"])).stdout;
        assert!(
            held.starts_with(&format!("ssh/web:{}", web.sshd.user())),
            "{held}"
        );
        pty.wait_for(&format!("[ssh/web:{} ", web.sshd.user()));
        pty.wait_for("st-9> ");
    }
}

#[test]
fn without_jit_the_tool_runs_by_itself() {
    let home = home();
    let link = link_to_jit(&home);
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl --context held get", "");
        says(&mut pty, "kubectl get --context held", "by /");
        fs::rename(&link, home.path("away")).unwrap();
        says(&mut pty, "kubectl get --context held", "by nobody");
        fs::write(&link, "not executable").unwrap();
        says(&mut pty, "kubectl get --context held", "by nobody");
        fs::rename(home.path("away"), &link).unwrap();
        // A script that is gone is no reason to complain.
        let script = format!("state/jit/setup/jit.{}", shell.name);
        fs::rename(home.path(&script), home.path("script")).unwrap();
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl get --context held", "by nobody");
        assert!(!pty.shown().contains("jit"), "{}", pty.shown());
        fs::rename(home.path("script"), home.path(&script)).unwrap();
    }
}

#[test]
fn your_own_aliases_and_functions_go_first() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home();
        home.tool("kubecolor", "echo colourful; exec kubectl \"$@\"");
        home.tool("psql", "echo bare psql");
        home.tool("aws", "echo bare aws");
        shell.configure(
            &home,
            "alias k=kubectl\nalias aws='aws --mine'\nfunction psql { echo my psql; }\nalias kc='kubectl --context held'"
                .replace("{ echo my psql; }", if shell.name == "fish" { "; echo my psql; end" } else { "{ echo my psql; }" })
                .as_str(),
        );
        let mut pty = shell.open(&home);
        says(&mut pty, "k get --context held", "by /");
        says(&mut pty, "kc get", "");
        says(&mut pty, "psql", "my psql");
        says(&mut pty, "alias kubectl=kubecolor; echo done-x", "done-x");
        says(
            &mut pty,
            "kubectl get --context held",
            "colourful\n<get><--context><held> by nobody",
        );
        // Read again, with the alias there.
        let rc = home.path(shell.rc);
        says(
            &mut pty,
            &format!("source '{}'; echo read-x", rc.display()),
            "read-x\n",
        );
        says(&mut pty, "k get --context held", "colourful");
        says(&mut pty, "unalias kubectl; functions -e kubectl", "st-");
        if shell.name != "fish" {
            says(&mut pty, "kubectl get --context held", "> by /");
            says(&mut pty, "psql", "my psql");
            says(
                &mut pty,
                "echo \"${precmd_functions[*]}${PROMPT_COMMAND}.\"",
                "__jit_pr",
            );
            let shown = pty.shown();
            let last = shown.lines().rfind(|line| line.contains("__jit_pr"));
            assert_eq!(
                last.unwrap_or_default().matches("__jit_pr").count(),
                1,
                "{shown}"
            );
        }
        pty.type_in("exit\n");
        shell.configure(&home, "alias kubectl=kubecolor");
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl get x", "colourful\n<get><x> by nobody");
    }
}

#[test]
fn paths_of_any_kind_are_words() {
    let home = home_with_leases();
    home.tool("kubectl", KUBECTL);
    for shell in SHELLS {
        shell.configure(&home, shell.prompt);
    }
    let odd = home.path("it's a \"$(dir)\" \\'");
    fs::rename(home.config(), &odd).unwrap();
    move_leases(&home, &odd);
    fs::create_dir_all(home.path("data/fish/generated_completions")).unwrap();
    let mut setup = home.jit(["setup", "shell", "--config-dir"]);
    let ran = run(setup.arg(&odd));
    assert_eq!(ran.code, 0, "{ran:?}");
    home.write("state/jit/setup/pg_service.conf", "");
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl get --context held", "by /");
        pty.wait_for("] st-5> ");
        // Drivers that do not know the variable refuse to start with it.
        says(&mut pty, "echo file-[\"$PGSERVICEFILE\"]", "file-[]");
    }
}

#[test]
fn a_shell_without_a_home_or_a_keyboard_starts() {
    let home = home();
    let script = |name: &str| home.path(&format!("state/jit/setup/jit.{name}"));
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let line = match shell.name {
            "bash" => "bash --rcfile SCRIPT -i <&-",
            "zsh" => "zsh -d -f -i -c '. SCRIPT; __jit_precmd; kubectl get x' <&-",
            _ => "fish -N -i -C 'source SCRIPT; __jit_prompt; kubectl get x' -c true <&-",
        };
        let line = line.replace("SCRIPT", script(shell.name).to_str().unwrap());
        let pty = Pty::start(&home, &line, |command| {
            let homes = [
                "HOME",
                "XDG_CACHE_HOME",
                "XDG_CONFIG_HOME",
                "XDG_STATE_HOME",
            ];
            for name in homes {
                command.env_remove(name);
            }
        });
        let (_, shown) = pty.end();
        for trouble in ["jit:", "jit_", "unbound", "rror"] {
            let lines = shown.lines().skip(1);
            let told = lines.filter(|line| line.contains(trouble));
            assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{shell:?}");
        }
    }
}

#[test]
fn a_shell_that_is_not_interactive_has_no_wrappers() {
    let home = home();
    for (line, rc) in [
        ("bash -c '. ./.bashrc; kubectl get --context held'", "bash"),
        ("zsh -c '. ./.zshrc; kubectl get --context held'", "zsh"),
        ("fish -c 'kubectl get --context held'", "fish"),
        (
            "bash -euo posix -c '. ./.bashrc; kubectl get --context held'",
            "bash",
        ),
        ("sh -euc 'kubectl get --context held'", "bash"),
    ] {
        if SHELLS
            .iter()
            .any(|shell| shell.name == rc && shell.is_there())
        {
            let (code, shown) = Pty::run(&home, line).end();
            assert!(code == 5 && shown.contains("by nobody"), "{line}: {shown}");
        }
    }
    assert!(!exists(&home, "state/jit/ledger.db"));
}

#[test]
fn strict_shells_live_with_it() {
    for (name, strict) in [
        (
            "bash",
            "set -u -o posix -o noclobber; shopt -s failglob nullglob; set -f",
        ),
        ("bash", "set -e"),
        ("bash", "PROMPT_COMMAND='true;'; shopt -u promptvars"),
        ("bash", "PROMPT_COMMAND=(true :)"),
        (
            "zsh",
            "setopt no_unset no_clobber ksh_arrays sh_word_split err_exit",
        ),
        ("zsh", "emulate sh; setopt prompt_percent"),
    ] {
        let Some(shell) = SHELLS.iter().find(|shell| shell.name == name) else {
            continue;
        };
        if !shell.is_there() {
            continue;
        }
        let home = home();
        let file = home.path(shell.rc);
        let rc = fs::read_to_string(&file).unwrap().replace("$?", "0");
        home.write(shell.rc, &format!("{strict}\n{rc}"));
        let mut pty = shell.open(&home);
        says(
            &mut pty,
            "kubectl get 'a  b' --context held || true",
            "<a  b><--context><held> by /",
        );
        says(&mut pty, "echo again-x", "m ");
        let shown = pty.shown();
        assert!(shown.contains("[ssh/held:deploy "), "{strict}: {shown}");
        for trouble in [
            "jit_",
            "unbound",
            "not found",
            "parameter not set",
            "no match",
        ] {
            assert!(!shown.contains(trouble), "{strict}: {shown}");
        }
    }
}
