//! Behind load balancers and proxies: clients are told apart, nobody takes another one's place, and what is refused is
//! logged and counted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::support::{
    Serve,
    haproxy::Haproxy,
    http::trusting,
    until,
    web::{CATALOGUE, POLICIES},
};

/// TLS on a connection that was made already.
fn encrypted<S: Read + Write>(serve: &Serve, stream: S) -> StreamOwned<ClientConnection, S> {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(trusting(&serve.ca()), name).unwrap();
    StreamOwned::new(client, stream)
}

/// What is answered to one request; empty where the connection is closed without an answer.
fn asked(stream: &mut (impl Read + Write), path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: jit\r\nconnection: close\r\n{more}\r\n");
    drop(stream.write_all(request.as_bytes()));
    drop(stream.flush());
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer; 0 where there is none.
fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Where health checks are answered, as the server says.
fn health(serve: &Serve) -> TcpStream {
    let address = until("the address of health checks", || {
        let log = serve.log();
        let mut lines = log.lines();
        let line = lines.find(|line| line.contains("health checks and metrics on"))?;
        line.split("http://").nth(1).map(str::to_owned)
    });
    TcpStream::connect(address).unwrap()
}

/// A server that trusts balancers on this machine.
fn behind(client: &str, more: &str) -> Serve {
    let proxy = format!(
        "health_listen = \"127.0.0.1:0\"\n[proxy]\nnetworks = [\"127.0.0.1\"]\nclient = \"{client}\"\n{more}"
    );
    Serve::start_with(CATALOGUE, POLICIES, &proxy)
}

/// A balancer that passes connections on as they are, and checks the server's health over TLS.
fn balancer(serve: &Serve) -> Option<Haproxy> {
    let address = &serve.address;
    Haproxy::start(&format!(
        "  mode tcp\n  bind FRONT\n  option httpchk GET /healthz\n  server server {address} send-proxy-v2 check \
         inter 200ms check-ssl verify none check-send-proxy"
    ))
}

#[test]
fn a_client_with_too_many_connections_takes_no_place_of_others_behind_a_balancer() {
    let serve = behind(
        "proxy-protocol",
        "[limits]\nconnections = 64\nconnections_per_address = 8\n",
    );
    let Some(balancer) = balancer(&serve) else {
        return;
    };
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut stream = encrypted(&serve, balancer.connect("192.0.2.1").unwrap());
        drop(stream.conn.complete_io(&mut stream.sock));
        idle.push(stream);
    }
    until("the server to be up", || {
        (balancer.health() == ("UP".to_owned(), "L7OK".to_owned())).then_some(())
    });
    let mut other = encrypted(&serve, balancer.connect("192.0.2.2").unwrap());
    assert_eq!(status(&asked(&mut other, "/healthz", "")), 200);
    let mut same = encrypted(&serve, balancer.connect("192.0.2.1").unwrap());
    assert_eq!(status(&asked(&mut same, "/healthz", "")), 0);
    // As long as three of its checks take.
    for _ in 0..10 {
        assert_eq!(balancer.health().0, "UP");
        thread::sleep(Duration::from_millis(60));
    }
    let log = serve.log();
    let refused = log
        .lines()
        .find(|line| line.contains("\"connection\":\"refused\""));
    let refused: serde_json::Value = serde_json::from_str(refused.expect("a line")).unwrap();
    assert_eq!(refused["reason"], "per_address");
    assert_eq!(refused["address"], "192.0.2.1");
    let metrics = asked(&mut health(&serve), "/metrics", "");
    let counted = metrics.lines().find_map(|line| {
        line.strip_prefix("jit_connections_refused_total{reason=\"per_address\"} ")
    });
    assert!(
        counted.unwrap().parse::<u32>().unwrap() >= 92,
        "{counted:?}"
    );
}

#[test]
fn health_checks_are_answered_where_clients_have_taken_every_place() {
    let serve = behind(
        "proxy-protocol",
        "[limits]\nconnections = 4\nconnections_per_address = 2\nheaders_within = \"1m\"\n",
    );
    let Some(balancer) = balancer(&serve) else {
        return;
    };
    let mut idle = Vec::new();
    for client in ["192.0.2.1", "192.0.2.2"] {
        for _ in 0..2 {
            let mut stream = encrypted(&serve, balancer.connect(client).unwrap());
            stream.conn.complete_io(&mut stream.sock).unwrap();
            idle.push(stream);
        }
    }
    until("the server to be up", || {
        (balancer.health().0 == "UP").then_some(())
    });
    let mut more = encrypted(&serve, balancer.connect("192.0.2.3").unwrap());
    assert_eq!(
        status(&asked(&mut more, "/healthz", "")),
        0,
        "there is a place"
    );
    assert_eq!(status(&asked(&mut health(&serve), "/readyz", "")), 200);
    for _ in 0..10 {
        assert_eq!(balancer.health().0, "UP");
        thread::sleep(Duration::from_millis(60));
    }
    assert!(
        serve.log().contains("\"reason\":\"full\""),
        "{}",
        serve.log()
    );
}

