//! The completion of the wrapped tools is theirs, and asks for nothing.

use super::shells::{SHELLS, exists, says, set_up};
use crate::support::{
    held::home_with_leases,
    home::{Home, run},
    skip::skip,
    whereabouts::{kubernetes_bin, program},
};

/// Completes kubectl's first word by `alpha` and `beta`.
fn words(shell: &str) -> &'static str {
    match shell {
        "bash" => "complete -W 'alpha beta' kubectl",
        "zsh" => {
            "autoload -U compinit; compinit -u -D\nfunction _words { compadd alpha beta; }\ncompdef _words kubectl"
        }
        _ => "complete -c kubectl -f -a 'alpha beta'",
    }
}

/// Completes it by what kubectl itself says, as the tools' own completions do.
fn asking(shell: &str) -> &'static str {
    match shell {
        "bash" => {
            "function _ask { COMPREPLY=($(kubectl --context held get words 2>/dev/null)); }\ncomplete -F _ask kubectl"
        }
        "zsh" => {
            "autoload -U compinit; compinit -u -D\nfunction _ask { compadd -- $(kubectl --context held get words 2>/dev/null); }\ncompdef _ask kubectl"
        }
        _ => "complete -c kubectl -f -a '(kubectl --context held get words 2>/dev/null)'",
    }
}

fn home() -> Home {
    let home = home_with_leases();
    home.tool(
        "kubectl",
        "case $* in *words*) echo ${KUBECONFIG:+held}${KUBECONFIG:-bare} | sed 's,/.*,,' ;; *) echo \"ran $*.\" ;; esac",
    );
    home
}

#[test]
fn a_completion_of_your_own_stays() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home();
        shell.configure(&home, words(shell.name));
        set_up(&home);
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl al\tx", "ran alpha x.");
    }
}

#[test]
fn a_completion_uses_what_is_held_and_never_asks() {
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = home();
        shell.configure(&home, asking(shell.name));
        set_up(&home);
        let mut pty = shell.open(&home);
        says(&mut pty, "kubectl h\tx", "ran held x.");
        assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
        says(&mut pty, "kubectl b\tx", "ran bare x.");
        assert!(!exists(&home, "state/jit/ledger.db"), "{shell:?} asked");
    }
}

/// kubectl's own scripts call it through the name that stands on the command line.
#[test]
fn kubectl_completes_itself() {
    if program("kubectl", Some(&kubernetes_bin())).is_none() {
        return skip("kubectl is missing: tests/servers/kubernetes.sh builds it");
    }
    for shell in SHELLS.iter().filter(|shell| shell.is_there()) {
        let home = Home::new();
        let load = match shell.name {
            "bash" => ". /usr/share/bash-completion/bash_completion\n. <(kubectl completion bash)",
            "zsh" => "autoload -U compinit; compinit -u -D\nsource <(kubectl completion zsh)",
            _ => "kubectl completion fish | source",
        };
        shell.configure(&home, load);
        set_up(&home);
        let mut pty = shell.open(&home);
        says(
            &mut pty,
            "kubectl kustom\t--help",
            "Build a set of KRM resources",
        );
    }
}
