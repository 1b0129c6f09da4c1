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

use super::{
    anchor::{Anchor, OnLoss},
    backup, chores,
    connection::ConnectionContext,
    connection_limit::ConnectionLimiter,
    first,
    gate::Gate,
    ground::Ground,
    listen,
    metrics::Metrics,
    open, probes, recover, restore, rotate, routes,
    seen::Seen,
    shared::{Served, Shared},
    tls::{self, OwnAuthority},
    turned_away::TurnedAway,
};
use crate::{
    authority::{Authority, watch::Watches},
    config::server::{self, Server},
    domain::failure::{Failure, Result},
    platform::terminal,
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
        }
    })
}

async fn serve(directory: &Path, config: &Server, loss: OnLoss, ground: &Ground<'_>) -> Result<()> {
    let stopped = stopped();
    let mut authority = open::authority(directory, config, ground).await?;
    let anchor = Anchor::of(&open::places(directory).state);
    anchor.hold(&authority.store, loss, ground).await?;
    let people = open::people(directory, config)?;
    let listeners = Listeners::bind(config).await?;
    let address = listeners.address;
    let url = url(config, address);
    let identity = tls::Identity::open(directory, config, &url, (ground.clock)())?;
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
    let metrics = Metrics::new(&authority.store.ledger().measures);
    let shared = Arc::new(Shared {
        authority,
        url,
        bootstrap,
        people,
        provider_is_away: AtomicBool::new(false),
        seen: Seen::default(),
        workloads,
        gate: Gate::new(&config.limits),
        turned_away: TurnedAway::default(),
        watches: Watches::default(),
        metrics: Arc::clone(&metrics),
        body_within: config.limits.body_within.0,
        ending,
    });
    let ended = async move {
        stopped.await;
        // Told to those who wait for something before nobody new is let in.
        end.send_replace(true);
    };
    let context = ConnectionContext {
        acceptor,
        routes: routes::all(Arc::clone(&shared)),
        limits: config.limits.clone(),
        proxy: config.proxy.clone().map(Arc::new),
        limiter: ConnectionLimiter::new(&config.limits, metrics),
        ending: shared.ending.clone(),
    };
    let beside = (&anchor, &identity, ground);
    answer(&shared, listeners, context, beside, ended).await;
    let store = &shared.authority.store;
    anchor.finish(store, ground.clock).await;
    store.clone().close().await;
    Ok(())
}

/// How clients and targets reach it.
fn url(config: &Server, address: SocketAddr) -> String {
    let own = || format!("https://localhost:{}", address.port());
    config.url.clone().unwrap_or_else(own)
}

/// Answers everybody until `ended` comes back, and does what a server does beside that.
async fn answer(
    shared: &Served,
    listeners: Listeners,
    context: ConnectionContext,
    (anchor, identity, ground): (&Anchor, &tls::Identity, &Ground<'_>),
    ended: impl Future<Output = ()>,
) {
    let probes = probes::serve(listeners.health, routes::probes(Arc::clone(shared)));
    tokio::select! {
        () = listen::serve(listeners.main, context, ended) => {}
        () = probes => {}
        () = anchor.watch(&shared.authority.store, ground.clock) => {}
        () = identity.keep_fresh(ground.clock) => {}
        () = shared.gate.sweep() => {}
        () = chores::run(shared) => {}
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
