//! Command lines and environments of tools, as they are recognised. Whatever they say, an entitlement that is
//! found is one of the catalogue's, and a destination is no option.
//!
//! An input is an environment and a command line, as a shell would be given them, a word on each line:
//! `NAME=value` first, then the arguments. The program is the target's, so that nothing is ever started.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    sync::LazyLock,
};

use jit::{
    config::authority,
    domain::{
        catalogue::Catalogue,
        credential::Secret,
        entitlement::{Kind, ResourceName, RoleName},
        environment::Environment,
    },
    tools::{
        self,
        kubernetes::{self, Question},
        postgres::{command, conninfo, programs},
        ssh::{
            call::{self, Call},
            destination::Destination,
            rsync,
        },
        task::Task,
    },
};
use secrecy::SecretString;
use serde_json::Value;

use crate::ground::{choice, directory, lease, places, text};

/// What can be reached.
pub(crate) const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web-1.example.com", "*.web.internal"]
roles.deploy = {}
roles.root = { tier = "sensitive" }
[resources."kubernetes/prod"]
server = "https://203.0.113.5:6443"
contexts = ["prod"]
issuer = "token-request"
credential = "env:TOKEN"
roles.view = { service_account = "jit/view" }
roles.admin = { service_account = "jit/admin", tier = "sensitive" }
[resources."postgres/orders"]
hosts = ["db.internal:5432"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
roles.write = { role = "orders_rw", tier = "elevated" }
[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
region = "eu-west-1"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
roles.admin = { arn = "arn:aws:iam::123456789012:role/admin" }
"#;

static READ: LazyLock<Catalogue> =
    LazyLock::new(|| authority::parse("authority.toml", CATALOGUE).expect("a catalogue"));

/// An environment and the words of a command line.
struct Line {
    environment: Environment,
    command: Vec<OsString>,
}

fn line(program: &str, data: &[u8]) -> Option<Line> {
    // What never ends to be read, or waits for somebody, is no input of ours.
    let is_device = |part: &[u8]| part == b"/dev" || part == b"/pro" || part == b"/sys";
    if data.windows(4).any(is_device) {
        return None;
    }
    let mut words = data
        .split(|byte| *byte == b'\n')
        .map(|word| OsStr::from_bytes(word).to_owned())
        .peekable();
    let mut environment = Environment {
        directory: directory().join("nowhere"),
        home: Some(directory().join("nobody")),
        ..Environment::default()
    };
    while let Some(word) = words.next_if(|word| is_variable(word.as_bytes())) {
        let word = word.to_str()?;
        let (name, value) = word.split_once('=')?;
        environment.variables.insert(name.into(), value.into());
    }
    environment.variables.insert("PATH".into(), "none".into());
    Some(Line {
        environment,
        command: [OsString::from(program)].into_iter().chain(words).collect(),
    })
}

fn is_variable(word: &[u8]) -> bool {
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    let upper = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    name.len() < word.len() && !name.is_empty() && name.iter().all(upper)
}

/// Asks everything that is asked of a command line.
fn recognised(
    Line {
        environment,
        command,
    }: &Line,
    on: Option<(&str, &str)>,
) {
    let named: Option<(ResourceName, RoleName)> =
        on.and_then(|(resource, role)| Some((resource.parse().ok()?, role.parse().ok()?)));
    let task = Task {
        command,
        on: named.as_ref().map(|(resource, _)| resource),
        role: named.as_ref().map(|(_, role)| role),
        catalogue: &READ,
        environment,
    };
    let _ = (
        tools::needs_nothing(&task),
        tools::may_be_known(&task),
        tools::completes(&task),
    );
    if let Ok(found) = tools::recognise(&task) {
        assert!(
            READ.tier(&found.entitlement).is_ok(),
            "{}",
            found.entitlement
        );
        if let Some((resource, role)) = named {
            assert_eq!(
                (found.entitlement.resource, found.entitlement.role),
                (resource, role)
            );
        }
    }
}

/// kubectl's, and helm's.
pub(crate) fn kubectl(data: &[u8]) {
    let Some(([which], rest)) = choice::<1>(data) else {
        return;
    };
    let program = ["kubectl", "helm", "k9s"][which % 3];
    let Some(line) = line(program, rest) else {
        return;
    };
    recognised(&line, None);
    recognised(&line, Some(("kubernetes/prod", "view")));
}

/// The aws CLI's.
pub(crate) fn aws(data: &[u8]) {
    let Some(line) = line("aws", data) else {
        return;
    };
    recognised(&line, None);
    recognised(&line, Some(("aws/prod", "read")));
}

const LIBPQ: [&str; 9] = [
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_restore",
    "pgbench",
    "vacuumdb",
    "reindexdb",
    "createdb",
    "dropdb",
];

/// psql's, and those of libpq's other programs. A rewritten one names no other login than it should.
pub(crate) fn psql(data: &[u8]) {
    let Some(([which], rest)) = choice::<1>(data) else {
        return;
    };
    let name = LIBPQ[which % LIBPQ.len()];
    let Some(line) = line(name, rest) else { return };
    recognised(&line, None);
    let program = programs::named(name).expect("it is known");
    let arguments = &line.command[1..];
    let Ok(written) = command::rewrite(program, arguments, "jit-login", |settings| {
        settings.insert("user".to_owned(), "jit-login".to_owned());
    }) else {
        return;
    };
    assert_eq!(written.len(), arguments.len());
    let Ok(said) = command::read(program, arguments) else {
        return;
    };
    let again = command::read(program, &written).expect("it could be read before");
    let login = again.settings.get("user").map(String::as_str);
    assert!(matches!(login, None | Some("jit-login")), "{login:?}");
    assert_eq!(again.settings.get("host"), said.settings.get("host"));
    assert_eq!(again.settings.get("dbname"), said.settings.get("dbname"));
    let shown = conninfo::write(&said.settings);
    assert_eq!(conninfo::parse(&shown), Some(said.settings), "{shown}");
}

/// Those of ssh and of what goes over it.
pub(crate) fn ssh(data: &[u8]) {
    let Some(([which], rest)) = choice::<1>(data) else {
        return;
    };
    let Some(line) = line("ssh", rest) else {
        return;
    };
    let arguments = &line.command[1..];
    let call = match which % 5 {
        0 => Call::of_ssh(arguments),
        1 => Call::of_scp(arguments),
        2 => Call::of_sftp(arguments),
        3 => rsync::read(arguments, &line.environment),
        _ => {
            let all: Vec<Destination> = arguments
                .iter()
                .filter_map(|word| Destination::of_git(&word.to_string_lossy()).ok()?)
                .collect();
            Ok(Call {
                destinations: all,
                ..Call::default()
            })
        }
    };
    let _ = (call::only_says(arguments), rsync::remote_shell(arguments));
    let Ok(call) = call else { return };
    for destination in &call.destinations {
        let word = destination.word();
        assert!(
            !word.starts_with('-') && !destination.host.is_empty(),
            "{word:?}"
        );
        let _ = call.names_login(destination);
    }
    // Each option that is handed to `ssh -G` is one of ours, with its value.
    for options in [&call.before, &call.after] {
        assert!(options.len().is_multiple_of(2));
        for letter in options.iter().step_by(2) {
            let text = letter.to_string_lossy();
            let letter = text.chars().nth(1).unwrap_or_default();
            assert!(call::ssh_option(letter) == Some(&*text), "{text}");
        }
    }
}

/// What kubectl asks its plugin, and the plugin's answer with whatever token there is.
pub(crate) fn exec_credential(data: &[u8]) {
    let (asked, token) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &data[..0]),
    };
    let value = OsStr::from_bytes(asked).to_owned();
    let environment = Environment {
        variables: [("KUBERNETES_EXEC_INFO".into(), value)].into(),
        ..Environment::default()
    };
    let Ok(question) = Question::asked(&environment) else {
        return;
    };
    let places = places();
    if let Ok(found) = kubernetes::wanted(&question, None, None, &places, &READ) {
        assert_eq!(found.entitlement.resource.kind(), Kind::Kubernetes);
        assert!(READ.tier(&found.entitlement).is_ok());
        assert!(question.cluster.is_some());
    }
    let Some(token) = text(token) else { return };
    let secret = Secret::KubernetesToken(SecretString::from(token));
    let lease = lease("kubernetes/prod:view", secret);
    let answer = kubernetes::exec_credential(&lease, &question).expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["status"]["token"], token);
    assert_eq!(answer["kind"], "ExecCredential");
}
