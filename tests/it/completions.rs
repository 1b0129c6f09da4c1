//! What shells complete is what this `jit` understands.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Home, run};

const FILES: [(&str, &str); 3] = [("bash", "jit.bash"), ("zsh", "_jit"), ("fish", "jit.fish")];
const REWRITE: &str = "JIT_REWRITE_COMPLETIONS";

#[test]
fn the_completions_are_those_of_this_grammar() {
    let home = Home::new();
    for (shell, name) in FILES {
        let made = run(&mut home.jit(["completions", shell]));
        assert_eq!(made.code, 0, "{made:?}");
        let file = completions().join(name);
        if env::var_os(REWRITE).is_some() {
            fs::write(&file, &made.stdout).unwrap();
        }
        assert!(
            fs::read_to_string(&file).is_ok_and(|kept| kept == made.stdout),
            "completions/{name} is not what jit prints now; rewrite it: {REWRITE}=1 cargo test --test it completions"
        );
    }
}

#[test]
fn bash_completes_a_verb() {
    let script = r#"source "$1"; COMP_WORDS=(jit exe); COMP_CWORD=1; _jit jit exe jit; echo "${COMPREPLY[@]}""#;
    let ran = run(Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(completions().join("jit.bash")));
    assert_eq!(ran.stdout, "exec exec-credential\n", "{ran:?}");
}

fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}