#[test]
fn a_trusted_balancer_that_sends_no_header_is_refused_and_a_strangers_header_is_no_header() {
    let serve = behind("proxy-protocol", "");
    let mut silent = encrypted(&serve, TcpStream::connect(&serve.address).unwrap());
    assert_eq!(status(&asked(&mut silent, "/healthz", "")), 0);
    let mut wrong = TcpStream::connect(&serve.address).unwrap();
    wrong
        .write_all(b"PROXY TCP4 somebody 198.51.100.1 1 2\r\n")
        .unwrap();
    assert_eq!(wrong.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
    until("both to be logged", || {
        let log = serve.log();
        (log.matches("\"reason\":\"proxy_header\"").count() == 2).then_some(())
    });
    // From a network that is not listed.
    let serve = Serve::start_with(
        CATALOGUE,
        POLICIES,
        "[proxy]\nnetworks = [\"127.0.0.2\"]\nclient = \"proxy-protocol\"\n",
    );
    let mut stranger = TcpStream::connect(&serve.address).unwrap();
    stranger
        .write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n")
        .unwrap();
    let mut stranger = encrypted(&serve, stranger);
    assert_eq!(status(&asked(&mut stranger, "/healthz", "")), 0);
    assert_eq!(serve.site().get("/healthz").status, 200);
}

#[test]
fn a_proxy_that_ends_tls_says_who_the_client_is_and_no_client_says_it() {
    let own = [
        ("x-forwarded-for", "  option forwardfor\n"),
        (
            "forwarded",
            "  http-request set-header Forwarded for=%[src]\n",
        ),
    ];
    for (header, lines) in own {
        let limits = "plain_http = true\n[limits]\nrequests_per_address = 3\n";
        let serve = behind(header, limits);
        let address = &serve.address;
        let config = format!("  mode http\n  bind FRONT\n{lines}  server server {address}");
        let Some(proxy) = Haproxy::start(&config) else {
            return;
        };
        let get = |client: &str, more: &str| {
            let mut stream = proxy.connect(client).unwrap();
            status(&asked(&mut stream, "/healthz", more))
        };
        let made_up = |number: u8| match header {
            "forwarded" => format!("forwarded: for=198.51.100.{number}\r\n"),
            _ => format!("x-forwarded-for: 198.51.100.{number}\r\n"),
        };
        let statuses: Vec<u16> = (0..30)
            .map(|number| get("192.0.2.1", &made_up(number)))
            .collect();
        assert!(
            statuses.contains(&200) && statuses.contains(&429),
            "{header}: {statuses:?}"
        );
        assert_eq!(get("192.0.2.2", ""), 200, "{header}");
    }
}

#[test]
fn what_a_proxy_says_counts_from_listed_networks_only() {
    let serve = Serve::start_with(
        CATALOGUE,
        POLICIES,
        "[proxy]\nnetworks = [\"127.0.0.2\"]\nclient = \"x-forwarded-for\"\nplain_http = true\n\
         [limits]\nrequests_per_address = 3\n",
    );
    let mut plain = TcpStream::connect(&serve.address).unwrap();
    let refused = asked(&mut plain, "/healthz", "");
    assert!(refused.contains("write https://"), "{refused}");
    let site = serve.site();
    let statuses: Vec<u16> = (0..30)
        .map(|number| {
            let address = format!("192.0.2.{number}");
            let made_up = [("x-forwarded-for", address.as_str())];
            site.send("GET", "/healthz", &made_up, b"").unwrap().status
        })
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    // A proxy that is listed, and says nothing that can be read.
    let serve = behind("x-forwarded-for", "");
    let unreadable = [("x-forwarded-for", "somebody")];
    let answer = serve
        .site()
        .send("GET", "/healthz", &unreadable, b"")
        .unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn the_257th_connection_of_an_address_is_refused_and_logged() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let open: Vec<TcpStream> = (0..256)
        .map(|_| TcpStream::connect(&serve.address).unwrap())
        .collect();
    let mut one_more = TcpStream::connect(&serve.address).unwrap();
    assert_eq!(one_more.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
    until("a line in the log", || {
        let log = serve.log();
        let line = log.lines().find(|line| line.contains("\"per_address\""))?;
        line.contains("127.0.0.1").then_some(())
    });
    drop(open);
}
