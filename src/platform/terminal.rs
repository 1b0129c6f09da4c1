//! The person at the terminal: `jit` speaks on stderr only, so that stdout stays the tool's.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use rustix::termios::ttyname;

/// Whether somebody can read what is said on stderr.
pub fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Whether there is a person who can be asked: stdin and stderr are terminals.
pub fn can_ask() -> bool {
    stdin().is_terminal() && is_watched()
}

/// What a terminal shows as it is: a target's or a user's own words must not move its cursor.
pub fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// Says one line on stderr. A stderr that is closed is no reason to fail.
pub fn say(line: &str) {
    let line = plain(line);
    drop(writeln!(stderr(), "{line}"));
}

/// The name of the controlling terminal, where stdin, stdout or stderr is one: `/dev/pts/3`.
pub fn name() -> Option<String> {
    ttyname(stdin(), Vec::new())
        .or_else(|_| ttyname(stderr(), Vec::new()))
        .ok()
        .and_then(|name| name.into_string().ok())
}
