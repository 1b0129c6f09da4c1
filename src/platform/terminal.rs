//! The person at the terminal: `jit` speaks on stderr only, so that stdout stays the tool's.

use std::{
    io::{IsTerminal as _, Write as _, stderr, stdin},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::termios::{tcgetwinsize, ttyname};

/// Of the process, as its stderr is.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// Whether somebody can read what is said on stderr.
pub fn is_watched() -> bool {
    stderr().is_terminal()
}

/// What a terminal shows as it is: a target's or a user's own words must neither move its cursor nor
/// turn the order of what is read (Unicode's bidirectional controls).
pub fn plain(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| {
        if (c.is_control() && c != '\n') || turns(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// The same on one line: a row of a listing is one row, whatever its words are.
pub fn plain_line(text: &str) -> String {
    plain(text).replace('\n', "\u{fffd}")
}

/// Says one line on stderr, unless this process is to be quiet.
pub fn say(line: &str) {
    if !HUSHED.load(Ordering::Relaxed) {
        report(line);
    }
}

/// Says on stderr why this process fails, also where it is to be quiet. A stderr that is closed is
/// no reason to fail.
pub fn report(lines: &str) {
    let lines = plain(lines);
    drop(writeln!(stderr(), "{lines}"));
}

/// From now on this process says nothing but why it fails: it is a hook, and its stderr is what
/// another program shows as the reason.
pub fn hush() {
    HUSHED.store(true, Ordering::Relaxed);
}

/// Shows on the last line of stderr what goes on, in place of what was shown before; nothing erases it.
/// Only for a stderr that [`is_watched`].
pub fn show(line: &str) {
    let columns = tcgetwinsize(stderr()).map_or(0, |size| size.ws_col);
    // A line that wraps could not be erased.
    let widest = usize::from(columns).max(20) - 1;
    let shown: String = plain_line(line).chars().take(widest).collect();
    drop(write!(stderr(), "\r\x1b[2K{shown}"));
}

/// The name of the controlling terminal, where stdin, stdout or stderr is one: `/dev/pts/3`.
pub fn name() -> Option<String> {
    ttyname(stdin(), Vec::new())
        .or_else(|_| ttyname(stderr(), Vec::new()))
        .ok()
        .and_then(|name| name.into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_stay_on_their_line_and_in_their_order() {
        assert_eq!(
            plain("a\u{1b}[2Jb\u{9b}c\rd\ne"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\ne"
        );
        assert_eq!(plain_line("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(plain_line("grün"), "grün");
    }
}
