//! Command lines as `getopt(3)` and `getopt_long(3)` read them, for the tools that read theirs so.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

/// The options that a tool knows. What it does not know is passed over: the tool will say so itself.
#[derive(Clone, Copy, Debug)]
pub struct Grammar {
    /// `getopt(3)`'s own notation: each letter, with a colon behind it where it takes a value.
    pub short: &'static str,
    /// Long name, the letter it stands for, and whether it takes a value.
    pub long: &'static [(&'static str, char, bool)],
    /// Whether options may stand behind words, as GNU's `getopt_long` and popt have it.
    pub permutes: bool,
}

/// A command line, read.
#[derive(Debug, Default)]
pub struct Line<'a> {
    /// The options in their order, without those that are unknown.
    pub options: Vec<Given<'a>>,
    /// The words that are no options, with their places in the arguments.
    pub words: Vec<(usize, &'a OsStr)>,
}

/// An option as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// Its letter, also where the long name was used.
    pub letter: char,
    /// Its value, where it takes one.
    pub value: Option<Value<'a>>,
    /// The argument that it is in, and the byte where its letter or its long name stands.
    pub at: (usize, usize),
}

/// An option's value and where it stands, so that it can be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// The value.
    pub text: &'a OsStr,
    /// The argument that it is in.
    pub place: usize,
    /// How many bytes of that argument stand before it.
    pub start: usize,
}

impl<'a> Line<'a> {
    /// The last value given for a letter: the one that counts for most tools.
    pub fn last(&self, letter: char) -> Option<Value<'a>> {
        self.values(letter).last()
    }

    /// Every value given for a letter.
    pub fn values(&self, letter: char) -> impl Iterator<Item = Value<'a>> {
        self.options
            .iter()
            .filter(move |given| given.letter == letter)
            .filter_map(|given| given.value)
    }

    /// Whether a letter was given.
    pub fn has(&self, letter: char) -> bool {
        self.options.iter().any(|given| given.letter == letter)
    }
}

/// Reads `arguments`, which do not include the program's name.
pub fn read<'a>(grammar: &Grammar, arguments: &'a [OsString]) -> Line<'a> {
    let mut line = Line::default();
    let mut place = 0;
    while let Some(argument) = arguments.get(place) {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            place += 1;
            break;
        }
        if bytes.len() < 2 || !bytes.starts_with(b"-") {
            if !grammar.permutes {
                break;
            }
            line.words.push((place, argument));
            place += 1;
            continue;
        }
        let taken = if bytes.starts_with(b"--") {
            long(grammar, arguments, place, &mut line)
        } else {
            cluster(grammar, arguments, place, &mut line)
        };
        place += taken;
    }
    let rest = arguments.iter().enumerate().skip(place);
    line.words
        .extend(rest.map(|(at, word)| (at, word.as_os_str())));
    line
}

/// Reads `-abc`, `-p22` or `-p 22`; answers how many arguments that took.
fn cluster<'a>(
    grammar: &Grammar,
    arguments: &'a [OsString],
    place: usize,
    line: &mut Line<'a>,
) -> usize {
    let bytes = arguments.get(place).map_or(&[][..], |a| a.as_bytes());
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        let letter = char::from(*byte);
        let Some(takes_value) = short(grammar.short, letter) else {
            continue;
        };
        if !takes_value {
            let (value, at) = (None, (place, at));
            line.options.push(Given { letter, value, at });
            continue;
        }
        let (value, taken) = match bytes.get(at + 1..) {
            Some(rest) if !rest.is_empty() => (Some(value(rest, place, at + 1)), 1),
            _ => (next(arguments, place), 2),
        };
        let at = (place, at);
        line.options.push(Given { letter, value, at });
        return taken;
    }
    1
}

/// Reads `--name`, `--name=value` or `--name value`, the name cut short where it stays unique.
fn long<'a>(
    grammar: &Grammar,
    arguments: &'a [OsString],
    place: usize,
    line: &mut Line<'a>,
) -> usize {
    let bytes = arguments.get(place).map_or(&[][..], |a| a.as_bytes());
    let equals = bytes.iter().position(|byte| *byte == b'=');
    let name = bytes.get(2..equals.unwrap_or(bytes.len()));
    let Some((letter, takes_value)) = name.and_then(|name| named(grammar.long, name)) else {
        return 1;
    };
    let (value, taken) = match equals {
        _ if !takes_value => (None, 1),
        Some(at) => {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            (Some(value(rest, place, at + 1)), 1)
        }
        None => (next(arguments, place), 2),
    };
    let at = (place, 2);
    line.options.push(Given { letter, value, at });
    taken
}

