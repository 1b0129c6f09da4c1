//! Kubeconfigs of every kind, set up and undone.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use tempfile::TempDir;

use super::{plan, undo};
use crate::{
    app::{
        session::Session,
        setup::ground::{Ground, Plan},
    },
    domain::{
        environment::{Environment, Places},
        failure::Result,
        time::Timestamp,
    },
    platform::files,
};

const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://prod.example.com:6443"
certificate_authority = "prod-ca.crt"
contexts = ["prod"]
issuer = "token-request"
credential = "env:NOTHING"
roles.view = { service_account = "jit/view" }
roles.edit = { service_account = "jit/edit" }
"#;

/// As a person writes it.
const OWN: &str = "\
# mine
apiVersion: v1
kind: Config
current-context: prod # the careful one
contexts:
  # all of them
  - name: prod
    context:
      cluster: c1
      namespace: shop
      user: me   # with a token
  - name: other
    context: {cluster: c2, user: me}
clusters:
  - name: c1
    cluster:
      server: https://PROD.example.com:6443/
  - name: c2
    cluster: {server: 'https://elsewhere'}
users:
  - name: me
    user:
      token: hunter2
";

/// As kubectl writes it.
const CANONICAL: &str = "\
apiVersion: v1
clusters:
- cluster:
    server: https://prod.example.com:6443
  name: c1
contexts:
- context:
    cluster: c1
    user: me
  name: prod
current-context: prod
kind: Config
users:
- name: me
  user:
    token: hunter2
";

struct Desk {
    directory: TempDir,
    session: Session,
}

impl Desk {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        for name in ["conf", ".kube"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let session = Session {
            environment: Environment {
                directory: path.to_owned(),
                home: Some(path.to_owned()),
                ..Environment::default()
            },
            places: Places {
                configuration: path.join("conf"),
                state: path.join("state"),
                cache: path.join("cache"),
                runtime: path.join("run"),
            },
            clock: || Timestamp::from_secs(0),
            json: false,
            verbose: false,
        };
        fs::create_dir_all(path.join("state/setup")).unwrap();
        Self { directory, session }
    }

    fn with(text: &str) -> Self {
        let desk = Self::new();
        desk.put(".kube/config", text);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        files::write_public(&self.path(name), text.as_bytes()).unwrap();
    }

    fn text(&self, name: &str) -> Option<String> {
        files::read_text(&self.path(name)).unwrap()
    }

