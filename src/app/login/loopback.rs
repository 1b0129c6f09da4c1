//! Where a browser brings the provider's answer: a port of this machine alone (RFC 8252, section 7.3).

use std::{collections::BTreeMap, io, net::Ipv4Addr, num::NonZeroU16, time::Duration};

use reqwest::Url;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    spawn,
    sync::mpsc::{self, Sender},
    time::timeout,
};

use crate::domain::failure::{Code, Failure, Result};

const PATH: &str = "/callback";
/// How long a person may take to sign in.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a browser may take to say what it wants, and how long that may be.
const MOMENT: Duration = Duration::from_secs(10);
const LONGEST: usize = 16 << 10;

/// A port that waits for the one answer to what was asked with `state`.
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// The parameters of an answer.
pub type Answer = BTreeMap<String, String>;

impl Loopback {
    /// Listens on a port, or on any that is free.
    pub(super) async fn open(port: Option<NonZeroU16>) -> Result<Self> {
        let port = port.map_or(0, NonZeroU16::get);
        let deaf = |error: io::Error| {
            let at = if port == 0 {
                String::new()
            } else {
                format!(":{port}")
            };
            Failure::failed(format!(
                "jit cannot listen on 127.0.0.1{at} for the browser's answer"
            ))
            .because(&error)
            .hint("run: jit login --device")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(deaf)?;
        let port = listener.local_addr().map_err(deaf)?.port();
        Ok(Self { listener, port })
    }

    /// Where the provider is to send the browser.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the answer that has this `state`; whatever else comes is nobody's.
    ///
    /// # Errors
    /// Timed out (124): nobody signed in.
    pub(super) async fn answer(self, state: &str) -> Result<Answer> {
        let (heard, mut answers) = mpsc::channel(1);
        let state = state.to_owned();
        let accept = async {
            // Each connection by itself: a browser opens some that it does not use.
            while let Ok((connection, _)) = self.listener.accept().await {
                let heard = heard.clone();
                spawn(serve(connection, state.clone(), heard));
            }
        };
        let waited = timeout(PATIENCE, async {
            tokio::select! {
                () = accept => None,
                answer = answers.recv() => answer,
            }
        });
        waited.await.ok().flatten().ok_or_else(|| {
            let minutes = PATIENCE.as_secs() / 60;
            Failure::new(
                Code::TimedOut,
                format!("nobody signed in within {minutes} minutes"),
            )
            .hint("run: jit login, or without a browser on this machine: jit login --device")
        })
    }
}

async fn serve(mut connection: TcpStream, state: String, heard: Sender<Answer>) {
    let Ok(Some(answer)) = timeout(MOMENT, read(&mut connection)).await else {
        drop(
            connection
                .write_all(page(404, "There is nothing here.").as_bytes())
                .await,
        );
        return;
    };
    if answer.get("state").is_none_or(|said| *said != state) {
        let words = "This is not the answer to what jit asked. Start again: jit login";
        drop(connection.write_all(page(400, words).as_bytes()).await);
        return;
    }
    let words = if answer.contains_key("error") {
        "You are not signed in; the terminal says why. You may close this page."
    } else {
        "Back to the terminal: jit goes on there. You may close this page."
    };
    drop(connection.write_all(page(200, words).as_bytes()).await);
    drop(connection.shutdown().await);
    drop(heard.send(answer).await);
}

/// The parameters of a request for our path; nothing for any other one.
async fn read(connection: &mut TcpStream) -> Option<Answer> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = connection.read(&mut chunk).await.ok()?;
        head.extend_from_slice(chunk.get(..length).filter(|read| !read.is_empty())?);
        if head.len() > LONGEST {
            return None;
        }
    }
    told(&String::from_utf8(head).ok()?)
}

/// What the head of a request brings, if it is for here and says everything once.
pub fn told(head: &str) -> Option<Answer> {
    let mut words = head.lines().next()?.strip_prefix("GET ")?.split(' ');
    let url = Url::parse("http://127.0.0.1").ok()?;
    let url = url.join(words.next()?).ok()?;
    if url.path() != PATH {
        return None;
    }
    let mut answer = Answer::new();
    for (name, value) in url.query_pairs() {
        // RFC 6749, section 3.1: each at most once.
        if answer
            .insert(name.into_owned(), value.into_owned())
            .is_some()
        {
            return None;
        }
    }
    Some(answer)
}

fn page(status: u16, words: &str) -> String {
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>jit</title>\
         <body style=\"font:1.2em sans-serif;margin:4em auto;max-width:30em\"><p>{words}</p></body></html>"
    );
    format!(
        "HTTP/1.1 {status} jit\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}
