//! `jit setup shell` on the files of shells, and its way back.

use std::{fs, path::PathBuf};

use crate::support::home::{Home, Ran, run};

fn setup(home: &Home, args: &[&str]) -> Ran {
    let ran = run(home.jit(["setup", "shell"]).args(args));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran
}

fn text(home: &Home, name: &str) -> Option<String> {
    fs::read_to_string(home.path(name)).ok()
}

#[test]
fn what_is_set_up_is_undone_to_the_byte() {
    let home = Home::new();
    let files = [
        (".bashrc", "# mine\r\nPS1='> '\r\n"),
        (".zshrc", "setopt vi"),
        ("config/fish/config.fish", ""),
    ];
    for (name, text) in files {
        home.write(name, text);
    }
    let dry = setup(&home, &["--dry-run"]);
    assert!(dry.stdout.contains("+# >>> jit setup shell"), "{dry:?}");
    assert_eq!(text(&home, ".bashrc").as_deref(), Some(files[0].1));
    assert!(!home.path("state/jit/setup").exists());
    setup(&home, &[]);
    for name in [".bashrc", ".zshrc", "config/fish/conf.d/jit.fish"] {
        assert!(
            text(&home, name).unwrap().contains("# >>> jit setup shell"),
            "{name}"
        );
    }
    let again = setup(&home, &[]);
    assert_eq!(again.stdout, "shell: nothing to change\n");
    // Written behind the block meanwhile.
    let mine = format!("{}alias x=y\r\n", text(&home, ".bashrc").unwrap());
    home.write(".bashrc", &mine);
    assert_eq!(setup(&home, &[]).stdout, "shell: nothing to change\n");
    setup(&home, &["--undo"]);
    let (_, bashrc) = files[0];
    assert_eq!(
        text(&home, ".bashrc").unwrap(),
        format!("{bashrc}alias x=y\r\n")
    );
    assert_eq!(text(&home, ".zshrc").unwrap(), files[1].1);
    assert_eq!(text(&home, "config/fish/conf.d/jit.fish"), None);
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(text(&home, &format!("state/jit/setup/jit.{shell}")), None);
    }
    assert_eq!(
        setup(&home, &["--undo"]).stdout,
        "shell: nothing to change\n"
    );
}

#[test]
fn an_older_jit_s_block_is_replaced() {
    let home = Home::new();
    home.write(
        ".bashrc",
        "a=1\n# >>> jit setup shell >>>\neval \"$(/old/jit init bash)\"\n# <<< jit setup shell <<<\nb=2\n",
    );
    setup(&home, &[]);
    let changed = text(&home, ".bashrc").unwrap();
    assert!(!changed.contains("/old/jit"), "{changed}");
    assert_eq!(changed.matches("# >>> jit").count(), 1, "{changed}");
    assert!(
        changed.starts_with("a=1\nb=2\n# >>> jit setup shell"),
        "{changed}"
    );
    // A script of another version is written anew.
    home.write("state/jit/setup/jit.bash", "# an older one\n");
    assert!(setup(&home, &[]).stdout.contains("shell: 1 changed"));
}

#[test]
fn the_shells_that_are_used_are_set_up() {
    let home = Home::new();
    let none = setup(&home, &[]);
    assert!(
        none.stdout
            .contains("neither bash nor zsh nor fish is in use"),
        "{none:?}"
    );
    home.write("bin/zsh", "");
    home.tool("zsh", "exit 0");
    let with = |variables: &[(&str, PathBuf)]| {
        let mut command = home.jit(["setup", "shell", "--json"]);
        command.env("SHELL", "/bin/zsh");
        run(command.envs(variables.iter().map(|(name, value)| (name, value))))
    };
    let made = with(&[]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(text(&home, ".zshrc").unwrap().contains("(new) >>>"));
    assert_eq!(text(&home, ".bashrc"), None);
    // Somewhere else.
    let moved = with(&[("ZDOTDIR", home.path("zsh dir's"))]);
    assert_eq!(moved.code, 0, "{moved:?}");
    assert!(text(&home, "zsh dir's/.zshrc").is_some());
    setup(&home, &["--undo"]);
    assert_eq!(text(&home, ".zshrc"), None, "it was made by setup");
    let undone = run(home
        .jit(["setup", "shell", "--undo"])
        .env("ZDOTDIR", home.path("zsh dir's")));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(text(&home, "zsh dir's/.zshrc"), None);
}
