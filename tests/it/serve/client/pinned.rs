//! Whom the client believes: the system's authorities, or the one that was pinned; never whoever came first.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _, copy},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use super::{Desk, MORE, point, sign_in};
use crate::support::{
    Serve,
    home::{Home, run},
    tls::Tls,
    web::{self, CATALOGUE},
};
use secrecy::ExposeSecret as _;

fn serve() -> Serve {
    Serve::start(CATALOGUE, &format!("{}{MORE}", web::POLICIES))
}

fn fingerprint(serve: &Serve) -> String {
    let log = serve.log();
    let (_, rest) = log.split_once("sha256:").expect("it is printed");
    rest.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn init_trusts_nobody_for_having_come_first() {
    let (serve, home) = (serve(), Home::new());
    let refused = run(&mut home.jit(["init", "--server", &serve.url]));
    assert_eq!(refused.code, 125, "{refused:?}");
    let fingerprint = fingerprint(&serve);
    assert!(
        refused
            .stderr
            .contains(&format!("--ca-fingerprint {fingerprint}")),
        "{refused:?}"
    );
    assert!(!home.config().exists(), "nothing was written");
}

#[test]
fn init_pins_by_fingerprint_or_file_and_loses_nothing() {
    let serve = serve();
    let ca = serve.ca();
    let (by, file) = (fingerprint(&serve), ca.to_str().unwrap().to_owned());
    for pin in [["--ca-fingerprint", &*by], ["--ca", &*file]] {
        let home = Home::new();
        home.configure("config.toml", "# Mine.\n[exec]\nwait = \"3m\"\n");
        let line = [&["init", "--server", &*serve.url, "--json"][..], &pin].concat();
        let done = run(&mut home.jit(line));
        assert_eq!(done.code, 0, "{done:?}");
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(report["server"], serve.url.as_str(), "{report}");
        let config = fs::read_to_string(home.config().join("config.toml")).unwrap();
        assert!(config.contains("# Mine.\n"), "{config}");
        assert!(config.contains("wait = \"3m\"\n"), "{config}");
        assert!(
            config.contains("certificate_authority = \"server-ca.crt\"\n"),
            "{config}"
        );
        let pinned = fs::read_to_string(home.config().join("server-ca.crt")).unwrap();
        assert_eq!(pinned.trim(), fs::read_to_string(&ca).unwrap().trim());
        let guest = serve.let_in("alice", &[]);
        sign_in(&home, guest.token.0.expose_secret(), &guest.holder);
        let asked = run(&mut home.jit(["request", "ssh/web:deploy"]));
        assert_eq!(asked.code, 0, "{asked:?}");
        // A second time, nothing more is needed.
        let again = run(&mut home.jit(["init", "--server", &serve.url]));
        assert_eq!(again.code, 0, "{again:?}");
        assert!(
            again.stdout.contains("found   1 resource that"),
            "{again:?}"
        );
    }
}

#[test]
fn a_server_whose_own_certificate_is_self_signed_is_pinned_by_that_certificate() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let given = home.path("server");
    fs::create_dir_all(&given).unwrap();
    let certificate = Tls::self_signed(&given);
    fs::set_permissions(&certificate.key, fs::Permissions::from_mode(0o600)).unwrap();
    let tls = "[tls]\ncertificate = \"server.crt\"\nkey = \"server.key\"\n";
    let policies = format!("{}{MORE}", web::POLICIES);
    let serve = Serve::start_in(home, CATALOGUE, &policies, tls);
    let desk = Home::new();
    let unknown = run(&mut desk.jit(["init", "--server", &serve.url]));
    assert_eq!(unknown.code, 125, "{unknown:?}");
    let (_, rest) = unknown.stderr.split_once("--ca-fingerprint ").unwrap();
    let fingerprint = rest.split_whitespace().next().unwrap();
    let line = [
        "init",
        "--server",
        &serve.url,
        "--ca-fingerprint",
        fingerprint,
    ];
    let pinned = run(&mut desk.jit(line));
    assert_eq!(pinned.code, 0, "{pinned:?}");
    let guest = serve.let_in("alice", &[]);
    sign_in(&desk, guest.token.0.expose_secret(), &guest.holder);
    let asked = run(&mut desk.jit(["request", "ssh/web:deploy"]));
    assert_eq!(asked.code, 0, "{asked:?}");
}

