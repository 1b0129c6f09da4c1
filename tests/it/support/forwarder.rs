//! A port that stays while the server behind it changes, as the address of a database's primary does.

use std::{
    io,
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

/// Passes connections of one port on to another one of loopback, until the test process ends.
pub(crate) struct Forwarder {
    port: u16,
    target: Arc<AtomicU16>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Forwarder {
    /// Starts one.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let forwarder = Self {
            port: listener.local_addr().expect("bound").port(),
            target: Arc::new(AtomicU16::new(target)),
            open: Arc::default(),
        };
        let (target, open) = (Arc::clone(&forwarder.target), Arc::clone(&forwarder.open));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let port = target.load(Ordering::SeqCst);
                // Whoever cannot be passed on is hung up on.
                if let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
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
        self.target.store(target, Ordering::SeqCst);
        self.cut();
    }

    /// Hangs up on everybody, in the middle of a word.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().expect("the connections").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
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
