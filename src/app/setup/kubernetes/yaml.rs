//! Values as YAML in block style, as kubectl writes it.

use serde_json::{Map, Value};

/// The lines of a mapping.
pub(super) fn mapping(map: &Map<String, Value>) -> Vec<String> {
    map.iter()
        .flat_map(|(key, value)| entry(key, value))
        .collect()
}

/// The lines of a key with a list.
pub(super) fn list(key: &str, items: &[Value]) -> Vec<String> {
    entry(key, &items.to_vec().into())
}

/// The lines of an item of a list.
pub(super) fn item(value: &Value) -> Vec<String> {
    let lines = match value.as_object() {
        Some(map) => mapping(map),
        None => vec![plain(value)],
    };
    let dashed = lines.iter().enumerate().map(|(index, line)| {
        let prefix = if index == 0 { "- " } else { "  " };
        format!("{prefix}{line}")
    });
    dashed.collect()
}

fn entry(key: &str, value: &Value) -> Vec<String> {
    let below: Vec<String> = if let Some(map) = value.as_object() {
        let lines = mapping(map).into_iter();
        lines.map(|line| format!("  {line}")).collect()
    } else if let Some(items) = value.as_array() {
        items.iter().flat_map(item).collect()
    } else {
        return vec![format!("{key}: {}", plain(value))];
    };
    [vec![format!("{key}:")], below].concat()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), scalar)
}

/// A string, in quotes where it could be read as something else. JSON's strings are YAML's.
pub(super) fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(':')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_./:@+-".contains(c));
    let is_said = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_said {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_looks_as_kubectl_writes_it() {
        let value = json!({ "a": [{ "b": { "c": true }, "d": ["x", "no"] }], "e": "", "f": {} });
        insta::assert_snapshot!(mapping(value.as_object().unwrap()).join("\n"), @r#"
        a:
        - b:
            c: true
          d:
          - x
          - "no"
        e: ""
        f:
        "#);
    }

    proptest! {
        #[test]
        fn a_text_is_itself(text in "\\PC{0,8}|[a-z]{1,5}|[0-9.e:#-]{0,5}|[\\x00-\\x1f\"\\\\]{0,3}") {
            let lines = item(&json!({ "k": text }));
            let read: Value = serde_saphyr::from_str(&format!("l:\n{}\n", lines.join("\n"))).unwrap();
            prop_assert_eq!(read, json!({ "l": [{ "k": text }] }));
        }
    }
}
