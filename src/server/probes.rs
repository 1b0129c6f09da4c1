//! A listener of its own for health checks and metrics, so that no client can take their place: plain HTTP, for the
//! network that balancers and monitoring are in.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::Service as _;

/// How many connections are open at once; what comes beyond is closed.
const CONNECTIONS: usize = 64;
/// How long a request's headers may take, and how long a connection is kept.
const HEADERS: Duration = Duration::from_secs(5);
const AGE: Duration = Duration::from_secs(30);
/// What is waited where the system has no file left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Answers the probes. Never ends; without a listener it does nothing.
pub(super) async fn serve(listener: Option<TcpListener>, routes: Router) {
    let Some(listener) = listener else {
        return pending().await;
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(EXHAUSTED).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let routes = routes.clone();
        tokio::spawn(async move {
            drop(timeout(AGE, answer(stream, routes)).await);
            drop(place);
        });
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let service = service_fn(move |request: Request<Incoming>| routes.clone().call(request));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    drop(serving.await);
}
