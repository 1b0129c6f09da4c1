//! `jit setup kubernetes`: the exec plugin in the user's kubeconfig, and leave for it in the kuberc.

mod commands;
mod document;
mod entries;
mod former;
mod kuberc;
mod places;
mod wanted;
mod yaml;

use std::{collections::BTreeSet, path::PathBuf};

use self::{
    document::Changes,
    former::{Cleaned, Done, Former, cleaned},
    wanted::{Desk, Wanted},
};
use super::{
    edit::Edit,
    ground::{Ground, Plan},
};
use crate::{
    domain::failure::{Failure, Result},
    platform::files,
    tools::kubernetes::kubeconfig,
};

/// A file, as it is and without what is ours.
struct File {
    path: PathBuf,
    text: Option<String>,
    clean: Option<String>,
}

/// What the files should be.
pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut former = Former::load(ground)?;
    let paths = kubeconfig::files_of(ground.environment());
    let files = read(&paths, &former, &mut plan.notes)?;
    let texts: Vec<(PathBuf, Option<String>)> = files
        .iter()
        .map(|file| (file.path.clone(), file.clean.clone()))
        .collect();
    let Some(desk) = Desk::of(&texts)? else {
        return Err(
            Failure::failed("there is no home directory").hint("set HOME to an absolute path")
        );
    };
    let wanted = Wanted::of(ground, &desk);
    plan.notes.extend(wanted.notes);
    for file in files {
        let changes = wanted
            .changes
            .get(&file.path)
            .filter(|changes| !changes.is_empty());
        former.0.remove(&file.path);
        if let Some(changes) = changes {
            former.0.insert(file.path.clone(), done(&file, changes));
        }
        plan.edits.extend(edit(file, changes)?);
    }
    plan.edits.extend(former.edit(ground)?);
    kuberc::plan(ground, &mut plan)?;
    Ok(plan)
}

/// What the files were.
pub(super) fn undo(ground: &Ground<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut former = Former::load(ground)?;
    let listed = kubeconfig::files_of(ground.environment());
    let paths: BTreeSet<PathBuf> = listed.into_iter().chain(former.0.keys().cloned()).collect();
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    for file in read(&paths, &former, &mut plan.notes)? {
        former.0.remove(&file.path);
        plan.edits.extend(edit(file, None)?);
    }
    plan.edits.extend(former.edit(ground)?);
    kuberc::undo(ground, &mut plan)?;
    Ok(plan)
}

/// The files as they are and without what is ours; what is said about it goes to the notes.
fn read(paths: &[PathBuf], former: &Former, notes: &mut Vec<String>) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for path in paths {
        let text = files::read_text(path)?;
        let shown = path.display();
        let Some(now) = &text else {
            files.push(File {
                path: path.clone(),
                text,
                clean: None,
            });
            continue;
        };
        let Cleaned {
            text: clean,
            was_rewritten,
            left,
        } = cleaned(now, former.0.get(path)).map_err(|failure| Failure {
            message: format!("{shown}: {}", failure.message),
            ..failure
        })?;
        if was_rewritten {
            notes.push(format!(
                "{shown} was rewritten since setup, so what is ours was found by its names; the text of before setup is in the backups below jit's state directory"
            ));
        }
        for context in left {
            notes.push(format!(
                "the context {context:?} keeps jit's user, since nobody knows which it had; run: kubectl config set-context {context} --user=USER"
            ));
        }
        files.push(File {
            path: path.clone(),
            text,
            clean,
        });
    }
    Ok(files)
}

/// The file with the changes.
///
/// # Errors
/// It is written in a form that is not edited; the hint has the commands that do the same.
fn edit(file: File, changes: Option<&Changes>) -> Result<Option<Edit>> {
    let after = match changes {
        None => file.clean,
        Some(changes) => {
            let edited = document::edited(file.clean.as_deref(), changes);
            Some(edited.ok_or_else(|| {
                let shown = file.path.display();
                Failure::failed(format!(
                    "{shown} is written in a form that jit does not edit"
                ))
                .hint(format!(
                    "do it yourself:\n{}",
                    commands::of(&file.path, changes)
                ))
            })?)
        }
    };
    Ok((file.text != after).then_some(Edit {
        file: file.path,
        before: file.text,
        after,
    }))
}

/// What the changes do to the file, to be taken back one day.
fn done(file: &File, changes: &Changes) -> Done {
    let names = |list: &str| {
        let items = changes.items.get(list).into_iter().flatten();
        items.map(|item| entries::name(item).to_owned()).collect()
    };
    let root = document::value(file.clean.as_deref().unwrap_or_default()).unwrap_or_default();
    let had = |context: &String| {
        let mut contexts = entries::of(&root, "contexts");
        let entry = contexts.find(|entry| entries::name(entry) == context);
        let user = entry.and_then(|entry| entry.pointer("/context/user")?.as_str());
        (context.clone(), user.map(str::to_owned))
    };
    Done {
        new: file.clean.is_none(),
        users: changes.users.keys().map(had).collect(),
        contexts: names("contexts"),
        clusters: names("clusters"),
    }
}

#[cfg(test)]
mod tests;
