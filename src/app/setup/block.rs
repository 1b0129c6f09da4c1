//! Marked blocks in files that people write by hand: put in, and taken out again to the byte.
//!
//! Nothing but the marks is remembered, so that it does not matter what was written around a block
//! meanwhile. What a block wins over is not deleted but commented out, by a prefix that is taken
//! away together with the block.

use crate::domain::failure::{Failure, Result};

/// What commented-out lines begin with.
pub(super) const ASIDE: &str = "#jit# ";
/// The newline before the block belongs to it: the text did not end with one.
const JOINED: &str = " (joined)";
/// The block made the file.
const NEW: &str = " (new)";

/// Where a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first line.
    Start,
    /// Behind the last line.
    End,
    /// Behind so many lines.
    Behind(usize),
}

/// Puts a block of these lines into a text that has none of that kind at that place; `None` is the
/// text of a file that is not there yet. The block is indented and its lines end as those of the text.
pub(super) fn put(text: Option<&str>, kind: &str, place: Place, lines: &[String]) -> String {
    let (text, new) = (text.unwrap_or_default(), text.is_none());
    let end = line_end(text);
    let indent = lines.first().map_or("", |line| indentation(line));
    let at = match place {
        Place::Start => 0,
        Place::End => text.len(),
        Place::Behind(count) => text.split_inclusive('\n').take(count).map(str::len).sum(),
    };
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let joined = !before.is_empty() && !before.ends_with('\n');
    let flag = match (new, joined) {
        (true, _) => NEW,
        (false, true) => JOINED,
        (false, false) => "",
    };
    let body: String = lines.iter().flat_map(|line| [line, end]).collect();
    format!(
        "{before}{}{indent}{}{flag} >>>{end}{body}{indent}{}{end}{after}",
        if joined { end } else { "" },
        opening(kind),
        closing(kind),
    )
}

/// The text without the blocks of that kind, and with what they commented out as it was; `None`
/// where a block made the file and nothing else is in it.
///
/// # Errors
/// A block has no end, or the end no beginning: the text's author has to say what is ours.
pub(super) fn take(text: &str, kind: &str) -> Result<Option<String>> {
    let (opening, closing) = (opening(kind), closing(kind));
    let mut kept = String::with_capacity(text.len());
    let mut inside: Option<usize> = None;
    let mut new = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let plain = line.trim();
        let flags = plain
            .strip_prefix(&opening)
            .and_then(|rest| rest.strip_suffix(" >>>"));
        match (flags, inside) {
            (Some(_), Some(_)) => return Err(torn(index + 1, kind)),
            (Some(flags), None) => {
                inside = Some(index + 1);
                new |= flags == NEW;
                if flags == JOINED {
                    let length = kept.trim_end_matches('\n').len();
                    kept.truncate(kept[..length].trim_end_matches('\r').len());
                }
            }
            (None, Some(_)) if plain == closing => inside = None,
            (None, Some(_)) => {}
            (None, None) if plain == closing => return Err(torn(index + 1, kind)),
            (None, None) => kept.push_str(line.strip_prefix(ASIDE).unwrap_or(line)),
        }
    }
    match inside {
        Some(line) => Err(torn(line, kind)),
        None if new && kept.is_empty() => Ok(None),
        None => Ok(Some(kept)),
    }
}

/// Whether the text has a block of that kind.
pub(super) fn is_in(text: &str, kind: &str) -> bool {
    let opening = opening(kind);
    text.lines().any(|line| line.trim().starts_with(&opening))
}

/// The text with the lines of these numbers (from 0) commented out.
pub(super) fn set_aside(text: &str, lines: &[usize]) -> String {
    let mark = |(index, line): (usize, &str)| {
        let prefix = if lines.contains(&index) { ASIDE } else { "" };
        format!("{prefix}{line}")
    };
    text.split_inclusive('\n').enumerate().map(mark).collect()
}

fn opening(kind: &str) -> String {
    format!("# >>> jit setup {kind}")
}

fn closing(kind: &str) -> String {
    format!("# <<< jit setup {kind} <<<")
}

fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

fn indentation(line: &str) -> &str {
    let length = line.len() - line.trim_start().len();
    line.get(..length).unwrap_or_default()
}

fn torn(line: usize, kind: &str) -> Failure {
    Failure::failed(format!(
        "line {line}: a block of \"jit setup {kind}\" is not whole"
    ))
    .hint("restore its first and last line, or delete what is left of it; backups are below jit's state directory")
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_block_is_put_where_it_should_be() {
        let put = |text, place| put(text, "x", place, &lines("  a\n  b"));
        assert_eq!(
            put(Some("1\n2\n"), Place::Behind(1)),
            "1\n  # >>> jit setup x >>>\n  a\n  b\n  # <<< jit setup x <<<\n2\n"
        );
        assert_eq!(
            put(Some("1\r\n2"), Place::End),
            "1\r\n2\r\n  # >>> jit setup x (joined) >>>\r\n  a\r\n  b\r\n  # <<< jit setup x <<<\r\n"
        );
        assert_eq!(
            put(None, Place::Start),
            "  # >>> jit setup x (new) >>>\n  a\n  b\n  # <<< jit setup x <<<\n"
        );
    }

    #[test]
    fn what_was_written_around_a_block_stays_when_it_goes() {
        let with = put(Some("old"), "x", Place::End, &lines("a"));
        let edited = format!("first\n{with}last");
        assert_eq!(take(&edited, "x").unwrap().unwrap(), "first\noldlast");
        let made = put(None, "x", Place::End, &lines("a"));
        assert_eq!(take(&made, "x").unwrap(), None);
        let theirs = format!("{made}mine\n");
        assert_eq!(take(&theirs, "x").unwrap().unwrap(), "mine\n");
        assert_eq!(take(&theirs, "y").unwrap().unwrap(), theirs);
    }

    #[test]
    fn a_torn_block_is_named_and_nothing_is_guessed() {
        let whole = put(Some("1\n"), "x", Place::End, &lines("a"));
        let (first, _) = whole.split_once("# <<<").unwrap();
        assert!(take(first, "x").unwrap_err().message.contains("line 2"));
        assert!(take("# <<< jit setup x <<<\n", "x").is_err());
        assert!(take(&format!("{first}{whole}"), "x").is_err());
    }

    proptest! {
        #[test]
        fn it_goes_to_the_byte(
            text in "([a-c #]{0,3}(\n|\r\n)){0,4}[a-c]{0,2}",
            place in prop_oneof![Just(Place::Start), Just(Place::End), (0_usize..5).prop_map(Place::Behind)],
            aside in vec(0_usize..5, 0..3),
        ) {
            let changed = put(Some(&set_aside(&text, &aside)), "x", place, &lines("a\nb"));
            prop_assert!(is_in(&changed, "x"));
            let restored = take(&changed, "x").unwrap();
            prop_assert_eq!(restored, Some(text));
        }
    }
}
