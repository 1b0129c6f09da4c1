//! Kubernetes without the prefix: a kubeconfig that `jit setup kubernetes` writes, and the programs that
//! use it.

mod bound;
mod clients;
mod failures;
mod kuberc;
mod setup;

use std::{
    ffi::OsStr,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    exec::{kubernetes::trusted, story, works},
    support::{
        Home, Kube,
        home::{Ran, run},
        kubernetes::question,
    },
};

/// An empty home in which `jit setup kubernetes` has been run, and its cluster.
struct Desk {
    home: Home,
    kube: &'static Kube,
}

impl Desk {
    fn new(namespace: &str) -> Option<Self> {
        let desk = Self::without_setup(namespace)?;
        desk.set_up();
        Some(desk)
    }

    fn without_setup(namespace: &str) -> Option<Self> {
        let kube = Kube::shared()?;
        let home = trusted(kube, namespace);
        Some(Self { home, kube })
    }

    #[track_caller]
    fn set_up(&self) {
        let done = run(&mut self.home.jit(["setup", "kubernetes", "--anyway"]));
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:?}");
    }

    /// kubectl, which knows nothing of jit but the kubeconfig.
    fn kubectl(&self, args: &[&str]) -> Ran {
        run(self.program("kubectl").args(args))
    }

    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        self.home.command(Path::new(program.as_ref()))
    }

    #[track_caller]
    fn works(&self, args: &[&str]) -> String {
        let ran = self.kubectl(args);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
        ran.stdout
    }

    /// The plugin by itself, called with this cluster's own question.
    fn asked(&self) -> Command {
        let mut command = self.home.jit(["exec-credential", "kubernetes/prod:view"]);
        command.env("KUBERNETES_EXEC_INFO", question(&self.kube.as_asked()));
        command
    }

    /// The plugin by itself, asked as kubectl asks it; an empty question is none.
    fn plugin(&self, question: &str, args: &[&str]) -> Ran {
        let mut command = self.home.jit(["exec-credential"]);
        if !question.is_empty() {
            command.env("KUBERNETES_EXEC_INFO", question);
        }
        run(command.args(args))
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.home.path(".kube/config")).unwrap()
    }

    /// What the ledger has: how many were granted, and how many credentials were issued.
    fn counted(&self) -> (usize, usize) {
        let story = story(&self.home);
        let count = |kind| story.iter().filter(|line| line.starts_with(kind)).count();
        (count("granted"), count("issued"))
    }
}

/// Runs a command that is given this on its stdin.
fn fed(command: &mut Command, text: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn plain_kubectl_works_in_an_empty_home() {
    let Some(desk) = Desk::new("hook-plain") else {
        return;
    };
    let got = desk.works(&["get", "ns", "-o", "name"]);
    assert!(got.contains("namespace/hook-plain\n"), "{got}");
    desk.works(&["get", "ns"]);
    assert_eq!(
        story(&desk.home),
        [
            "granted kubernetes/prod:view",
            "issued kubernetes/prod:view"
        ]
    );
    // What the role may not, the cluster refuses; another role has a context of its own.
    assert_ne!(
        desk.kubectl(&["-n", "default", "create", "cm", "plain"])
            .code,
        0
    );
    let edit = [
        "--context",
        "prod:edit",
        "-n",
        "default",
        "create",
        "cm",
        "plain",
    ];
    let refused = desk.kubectl(&edit);
    assert!(
        refused
            .stderr
            .starts_with("jit: kubernetes/prod:edit needs a justification; "),
        "{refused:?}"
    );
    // Who says why has it, for as long as the grant lasts.
    works(
        &desk.home,
        &["request", "kubernetes/prod:edit", "-j", "a test"],
    );
    desk.works(&edit);
}

#[test]
fn stdin_is_kubectls_own() {
    let Some(desk) = Desk::new("hook-stdin") else {
        return;
    };
    works(
        &desk.home,
        &["request", "kubernetes/prod:edit", "-j", "a test"],
    );
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fed, namespace: default}\n";
    let mut apply = desk.program("kubectl");
    let applied = fed(
        apply.args(["--context=prod:edit", "apply", "-f", "-"]),
        manifest,
    );
    assert_eq!(applied.stdout, "configmap/fed created\n", "{applied:?}");
    // Also where the plugin has to ask for a new grant first.
    let mut diff = desk.program("kubectl");
    let shown = fed(diff.args(["get", "-f", "-", "-o", "name"]), manifest);
    assert_eq!(shown.stdout, "configmap/fed\n", "{shown:?}");
}

#[test]
fn older_programs_are_answered_in_their_version() {
    let Some(desk) = Desk::new("hook-beta") else {
        return;
    };
    let older = desk.config().replace("k8s.io/v1", "k8s.io/v1beta1");
    desk.home.write(".kube/config", &older);
    desk.works(&["get", "ns"]);
    assert_eq!(desk.counted(), (1, 1));
}

#[test]
fn jit_exec_finds_the_cluster_of_a_context_of_ours() {
    let Some(desk) = Desk::new("hook-exec") else {
        return;
    };
    let got = works(
        &desk.home,
        &[
            "exec",
            "--",
            "kubectl",
            "--context",
            "prod:edit",
            "get",
            "ns",
            "-o",
            "name",
        ],
    );
    assert!(got.contains("namespace/hook-exec\n"), "{got}");
    assert_eq!(story(&desk.home)[0], "granted kubernetes/prod:view");
}
