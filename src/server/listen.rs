//! The door: connections come in, get their time and no more, and are seen out when the server ends.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    pin,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::Service as _;

use crate::config::server::limits::Limits;

/// How old a connection becomes: clients come to another replica from time to time, and one that does
/// not read its answers is not fed for ever.
const AGE: Duration = Duration::from_mins(10);
/// How long is waited for what goes on when a connection, or the server, is to end.
const GRACE: Duration = Duration::from_secs(45);
/// How many headers a request may have, and how long all of them may be.
const HEADER_COUNT: usize = 64;
const HEADER_BYTES: usize = 16 << 10;
/// The answer to whoever does not encrypt.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 68\r\nconnection: close\r\n\r\n\
    this is HTTPS, and plain HTTP was spoken: write https:// in the URL\n";
/// What is waited where the system has no file left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Where a request came from; in its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// What is served where, and to how many.
pub(super) struct Doors {
    pub(super) listener: TcpListener,
    pub(super) acceptor: TlsAcceptor,
    pub(super) routes: Router,
    pub(super) limits: Limits,
    /// Counts who is in.
    pub(super) open: Gauge,
}

/// Serves until `ended` comes back; then lets nobody new in and waits for what goes on.
pub(super) async fn serve(
    doors: Doors,
    ending: watch::Receiver<bool>,
    ended: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(
        usize::try_from(doors.limits.connections).unwrap_or(1),
    ));
    let crowd = Crowd::new(doors.limits.connections_per_address, doors.open);
    pin!(ended);
    loop {
        let come = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, doors.listener.accept().await)
        };
        let come = tokio::select! {
            () = &mut ended => break,
            come = come => come,
        };
        let (Ok(place), Ok((stream, address))) = come else {
            sleep(EXHAUSTED).await;
            continue;
        };
        let Some(guest) = crowd.enter(address, place) else {
            continue;
        };
        let hall = Hall {
            acceptor: doors.acceptor.clone(),
            routes: doors.routes.clone(),
            handshake: doors.limits.handshake_within.0,
            headers: doors.limits.headers_within.0,
            ending: ending.clone(),
        };
        tokio::spawn(connection(stream, guest, hall));
    }
    drop(doors.listener);
    // All places are free once everybody has gone.
    drop(timeout(GRACE, places.acquire_many(doors.limits.connections)).await);
}

/// What a connection is served with.
struct Hall {
    acceptor: TlsAcceptor,
    routes: Router,
    handshake: Duration,
    headers: Duration,
    ending: watch::Receiver<bool>,
}

async fn connection(stream: TcpStream, guest: Guest, hall: Hall) {
    let Hall {
        acceptor,
        routes,
        mut ending,
        ..
    } = hall;
    // Without it every answer on a kept connection would wait for the other side's acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(Some(stream)) = timeout(hall.handshake, encrypted(stream, &acceptor)).await else {
        return;
    };
    let peer = Peer(guest.from);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        routes.clone().call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(hall.headers)
        .max_headers(HEADER_COUNT)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(2 * HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    pin!(serving);
    // What went wrong with a connection is the client's to see.
    tokio::select! {
        _ended = serving.as_mut() => return,
        _told = ending.wait_for(|ending| *ending) => {}
        () = sleep(AGE) => {}
    }
    serving.as_mut().graceful_shutdown();
    drop(timeout(GRACE, serving).await);
}

/// The connection once it is encrypted. Whoever speaks plain HTTP is told so, as HTTP.
async fn encrypted(mut stream: TcpStream, acceptor: &TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    // A handshake begins with a record of type 22, a request with the letters of its method.
    if !first.iter().all(u8::is_ascii_alphabetic) {
        return acceptor.accept(stream).await.ok();
    }
    // What was sent and not read would break the connection before the answer is.
    let mut heard = vec![0; HEADER_BYTES];
    drop(stream.read(&mut heard).await);
    drop(stream.write_all(PLAIN.as_bytes()).await);
    drop(stream.shutdown().await);
    None
}

/// A network as one client has it: an address of IPv4, or the /64 around one of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Who is in, by network.
#[derive(Clone)]
struct Crowd {
    most: u32,
    open: Gauge,
    inside: Arc<Mutex<BTreeMap<IpAddr, u32>>>,
}

impl Crowd {
    fn new(most: u32, open: Gauge) -> Self {
        Self {
            most,
            open,
            inside: Arc::default(),
        }
    }

    /// Lets a connection in, unless too many of its address are.
    fn enter(&self, from: SocketAddr, place: OwnedSemaphorePermit) -> Option<Guest> {
        let network = network(from.ip());
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(inside);
        self.open.inc();
        Some(Guest {
            from: from.ip().to_canonical(),
            network,
            crowd: self.clone(),
            _place: place,
        })
    }
}

/// A connection that is in; it has gone when this is dropped.
struct Guest {
    from: IpAddr,
    network: IpAddr,
    crowd: Crowd,
    _place: OwnedSemaphorePermit,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.crowd.open.dec();
        let mut inside = self
            .crowd
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
