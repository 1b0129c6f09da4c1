//! `jit serve`: an authority for a team, behind HTTPS.

use std::{
    future::pending,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use tokio::{
    net::TcpListener,
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::{
    anchor::{Anchor, OnLoss},
    backup, chores,
    connection::ConnectionContext,
    connection_limit::ConnectionLimiter,
    current::Current,
    digests::Digests,
    first,
    gate::Gate,
    ground::Ground,
    heartbeat, listen,
    metrics::Metrics,
    migrate, open, probes, recover,
    reload::{Hangups, Reloader},
    replicas::Replicas,
    restore, rotate,
    shared::Shared,
    tls::{self, OwnAuthority},
};
use crate::{
    authority::{Authority, people::People, watch::Watches, workloads::trusted::Workloads},
    config::server::{self, Server},
    domain::failure::{Failure, Result},
    platform::{process, terminal},
};

/// Where it listens where nobody says otherwise: on this machine alone.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// Serve an authority to a team over HTTPS
///
/// The directory has authority.toml and policies/, as the embedded authority has them, and server.toml
/// where something is to be otherwise: where it listens, its certificate, its database. The ledger and
/// the keys are made in its state/.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit serve --config /etc/jit")]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The server's directory; the configuration directory if not said.
    #[arg(long, value_name = "DIR", global = true)]
    config: Option<PathBuf>,
    /// Take a database that lacks what this server once recorded; that is recorded.
    #[arg(long)]
    accept_loss: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Backup(backup::Args),
    Restore(restore::Args),
    Rotate(rotate::Args),
    Recover(recover::Args),
    Migrate(migrate::Args),
}

/// Serves until SIGTERM or SIGINT, and then finishes what was begun.
pub fn run(args: &Args, ground: &Ground<'_>) -> Result<()> {
    let directory = args.config.as_ref().map_or_else(
        || ground.configuration.to_owned(),
        |named| ground.environment.directory.join(named),
    );
    // A directory that was misspelt is not served empty.
    if !directory.is_dir() {
        let shown = directory.display();
        return Err(
            Failure::usage(format!("the directory {shown} is not there")).hint(format!(
                "make it and what it holds: jit init --config-dir {shown}"
            )),
        );
    }
    let config = server::load(&directory)?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::failed("this process may not start threads").because(&error))?;
    runtime.block_on(async {
        match &args.verb {
            None => {
                let loss = if args.accept_loss {
                    OnLoss::Accept
                } else {
                    OnLoss::Refuse
                };
                Box::pin(serve(&directory, &config, loss, ground)).await
            }
            Some(Verb::Backup(args)) => backup::run(args, &directory, &config, ground).await,
            Some(Verb::Restore(args)) => restore::run(args, &directory, &config, ground).await,
            Some(Verb::Rotate(args)) => rotate::run(args, &directory, &config, ground).await,
            Some(Verb::Recover(args)) => recover::run(args, &directory, &config, ground).await,
            Some(Verb::Migrate(args)) => migrate::run(args, &directory, &config, ground).await,
        }
    })
}

async fn serve(directory: &Path, config: &Server, loss: OnLoss, ground: &Ground<'_>) -> Result<()> {
    let (stopped, hangups) = (stopped(), Hangups::listen());
    let (mut authority, digests) = open::authority(directory, config, ground).await?;
    let anchor = Anchor::of(&open::places(directory, config).state);
    anchor.hold(&authority.store, loss, ground).await?;
    let people = open::people(directory, config)?;
    let listeners = Listeners::bind(config).await?;
    let address = listeners.address;
    let url = url(config, address);
    let identity = tls::Identity::open((directory, ground), config, &url)?;
    authority.issuer_url = Some(url.clone());
    authority.issuer_ca = identity.own.as_ref().map(OwnAuthority::pem).transpose()?;
    let acceptor = identity.acceptor()?;
    let workloads = open::workloads(directory, config, (&authority, &url))?;
    announce(&url, address, identity.own.as_ref());
    listeners.announce_health()?;
    propose(directory, &authority);
    let pinned = identity.own.as_ref().map(|own| own.fingerprint.as_str());
    let bootstrap = first::code(&authority, people.as_ref(), (&url, pinned)).await?;
    let (end, ending) = watch::channel(false);
    let entrances = Entrances {
        people,
        workloads,
        bootstrap,
    };
    let name = format!("{}:{}", process::host_name(), address.port());
    let shared = shared((authority, digests), (url, name), entrances, config, ending);
    let current = Current::new(Arc::new(shared));
    let reloader = Reloader {
        directory,
        ground,
        current: &current,
        identity: &identity,
    };
    let ended = async move {
        stopped.await;
        // Told to those who wait for something before nobody new is let in.
        end.send_replace(true);
    };
    let context = context(acceptor, &current, config);
    let probes = probes::serve(listeners.health, current.probes());
    let served = current.served();
    let store = &served.authority.store;
    tokio::select! {
        () = listen::serve(listeners.main, context, ended) => {}
        () = probes => {}
        () = anchor.watch(store, ground.clock) => {}
        () = identity.keep_fresh(ground.clock) => {}
        () = beside(&current) => {}
        () = reloader.run(config.clone(), hangups) => {}
    }
    if store.has_replicas() {
        // One that cannot be taken off the list is off it soon.
        drop(store.withdraw_replica(&served.replicas.name).await);
    }
    anchor.finish(store, ground.clock).await;
    store.clone().close().await;
    Ok(())
}

