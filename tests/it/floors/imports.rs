//! What a source names of other sources: by `use`, and by paths in the code, macros and tests included.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, tokens};

/// A path as modules from the crate's root, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

/// Everything that the source of the module `at` names below the crate's root. `modules` are all the
/// modules that have a file.
pub(super) fn imports(
    source: &str,
    at: &[String],
    modules: &BTreeSet<Vec<String>>,
) -> BTreeSet<Import> {
    let tokens = tokens(source);
    let mut reader = Reader {
        tokens: &tokens,
        next: 0,
        at: at.to_vec(),
        open: Vec::new(),
        depth: 0,
        inner: inline_modules(&tokens),
        modules,
        named: BTreeMap::new(),
        found: BTreeSet::new(),
    };
    // Twice, since code may stand before the `use` that it means.
    reader.read();
    reader.next = 0;
    reader.read();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    next: usize,
    /// The module that is being read.
    at: Vec<String>,
    /// The depths of braces at which inline modules began.
    open: Vec<usize>,
    depth: usize,
    /// The names of inline modules.
    inner: BTreeSet<String>,
    modules: &'a BTreeSet<Vec<String>>,
    /// What `use` gave a name.
    named: BTreeMap<String, Vec<String>>,
    found: BTreeSet<Import>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let Some(token) = self.peek(0) {
            match token {
                "mod" if self.peek(2) == Some("{") => self.enter(),
                "{" => self.depth += 1,
                "}" => self.leave(),
                "use" if self.peek(1) != Some("<") => {
                    self.next += 1;
                    self.tree(&[]);
                    continue;
                }
                // `pub(in crate::x)` widens a name, it imports nothing.
                "in" if self.next > 0 && self.tokens[self.next - 1].text == "(" => self.next += 1,
                _ if self.peek(1) == Some("::") && self.tokens[self.next].is_word() => {
                    self.path();
                    continue;
                }
                _ => {}
            }
            self.next += 1;
        }
    }

    fn peek(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.next + ahead).map(|token| &*token.text)
    }

    fn enter(&mut self) {
        self.at.push(self.tokens[self.next + 1].text.clone());
        self.open.push(self.depth);
        self.depth += 1;
        self.next += 2;
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.open.last() == Some(&self.depth) {
            self.open.pop();
            self.at.pop();
        }
    }

    /// One branch of a `use`, behind the words that lead to it.
    fn tree(&mut self, stem: &[String]) {
        let mut path = stem.to_vec();
        let line = self.tokens.get(self.next).map_or(0, |token| token.line);
        loop {
            let Some(token) = self.peek(0).map(str::to_owned) else {
                return;
            };
            self.next += 1;
            match &*token {
                "::" => continue,
                "{" => return self.group(&path),
                "*" => break,
                "self" if !path.is_empty() => break,
                _ => path.push(token),
            }
            if self.peek(0) != Some("::") {
                break;
            }
        }
        let mut name = path.last().cloned();
        if self.peek(0) == Some("as") {
            name = self.peek(1).map(str::to_owned);
            self.next += 2;
        }
        self.note(&path, line, name);
    }

    fn group(&mut self, stem: &[String]) {
        while let Some(token) = self.peek(0) {
            match token {
                "}" => {
                    self.next += 1;
                    return;
                }
                "," => self.next += 1,
                _ => self.tree(stem),
            }
        }
    }

    /// A path in the code: its first word decides whether it is ours.
    fn path(&mut self) {
        let line = self.tokens[self.next].line;
        let rooted = self.next > 0 && self.tokens[self.next - 1].text == "::";
        let mut path = vec![self.tokens[self.next].text.clone()];
        self.next += 1;
        while self.peek(0) == Some("::")
            && self.tokens.get(self.next + 1).is_some_and(Token::is_word)
        {
            path.push(self.tokens[self.next + 1].text.clone());
            self.next += 2;
        }
        if !rooted {
            self.note(&path, line, None);
        }
    }

    fn note(&mut self, path: &[String], line: usize, name: Option<String>) {
        let Some(path) = self.resolve(path) else {
            return;
        };
        if let Some(name) = name {
            self.named.insert(name, path.clone());
        }
        self.found.insert(Import { path, line });
    }

    /// The path from the crate's root, as the compiler finds it; nothing for another crate's.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = self.at.clone();
        let (first, mut rest) = path.split_first()?;
        match &**first {
            "crate" | "jit" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
                while rest.first().is_some_and(|word| word == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            name if self.inner.contains(name) || self.is_child(name) => base.push(name.to_owned()),
            name => base.clone_from(self.named.get(name)?),
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn is_child(&self, name: &str) -> bool {
        let child: Vec<String> = self.at.iter().cloned().chain([name.to_owned()]).collect();
        self.modules.contains(&child)
    }
}

fn inline_modules(tokens: &[Token]) -> BTreeSet<String> {
    tokens
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == "{")
        .map(|three| three[1].text.clone())
        .collect()
}
