//! A real load balancer, `haproxy`, which takes connections of made-up clients on a socket and passes them on.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{daemon::Daemon, skip::skip, whereabouts::program};

/// `haproxy` in front of one server. It takes the addresses of its clients from a PROXY header of theirs, so that a
/// test can be any client.
pub(crate) struct Haproxy {
    // Before the directory, so that it ends before its files go.
    _daemon: Daemon,
    dir: TempDir,
}

impl Haproxy {
    /// Starts one with these lines of its only section, in which `FRONT` is where it listens.
    pub(crate) fn start(lines: &str) -> Option<Self> {
        let Some(haproxy) = program("haproxy", None) else {
            skip("haproxy is missing (Debian: haproxy)");
            return None;
        };
        let dir = TempDir::new().expect("temporary directory");
        let [front, stats] = ["front.sock", "stats.sock"].map(|name| dir.path().join(name));
        let lines = lines.replace("FRONT", &format!("{} accept-proxy", front.display()));
        let file = dir.path().join("haproxy.cfg");
        let text = format!(
            "global\n  maxconn 2000\n  stats socket {}\ndefaults\n  timeout connect 5s\n  timeout client 60s\n\
             \x20 timeout server 60s\n  timeout check 5s\nlisten jit\n{lines}\n",
            stats.display()
        );
        fs::write(&file, text).expect("haproxy.cfg");
        let mut command = Command::new(haproxy);
        command.arg("-db").arg("-f").arg(&file);
        let mut daemon = Daemon::spawn("haproxy", &mut command, dir.path());
        daemon.ready(|_| (front.exists() && stats.exists()).then_some(()));
        Some(Self {
            _daemon: daemon,
            dir,
        })
    }

    /// A connection of the client with that address.
    pub(crate) fn connect(&self, client: &str) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect(self.path("front.sock"))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        // At once, since it does not wait for the rest of it.
        let header = format!("PROXY TCP4 {client} 198.51.100.1 40000 443\r\n");
        stream.write_all(header.as_bytes())?;
        Ok(stream)
    }

    /// What it thinks of the server's health: `UP`, and by what: `L7OK`.
    pub(crate) fn health(&self) -> (String, String) {
        let mut stream = UnixStream::connect(self.path("stats.sock")).expect("statistics");
        stream.write_all(b"show stat\n").expect("statistics");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("statistics");
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().expect("names").split(',').collect();
        let server = lines
            .find(|line| line.starts_with("jit,server,"))
            .expect("a server");
        let values: Vec<&str> = server.split(',').collect();
        let value = |name: &str| {
            let at = names.iter().position(|known| *known == name);
            values[at.expect("a column")].to_owned()
        };
        (value("status"), value("check_status"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
