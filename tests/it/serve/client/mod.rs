//! The client of a server: what it does on the embedded authority, it does there with one line changed.

mod away;
mod delegated;
mod hostile;
mod hosts;
mod older;
mod pinned;
mod targets;
mod verbs;

use std::path::Path;

use jit::{
    app::{
        identity::{self, Kept},
        served,
        session::Session,
    },
    config::{client, places},
    domain::time::Timestamp,
    platform::{clock, keys},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::{
    Serve,
    forwarder::Forwarder,
    held::environment,
    home::{Home, Ran, run},
    web,
};

/// What the tests of the embedded authority are allowed, and what else a server is asked.
pub(crate) const MORE: &str = r#"
@id("administer")
permit (principal, action in [Action::"administer", Action::"audit"], resource);
"#;

/// A home whose config.toml names a server, and in which somebody is signed in there.
pub(crate) struct Desk {
    pub(crate) home: Home,
    pub(crate) serve: Serve,
}

impl Desk {
    /// At a server of that catalogue.
    pub(crate) fn new(catalogue: &str) -> Self {
        Self::with_policies(catalogue, "")
    }

    /// The same with more policies.
    pub(crate) fn with_policies(catalogue: &str, policies: &str) -> Self {
        let policies = format!("{}{MORE}{policies}", web::POLICIES);
        Self::at(Serve::start(catalogue, &policies))
    }

    /// The same at an address that stays while the server behind it changes.
    pub(crate) fn behind_an_address(catalogue: &str) -> (Self, Forwarder) {
        let address = Forwarder::to(0);
        let serve = Serve::start_with(
            catalogue,
            &format!("{}{MORE}", web::POLICIES),
            &format!("url = \"https://localhost:{}\"\n", address.port()),
        );
        address.point_at(port_of(&serve.address));
        (Self::at(serve), address)
    }

    fn at(serve: Serve) -> Self {
        let home = Home::new();
        let guest = serve.let_in("alice", &[]);
        point(&home, &serve.url, Some(&serve.ca()));
        sign_in(&home, guest.token.0.expose_secret(), &guest.holder);
        Self { home, serve }
    }

    pub(crate) fn jit(&self, args: &[&str]) -> Ran {
        run(&mut self.home.jit(args))
    }

    /// Runs a command that must work; what it printed on stdout. `jit` itself says nothing.
    #[track_caller]
    pub(crate) fn works(&self, args: &[&str]) -> String {
        let ran = self.jit(args);
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{args:?}: {ran:?}");
        ran.stdout
    }

    /// The server's ledger, without sign-ins: kind and entitlement of each event.
    pub(crate) fn story(&self) -> Vec<String> {
        let events = self.works(&["audit", "--json"]);
        let events = events
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .filter_map(|event| {
                let entitlement = event["entitlement"].as_str()?;
                Some(format!("{} {entitlement}", event["kind"].as_str()?))
            })
            .collect()
    }
}

/// The port of `127.0.0.1:PORT`.
pub(crate) fn port_of(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// Writes a config.toml that names a server.
pub(crate) fn point(home: &Home, url: &str, ca: Option<&Path>) {
    let ca = ca.map(|ca| format!("certificate_authority = \"{}\"\n", ca.display()));
    let text = format!("server = \"{url}\"\n{}", ca.unwrap_or_default());
    home.configure("config.toml", &text);
}

/// This home's own run of jit.
pub(crate) fn session(home: &Home) -> Session {
    let environment = environment(home);
    let places = places::find(&environment, None).unwrap();
    let config = client::load(&places).unwrap();
    Session {
        environment,
        places: client::placed(places, &config),
        config: Ok(config),
        clock: clock::now,
        fetch: served::fetch,
        json: false,
        verbose: false,
    }
}

/// Puts a session at the server of config.toml where `jit login` would.
pub(crate) fn sign_in(home: &Home, token: &str, holder: &jit::domain::key::PrivateKey) {
    let until: Timestamp = clock::now().after(std::time::Duration::from_hours(1));
    let kept: Kept = serde_json::from_value(json!({
        "token": token, "holder": holder, "expires_at": until,
    }))
    .unwrap();
    let session = session(home);
    let server = session.server().unwrap().unwrap().to_owned();
    identity::keep(&session, &server, &kept).unwrap();
}

/// A home that believes to be signed in at a server that is none of ours.
pub(crate) fn believer(url: &str) -> Home {
    let home = Home::new();
    point(&home, url, None);
    sign_in(&home, "a.token.of.nobody", &keys::generate().unwrap());
    home
}
