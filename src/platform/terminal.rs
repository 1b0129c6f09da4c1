//! The person at the terminal: `jit` speaks on stderr only, so that stdout stays the tool's.

use std::{
    fs::{File, OpenOptions},
    io::{IsTerminal as _, Read as _, Result as Read, Write as _, stderr, stdin},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    process::{Signal, getpgrp, kill_current_process_group},
    termios::{
        LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr,
        tcgetpgrp, tcgetwinsize, tcsetattr, ttyname,
    },
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::farewell::HeldBack;
use crate::domain::failure::{Failure, Result};

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// No answer of a person is longer.
const LONGEST: usize = 4096;

/// Of the process, as its stderr is.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// Whether somebody can read what is said on stderr.
pub fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Whether a terminal would obey a character instead of showing it: it moves the cursor, or turns the order
/// of what is read (Unicode's bidirectional controls).
fn is_obeyed(c: char) -> bool {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || turns(c)
}

/// What a terminal shows as it is, whatever a target's or a user's own words are: lines and tabs stay.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if is_obeyed(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// JSON that means the same, in which a terminal finds nothing to obey: what JSON lets stand unescaped
/// (U+007F and above) is escaped.
pub fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        if is_obeyed(c) {
            plain.extend(format!("\\u{:04x}", u32::from(c)).chars());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// The same on one line: a row of a listing is one row, whatever its words are.
pub fn plain_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], "\u{fffd}")
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
    let widest = match columns {
        0 => 80,
        columns => usize::from(columns).max(20) - 1,
    };
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

/// Somebody who can be asked. The question goes to the terminal itself, so that stdin, stdout and
/// stderr stay the tool's.
#[derive(Debug)]
pub struct Person {
    terminal: File,
}

impl Person {
    /// Whoever sits at this process's terminal; nobody where there is none, where neither stdin nor
    /// stderr is one (a program runs us that only happens to have been started from a terminal), or
    /// where this is a job in the background, which the kernel would stop for asking.
    pub fn present() -> Option<Self> {
        if !stdin().is_terminal() && !stderr().is_terminal() {
            return None;
        }
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let foreground = tcgetpgrp(&terminal).ok()?;
        (foreground == getpgrp()).then_some(Self { terminal })
    }

    /// Asks, and reads one line; `None` where it is empty. Ctrl-C ends this process, as it ends any
    /// that does not mind it.
    pub fn ask(&self, question: &str) -> Option<String> {
        let line = self.line(question, || true)?;
        let answer = plain_line(String::from_utf8_lossy(&line).trim());
        Some(answer).filter(|answer| !answer.is_empty() && !line.ends_with(&[INTERRUPT]))
    }

    /// Asks for a secret, which is not shown as it is typed; the rest of a paste is nobody's command. Ctrl-C
    /// and a signal end this process, once the terminal is as it was.
    pub fn ask_hidden(&self, question: &str) -> Option<SecretString> {
        let held_back = HeldBack::new().ok()?;
        let before = tcgetattr(&self.terminal).ok()?;
        let mut hidden = before.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        // So that it ends the line, as it ends this question.
        hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&self.terminal, OptionalActions::Now, &hidden).ok()?;
        let line = self.line(question, || held_back.lets_read(&self.terminal));
        tcsetattr(&self.terminal, OptionalActions::Flush, &before).ok()?;
        writeln!(&self.terminal).ok()?;
        drop(held_back);
        let line = line?;
        if line.ends_with(&[INTERRUPT]) {
            // All who would have got it from the terminal.
            _ = kill_current_process_group(Signal::INT);
            return None;
        }
        let answer = str::from_utf8(&line).ok()?.trim();
        (!answer.is_empty()).then(|| answer.into())
    }

    /// Asks, and reads what is typed, up to the end of a line or Ctrl-C with it, as long as each byte
    /// may be waited for.
    fn line(&self, question: &str, goes_on: impl Fn() -> bool) -> Option<Zeroizing<Vec<u8>>> {
        let mut terminal = &self.terminal;
        // What was typed before the question is no answer to it: the next lines of a paste.
        tcflush(terminal, QueueSelector::IFlush).ok()?;
        write!(terminal, "{}", plain_line(question)).ok()?;
        // It never grows, which would leave parts of it behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        let mut byte = Zeroizing::new([0]);
        while line.len() < LONGEST && !matches!(*byte, [b'\n' | INTERRUPT]) {
            if !goes_on() || !matches!(terminal.read(&mut *byte), Ok(1)) {
                // Ctrl-D, which leaves the cursor behind the question.
                writeln!(terminal).ok()?;
                break;
            }
            line.extend_from_slice(&*byte);
        }
        Some(line)
    }
}

/// A line that somebody pipes in: a secret that no list of processes shows.
///
/// # Errors
/// There is none.
pub fn piped_line() -> Result<SecretString> {
    let mut lines = stdin().lines();
    let line = lines.next().and_then(Read::ok);
    let line = line.map(Zeroizing::new);
    let line = line.filter(|line| !line.trim().is_empty());
    line.map(|line| line.trim().into()).ok_or_else(|| {
        Failure::usage("nothing was written on stdin")
            .hint("pipe one line into it, or name it instead of -")
    })
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
        assert_eq!(plain_line("grün\t"), "grün\u{fffd}");
        assert_eq!(plain("a\tb\r\n"), "a\tb\u{fffd}\n");
        assert_eq!(
            plain_json("{\"a\":\"\u{9b}2J\u{202e}ü\"}"),
            r#"{"a":"\u009b2J\u202eü"}"#
        );
    }
}
