//! The entries of a kubeconfig's lists, looked at as values.

use serde_json::Value;

/// The entries of a list; none where there is no such list.
pub(super) fn of<'a>(root: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let entries = root.get(list).and_then(Value::as_array);
    entries.into_iter().flatten()
}

/// The text at a path such as `/context/user`; empty where there is none.
pub(super) fn text<'a>(entry: &'a Value, path: &str) -> &'a str {
    entry
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The name of an entry.
pub(super) fn name(entry: &Value) -> &str {
    text(entry, "/name")
}
