//! A PostgreSQL primary with a standby that has every commit before its client hears of it, behind an
//! address that follows whichever is the primary.

use std::mem;

use super::{
    Postgres,
    forwarder::Forwarder,
    postgres::{Access, Durability},
    until,
};

/// Both servers; the standby is gone once it has become the primary.
pub(crate) struct Failover {
    primary: Postgres,
    standby: Option<Postgres>,
    /// What was the primary, for the files that both share.
    lost: Option<Postgres>,
    address: Forwarder,
}

impl Failover {
    /// Starts both, durable, and waits until each commit is on both.
    pub(crate) fn start() -> Option<Self> {
        let mut primary = Postgres::start_as(Access::default(), Durability::Disk)?;
        let standby = primary.standby();
        primary.psql("alter system set synchronous_standby_names = '*'");
        primary.reload();
        until("a standby in step", || {
            let state = primary.psql("select sync_state from pg_stat_replication");
            (state == "sync").then_some(())
        });
        let address = Forwarder::to(primary.port());
        Some(Self {
            primary,
            standby: Some(standby),
            lost: None,
            address,
        })
    }

    /// The server that takes writes.
    pub(crate) fn primary(&self) -> &Postgres {
        &self.primary
    }

    /// The address in front of it.
    pub(crate) fn address(&self) -> &Forwarder {
        &self.address
    }

    /// A URL of that server, through the address that stays.
    pub(crate) fn url(&self) -> String {
        self.primary.owner_url_at(self.address.port())
    }

    /// A URL of both servers themselves, the primary of the beginning first.
    pub(crate) fn url_of_both(&self, target: &str) -> String {
        let first = self.lost.as_ref().unwrap_or(&self.primary);
        let second = self.standby.as_ref().unwrap_or(&self.primary);
        let url = first.owner_url();
        let both = format!("127.0.0.1:{},127.0.0.1:{}", first.port(), second.port());
        let url = url.replace(&format!("127.0.0.1:{}", first.port()), &both);
        format!("{url}&target_session_attrs={target}")
    }

    /// The primary stops in an instant, and comes back after `meanwhile`.
    pub(crate) fn restart(&mut self, meanwhile: impl FnOnce()) {
        self.primary.crash();
        meanwhile();
        self.primary.start_again();
    }

    /// The primary is lost for good and the standby takes its place.
    pub(crate) fn fail_over(&mut self) {
        let standby = self.standby.take().expect("a standby, once");
        self.primary.crash();
        assert_eq!(standby.psql("select pg_promote()"), "t");
        self.address.point_at(standby.port());
        self.lost = Some(mem::replace(&mut self.primary, standby));
    }
}
