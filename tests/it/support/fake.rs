//! A server that says whatever a test wants, over plain HTTP on loopback, and remembers what it was asked.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// One request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// `POST /v1/elevations`
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    /// A header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(theirs, _)| theirs == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Such a server.
pub(crate) struct Fake {
    /// Its URL.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers each request with the bytes that `answer` gives for it, and hangs up.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let fake = Self {
            url: format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port()),
            asked: Arc::default(),
        };
        let (asked, answer) = (Arc::clone(&fake.asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    asked.lock().unwrap().push(request.clone());
                    drop((&stream).write_all(&answer(&request)));
                });
            }
        });
        fake
    }

    /// What it was asked so far, of the requests whose line begins so.
    pub(crate) fn asked(&self, line: &str) -> Vec<Asked> {
        let all = self.asked.lock().unwrap();
        let these = all.iter().filter(|asked| asked.line.starts_with(line));
        these.cloned().collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut text = String::new();
        let read = reader.read_line(&mut text).ok()?;
        (read > 0).then(|| text.trim_end().to_owned())
    };
    let first = line()?;
    let mut asked = Asked {
        line: first.rsplit_once(' ')?.0.to_owned(),
        ..Asked::default()
    };
    while let Some((name, value)) = line()?.split_once(':') {
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        asked.headers.push(header);
    }
    let length = asked.header("content-length").and_then(|n| n.parse().ok());
    asked.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

/// An answer.
pub(crate) fn answer(status: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// JSON.
pub(crate) fn json(body: &Value) -> Vec<u8> {
    answer("200 OK", "application/json", "", &body.to_string())
}

/// A problem document.
pub(crate) fn problem(status: &str, kind: &str, detail: &str) -> Vec<u8> {
    let code: u16 = status.split(' ').next().unwrap().parse().unwrap();
    let body = serde_json::json!({
        "type": format!("urn:jit:{kind}"), "title": kind, "status": code, "detail": detail,
    });
    answer(status, "application/problem+json", "", &body.to_string())
}