#[test]
fn another_authority_than_the_pinned_one_is_not_believed() {
    let (serve, other, home) = (serve(), serve(), Home::new());
    let wrong = fingerprint(&other);
    let refused = run(&mut home.jit(["init", "--server", &serve.url, "--ca-fingerprint", &wrong]));
    assert_eq!(refused.code, 125, "{refused:?}");
    let file = other.ca();
    let refused = run(&mut home.jit([
        "init",
        "--server",
        &serve.url,
        "--ca",
        file.to_str().unwrap(),
    ]));
    assert_eq!(refused.code, 125, "{refused:?}");
    assert!(!home.config().exists(), "nothing was written");
    let guest = serve.let_in("alice", &[]);
    point(&home, &serve.url, Some(&file));
    sign_in(&home, guest.token.0.expose_secret(), &guest.holder);
    let ran = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("is not trusted"), "{ran:?}");
}

#[test]
fn an_authority_of_the_system_is_believed() {
    let desk = Desk::new(CATALOGUE);
    point(&desk.home, &desk.serve.url, None);
    let unknown = desk.jit(&["request", "ssh/web:deploy"]);
    assert_eq!(unknown.code, 125, "{unknown:?}");
    let mut command = desk.home.jit(["request", "ssh/web:deploy"]);
    let known = run(command.env("SSL_CERT_FILE", desk.serve.ca()));
    assert_eq!(known.code, 0, "{known:?}");
}

#[test]
fn a_proxy_of_the_environment_is_gone_through() {
    let url = "https://jit.invalid";
    let serve = Serve::start_with(
        CATALOGUE,
        &format!("{}{MORE}", web::POLICIES),
        &format!("url = \"{url}\"\n"),
    );
    let (proxy, seen) = proxy(&serve.address);
    let home = Home::new();
    let guest = serve.let_in("alice", &[]);
    point(&home, url, Some(&serve.ca()));
    sign_in(&home, guest.token.0.expose_secret(), &guest.holder);
    let mut through = home.jit(["request", "ssh/web:deploy"]);
    let through = run(through.env("HTTPS_PROXY", &proxy));
    assert_eq!(through.code, 0, "{through:?}");
    assert_eq!(
        seen.lock().unwrap().first().unwrap(),
        "CONNECT jit.invalid:443 HTTP/1.1"
    );
    let before = seen.lock().unwrap().len();
    let mut past = home.jit(["audit"]);
    let past = run(past
        .env("HTTPS_PROXY", &proxy)
        .env("NO_PROXY", "jit.invalid"));
    assert_eq!(past.code, 124, "{past:?}");
    assert_eq!(seen.lock().unwrap().len(), before);
}

type Seen = Arc<Mutex<Vec<String>>>;

/// A proxy that knows one host, under any name.
fn proxy(target: &str) -> (String, Seen) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, target) = (Seen::default(), target.to_owned());
    let log = Arc::clone(&seen);
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let (log, target) = (Arc::clone(&log), target.clone());
            thread::spawn(move || drop(tunnel(&near, &target, &log)));
        }
    });
    (url, seen)
}

fn tunnel(near: &TcpStream, target: &str, log: &Seen) -> std::io::Result<()> {
    let mut lines = BufReader::new(near);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    log.lock().unwrap().push(first.trim_end().to_owned());
    let mut line = String::new();
    while lines.read_line(&mut line)? > 2 {
        line.clear();
    }
    let far = TcpStream::connect(target)?;
    { near }.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (up, down) = (far.try_clone()?, near.try_clone()?);
    let back = thread::spawn(move || copy(&mut &up, &mut &down));
    copy(&mut lines, &mut &far)?;
    drop(back.join());
    Ok(())
}

#[test]
fn a_pinned_authority_that_others_can_write_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new(CATALOGUE);
    let file = desk.home.configure(
        "server-ca.crt",
        &fs::read_to_string(desk.serve.ca()).unwrap(),
    );
    point(
        &desk.home,
        &desk.serve.url,
        Some(Path::new("server-ca.crt")),
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = desk.jit(&["request", "ssh/web:deploy"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("chmod go-w"), "{ran:?}");
}
