//! Who listens where a target should be: nobody, somebody who says nothing, or something else.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
};

/// A port on loopback where nobody listens: `discard`, below those that the kernel gives away.
pub(crate) const DOWN: u16 = 9;

/// Somebody who takes connections and never says a word, for as long as the value lives.
pub(crate) fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Something that says `words` to whoever comes, once it was spoken to.
pub(crate) fn saying(words: &'static [u8]) -> u16 {
    let (listener, port) = silent();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut heard = [0; 1 << 14];
                drop(stream.read(&mut heard));
                drop(stream.write_all(words));
            });
        }
    });
    port
}