/// By whose word people and machines come in.
struct Entrances {
    people: Option<People>,
    workloads: Workloads,
    bootstrap: Option<String>,
}

/// What every request is answered with, at first.
fn shared(
    (authority, digests): (Authority, Digests),
    (url, name): (String, String),
    entrances: Entrances,
    config: &Server,
    ending: watch::Receiver<bool>,
) -> Shared {
    let metrics = Metrics::new(&authority.store);
    Shared {
        authority,
        url,
        bootstrap: entrances.bootstrap,
        people: entrances.people,
        provider_is_away: AtomicBool::new(false),
        seen: Arc::default(),
        workloads: entrances.workloads,
        gate: Arc::new(Gate::new(&config.limits)),
        turned_away: Arc::default(),
        watches: Watches::default(),
        metrics,
        digests,
        replicas: Arc::new(Replicas::new(name)),
        body_within: config.limits.body_within.0,
        ending,
    }
}

/// What every connection is served with.
fn context(acceptor: TlsAcceptor, current: &Current, config: &Server) -> ConnectionContext {
    let served = current.served();
    ConnectionContext {
        acceptor,
        routes: current.router(),
        limits: config.limits.clone(),
        proxy: config.proxy.clone().map(Arc::new),
        limiter: ConnectionLimiter::new(&config.limits, Arc::clone(&served.metrics)),
        ending: served.ending.clone(),
    }
}

/// How clients and targets reach it.
fn url(config: &Server, address: SocketAddr) -> String {
    let own = || format!("https://localhost:{}", address.port());
    config.url.clone().unwrap_or_else(own)
}

/// What a server does beside answering. Never ends.
async fn beside(current: &Current) {
    let served = current.served();
    tokio::select! {
        () = served.gate.sweep() => {}
        () = chores::run(current) => {}
        () = heartbeat::run(current), if served.authority.store.has_replicas() => {}
    }
}

/// What is listened on.
struct Listeners {
    main: TcpListener,
    /// The address of the main one.
    address: SocketAddr,
    /// For health checks and metrics, where they have one of their own.
    health: Option<TcpListener>,
}

impl Listeners {
    async fn bind(config: &Server) -> Result<Self> {
        let main = bind(config.listen.unwrap_or(LISTEN)).await?;
        let health = match config.health_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self {
            address: main.local_addr().map_err(|error| deaf(&error))?,
            main,
            health,
        })
    }

    /// Says where health checks are answered.
    fn announce_health(&self) -> Result<()> {
        if let Some(health) = &self.health {
            let address = health.local_addr().map_err(|error| deaf(&error))?;
            terminal::say(&format!(
                "jit: health checks and metrics on http://{address}"
            ));
        }
        Ok(())
    }
}

/// Says what to do where there is nothing to serve yet.
fn propose(directory: &Path, authority: &Authority) {
    if authority.catalogue.resources.0.is_empty() {
        let shown = directory.display();
        terminal::say(&format!(
            "jit: nothing can be reached by it yet; authority.toml and policies/ are proposed by: jit init --config-dir {shown}"
        ));
    }
}

/// Says where it is, and what clients pin.
fn announce(url: &str, address: SocketAddr, own: Option<&OwnAuthority>) {
    terminal::say(&format!("jit: serving {url}, listening on {address}"));
    if let Some(own) = own {
        terminal::say(&format!(
            "jit: its certificate authority is {}, sha256:{}",
            own.file.display(),
            own.fingerprint
        ));
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::failed(format!("nothing can listen on {address}"))
            .because(&error)
            .hint("choose another address: listen = \"127.0.0.1:8443\" in server.toml")
    })
}

fn deaf(error: &io::Error) -> Failure {
    Failure::failed("the listener has no address").because(error)
}

/// Comes back once somebody wants this process to end. From this call on nobody ends it in another way.
fn stopped() -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async {
        tokio::select! {
            () = received(terminate) => {}
            () = received(interrupt) => {}
        }
    }
}

async fn received(signal: io::Result<Signal>) {
    match signal {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => pending().await,
    }
}
