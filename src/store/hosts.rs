//! The hosts of a PostgreSQL database: which of them takes writes, and what a connection to it begins with.

use std::{
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};

use sqlx::{
    Connection as _, Error, PgConnection, PgPool, Row as _, postgres::PgConnectOptions, raw_sql,
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::address::Address;
use crate::platform::postgres_tls::{self, Connected, Relay, TlsMaterial};

/// How long one host has to answer.
const EACH: Duration = Duration::from_secs(3);

/// How long the hosts are gone through after trouble, and what is waited between.
const ROUNDS: u32 = 120;
const PAUSE: Duration = Duration::from_millis(500);

/// What each connection begins with. No statement takes longer, no lock is waited for longer, and who
/// falls silent within a transaction loses its lock. An event is on the disk once it is committed,
/// whatever the server's default is.
///
/// A statement is planned once, since to plan a group's conditions takes longer than to answer them; and as
/// rows are looked up by their keys, never by a walk through a table, which may have been empty when that
/// was planned.
const SETTINGS: &str = "set statement_timeout = '10s'; set lock_timeout = '8s'; \
     set idle_in_transaction_session_timeout = '20s'; \
     set plan_cache_mode = 'force_generic_plan'; \
     set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
     select set_config('synchronous_commit', 'on', false) \
     where current_setting('synchronous_commit') = 'off'";

/// What each transaction begins with where a pooler gives each one another connection of the server's:
/// nothing may be left behind for whoever has that one next.
pub(super) const BEGIN_POOLED: &str = "begin; set local statement_timeout = '10s'; set local lock_timeout = '8s'; \
     set local idle_in_transaction_session_timeout = '20s'; \
     set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off; \
     select set_config('synchronous_commit', 'on', true) \
     where current_setting('synchronous_commit') = 'off'";

/// The hosts, and how they are reached. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    all: Arc<[PgConnectOptions]>,
    material: TlsMaterial,
    /// What speaks TLS to the host that was chosen last, where sqlx does not.
    relay: Arc<SyncMutex<Option<Relay>>>,
    /// Whether connections are handed out by the transaction.
    pub(super) is_pooled: bool,
    choosing: Arc<Mutex<()>>,
}

impl Hosts {
    /// Those of an address, and the first that takes writes.
    pub(super) async fn of(address: Address) -> (Self, sqlx::Result<PgConnectOptions>) {
        let Address {
            hosts,
            material,
            is_pooled,
        } = address;
        let mut hosts = Self {
            all: hosts.into(),
            material,
            relay: Arc::default(),
            is_pooled,
            choosing: Arc::default(),
        };
        let chosen = hosts.choose().await;
        if let Ok(options) = &chosen
            && !is_pooled
        {
            hosts.is_pooled = is_pooler(options).await.unwrap_or(false);
        }
        (hosts, chosen)
    }

    /// The first host that takes writes; where there is one alone, that.
    async fn choose(&self) -> sqlx::Result<PgConnectOptions> {
        let mut last = Error::PoolTimedOut;
        for options in &*self.all {
            let asked = timeout(EACH, async {
                let connected = postgres_tls::connect(options, &self.material).await?;
                let Connected {
                    mut connection,
                    options,
                    relay,
                } = connected;
                refuse_standby(&mut connection).await?;
                connection.close().await?;
                Ok((options, relay))
            });
            match asked.await {
                Ok(Ok((options, relay))) => {
                    *self.relay.lock().unwrap_or_else(PoisonError::into_inner) = relay;
                    return Ok(options);
                }
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    }

    /// Has a pool that is in trouble connect to the host that takes writes by now.
    pub(super) fn follow(&self, pool: &PgPool) {
        if self.all.len() < 2 {
            return;
        }
        let (hosts, pool) = (self.clone(), pool.clone());
        tokio::spawn(async move {
            let Ok(_choosing) = hosts.choosing.try_lock() else {
                return;
            };
            for _ in 0..ROUNDS {
                if pool.is_closed() {
                    return;
                }
                if let Ok(chosen) = hosts.choose().await {
                    pool.set_connect_options(chosen);
                    return;
                }
                sleep(PAUSE).await;
            }
        });
    }

    /// Sets a new connection up. One to a standby is none: whoever asks waits until there is a primary.
    pub(super) async fn prepare(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if !self.is_pooled {
            raw_sql(SETTINGS).execute(&mut *connection).await?;
        }
        refuse_standby(connection).await
    }
}

async fn refuse_standby(connection: &mut PgConnection) -> sqlx::Result<()> {
    let select = "select current_setting('transaction_read_only')";
    let row = raw_sql(select).fetch_one(connection).await?;
    if row.try_get::<String, _>(0)? == "on" {
        return Err(Error::Protocol("the database is read-only".to_owned()));
    }
    Ok(())
}

/// Whether two connections that are open at once are one of the server's: then something between hands them
/// out by the transaction, as `PgBouncer` does with `pool_mode = transaction`.
async fn is_pooler(options: &PgConnectOptions) -> sqlx::Result<bool> {
    let mut one = PgConnection::connect_with(options).await?;
    let mut other = PgConnection::connect_with(options).await?;
    let mut is_one = false;
    for _ in 0..3 {
        is_one |= process(&mut one).await? == process(&mut other).await?;
    }
    one.close().await?;
    other.close().await?;
    Ok(is_one)
}

/// The number of the server's process that answers.
async fn process(connection: &mut PgConnection) -> sqlx::Result<String> {
    let row = raw_sql("select pg_backend_pid()::text")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}
