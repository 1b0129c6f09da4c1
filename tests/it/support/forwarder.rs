//! A port that stays while the servers behind it change, as the address of a database's primary does.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Passes connections of one port on to others of loopback, until the test process ends.
pub(crate) struct Forwarder {
    port: u16,
    targets: Arc<Mutex<Vec<u16>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Forwarder {
    /// One with that target.
    pub(crate) fn to(target: u16) -> Self {
        let forwarder = Self::to_nobody();
        forwarder.point_at(target);
        forwarder
    }

    /// One without a target yet: it hangs up on everybody.
    pub(crate) fn to_nobody() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let forwarder = Self {
            port: listener.local_addr().expect("bound").port(),
            targets: Arc::default(),
            open: Arc::default(),
        };
        let (targets, open) = (Arc::clone(&forwarder.targets), Arc::clone(&forwarder.open));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Whoever cannot be passed on is hung up on.
                if let Some(far) = next(&targets) {
                    drop(join(near, far, &open));
                }
            }
        });
        forwarder
    }

    /// Its port, at 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Passes on to another port from now on, and hangs up on whoever was passed on before.
    pub(crate) fn point_at(&self, target: u16) {
        *self.targets.lock().expect("the targets") = vec![target];
        self.cut();
    }

    /// Passes on to one more port, in turns with the others, where somebody listens there.
    pub(crate) fn add(&self, target: u16) {
        self.targets.lock().expect("the targets").push(target);
    }

    /// No longer passes on to that port; what goes on there goes on.
    pub(crate) fn remove(&self, target: u16) {
        let mut targets = self.targets.lock().expect("the targets");
        targets.retain(|port| *port != target);
    }

    /// Hangs up on everybody, in the middle of a word.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().expect("the connections").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// A connection to whoever is next and listens.
fn next(targets: &Mutex<Vec<u16>>) -> Option<TcpStream> {
    let mut targets = targets.lock().expect("the targets");
    for _ in 0..targets.len() {
        targets.rotate_left(1);
        if let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, *targets.last()?)) {
            return Some(far);
        }
    }
    None
}

fn join(near: TcpStream, far: TcpStream, open: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        let mut open = open.lock().expect("the connections");
        // Those that ended by themselves.
        open.retain(|stream| stream.peer_addr().is_ok());
        open.push(stream.try_clone()?);
    }
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || pump(near, far));
    thread::spawn(move || pump(far_again, near_again));
    Ok(())
}

/// Copies until one end closes, and closes the other.
fn pump(mut from: TcpStream, mut to: TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
    drop(from.shutdown(Shutdown::Read));
}
