//! Rust text as words and marks with their lines: no comments, no strings, no characters.

/// A word, a `::`, or any other single character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(is_word)
    }
}

/// The tokens of a source. A string that is a path (`#[serde(with = "super::exposed")]`) is read as one.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        rest: source,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(first) = reader.rest.chars().next() {
        reader.step(first, &mut tokens);
    }
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn step(&mut self, first: char, tokens: &mut Vec<Token>) {
        if self.rest.starts_with("//") {
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.take(comment_end(self.rest));
        } else if let Some((open, raw, close)) = string_bounds(self.rest) {
            let line = self.line;
            self.take(open);
            let inside = self.take(string_end(self.rest, raw, &close));
            self.take(close.len().min(self.rest.len()));
            if is_path(inside) {
                tokens.extend(
                    self::tokens(inside)
                        .into_iter()
                        .map(|token| Token { line, ..token }),
                );
            }
        } else if first == '\'' {
            self.take(character_end(self.rest));
        } else {
            let length = token_length(self.rest, first);
            let line = self.line;
            let text = self.take(length).trim_start_matches("r#").to_owned();
            if !first.is_whitespace() {
                tokens.push(Token { text, line });
            }
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn token_length(rest: &str, first: char) -> usize {
    if rest.starts_with("::") {
        return 2;
    }
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    match rest[raw..].find(|c| !is_word(c)) {
        Some(0) => first.len_utf8(),
        Some(end) => raw + end,
        None => rest.len(),
    }
}

/// Block comments nest.
fn comment_end(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let ahead = &rest.as_bytes()[at..];
        if ahead.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if ahead.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Where a string starts here: how long its opening is, whether it is raw, and what closes it.
fn string_bounds(rest: &str) -> Option<(usize, bool, String)> {
    let behind = rest.trim_start_matches(['b', 'c', 'r']);
    let prefix = &rest[..rest.len() - behind.len()];
    if !["", "b", "c", "r", "br", "cr"].contains(&prefix) {
        return None;
    }
    let raw = prefix.ends_with('r');
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let starts = behind[hashes..].starts_with('"') && (raw || hashes == 0);
    starts.then(|| {
        let close = format!("\"{}", "#".repeat(hashes));
        (prefix.len() + hashes + 1, raw, close)
    })
}

/// Where the string's text ends; only in one that is not raw a backslash means the next character.
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "one bool: a string is raw or not"
)]
fn string_end(rest: &str, raw: bool, close: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        if !escaped && rest[at..].starts_with(close) {
            return at;
        }
        escaped = !raw && !escaped && c == '\\';
    }
    rest.len()
}

/// The end of a character (`'x'`, `'\''`, `'\u{e4}'`) or of a lifetime's quote (`'static`).
fn character_end(rest: &str) -> usize {
    let inside = &rest[1..];
    if let Some(escape) = inside.strip_prefix('\\') {
        let skipped = escape.chars().next().map_or(0, char::len_utf8);
        let close = escape[skipped..].find('\'').unwrap_or(0);
        return 2 + skipped + close + 1;
    }
    let character = inside.chars().next().map_or(0, char::len_utf8);
    if inside[character..].starts_with('\'') {
        return 1 + character + 1;
    }
    1
}

fn is_path(text: &str) -> bool {
    ["crate::", "super::", "self::"]
        .iter()
        .any(|start| text.starts_with(start))
        && text.chars().all(|c| is_word(c) || c == ':')
}

#[test]
fn what_is_not_code_is_not_read() {
    let source = r##"
        // crate::a
        /* crate::b /* nested */ crate::c */
        let s = "crate:: d \" crate"; let r = r#"crate " e"#; let b = br"\"; let q = '"'; let e = '\'';
        fn f<'a>(x: &'a str) -> r#type::X {}
    "##;
    let words: Vec<String> = tokens(source)
        .into_iter()
        .filter(Token::is_word)
        .map(|token| token.text)
        .collect();
    assert_eq!(
        words.join(" "),
        "let s let r let b let q let e fn f a x a str type X"
    );
}

#[test]
fn lines_are_counted_through_strings_and_comments() {
    let found = tokens("/*\n*/ a \"\n\n\" b 'c' '\n' d");
    let lines: Vec<_> = found
        .iter()
        .map(|token| (&*token.text, token.line))
        .collect();
    assert_eq!(lines, [("a", 2), ("b", 4), ("d", 5)]);
}

#[test]
fn a_string_that_is_a_path_is_one() {
    let found = tokens("#[serde(with = \"crate::app::exposed\")]");
    assert!(found.iter().any(|token| token.text == "app"), "{found:?}");
}
