//! Replicas of one server, on one PostgreSQL, behind one address.

use std::{
    fs,
    io::{Write as _, stderr},
    thread,
};

use jit::store::Store;
use rustix::process::Signal;

use super::{
    forwarder::Forwarder,
    home::Home,
    http::Site,
    serve::{Guest, Serve, with_authority},
    tls::Tls,
};

/// Some replicas; each can be killed and started again.
pub(crate) struct Replicas {
    all: Vec<Serve>,
    address: Forwarder,
    /// What all of them are told.
    _home: Home,
}

impl Replicas {
    /// Starts so many on that database, with this catalogue, these policies and more lines of `server.toml`.
    pub(crate) fn start(
        count: usize,
        database: &str,
        (catalogue, policies): (&str, &str),
        more: &str,
    ) -> Self {
        let (home, address) = (Home::new(), Forwarder::to_nobody());
        let tls = Tls::for_loopback(&home.path("config"));
        let key = fs::read_to_string(&tls.key).expect("a key");
        let settings = format!(
            "url = \"https://localhost:{}\"\n\
             [tls]\ncertificate = \"{}\"\nkey = \"{}\"\n{more}",
            address.port(),
            tls.certificate.display(),
            home.write("server.key", &key).display(),
        );
        let ca = fs::read_to_string(&tls.authority).expect("an authority");
        let start = |_| {
            let serve = Serve::start_replica(database, catalogue, policies, &settings);
            serve.home.write("server/ca.crt", &ca);
            address.add(port(&serve));
            serve
        };
        Self {
            all: (0..count).map(start).collect(),
            address,
            _home: home,
        }
    }

    /// One of them.
    pub(crate) fn replica(&self, number: usize) -> &Serve {
        &self.all[number]
    }

    /// One of them, past the address of all.
    pub(crate) fn site(&self, number: usize) -> Site {
        let replica = &self.all[number];
        let url = format!("https://localhost:{}", port(replica));
        Site::new(&url, Some(&replica.ca()))
    }

    /// Ends one, gently or in the middle of whatever it does, and waits until it is gone.
    pub(crate) fn stop(&mut self, number: usize, signal: Signal) {
        let replica = &mut self.all[number];
        replica.stop(signal);
        self.address.remove(port(replica));
    }

    /// Starts one again that has ended.
    pub(crate) fn start_again(&mut self, number: usize) {
        let replica = &mut self.all[number];
        replica.start_again();
        self.address.add(port(replica));
    }

    /// Has whoever connects from now on come to that one; what goes on at another goes on.
    pub(crate) fn lead_to(&self, number: usize) {
        for replica in &self.all {
            self.address.remove(port(replica));
        }
        self.address.add(port(&self.all[number]));
    }

    /// Lets somebody in at all of them.
    pub(crate) fn let_in(&self, principal: &str) -> Guest {
        self.all[0].let_in(principal, &[])
    }

    /// Looks into their database, as one more of them does.
    pub(crate) fn with_store<T>(&self, look: impl AsyncFnOnce(&Store) -> T) -> T {
        let directory = self.all[0].path("");
        with_authority(&directory, async |authority| look(&authority.store).await)
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        if thread::panicking() {
            // For whoever reads why the test failed.
            for replica in &self.all {
                drop(writeln!(stderr(), "{}", replica.log()));
            }
        }
    }
}

fn port(serve: &Serve) -> u16 {
    let (_, port) = serve.address.rsplit_once(':').expect("a port");
    port.parse().expect("a port")
}