    fn run(&self, catalogue: &str, what: fn(&Ground<'_>) -> Result<Plan>) -> Result<Plan> {
        let ground = Ground {
            session: &self.session,
            catalogue: toml::from_str(catalogue).unwrap(),
            program: vec!["/opt/jit".to_owned()],
        };
        let plan = what(&ground)?;
        for edit in &plan.edits {
            match &edit.after {
                Some(text) => files::write_public(&edit.file, text.as_bytes())?,
                None => files::remove(&edit.file)?,
            }
        }
        Ok(plan)
    }

    fn set_up(&self) -> Result<Plan> {
        self.run(CATALOGUE, plan)
    }

    fn undo(&self) -> Plan {
        // Whatever became of the catalogue.
        self.run("", undo).unwrap()
    }

    fn config(&self) -> Option<String> {
        self.text(".kube/config")
    }

    fn litter(&self) -> usize {
        fs::read_dir(self.path("state/setup")).unwrap().count()
    }
}

#[test]
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
    assert!(desk.set_up().unwrap().notes.is_empty());
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
    assert!(desk.set_up().unwrap().edits.is_empty());
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
            "expects another server's name",
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
fn what_kubectl_has_written_anew_is_undone_by_its_names() {
    let desk = Desk::with(CANONICAL);
    desk.set_up().unwrap();
    let lines: Vec<String> = desk.config().unwrap().lines().map(str::to_owned).collect();
    let kept = lines.iter().filter(|line| !line.trim().starts_with('#'));
    let rewritten: String = kept.map(|line| format!("{line}\n")).collect();
    let rewritten = rewritten.replace("current-context: prod", "current-context: prod:edit");
    desk.put(".kube/config", &rewritten);
    // Set up again: the marks are back.
    let again = desk.set_up().unwrap();
    assert!(
        again.notes[0].contains("was rewritten since setup"),
        "{again:?}"
    );
    assert!(desk.config().unwrap().contains("#jit#     user: me\n"));
    desk.put(".kube/config", &rewritten);
    let undone = desk.undo();
    assert!(undone.notes[0].contains("backups"), "{undone:?}");
    let wanted = CANONICAL.replace("current-context: prod", "current-context: prod:edit");
    assert_eq!((desk.config(), desk.litter()), (Some(wanted), 0));
    // Where nobody knows what was there, nothing that works is taken away.
    desk.put(".kube/config", &rewritten);
    let undone = desk.undo();
    assert!(
        undone
            .notes
            .iter()
            .any(|note| note.contains("keeps jit's user")),
        "{undone:?}"
    );
    assert_eq!(desk.config(), Some(rewritten));
}

#[test]
fn a_file_of_ours_goes_even_if_kubectl_wrote_it_anew() {
    let desk = Desk::new();
    desk.set_up().unwrap();
    let text = desk.config().unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    desk.put(".kube/config", &format!("{}\n", kept.join("\n")));
    desk.undo();
    assert_eq!((desk.config(), desk.litter()), (None, 0));
}

#[test]
fn a_torn_block_is_named_and_stays() {
    let desk = Desk::with(CANONICAL);
    desk.set_up().unwrap();
    let torn = desk
        .config()
        .unwrap()
        .replacen("# <<< jit setup kubernetes <<<\n", "", 1);
    desk.put(".kube/config", &torn);
    let failure = desk.set_up().unwrap_err();
    assert!(failure.message.contains("is not whole"), "{failure:?}");
    assert!(failure.message.contains(".kube/config: "), "{failure:?}");
    assert_eq!(desk.config(), Some(torn));
}

#[test]
fn a_kuberc_that_allows_some_plugins_allows_ours() {
    let rc = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
    let listed =
        format!("{rc}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- KEY: aws\n");
    for (text, entry) in [
        (listed.replace("KEY", "name"), Some("- name: /opt/jit\n")),
        (
            listed.replace("KEY", "command"),
            Some("- command: /opt/jit\n"),
        ),
        (
            format!("{rc}credentialPluginPolicy: Allowlist\n"),
            Some("- name: /opt/jit\n"),
        ),
        (
            format!("{listed}- name: /opt/jit\n").replace("KEY", "name"),
            None,
        ),
        (rc.to_owned(), None),
        (format!("{rc}credentialPluginPolicy: AllowAll\n"), None),
    ] {
        let desk = Desk::with(CANONICAL);
        desk.put(".kube/kuberc", &text);
        desk.set_up().unwrap();
        let changed = desk.text(".kube/kuberc").unwrap();
        match entry {
            Some(entry) => assert!(changed.contains(entry), "{changed}"),
            None => assert_eq!(changed, text),
        }
        desk.undo();
        assert_eq!(desk.text(".kube/kuberc").unwrap(), text);
    }
    let desk = Desk::with(CANONICAL);
    for (text, note) in [
        (format!("{rc}credentialPluginPolicy: DenyAll\n"), "DenyAll"),
        (
            format!(
                "{rc}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{{name: aws}}]\n"
            ),
            "add to credentialPluginAllowlist: - name: /opt/jit",
        ),
        (format!("{rc}---\n{rc}"), "in a form that jit does not read"),
    ] {
        desk.put(".kube/kuberc", &text);
        let done = desk.set_up().unwrap();
        assert!(
            done.notes.iter().any(|said| said.contains(note)),
            "{done:?}"
        );
        assert_eq!(desk.text(".kube/kuberc").unwrap(), text);
    }
}

#[test]
fn another_place_of_the_kuberc_is_found() {
    let mut desk = Desk::with(CANONICAL);
    let text = "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist:\n- name: x\n";
    desk.put("rc", text);
    for (named, changes) in [("off", false), ("rc", true)] {
        desk.session.environment.variables = [("KUBERC".into(), named.into())].into();
        desk.set_up().unwrap();
        assert_eq!(desk.text("rc").unwrap() != text, changes);
    }
    assert!(!Path::new(&desk.path(".kube/kuberc")).exists());
}
