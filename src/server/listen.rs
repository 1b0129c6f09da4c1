//! Connections are accepted here, and are given time to end when the server does.

use std::time::Duration;

use tokio::{
    net::TcpListener,
    pin,
    time::{sleep, timeout},
};

use super::connection::{ConnectionContext, GRACE};

/// What is waited where the system has no file left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Serves until `ended` comes back; then accepts nobody and waits for what goes on.
pub(super) async fn serve(
    listener: TcpListener,
    context: ConnectionContext,
    ended: impl Future<Output = ()>,
) {
    pin!(ended);
    loop {
        let come = async {
            let place = context.limiter.place(context.proxy.as_deref()).await;
            (place, listener.accept().await)
        };
        let come = tokio::select! {
            () = &mut ended => break,
            come = come => come,
        };
        let (Some(place), Ok((stream, address))) = come else {
            sleep(EXHAUSTED).await;
            continue;
        };
        tokio::spawn(context.clone().serve(stream, address, place));
    }
    drop(listener);
    drop(timeout(GRACE, context.limiter.all_closed()).await);
}
