//! A YAML file of kubectl's, changed as text: items are put into its lists, contexts get another user,
//! and whatever else stands there stays as it was written.
//!
//! Where things are is guessed from how kubectl itself writes; then the text is read before and after,
//! and only where exactly what was wanted has changed does the guess count.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    super::block::{self, Place},
    entries, places, yaml,
};

/// The name of our blocks.
pub(super) const KIND: &str = "kubernetes";

/// What is to change in one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// List → what is put before its first item.
    pub(super) items: BTreeMap<&'static str, Vec<Value>>,
    /// Context → its user.
    pub(super) users: BTreeMap<String, String>,
    /// What a file has besides, where nothing is in it yet.
    pub(super) head: Map<String, Value>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.items.values().all(Vec::is_empty) && self.users.is_empty()
    }

    /// What the file would hold.
    fn applied(&self, before: &Value) -> Value {
        let is_blank = before.is_null();
        let mut root = before.as_object().cloned().unwrap_or_default();
        if is_blank {
            root.extend(self.head.clone());
        }
        for (list, new) in &self.items {
            let old = root.get(*list).and_then(Value::as_array).cloned();
            let mut all = new.clone();
            all.extend(old.unwrap_or_default());
            root.insert((*list).to_owned(), all.into());
        }
        let contexts = root.get_mut("contexts").and_then(Value::as_array_mut);
        for entry in contexts.into_iter().flatten() {
            let user = self.users.get(entries::name(entry)).cloned();
            let context = entry.get_mut("context").and_then(Value::as_object_mut);
            if let (Some(user), Some(context)) = (user, context) {
                context.insert("user".to_owned(), user.into());
            }
        }
        root.into()
    }
}

/// What a text holds; nothing where it is no YAML, or more than one document.
pub(super) fn value(text: &str) -> Option<Value> {
    if text.trim().is_empty() {
        return Some(Value::Null);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Option<Value> = serde_saphyr::from_str_with_options(text, options).ok()?;
    value.map_or(Some(Value::Null), |value| {
        value.is_object().then_some(value)
    })
}

/// Whether both hold the same; a list that is not there, null or empty is one and the same.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    let plain = |value: &Value| {
        let mut root = value.as_object().cloned().unwrap_or_default();
        root.retain(|_, value| {
            !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
        });
        root
    };
    plain(one) == plain(other)
}

/// The text with the changes; nothing where it is written in a form that cannot be changed safely.
pub(super) fn edited(text: Option<&str>, changes: &Changes) -> Option<String> {
    let before = value(text.unwrap_or_default())?;
    let is_tabbed = |line: &str| line.trim_start_matches(' ').starts_with('\t');
    if text.is_some_and(|text| text.lines().any(is_tabbed)) {
        return None;
    }
    let wanted = changes.applied(&before);
    let after = if before.is_null() {
        block::put(text, KIND, Place::End, &yaml::mapping(wanted.as_object()?))
    } else {
        written(text?, changes)?
    };
    is_same(&value(&after)?, &wanted).then_some(after)
}

fn written(text: &str, changes: &Changes) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut aside = Vec::new();
    // Behind so many lines of the text, these.
    let mut blocks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut end = Vec::new();
    for (list, items) in changes.items.iter().filter(|(_, items)| !items.is_empty()) {
        let whole = || yaml::list(list, items);
        match places::list(&lines, list)? {
            places::List::Absent => end.extend(whole()),
            places::List::Empty { line } => {
                aside.push(line);
                blocks.insert(line + 1, whole());
            }
            places::List::Items { line, indentation } => {
                let items = items.iter().flat_map(yaml::item);
                let items = items.map(|line| format!("{indentation}{line}"));
                blocks.insert(line + 1, items.collect());
            }
        }
    }
    let contexts = places::contexts(text)?;
    for (context, user) in &changes.users {
        let place = places::user(&lines, contexts.get(context)?)?;
        if place.is_there {
            aside.push(place.line);
        }
        let line = format!("{}user: {}", place.indentation, yaml::scalar(user));
        blocks.insert(place.line + 1, vec![line]);
    }
    let mut after = block::set_aside(text, &aside);
    if !end.is_empty() {
        after = block::put(Some(&after), KIND, Place::End, &end);
    }
    // From the last to the first, so that the lines before a block keep their numbers.
    for (count, lines) in blocks.into_iter().rev() {
        after = block::put(Some(&after), KIND, Place::Behind(count), &lines);
    }
    Some(after)
}
