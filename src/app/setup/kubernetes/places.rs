//! Where the lists, contexts and users of a kubeconfig stand in its text.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use serde_saphyr::Spanned;

/// Where a list stands; lines are counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Nowhere.
    Absent,
    /// On this line, which says that it is empty.
    Empty { line: usize },
    /// Behind this line, its items so far from the margin.
    Items { line: usize, indentation: String },
}

/// Where the list of that name stands; nothing where it is not written as block lists are.
pub(super) fn list(lines: &[&str], name: &str) -> Option<List> {
    let value = |line: &&str| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        (value.is_empty() || value.starts_with([' ', '\t'])).then(|| uncommented(value).to_owned())
    };
    let mut found = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, value(line)?)));
    let Some((line, value)) = found.next() else {
        return Some(List::Absent);
    };
    if found.next().is_some() {
        return None;
    }
    match value.as_str() {
        "[]" | "null" | "~" => Some(List::Empty { line }),
        "" => {
            let first = lines
                .iter()
                .skip(line + 1)
                .find(|line| !uncommented(line).is_empty());
            let indentation = first
                .filter(|first| is_item(first))
                .map_or("", |first| margin(first));
            Some(List::Items {
                line,
                indentation: indentation.to_owned(),
            })
        }
        _ => None,
    }
}

fn is_item(line: &str) -> bool {
    let text = line.trim();
    text == "-" || text.starts_with("- ")
}

fn margin(line: &str) -> &str {
    let length = line.len() - line.trim_start_matches(' ').len();
    line.get(..length).unwrap_or_default()
}

/// What is left of a line without blanks and a comment; none of what is looked for holds a `#`.
fn uncommented(line: &str) -> &str {
    let text = line.trim();
    if text.starts_with('#') {
        return "";
    }
    text.split(" #").next().unwrap_or_default().trim_end()
}

/// A context, as it stands in the text.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Context {
    cluster: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
}

/// The contexts by name; nothing where the text is no kubeconfig.
pub(super) fn contexts(text: &str) -> Option<BTreeMap<String, Context>> {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        contexts: Option<Vec<Named>>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
        #[serde(default)]
        context: Option<Context>,
    }
    let written: Written = read(text)?;
    let named = written.contexts.unwrap_or_default().into_iter();
    Some(
        named
            .map(|named| (named.name, named.context.unwrap_or_default()))
            .collect(),
    )
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// Where the user of a context stands, or should stand.
pub(super) struct User {
    /// Its line, or the line before it.
    pub(super) line: usize,
    /// Whether it is on that line.
    pub(super) is_there: bool,
    /// What is before the key.
    pub(super) indentation: String,
}

/// Where a context's user stands; nothing where the line holds anything else.
pub(super) fn user(lines: &[&str], context: &Context) -> Option<User> {
    let (value, key) = match (&context.user, &context.cluster) {
        (Some(user), _) => (user, "user:"),
        (None, Some(cluster)) => (cluster, "cluster:"),
        (None, None) => return None,
    };
    let line = usize::try_from(value.referenced.line())
        .ok()?
        .checked_sub(1)?;
    let before = usize::try_from(value.referenced.column())
        .ok()?
        .checked_sub(1)?;
    let text = lines.get(line)?;
    let before: String = text.chars().take(before).collect();
    (before.trim() == key).then(|| User {
        line,
        is_there: context.user.is_some(),
        indentation: margin(text).to_owned(),
    })
}

/// The lines of those items of a list whose names are `wanted`; nothing where the list is not
/// written as kubectl writes it.
pub(super) fn items(
    text: &str,
    key: &str,
    wanted: impl Fn(&str) -> bool,
) -> Option<Vec<Range<usize>>> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let lines: Vec<&str> = text.lines().collect();
    let List::Items { line, indentation } = list(&lines, key)? else {
        return Some(Vec::new());
    };
    let start = format!("{indentation}- ");
    let is_inside = |line: &&&str| margin(line).len() > indentation.len();
    let mut found = Vec::new();
    let mut at = line + 1;
    while lines.get(at).is_some_and(|line| line.starts_with(&start)) {
        let behind = at + 1 + lines.iter().skip(at + 1).take_while(is_inside).count();
        let named: Vec<Named> = read(&lines.get(at..behind)?.join("\n"))?;
        if named.iter().any(|named| wanted(&named.name)) {
            found.push(at..behind);
        }
        at = behind;
    }
    Some(found)
}
