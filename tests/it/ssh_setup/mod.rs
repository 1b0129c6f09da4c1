//! ssh without the prefix: what `jit setup ssh` writes, on real servers, with nobody typing `jit`.

mod agent;
mod hosts;
mod jumps;
mod refusals;
mod tools;
mod verified;
mod written;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{
    Home, Sshd, client_config, home::Ran, run, web::POLICIES, whereabouts::user_name,
};

/// Two hosts of one resource, `near` and, behind it, `far`; the login is who runs the tests. The
/// user has a key of their own, in a file and in an agent.
struct Site {
    home: Home,
    near: Sshd,
    far: Sshd,
}

impl Site {
    /// One that was set up.
    fn new() -> Option<Self> {
        let site = Self::before()?;
        site.set_up();
        Some(site)
    }

    /// One that was not.
    fn before() -> Option<Self> {
        let home = Home::new();
        home.configure("policies/all.cedar", POLICIES);
        home.configure("authority.toml", &catalogue(""));
        let authority = authority(&home, "ssh/web");
        let (near, far) = (Sshd::start(&authority)?, Sshd::start(&authority)?);
        let own = own_key(&home);
        let hosts = [("near", &near, None), ("far", &far, Some("near"))];
        fs::create_dir(home.path(".ssh")).unwrap();
        let made = client_config(&home.path(".ssh"), &hosts);
        let text = fs::read_to_string(&made).unwrap();
        fs::remove_file(made).unwrap();
        let text = format!("{text}  IdentityFile {}\n", own.display());
        home.write(".ssh/config", &text);
        Some(Self { home, near, far })
    }

    fn set_up(&self) -> Ran {
        let ran = run(&mut self.home.jit(["setup", "ssh", "--anyway"]));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
        ran
    }

    fn config(&self) -> PathBuf {
        self.home.path(".ssh/config")
    }

    /// A tool of the ssh family with these arguments, of which CFG is the user's configuration.
    fn tool(&self, words: &[&str]) -> Command {
        let config = self.config().display().to_string();
        let mut command = self.home.command(Path::new(words[0]));
        command.args(words[1..].iter().map(|word| word.replace("CFG", &config)));
        command
    }

    fn ssh(&self, words: &[&str]) -> Ran {
        run(&mut self.tool(&[&["ssh", "-F", "CFG"], words].concat()))
    }

    /// Where the shared agent of the login is.
    fn place(&self) -> PathBuf {
        self.home
            .own("cache/jit/run", "ssh")
            .join("web")
            .join(user_name())
    }

    /// The directories of agents that serve the login.
    fn agents(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place()).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.is_dir() && !path.is_symlink())
            .collect()
    }

    /// The kinds of the events about the resource so far.
    fn story(&self) -> Vec<String> {
        let listed = run(&mut self.home.jit(["audit", "--json"]));
        assert_eq!(listed.code, 0, "{listed:?}");
        let events = listed.stdout.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["kind"].as_str().unwrap().to_owned()
        });
        events.collect()
    }
}

fn catalogue(more: &str) -> String {
    format!(
        "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{}\" = {{}}\n\
         roles.ops = {{ tier = \"elevated\" }}\nroles.nobody = {{ tier = \"sensitive\" }}\n{more}",
        user_name()
    )
}

/// The file of the authority that a resource's servers trust.
fn authority(home: &Home, name: &str) -> PathBuf {
    let trusted = run(&mut home.jit(["trust", name, "--ca"]));
    assert_eq!(trusted.code, 0, "{trusted:?}");
    let file = format!("{}.pub", name.replace('/', "-"));
    home.write(&file, &trusted.stdout)
}

/// A key of the user's own.
fn own_key(home: &Home) -> PathBuf {
    let own = home.path("own");
    let made = run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "own", "-f"])
        .arg(&own));
    assert_eq!(made.code, 0, "{made:?}");
    own
}

/// What the server calls the user's own key in its log.
fn fingerprint(home: &Home) -> String {
    let shown = run(Command::new("ssh-keygen")
        .arg("-lf")
        .arg(home.path("own.pub")));
    shown.stdout.split(' ').nth(1).unwrap().to_owned()
}

fn said(ran: &Ran, wanted: &str) {
    assert_eq!((ran.code, ran.stdout.trim()), (0, wanted), "{ran:?}");
}

/// The server let in a certificate of ours, and was offered nothing else.
fn certified(site: &Site, server: &Sshd) {
    let line = server.logged("Accepted publickey");
    assert!(
        line.contains("ED25519-CERT") && line.contains(" ID jit:"),
        "{line}"
    );
    let log = server.log();
    assert!(!log.contains("Failed "), "{log}");
    assert!(!log.contains(&fingerprint(&site.home)), "{log}");
}
