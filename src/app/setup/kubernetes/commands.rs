//! The same changes as commands of kubectl, for files that are not edited.

use std::path::Path;

use serde_json::Value;

use super::{document::Changes, entries};

/// One command a line, for a shell.
pub(super) fn of(file: &Path, changes: &Changes) -> String {
    let mut lines = Vec::new();
    for (verb, list) in [
        ("set-credentials", "users"),
        ("set-cluster", "clusters"),
        ("set-context", "contexts"),
    ] {
        for item in changes.items.get(list).into_iter().flatten() {
            let mut words = vec![verb.to_owned(), entries::name(item).to_owned()];
            words.extend(match list {
                "users" => user(item),
                "clusters" => flags(item, "/cluster", &["server", "certificate-authority"]),
                _ => flags(item, "/context", &["cluster", "namespace", "user"]),
            });
            lines.push(words);
        }
    }
    for (context, user) in &changes.users {
        lines.push(vec![
            "set-context".to_owned(),
            context.clone(),
            format!("--user={user}"),
        ]);
    }
    let file = quoted(&file.to_string_lossy());
    let line = |words: &Vec<String>| {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        format!("  kubectl config --kubeconfig {file} {}", words.join(" "))
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn user(item: &Value) -> Vec<String> {
    let text = |key: &str| entries::text(item, &format!("/user/exec/{key}"));
    let mut words = vec![
        format!("--exec-api-version={}", text("apiVersion")),
        format!("--exec-command={}", text("command")),
        format!("--exec-interactive-mode={}", text("interactiveMode")),
        "--exec-provide-cluster-info=true".to_owned(),
    ];
    let arguments = item.pointer("/user/exec/args").and_then(Value::as_array);
    let arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
    words.extend(arguments.map(|word| format!("--exec-arg={word}")));
    words
}

fn flags(item: &Value, below: &str, keys: &[&str]) -> Vec<String> {
    let flag = |key: &&str| {
        let value = entries::text(item, &format!("{below}/{key}"));
        (!value.is_empty()).then(|| format!("--{key}={value}"))
    };
    keys.iter().filter_map(flag).collect()
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@=+-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
