//! A real OpenID provider, the people who have an account at it, and their browser.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    browser::{self, Trust},
    daemon::Daemon,
    home::{Home, Ran},
    http::Site,
    skip::skip,
    tls::Tls,
    wait::read_log,
    whereabouts::{openid_modules, program},
};

/// The provider of tests/servers/openid on loopback. It knows the native clients `jit` (ID tokens by RS256),
/// `jit-es256` and `other`, and forgets its sessions with this value.
pub(crate) struct Openid {
    // Before the directory, so that it ends before its files go.
    _daemon: Daemon,
    issuer: String,
    authority: Option<PathBuf>,
    settings: Mutex<Value>,
    dir: TempDir,
}

impl Openid {
    /// One without TLS, with nobody in it.
    pub(crate) fn start() -> Option<Self> {
        Self::boot(TempDir::new().expect("temporary directory"), None)
    }

    /// One with a certificate of an authority of its own, `ca`.
    pub(crate) fn start_with_tls() -> Option<Self> {
        let dir = TempDir::new().expect("temporary directory");
        let authority = Tls::for_loopback(dir.path()).authority;
        Self::boot(dir, Some(authority))
    }

    fn boot(dir: TempDir, authority: Option<PathBuf>) -> Option<Self> {
        let modules = openid_modules();
        let (Some(node), true) = (program("node", None), modules.join("node_modules").is_dir())
        else {
            skip("node or oidc-provider is missing (tests/servers/openid.sh brings it)");
            return None;
        };
        let settings = json!({ "accounts": {}, "id_token_ttl": 600 });
        write(dir.path(), &settings);
        let mut command = Command::new(node);
        command
            .arg(script("provider.mjs"))
            .arg(modules)
            .arg(dir.path())
            .env("HOME", dir.path());
        let mut daemon = Daemon::spawn("openid", &mut command, dir.path());
        let issuer = daemon.ready(|log| {
            let text = read_log(log);
            let (_, rest) = text.split_once("issuer ")?;
            Some(rest.split_once('\n')?.0.to_owned())
        });
        Some(Self {
            _daemon: daemon,
            issuer: issuer.expect("a port of its own"),
            authority,
            settings: Mutex::new(settings),
            dir,
        })
    }

    /// Its identifier, the claim `iss`; its addresses start with it.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The file of the authority of its certificate, where it has one.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// It as a site, for a client of the test's own.
    pub(crate) fn site(&self) -> Site {
        Site::new(&self.issuer, self.ca())
    }

    /// Gives somebody an account: `sub` and `preferred_username` are the name, `amr` is `pwd`, there is no
    /// `acr`, and `email` is the name at example.com.
    pub(crate) fn account(&self, name: &str, groups: &[&str]) {
        let email = format!("{name}@example.com");
        self.change(|settings| {
            settings["accounts"][name] = json!({
                "disabled": false,
                "amr": ["pwd"],
                "claims": { "name": name, "email": email, "email_verified": true, "groups": groups },
            });
        });
    }

    /// How somebody signs in from now on: the claims `amr` and `acr` (`single-factor`, `multi-factor`, `phr`).
    pub(crate) fn signs_in_by(&self, name: &str, amr: &[&str], acr: Option<&str>) {
        self.change(|settings| {
            settings["accounts"][name]["amr"] = json!(amr);
            settings["accounts"][name]["acr"] = json!(acr);
        });
    }

    /// Sets a claim of somebody: `groups`, `email`, or `sub` and any other.
    pub(crate) fn claim(&self, name: &str, claim: &str, value: Value) {
        self.change(|settings| settings["accounts"][name]["claims"][claim] = value);
    }

    /// Somebody has left: from now on neither a login nor a refresh works for them.
    pub(crate) fn disable(&self, name: &str) {
        self.change(|settings| settings["accounts"][name]["disabled"] = json!(true));
    }

    /// Somebody who had left is back.
    pub(crate) fn enable(&self, name: &str) {
        self.change(|settings| settings["accounts"][name]["disabled"] = json!(false));
    }

    /// Sets `id_token_ttl` (seconds), `slow_ms` or `gone`, as tests/servers/openid/provider.mjs has them.
    pub(crate) fn set(&self, setting: &str, value: Value) {
        self.change(|settings| settings[setting] = value);
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut settings = self.settings.lock().expect("the settings");
        change(&mut settings);
        write(self.dir.path(), &settings);
    }

    /// Somebody opens a URL in an empty browser ([`browser::open`]).
    pub(crate) fn open(&self, name: &str, url: &str) -> Ran {
        browser::open(name, url, self.trust())
    }

    /// A program for `BROWSER` in a home ([`browser::program`]).
    pub(crate) fn browser(&self, home: &Home, name: &str) -> PathBuf {
        browser::program(home, name, self.trust())
    }

    fn trust(&self) -> Trust<'_> {
        self.ca().map(|ca| ("NODE_EXTRA_CA_CERTS", ca))
    }
}

fn write(dir: &Path, settings: &Value) {
    // Never half a file, since the provider reads it whenever it is asked.
    let new = dir.join("settings.new");
    fs::write(&new, settings.to_string()).expect("settings");
    fs::rename(new, dir.join("settings.json")).expect("settings");
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/servers/openid")
        .join(name)
}
