//! How a target is spoken to over HTTP.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Url, redirect::Policy};
use rustls::crypto::aws_lc_rs;

use super::{order::PATIENCE, target};

const CONNECT: Duration = Duration::from_secs(5);

/// A client for that address, to be completed: it follows no redirect and waits for nobody for long.
pub(super) fn client(url: &Url) -> ClientBuilder {
    // The process has one provider; whoever came first installed this very one.
    drop(aws_lc_rs::default_provider().install_default());
    let builder = Client::builder()
        .user_agent("jit")
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(CONNECT)
        .timeout(PATIENCE);
    if target::is_loopback(url) {
        // As kubectl does; a proxy's loopback is another machine's.
        return builder.no_proxy();
    }
    builder
}
