//! People at a server: a real OpenID provider, a real browser's steps, a real `jit serve`.

mod again;
mod bootstrap;
mod chosen_names;
mod device;
mod identities;
mod keycloak;
mod provider_errors;
mod provider_forms;
mod provider_logout;
mod recover;
mod refused;
mod sign_in;
mod step_up;
pub(crate) mod stolen;
mod strong;

use std::{fs, process::Command};

use jit::{app::identity::Kept, platform::keyring};
use serde_json::Value;

use crate::support::{
    Home, Openid,
    home::{Ran, run},
    serve::Serve,
    story::story,
    web::{CATALOGUE, POLICIES},
};

/// A server with a provider, and somebody's machine.
struct Team {
    provider: Openid,
    serve: Serve,
    home: Home,
}

impl Team {
    /// One with alice in the group dev; nothing where the provider is missing.
    fn new() -> Option<Self> {
        Self::start(POLICIES, "")
    }

    /// The same with other policies, and more of server.toml.
    fn start(policies: &str, more: &str) -> Option<Self> {
        Self::configured(policies, more, CATALOGUE)
    }

    /// The same with another catalogue.
    fn configured(policies: &str, more: &str, catalogue: &str) -> Option<Self> {
        let provider = Openid::start()?;
        provider.account("alice", &["dev"]);
        let people = format!(
            "[people]\nissuer = \"{}\"\nclient_id = \"jit\"\n{more}",
            provider.issuer()
        );
        let serve = Serve::start_with(catalogue, policies, &people);
        let home = machine(&serve);
        Some(Self {
            provider,
            serve,
            home,
        })
    }

    /// `jit` on that machine, where a browser opens as that person.
    fn jit(&self, person: &str, args: &[&str]) -> Command {
        on(&self.home, &self.provider, person, args)
    }

    /// Signs in with a browser.
    #[track_caller]
    fn login(&self, person: &str) -> Ran {
        let ran = run(&mut self.jit(person, &["login"]));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    /// Who the machine is at the server.
    fn who(&self) -> Value {
        let ran = run(&mut self.home.jit(["whoami", "--json"]));
        assert_eq!(ran.code, 0, "{ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// The kinds of the events in the server's ledger, with the principal's name and what they say.
    fn events(&self) -> Vec<(String, String, String)> {
        events(&self.serve)
    }
}

/// The session that rests on a machine, unsealed.
fn kept(home: &Home, serve: &Serve) -> Kept {
    let state = home.path("state/jit");
    let sealing = keyring::durable_sealing_key(&state.join("sealing.key")).unwrap();
    let files = fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut sessions = files.filter(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("session.") && file.extension() != Some("lock".as_ref())
    });
    let sealed = fs::read(sessions.next().expect("a session")).unwrap();
    let text = sealing.open(&format!("session {}", serve.url), &sealed);
    serde_json::from_slice(&text.expect("its key")).unwrap()
}

/// A machine that knows the server.
fn machine(serve: &Serve) -> Home {
    let home = Home::new();
    home.configure(
        "config.toml",
        &format!(
            "server = \"{}\"\ncertificate_authority = \"{}\"\n",
            serve.url,
            serve.ca().display()
        ),
    );
    home
}

/// `jit` in a home where a browser opens as that person.
fn on(home: &Home, provider: &Openid, person: &str, args: &[&str]) -> Command {
    let browser = provider.browser(home, person);
    let mut jit = home.jit(args);
    jit.env("BROWSER", browser);
    jit
}

fn events(serve: &Serve) -> Vec<(String, String, String)> {
    let told = story(serve).into_iter().map(|event| {
        let detail = event.detail.unwrap_or_default();
        (
            event.kind.as_str().to_owned(),
            event.principal.written(),
            detail,
        )
    });
    told.collect()
}
