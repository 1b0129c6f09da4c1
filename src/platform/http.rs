//! HTTP as this program speaks it: no redirects, no waiting for ever, no answer without an end.

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, ClientBuilder, Response, Url, redirect::Policy};
use rustls::crypto::aws_lc_rs;
use zeroize::Zeroizing;

use crate::domain::failure::{Failure, Result};

const CONNECT: Duration = Duration::from_secs(5);

/// A client for that address, to be completed: it follows no redirect and waits for nobody for longer
/// than `patience`.
pub fn client(url: &Url, patience: Duration) -> ClientBuilder {
    // The process has one provider; whoever came first installed this very one.
    drop(aws_lc_rs::default_provider().install_default());
    let builder = Client::builder()
        .user_agent("jit")
        .redirect(Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(CONNECT.min(patience))
        .timeout(patience);
    if is_loopback(url) {
        // As kubectl does; a proxy's loopback is another machine's.
        return builder.no_proxy();
    }
    builder
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether nobody on the way can read or change what goes there.
pub fn is_confidential(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// A form as the body of a request (RFC 6749, appendix B), wiped once it is dropped.
pub fn form(pairs: &[(&str, &str)]) -> Result<Zeroizing<String>> {
    let mut url = Url::parse("form:")
        .map_err(|error| Failure::failed("a form cannot be written").because(&error))?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(Zeroizing::new(url.query().unwrap_or_default().to_owned()))
}

/// The body of an answer, which may have `most` bytes.
///
/// # Errors
/// It is longer, or broke off.
pub async fn body(mut answer: Response, most: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let broken = |error| Failure::failed("the answer broke off").because(&error);
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > most {
            return Err(Failure::failed(format!(
                "the answer is longer than {most} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
