//! Kubeconfigs of every form.

use std::ffi::OsStr;

use insta::assert_snapshot;

use super::desk::{CANONICAL, CATALOGUE, Desk, OWN};
use crate::app::setup::kubernetes::plan;

#[test]
#[expect(clippy::too_many_lines, reason = "the text is shown whole")]
fn an_own_kubeconfig_gets_our_user_and_nothing_else_changes() {
    let desk = Desk::with(OWN);
    assert!(desk.set_up().unwrap().notes.is_empty());
    let text = desk.config().unwrap();
    assert_snapshot!(text, @r#"
    # mine
    apiVersion: v1
    kind: Config
    current-context: prod # the careful one
    contexts:
      # >>> jit setup kubernetes >>>
      - context:
          cluster: c1
          namespace: shop
          user: jit:prod:edit
        name: prod:edit
      # <<< jit setup kubernetes <<<
      # all of them
      - name: prod
        context:
          cluster: c1
          namespace: shop
    #jit#       user: me   # with a token
          # >>> jit setup kubernetes >>>
          user: jit:prod:view
          # <<< jit setup kubernetes <<<
      - name: other
        context: {cluster: c2, user: me}
    clusters:
      - name: c1
        cluster:
          server: https://PROD.example.com:6443/
      - name: c2
        cluster: {server: 'https://elsewhere'}
    users:
      # >>> jit setup kubernetes >>>
      - name: jit:prod:view
        user:
          exec:
            apiVersion: client.authentication.k8s.io/v1
            args:
            - exec-credential
            - kubernetes/prod:view
            command: /opt/jit
            installHint: "jit was moved or removed; install it again, then run: jit setup kubernetes"
            interactiveMode: Never
            provideClusterInfo: true
      - name: jit:prod:edit
        user:
          exec:
            apiVersion: client.authentication.k8s.io/v1
            args:
            - exec-credential
            - kubernetes/prod:edit
            command: /opt/jit
            installHint: "jit was moved or removed; install it again, then run: jit setup kubernetes"
            interactiveMode: Never
            provideClusterInfo: true
      # <<< jit setup kubernetes <<<
      - name: me
        user:
          token: hunter2
    "#);
    let again = desk.set_up().unwrap();
    assert!(again.edits.is_empty(), "{again:?}");
    desk.undo();
    assert_eq!((desk.config().as_deref(), desk.litter()), (Some(OWN), 0));
}

#[test]
fn without_a_kubeconfig_there_is_a_whole_one() {
    let desk = Desk::new();
    let pinned =
        "server = \"https://prod.example.com:6443\"\ncertificate_authority = \"prod-ca.crt\"";
    let pinned = CATALOGUE.replace("server = \"https://prod.example.com:6443\"", pinned);
    assert!(desk.run(&pinned, plan).unwrap().notes.is_empty());
    let text = desk
        .config()
        .unwrap()
        .replace(desk.directory.path().to_str().unwrap(), "~");
    assert_snapshot!(text, @r#"
    # >>> jit setup kubernetes (new) >>>
    apiVersion: v1
    kind: Config
    current-context: prod
    clusters:
    - cluster:
        certificate-authority: ~/conf/prod-ca.crt
        server: https://prod.example.com:6443
      name: prod
    contexts:
    - context:
        cluster: prod
        user: jit:prod:view
      name: prod
    - context:
        cluster: prod
        user: jit:prod:edit
      name: prod:edit
    users:
    - name: jit:prod:view
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args:
          - exec-credential
          - kubernetes/prod:view
          command: /opt/jit
          installHint: "jit was moved or removed; install it again, then run: jit setup kubernetes"
          interactiveMode: Never
          provideClusterInfo: true
    - name: jit:prod:edit
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args:
          - exec-credential
          - kubernetes/prod:edit
          command: /opt/jit
          installHint: "jit was moved or removed; install it again, then run: jit setup kubernetes"
          interactiveMode: Never
          provideClusterInfo: true
    # <<< jit setup kubernetes <<<
    "#);
    assert!(desk.run(&pinned, plan).unwrap().edits.is_empty());
    desk.undo();
    assert_eq!((desk.config(), desk.litter()), (None, 0));
}

#[test]
fn every_form_that_can_be_edited_is_undone_to_the_byte() {
    for text in [
        "",
        "\n",
        "# mine",
        "---\napiVersion: v1\n",
        "apiVersion: v1\nkind: Config",
        "contexts: []\nusers: null\nclusters:\n",
        "contexts: [] # none\nusers: ~\n",
        "contexts:\nusers:",
        CANONICAL,
        OWN,
        &OWN.replace('\n', "\r\n"),
        CANONICAL.trim_end(),
        &CANONICAL.replace("    user: me\n", ""),
        &CANONICAL.replace("user: me", "user: \"me\""),
        &CANONICAL.replace("user: me", "user:   'me'"),
        "contexts:\n\n  # first\n\n  - context:\n      user: a\n      cluster: c1\n    name: prod\nclusters:\n- {name: c1, cluster: {server: 'https://prod.example.com:6443'}}\n",
    ] {
        let desk = Desk::with(text);
        let done = desk
            .set_up()
            .unwrap_or_else(|failure| panic!("{text}: {failure}"));
        assert!(
            done.edits.len() == 2 && desk.config().unwrap().contains("jit:prod:view"),
            "{text}"
        );
        assert!(desk.set_up().unwrap().edits.is_empty(), "{text}");
        // Something more in front and behind, as people do.
        let around = format!("# a\n{}", desk.config().unwrap());
        desk.put(".kube/config", &around);
        desk.undo();
        assert_eq!(desk.config(), Some(format!("# a\n{text}")), "{text}");
    }
}

#[test]
fn what_cannot_be_edited_safely_is_left_with_the_commands_that_do_it() {
    let flow = CANONICAL.replace(
        "- context:\n    cluster: c1\n    user: me\n  name: prod",
        "- {context: {cluster: c1, user: me}, name: prod}",
    );
    for text in [
        r#"{"apiVersion": "v1", "kind": "Config", "contexts": [{"name": "prod", "context": {"cluster": "c1", "user": "me"}}], "clusters": [{"name": "c1", "cluster": {"server": "https://prod.example.com:6443"}}]}"#,
        "{}",
        &flow,
        &CANONICAL.replace("user: me", "user: &me me"),
        &CANONICAL.replace("user: me", "user: >-\n      me"),
        &CANONICAL.replace("contexts:", "contexts: &all"),
        &CANONICAL.replace("contexts:", "\"contexts\":"),
        &CANONICAL.replace("contexts:", "contexts: !!seq"),
        "apiVersion: v1\n...\n",
    ] {
        let desk = Desk::with(text);
        let failure = desk.set_up().unwrap_err();
        assert!(
            failure
                .message
                .ends_with("is written in a form that jit does not edit"),
            "{text}: {failure:?}"
        );
        assert!(
            failure.hint.contains("set-credentials jit:prod:view "),
            "{failure:?}"
        );
        assert_eq!(desk.config().as_deref(), Some(text));
    }
    for text in [
        "\t",
        "contexts: 5",
        "[1]",
        "a: b\n---\na: c\n",
        "contexts:\n- name: [\n",
        &CANONICAL.replace("    user", "\tuser"),
    ] {
        let desk = Desk::with(text);
        let Err(failure) = desk.set_up() else {
            panic!("{text:?}: {:?}", desk.config());
        };
        assert!(!failure.to_string().contains("hunter2"), "{failure:?}");
        assert_eq!(desk.config().as_deref(), Some(text));
    }
}

#[test]
fn the_right_file_of_a_list_is_edited() {
    let mut desk = Desk::new();
    desk.session.environment.variables = [("KUBECONFIG".into(), "none:a::b".into())].into();
    desk.put("a", "current-context: prod\n");
    desk.put("b", CANONICAL);
    let done = desk.set_up().unwrap();
    assert_eq!(done.edits[0].file, desk.path("b"));
    assert_eq!(desk.text("a").unwrap(), "current-context: prod\n");
    // Undone also where another list is in force.
    desk.session
        .environment
        .variables
        .remove(OsStr::new("KUBECONFIG"));
    desk.undo();
    assert_eq!(desk.text("b").unwrap(), CANONICAL);
    // What is new comes into the first file that is there, or else into the first of the list.
    desk.put("b", "");
    for (list, file) in [("none:a:b", "a"), ("none:neither", "none")] {
        desk.session.environment.variables = [("KUBECONFIG".into(), list.into())].into();
        assert_eq!(desk.set_up().unwrap().edits[0].file, desk.path(file));
        desk.undo();
    }
}

#[test]
fn a_context_that_jit_would_not_serve_keeps_its_user() {
    for (from, to, why) in [
        (
            "server: https://prod",
            "insecure-skip-tls-verify: true\n    server: https://prod",
            "does not verify the server",
        ),
        (
            "server: https://prod",
            "tls-server-name: x\n    server: https://prod",
            "expects the server's name to be \"x\", and the catalogue the one in its address",
        ),
        (
            "server: https://prod.",
            "server: https://evil.",
            "reaches https://evil.example.com:6443",
        ),
    ] {
        let desk = Desk::with(&CANONICAL.replace(from, to));
        let done = desk.set_up().unwrap();
        assert!(done.notes.iter().any(|note| note.contains(why)), "{done:?}");
        assert!(desk.config().unwrap().contains("\n    user: me\n"));
    }
    let desk = Desk::with(CANONICAL);
    let mute = CATALOGUE.replace("roles.view", "roles.oncall");
    let done = desk
        .run(&mute.replace("roles.edit", "roles.other"), plan)
        .unwrap();
    assert!(
        done.notes[0].starts_with("no role of kubernetes/prod is known to read"),
        "{done:?}"
    );
    assert!(desk.config().unwrap().contains("name: prod:oncall\n"));
}

#[test]
fn of_two_resources_with_one_server_the_one_that_lists_a_context_has_it() {
    let second = CATALOGUE
        .replace("kubernetes/prod", "kubernetes/shop")
        .replace("contexts = [\"prod\"]", "contexts = [\"shop\"]");
    let both = format!("{CATALOGUE}{second}");
    let desk = Desk::with(CANONICAL);
    let done = desk.run(&both, plan).unwrap();
    assert!(done.notes.is_empty(), "{done:?}");
    let text = desk.config().unwrap();
    for line in [
        "    user: jit:prod:view\n",
        "  name: shop\n",
        "  name: shop:edit\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let desk = Desk::with(CANONICAL);
    let neither = both.replace("contexts = [\"prod\"]", "");
    let done = desk.run(&neither, plan).unwrap();
    let said =
        "the context \"prod\" stays as it is: it may mean kubernetes/prod or kubernetes/shop";
    assert!(
        done.notes.iter().any(|note| note.starts_with(said)),
        "{done:?}"
    );
}
