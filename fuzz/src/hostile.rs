//! Whoever answers on the other side of a connection, with whatever an input says.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{LazyLock, Mutex, PoisonError},
    thread,
};

/// One answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
}

/// The answers to the requests that come next; the last one stays.
static ANSWERS: Mutex<Vec<Answer>> = Mutex::new(Vec::new());

/// Where it listens.
pub(crate) static URL: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    url
});

/// Answers so from now on.
pub(crate) fn answers(answers: Vec<Answer>) {
    *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = answers;
}

fn next() -> Answer {
    let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    if answers.len() > 1 {
        return answers.remove(0);
    }
    answers.first().cloned().unwrap_or_default()
}

fn serve(connection: TcpStream) {
    drop(connection.set_nodelay(true));
    let Ok(mut out) = connection.try_clone() else {
        return;
    };
    let mut input = BufReader::new(connection);
    while let Some(length) = request(&mut input) {
        let mut body = vec![0; length];
        if input.read_exact(&mut body).is_err() {
            return;
        }
        let Answer { status, kind, body } = next();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nlocation: /elsewhere\r\ndate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n",
            body.len()
        );
        let whole = [head.as_bytes(), &body].concat();
        if out.write_all(&whole).is_err() {
            return;
        }
    }
}

/// Reads the head of a request; tells the length of its body.
fn request(input: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Some(length);
        }
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().ok()?;
        }
    }
}
