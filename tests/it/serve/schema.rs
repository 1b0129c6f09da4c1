//! Whatever `/openapi.json` lets somebody send, the server answers as it is described there.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use crate::support::{
    Serve, run,
    serve::Guest,
    skip::skip,
    web::{CATALOGUE, POLICIES},
    whereabouts::{program, schemathesis_bin},
};

/// A fuzzer comes often.
const LIMITS: &str = "[limits]\nrequests_per_address = 100000\nrequests_per_caller = 100000\n";

/// What answers are held against. Not whether each thing that the schema allows is done: policy, the
/// catalogue and who asks decide that.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method,\
    allow_header_conformance,ignored_auth";

/// What stands for a proof, which is another one for each request.
const PROOF: &str = "proof";

#[test]
fn a_fuzzer_is_answered_as_the_schema_says() {
    let Some(fuzzer) = program("st", Some(&schemathesis_bin())) else {
        skip("schemathesis is missing (tests/servers/python.sh brings it)");
        return;
    };
    let serve = Serve::start_with(CATALOGUE, POLICIES, LIMITS);
    let alice = Arc::new(serve.let_in("alice", &[]));
    let [(_, authorization), _] = alice.headers("GET", "/");
    let port = proving(&alice);
    let ran = run(serve
        .home
        .command(&fuzzer)
        .args(["run", &format!("http://127.0.0.1:{port}/openapi.json")])
        .args([
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            "20",
        ])
        .args(["--seed", "7", "--generation-deterministic"])
        .args([
            "--checks",
            CHECKS,
            "--suppress-health-check",
            "all",
            "--no-color",
        ])
        .args(["--continue-on-failure", "--warnings", "off"])
        // It would end the session that all the others are asked in.
        .args(["--exclude-method", "DELETE"])
        .args(["-H", &format!("Authorization: {authorization}")])
        .args(["-H", &format!("DPoP: {PROOF}")]));
    assert_eq!(ran.code, 0, "{}{}\n{}", ran.stdout, ran.stderr, serve.log());
}

/// Somebody between the fuzzer and the server, who puts the proof of just that request where one is to be.
fn proving(guest: &Arc<Guest>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let guest = Arc::clone(guest);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let guest = Arc::clone(&guest);
            thread::spawn(move || drop(pass(&stream, &guest)));
        }
    });
    port
}

fn pass(stream: &TcpStream, guest: &Guest) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match &*name {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "host" | "connection" => {}
            "dpop" if value == PROOF => {
                let [_, (_, proof)] = guest.headers(method, path);
                headers.push((name, proof));
            }
            _ => headers.push((name, value)),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let answer = guest.connect()?.send(method, path, &headers, &body)?;
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {} x\r\n", answer.status)?;
    for (name, value) in answer.headers() {
        if !matches!(
            &**name,
            "content-length" | "connection" | "transfer-encoding"
        ) {
            write!(stream, "{name}: {value}\r\n")?;
        }
    }
    write!(
        stream,
        "content-length: {}\r\nconnection: close\r\n\r\n",
        answer.body.len()
    )?;
    stream.write_all(&answer.body)
}
