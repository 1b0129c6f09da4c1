//! What kubectl makes of the kubeconfigs that setup changes, and setup of what kubectl makes of them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::Desk;
use crate::{
    exec::jit,
    support::{
        home::{Ran, run},
        kubernetes::ADMIN_TOKEN,
    },
};

/// A kubeconfig as a person writes it: a standing credential, comments, a namespace.
fn own(desk: &Desk) -> String {
    format!(
        "# mine\napiVersion: v1\nkind: Config\ncurrent-context: work\nclusters:\n  - name: c\n    cluster:\n      \
         server: {}\n      certificate-authority: {}\ncontexts:\n  # where I work\n  - name: work\n    context:\n      \
         cluster: c\n      user: admin # for now\n      namespace: {{NS}}\nusers:\n  - name: admin\n    user:\n      token: {ADMIN_TOKEN}\n",
        desk.kube.url(),
        desk.kube.ca().display(),
    )
}

fn setup(desk: &Desk, args: &[&str]) -> Ran {
    let anyway = (!args.contains(&"--undo")).then_some("--anyway");
    let ran = run(desk
        .home
        .jit(["setup", "kubernetes"])
        .args(args)
        .args(anyway));
    assert!(!format!("{ran:?}").contains(ADMIN_TOKEN), "{ran:?}");
    ran
}

#[test]
fn an_own_kubeconfig_goes_on_with_our_user_and_comes_back_to_the_byte() {
    for (namespace, form) in [("hook-own", "\n"), ("hook-crlf", "\r\n")] {
        let Some(desk) = Desk::without_setup(namespace) else {
            return;
        };
        let text = own(&desk).replace("{NS}", namespace).replace('\n', form);
        let text = text.trim_end();
        let file = desk.home.write("dotfiles/config", text);
        fs::create_dir(desk.home.path(".kube")).unwrap();
        symlink(&file, desk.home.path(".kube/config")).unwrap();
        let shown = setup(&desk, &["--dry-run"]);
        assert!(
            shown.stdout.contains("+      user: jit:prod:view"),
            "{shown:?}"
        );
        assert_eq!(desk.config(), text);
        let done = setup(&desk, &[]);
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:?}");
        let whoami = [
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
        ];
        let account = format!("system:serviceaccount:{namespace}:view");
        assert_eq!(desk.works(&whoami), account);
        let current = desk.works(&["config", "view", "--minify", "-o", "jsonpath={..namespace}"]);
        assert_eq!(current, namespace, "the context keeps its namespace");
        assert!(
            setup(&desk, &[])
                .stdout
                .ends_with("kubernetes: nothing to change\n")
        );
        assert_eq!(setup(&desk, &["--undo"]).code, 0);
        assert_eq!(desk.config(), text);
        assert!(desk.home.path(".kube/config").is_symlink());
        assert_eq!(desk.works(&whoami), "admin");
    }
}

#[test]
fn what_kubectl_rewrites_is_undone_and_set_up_again() {
    let Some(desk) = Desk::without_setup("hook-rewritten") else {
        return;
    };
    desk.home
        .write(".kube/config", &own(&desk).replace("{NS}", "default"));
    let view = |desk: &Desk| desk.works(&["config", "view", "--raw", "-o", "json"]);
    desk.works(&["config", "use-context", "work"]);
    let before = view(&desk);
    setup(&desk, &[]);
    desk.works(&["config", "use-context", "prod:edit"]);
    assert!(
        !desk.config().contains('#'),
        "kubectl leaves the comments out"
    );
    desk.works(&["--context", "work", "get", "ns"]);
    let again = setup(&desk, &[]);
    assert!(
        again.stdout.contains("was rewritten since setup"),
        "{again:?}"
    );
    assert!(desk.config().contains("#jit# "));
    desk.works(&["config", "use-context", "work"]);
    let undone = setup(&desk, &["--undo"]);
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(view(&desk), before);
    assert!(!desk.config().contains("jit"), "{}", desk.config());
}

#[test]
fn an_empty_home_is_empty_again_whatever_kubectl_did() {
    let Some(desk) = Desk::new("hook-empty") else {
        return;
    };
    desk.works(&["config", "set-context", "prod", "--namespace=hook-empty"]);
    desk.works(&["get", "cm", "-o", "name"]);
    assert_eq!(setup(&desk, &["--undo"]).code, 0);
    assert!(!desk.home.path(".kube/config").exists());
}

#[test]
fn the_commands_for_a_file_that_is_not_edited_do_the_same() {
    let Some(desk) = Desk::without_setup("hook-json") else {
        return;
    };
    let json = format!(
        "{{\"kind\": \"Config\", \"apiVersion\": \"v1\", \"clusters\": [{{\"name\": \"c\", \"cluster\": {{\"server\": \"{}\", \"certificate-authority\": \"{}\"}}}}], \"contexts\": [{{\"name\": \"work\", \"context\": {{\"cluster\": \"c\"}}}}], \"current-context\": \"work\"}}",
        desk.kube.url(),
        desk.kube.ca().display()
    );
    desk.home.write(".kube/config", &json);
    let refused = setup(&desk, &[]);
    assert_eq!(refused.code, 125, "{refused:?}");
    assert_eq!(desk.config(), json);
    let (_, commands) = refused
        .stderr
        .split_once("hint: do it yourself:\n")
        .unwrap();
    let ran = run(desk.program("sh").args(["-ec", commands]));
    assert_eq!(ran.code, 0, "{ran:?}");
    desk.works(&["get", "ns"]);
    desk.works(&["config", "use-context", "prod:edit"]);
    assert_eq!(desk.counted(), (1, 1));
}

#[test]
fn a_file_that_cannot_be_written_or_read_stays() {
    let Some(desk) = Desk::without_setup("hook-stays") else {
        return;
    };
    let text = own(&desk).replace("{NS}", "default");
    let file = desk.home.write(".kube/config", &text);
    fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    let refused = setup(&desk, &[]);
    assert_eq!(refused.code, 125, "{refused:?}");
    assert!(refused.stderr.contains("is read-only"), "{refused:?}");
    assert_eq!(desk.config(), text);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    for broken in ["contexts:\n- name: [", "a: b\n---\nc: d\n", "\u{0}"] {
        desk.home.write(".kube/config", broken);
        let refused = jit(&desk.home, &["setup", "kubernetes", "--anyway"]);
        assert_eq!(refused.code, 125, "{broken}: {refused:?}");
        assert_eq!(desk.config(), broken);
    }
}
