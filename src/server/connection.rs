//! One connection: its PROXY header where a trusted proxy sends one, its TLS handshake, and its requests.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    pin,
    sync::watch,
    time::{Instant, sleep, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::{
    client_address::{Origin, Peer, UnreadableClient, client, is_trusted},
    connection_limit::{Cause, ConnectionLimiter, Place},
};
use crate::{
    config::server::{
        limits::Limits,
        proxy::{ClientSource, Proxy},
    },
    platform::proxy_header::{Decoded, decode},
};

/// How old a connection becomes: clients come to another replica from time to time, and one that does
/// not read its answers is not fed for ever.
const AGE: Duration = Duration::from_mins(10);
/// How long is waited for what goes on when a connection, or the server, is to end.
pub(super) const GRACE: Duration = Duration::from_secs(45);
/// How many headers a request may have, and how long all of them may be.
const HEADER_COUNT: usize = 64;
const HEADER_BYTES: usize = 16 << 10;
/// The answer to whoever does not encrypt.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 68\r\nconnection: close\r\n\r\n\
    this is HTTPS, and plain HTTP was spoken: write https:// in the URL\n";

/// What each connection is served with.
#[derive(Clone)]
pub(super) struct ConnectionContext {
    pub(super) acceptor: TlsAcceptor,
    pub(super) routes: Router,
    pub(super) limits: Limits,
    /// The proxies that are trusted, where there are any.
    pub(super) proxy: Option<Arc<Proxy>>,
    pub(super) limiter: ConnectionLimiter,
    /// Whether the server is ending.
    pub(super) ending: watch::Receiver<bool>,
}

impl ConnectionContext {
    /// Serves a connection until it ends.
    pub(super) async fn serve(self, mut stream: TcpStream, from: SocketAddr, place: Place) {
        // Without it every answer on a kept connection would wait for the other side's acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let address = from.ip().to_canonical();
        let is_proxy = is_trusted(self.proxy.as_deref(), address);
        let deadline = Instant::now() + self.limits.handshake_within.0;
        let origin = if is_proxy {
            timeout_at(deadline, self.origin(&mut stream, address)).await
        } else {
            Ok(Some(Origin::Client(address)))
        };
        let Ok(Some(origin)) = origin else {
            self.limiter.refuse(Cause::ProxyHeader, address);
            return;
        };
        let Some(_permit) = self.limiter.open(origin, place) else {
            return;
        };
        let may_be_plain = is_proxy && self.proxy.as_ref().is_some_and(|proxy| proxy.plain_http);
        let Ok(is_plain) = timeout_at(deadline, is_plain(&stream)).await else {
            self.limiter.refuse(Cause::Handshake, origin.address());
            return;
        };
        match is_plain {
            None => {}
            Some(true) if may_be_plain => self.answer(stream, origin).await,
            Some(true) => {
                self.limiter.refuse(Cause::PlainHttp, origin.address());
                drop(timeout_at(deadline, explain(stream)).await);
            }
            Some(false) => match timeout_at(deadline, self.acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.answer(stream, origin).await,
                Ok(Err(_)) | Err(_) => self.limiter.refuse(Cause::Handshake, origin.address()),
            },
        }
    }

    /// Whose connection of a trusted proxy it is; nothing where it should say so and does not.
    async fn origin(&self, stream: &mut TcpStream, address: IpAddr) -> Option<Origin> {
        match self.proxy.as_ref()?.client {
            ClientSource::ProxyProtocol => match read_proxy_header(stream).await? {
                // A balancer that checks its target's health may name itself.
                Some(client) if is_trusted(self.proxy.as_deref(), client) => {
                    Some(Origin::Proxy(client))
                }
                Some(client) => Some(Origin::Client(client)),
                None => Some(Origin::Proxy(address)),
            },
            ClientSource::Forwarded | ClientSource::XForwardedFor => Some(Origin::Proxy(address)),
        }
    }

    /// Answers the requests of a connection.
    async fn answer<S>(self, stream: S, origin: Origin)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            routes,
            proxy,
            mut ending,
            limits,
            ..
        } = self;
        let near = Peer(origin.address());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let address = client(proxy.as_deref(), origin, request.headers());
            let extensions = request.extensions_mut();
            extensions.insert(address.map_or(near, Peer));
            if address.is_err() {
                extensions.insert(UnreadableClient);
            }
            routes.clone().call(request)
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers_within.0)
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
        drop(timeout_at(Instant::now() + GRACE, serving).await);
    }
}

/// The client that a PROXY header names, or none where the connection is the proxy's own. `None` outside: it is no
/// such header. No byte behind it is read.
async fn read_proxy_header(stream: &mut TcpStream) -> Option<Option<IpAddr>> {
    let mut read = Vec::new();
    loop {
        match decode(&read).ok()? {
            Decoded::Client(address) => return Some(Some(address)),
            Decoded::Own => return Some(None),
            Decoded::Incomplete(more) => {
                let known = read.len();
                read.resize(known + more, 0);
                stream.read_exact(read.get_mut(known..)?).await.ok()?;
            }
        }
    }
}

/// Whether plain HTTP is spoken; nothing where nothing is said at all. A TLS handshake begins with a record of type
/// 22, a request with the letters of its method.
async fn is_plain(stream: &TcpStream) -> Option<bool> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1..) => Some(first.iter().all(u8::is_ascii_alphabetic)),
        Ok(0) | Err(_) => None,
    }
}

/// Tells whoever speaks plain HTTP so, as HTTP.
async fn explain(mut stream: TcpStream) {
    // What was sent and not read would break the connection before the answer is.
    let mut heard = vec![0; HEADER_BYTES];
    drop(stream.read(&mut heard).await);
    drop(stream.write_all(PLAIN.as_bytes()).await);
    drop(stream.shutdown().await);
}