fn value(text: &[u8], place: usize, start: usize) -> Value<'_> {
    let text = OsStr::from_bytes(text);
    Value { text, place, start }
}

fn next(arguments: &[OsString], place: usize) -> Option<Value<'_>> {
    let place = place + 1;
    arguments.get(place).map(|text| Value {
        text,
        place,
        start: 0,
    })
}

/// Whether a letter takes a value; `None` where the tool does not know it.
fn short(letters: &str, letter: char) -> Option<bool> {
    let mut letters = letters.chars().peekable();
    while let Some(known) = letters.next() {
        let takes_value = letters.next_if_eq(&':').is_some();
        if known == letter {
            return Some(takes_value);
        }
    }
    None
}

fn named(long: &[(&str, char, bool)], name: &[u8]) -> Option<(char, bool)> {
    let exact = long.iter().find(|(known, ..)| known.as_bytes() == name);
    let mut near = long
        .iter()
        .filter(|(known, ..)| known.as_bytes().starts_with(name));
    let found = match (exact, near.next()) {
        (Some(exact), _) => exact,
        (None, Some(first)) if near.all(|(_, letter, _)| *letter == first.1) => first,
        _ => return None,
    };
    Some((found.1, found.2))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const STRICT: Grammar = Grammar {
        short: "4vp:l:o:",
        long: &[],
        permutes: false,
    };
    const LOOSE: Grammar = Grammar {
        short: "aU:d:",
        long: &[
            ("username", 'U', true),
            ("dbname", 'd', true),
            ("all", 'a', false),
            ("align", 'n', false),
        ],
        permutes: true,
    };

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn shown(grammar: &Grammar, line: &str) -> String {
        let arguments = arguments(line);
        let line = read(grammar, &arguments);
        let options = line.options.iter().map(|given| {
            let value = given.value.map_or("", |v| v.text.to_str().unwrap());
            format!("{}={value}", given.letter)
        });
        let words = line.words.iter().map(|(_, word)| word.to_str().unwrap());
        let all: Vec<String> = options.chain(words.map(str::to_owned)).collect();
        all.join(" ")
    }

    #[test]
    fn a_command_line_is_read_as_getopt_reads_it() {
        for (line, read) in [
            ("-4vp22 host -l x", "4= v= p=22 host -l x"),
            ("-p 22 -- -host", "p=22 -host"),
            ("-l", "l="),
            ("- -v", "- -v"),
            ("-vx4 h", "v= 4= h"),
            ("-o -v h", "o=-v h"),
        ] {
            assert_eq!(shown(&STRICT, line), read, "{line}");
        }
        for (line, read) in [
            ("db -U me --all", "U=me a= db"),
            ("--user=me --dbname db x", "U=me d=db x"),
            ("--al x", "x"),
            ("-aU me -- -U", "a= U=me -U"),
            ("--username", "U="),
        ] {
            assert_eq!(shown(&LOOSE, line), read, "{line}");
        }
    }

    #[test]
    fn a_value_knows_where_it_stands() {
        let arguments = arguments("-ap --username=me -Uyou");
        let line = read(&LOOSE, &arguments);
        let places: Vec<_> = line.values('U').map(|v| (v.place, v.start)).collect();
        assert_eq!(places, [(1, 11), (2, 2)]);
    }

    proptest! {
        #[test]
        fn no_command_line_makes_it_panic(line in vec("[-=aUdp4 x\u{e9}]{0,6}", 0..8)) {
            let arguments: Vec<OsString> = line.into_iter().map(OsString::from).collect();
            for grammar in [STRICT, LOOSE] {
                let read = read(&grammar, &arguments);
                prop_assert!(read.words.iter().all(|(at, _)| *at < arguments.len()));
            }
        }
    }
}
