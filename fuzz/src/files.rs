//! Files that somebody else wrote: the user's and the administrator's configuration, policies, and what
//! other tools keep.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use jit::{
    config::{authority, client, edit, server},
    domain::{
        entitlement::{Entitlement, Tier},
        environment::Environment,
        failure::Failure,
        principal::{Caller, Class, Principal},
    },
    platform::{
        pem as certificates,
        profiles::{ProfileFile, Profiles, Which},
    },
    policy::{
        question::{Circumstances, Question},
        set::Policies,
    },
    tools::{
        kubernetes::{
            kubeconfig::{self, Kubeconfig},
            users,
        },
        postgres::{conninfo as connection, passfile, service},
        ssh::{aliases, identities},
    },
};

use crate::ground::{NOW, choice, directory, places, text};

/// A fault names the file and a line that it has.
fn placed(file: &str, text: &str, failure: &Failure) {
    let rest = failure
        .message
        .strip_prefix(file)
        .and_then(|rest| rest.strip_prefix(':'));
    let line = rest
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(line, _)| line.parse().ok());
    let line: usize = line.unwrap_or_else(|| panic!("no line: {failure}"));
    assert!(
        (1..=text.split('\n').count() + 1).contains(&line),
        "{failure}"
    );
}

/// `config.toml`, read and changed.
pub(crate) fn config(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let before = match client::parse(client::FILE, text) {
        Ok(config) => config,
        Err(failure) => return placed(client::FILE, text, &failure),
    };
    let server = "https://other.example.com";
    if let Ok(changed) = edit::with_server(text, server, Some("ca.crt")) {
        let after = client::parse(client::FILE, &changed).expect("it was right before");
        assert_eq!(after.server.as_deref(), Some(server));
        assert_eq!((after.exec, after.identity), (before.exec, before.identity));
    }
}

/// `server.toml`.
pub(crate) fn server(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match server::parse(server::FILE, text) {
        Ok(server) => {
            let _ = server.lifecycle.lifecycles();
            assert!(server.url.is_none_or(|url| url.starts_with("https://")));
        }
        Err(failure) => placed(server::FILE, text, &failure),
    }
}

/// `authority.toml`.
pub(crate) fn authority(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match authority::parse(authority::FILE, text) {
        Ok(catalogue) => {
            for resource in catalogue.resources.0.values() {
                assert!(resource.roles().next().is_some());
            }
        }
        Err(failure) => placed(authority::FILE, text, &failure),
    }
}

/// Policies: looked up by scope or all of them, they say the same.
pub(crate) fn policy(data: &[u8]) {
    static ENTITLEMENT: LazyLock<Entitlement> =
        LazyLock::new(|| "kubernetes/prod:view".parse().expect("an entitlement"));
    let Some(text) = text(data) else { return };
    let name = "policies/p.cedar";
    let policies = match Policies::parse(&[(name.to_owned(), text.to_owned())]) {
        Ok(policies) => policies,
        Err(failure) => return placed(name, text, &failure),
    };
    let caller = Caller::new(
        Principal::new(Class::Human, "alice").expect("a name"),
        ["on-call".to_owned()].into(),
    );
    for (tier, break_glass) in [(Tier::Routine, false), (Tier::Sensitive, true)] {
        let question = Question {
            caller: &caller,
            entitlement: &ENTITLEMENT,
            tier,
            labels: &BTreeSet::new(),
            justification: Some("because"),
            ttl: None,
            break_glass,
            verb: Some("get"),
            circumstances: Circumstances::default(),
            now: NOW,
        };
        let decision = policies.decide(&question);
        assert_eq!(decision, policies.decide_unsliced(&question));
        let _explained = policies.explain(&question);
    }
}

/// A kubeconfig, in the parts that jit looks at.
pub(crate) fn kubeconfig(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut merged = Kubeconfig::default();
    let read = kubeconfig::merge(Path::new("/home/alice/.kube/config"), text, &mut merged);
    if let Err(failure) = read {
        assert!(failure.cause.is_none(), "its words could quote a secret");
        return;
    }
    let file = directory().join("kubeconfig");
    fs::write(&file, text).expect("written");
    let environment = Environment {
        variables: [("KUBECONFIG".into(), file.into())].into(),
        ..Environment::default()
    };
    drop(users::bringing(&environment));
}

/// The AWS tools' two files.
pub(crate) fn profiles(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (config, credentials) = text.split_once("\n---\n").unwrap_or((text, ""));
    let read = |which, text: &str| ProfileFile::parse(which, "/f".into(), text.to_owned());
    let profiles = Profiles {
        config: read(Which::Config, config),
        credentials: read(Which::Credentials, credentials),
    };
    for profile in ["default", "prod"] {
        let chain = profiles.chain(profile);
        assert!(chain.contains(profile));
        if let Some(asking) = profiles.asking_jit(profile) {
            assert!(chain.contains(&asking));
        }
        assert!(profiles.value(profile, "region").is_none() || profiles.has(profile));
    }
}

/// libpq's connection strings, service and password files.
pub(crate) fn conninfo(data: &[u8]) {
    let Some(([which], rest)) = choice::<1>(data) else {
        return;
    };
    let Some(text) = text(rest) else { return };
    match which % 3 {
        0 => {
            if let Some(settings) = connection::parse(text) {
                let written = connection::write(&settings);
                assert_eq!(connection::parse(&written), Some(settings), "{written}");
            }
        }
        1 => {
            for (name, settings) in service::groups(text) {
                let Some(written) = service::write(&name, &settings) else {
                    continue;
                };
                // Whatever a service says, it stays one service.
                let headings = written.lines().filter(|line| line.starts_with('['));
                assert_eq!(headings.count(), 1, "{written}");
            }
        }
        _ => {
            let file = directory().join("pgpass");
            fs::write(&file, text).expect("written");
            let environment = Environment {
                variables: [("PGPASSFILE".into(), file.into())].into(),
                ..Environment::default()
            };
            let entries = passfile::read(&environment).expect("it is there");
            assert!(entries.len() <= text.lines().count());
        }
    }
}

/// Files below `~/.ssh`: the configuration, and private keys as far as they are looked at.
pub(crate) fn ssh_files(data: &[u8]) {
    let Some(([which], rest)) = choice::<1>(data) else {
        return;
    };
    let home = directory().join("home");
    fs::create_dir_all(home.join(".ssh")).expect("a directory");
    let environment = Environment {
        home: Some(home.clone()),
        ..Environment::default()
    };
    if which % 2 == 0 {
        fs::write(home.join(".ssh/key"), rest).expect("written");
        assert!(identities::find(&environment).len() <= 2);
        return;
    }
    // What it includes is read: nothing outside of here.
    let Some(text) = text(rest).filter(|text| !text.contains('/')) else {
        return;
    };
    fs::write(home.join(".ssh/config"), text).expect("written");
    let Ok(blocks) = aliases::read(&environment, &places()) else {
        return;
    };
    for alias in aliases::aliases(&blocks) {
        if let Some(name) = aliases::hostname(&blocks, alias) {
            assert!(aliases::name_of(&blocks, &name).is_some());
        }
    }
}

/// Certificates in PEM.
pub(crate) fn pem(data: &[u8]) {
    let Some(all) = certificates::certificates(data) else {
        return;
    };
    let written: String = all.iter().map(|one| certificates::written(one)).collect();
    assert_eq!(certificates::certificates(written.as_bytes()), Some(all));
}
