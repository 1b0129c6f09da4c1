//! SIGHUP: what people wrote is read again, and takes effect as a whole where all of it is right.

use std::{fmt::Debug, future::pending, io, path::Path, sync::Arc};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    current::Current,
    ground::Ground,
    open::{self, Written},
    tls::Identity,
};
use crate::{
    authority::Authority,
    config::server::{self, Server},
    domain::failure::Result,
    platform::terminal,
};

/// The signals that do not end the server, from this value on.
pub(super) struct Hangups {
    hangup: io::Result<Signal>,
    // Kept, since whoever listens for a signal is not ended by it.
    _ignored: [io::Result<Signal>; 2],
}

impl Hangups {
    pub(super) fn listen() -> Self {
        Self {
            hangup: signal(SignalKind::hangup()),
            _ignored: [
                signal(SignalKind::user_defined1()),
                signal(SignalKind::user_defined2()),
            ],
        }
    }
}

/// What a reload starts from.
pub(super) struct Reloader<'a> {
    pub(super) directory: &'a Path,
    pub(super) ground: &'a Ground<'a>,
    pub(super) current: &'a Current,
    pub(super) identity: &'a Identity,
}

impl Reloader<'_> {
    /// Reads it again at each hangup. Never ends.
    pub(super) async fn run(&self, mut config: Server, hangups: Hangups) {
        let Ok(mut hangup) = hangups.hangup else {
            return pending().await;
        };
        while hangup.recv().await.is_some() {
            match self.reload(&config) {
                Ok((read, said)) => {
                    config = read;
                    terminal::report(&format!("jit: {said}"));
                }
                Err(failure) => terminal::report(&format!(
                    "jit: nothing was reloaded, what was in force stays: {failure}\nhint: {}",
                    failure.hint
                )),
            }
        }
        pending::<()>().await;
    }

    /// Checks all of it before any of it takes effect.
    fn reload(&self, former: &Server) -> Result<(Server, String)> {
        let config = server::load(self.directory)?;
        let served = self.current.served();
        let Written {
            catalogue,
            policies,
            digests,
        } = open::written(self.directory, &config)?;
        let (rules, resources) = (policies.len(), catalogue.resources.0.len());
        let before = &served.authority;
        let authority = Authority {
            catalogue,
            policies,
            store: before.store.clone(),
            directory: before.directory.clone(),
            environment: self.ground.environment.clone(),
            clock: before.clock,
            issuer_url: before.issuer_url.clone(),
            issuer_ca: before.issuer_ca.clone(),
            approvers: before.approvers,
            lifecycles: config.lifecycle.lifecycles(),
        };
        let people = open::people(self.directory, &config)?;
        let workloads = open::workloads(self.directory, &config, (&authority, &served.url))?;
        let certificate = self
            .identity
            .read_again((self.directory, self.ground), &config)?;
        let how = |is_changed| if is_changed { "changed" } else { "as before" };
        let mut said = vec![
            format!(
                "policies: {rules} ({})",
                how(digests.policies != served.digests.policies)
            ),
            format!(
                "resources: {resources} ({})",
                how(digests.catalogue != served.digests.catalogue)
            ),
            format!("server.toml ({})", how(!is_same(former, &config))),
        ];
        if let Some(certificate) = certificate {
            let is_another = self.identity.show(certificate);
            said.push(format!("the certificate ({})", how(is_another)));
        }
        let said = format!("reloaded: {}{}", said.join(", "), restart(former, &config));
        let renewed = served.renewed(authority, people, workloads, digests);
        self.current.replace(Arc::new(renewed));
        let served = self.current.served();
        served.replicas.tell();
        Ok((config, said))
    }
}

fn is_same(one: &impl Debug, other: &impl Debug) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

/// What was changed and takes effect with the next start only.
fn restart(former: &Server, config: &Server) -> String {
    let all = [
        ("url", is_same(&former.url, &config.url)),
        ("listen", is_same(&former.listen, &config.listen)),
        (
            "health_listen",
            is_same(&former.health_listen, &config.health_listen),
        ),
        ("proxy", is_same(&former.proxy, &config.proxy)),
        ("state", is_same(&former.state, &config.state)),
        ("database", is_same(&former.database, &config.database)),
        (
            "sealing_key",
            is_same(&former.sealing_key, &config.sealing_key),
        ),
        ("limits", is_same(&former.limits, &config.limits)),
        (
            "tls",
            former.tls.certificate.is_some() == config.tls.certificate.is_some(),
        ),
    ];
    let late = all.into_iter().filter(|(_, is_same)| !is_same);
    let late: Vec<&str> = late.map(|(key, _)| key).collect();
    if late.is_empty() {
        return String::new();
    }
    format!("; takes effect with the next start: {}", late.join(", "))
}
