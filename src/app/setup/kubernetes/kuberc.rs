//! kubectl's own preferences (kuberc): where they allow some plugins only, ours is one of them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    super::{
        block,
        edit::Edit,
        ground::{Ground, Plan},
    },
    document::{self, Changes, KIND},
    entries,
};
use crate::{domain::failure::Result, platform::files};

const LIST: &str = "credentialPluginAllowlist";

/// The file that kubectl reads; none where `KUBERC` says so.
fn file(ground: &Ground<'_>) -> Option<PathBuf> {
    let environment = ground.environment();
    match environment.text("KUBERC") {
        Some("off") => None,
        Some(named) => Some(environment.directory.join(named)),
        None => environment.in_home(".kube/kuberc"),
    }
}

/// Adds leave for our plugin where others have leave and it has none.
pub(super) fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<()> {
    let Some(file) = file(ground) else {
        return Ok(());
    };
    let Some(text) = files::read_text(&file)? else {
        return Ok(());
    };
    let shown = file.display();
    let clean = block::take(&text, KIND)?.unwrap_or_default();
    let Some(root) = document::value(&clean) else {
        let hint = "where it allows some credential plugins only, jit has to be one of them";
        plan.notes.push(format!(
            "{shown} is in a form that jit does not read: {hint}"
        ));
        return Ok(());
    };
    let command = ground.program.first().map_or("jit", String::as_str);
    let after = match entries::text(&root, "/credentialPluginPolicy") {
        "DenyAll" => {
            plan.notes.push(format!(
                "{shown} has credentialPluginPolicy: DenyAll, so kubectl runs no plugin, jit among them; Allowlist lets you name it"
            ));
            Some(clean)
        }
        "Allowlist" if !is_allowed(&root, command) => {
            let edited = document::edited(Some(&clean), &entry(&root, command));
            if edited.is_none() {
                plan.notes.push(format!(
                    "{shown} is in a form that jit does not edit; add to {LIST}: - name: {command}"
                ));
            }
            edited
        }
        _ => Some(clean),
    };
    let after = after.unwrap_or_else(|| text.clone());
    plan.edits.extend((after != text).then_some(Edit {
        file,
        before: Some(text),
        after: Some(after),
    }));
    Ok(())
}

/// The file without our entry.
pub(super) fn undo(ground: &Ground<'_>, plan: &mut Plan) -> Result<()> {
    let edit = file(ground)
        .map(|file| Edit::without_blocks(file, KIND))
        .transpose()?;
    plan.edits.extend(edit.flatten());
    Ok(())
}

fn is_allowed(root: &Value, command: &str) -> bool {
    entries::of(root, LIST)
        .any(|entry| entries::text(entry, "/command") == command || entries::name(entry) == command)
}

/// The key is `command` since kubectl 1.36, which still reads the `name` of 1.35.
fn entry(root: &Value, command: &str) -> Changes {
    let is_new = entries::of(root, LIST).any(|entry| entry.get("command").is_some());
    let key = if is_new { "command" } else { "name" };
    let mut changes = Changes::default();
    changes.items.insert(LIST, vec![json!({ key: command })]);
    changes
}
