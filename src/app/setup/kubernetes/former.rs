//! What was there before setup, for files whose marks are gone: `kubectl config` writes a file anew and
//! leaves its comments out, ours among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{block, edit::Edit, ground::Ground},
    document::{self, KIND},
    entries, places, yaml,
};
use crate::{
    domain::failure::{Failure, Result},
    platform::files,
};

/// What the name of each of our users begins with.
pub(super) const OURS: &str = "jit:";

/// Per file, what setup did to it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Former(pub(super) BTreeMap<PathBuf, Done>);

/// What setup did to one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    /// Whether setup made the file.
    pub(super) new: bool,
    /// Context → the user that it had, if it had one.
    pub(super) users: BTreeMap<String, Option<String>>,
    /// The contexts that setup added.
    pub(super) contexts: BTreeSet<String>,
    /// The clusters that setup added.
    pub(super) clusters: BTreeSet<String>,
}

/// A text without what is ours.
#[derive(Debug, PartialEq)]
pub(super) struct Cleaned {
    /// What is left; nothing where setup made the file and nothing else is in it.
    pub(super) text: Option<String>,
    /// Whether the marks were gone.
    pub(super) was_rewritten: bool,
    /// Contexts that still have our user, since nobody knows which one they had.
    pub(super) left: Vec<String>,
}

impl Former {
    fn file(ground: &Ground<'_>) -> PathBuf {
        ground.own("kubernetes.json")
    }

    /// What is remembered; nothing before the first setup.
    pub(super) fn load(ground: &Ground<'_>) -> Result<Self> {
        let file = Self::file(ground);
        let Some(text) = files::read_text(&file)? else {
            return Ok(Self::default());
        };
        serde_json::from_str(&text).map_err(|_| {
            let shown = file.display();
            Failure::failed(format!("{shown} is not what setup wrote"))
                .hint(format!("remove it: rm '{shown}'"))
        })
    }

    /// The file in which this is remembered.
    pub(super) fn edit(&self, ground: &Ground<'_>) -> Result<Option<Edit>> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::failed("what was there cannot be kept").because(&error))?;
        let text = (!self.0.is_empty()).then(|| format!("{text}\n"));
        Edit::whole(Self::file(ground), text)
    }
}

/// Whether a user's entry is ours: it has our name, and calls our plugin.
fn is_ours(user: &Value) -> bool {
    let arguments = user.pointer("/user/exec/args").and_then(Value::as_array);
    let mut words = arguments.into_iter().flatten();
    entries::name(user).starts_with(OURS) && words.any(|word| word == "exec-credential")
}

fn names(root: &Value, list: &str, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let entries = entries::of(root, list).filter(|entry| wanted(entry));
    entries
        .map(|entry| entries::name(entry).to_owned())
        .collect()
}

/// The text without our marked blocks, and without our entries where the marks are gone.
///
/// # Errors
/// A block is torn, or the entries stand there in a form that is not kubectl's.
pub(super) fn cleaned(text: &str, done: Option<&Done>) -> Result<Cleaned> {
    let fine = |text| Cleaned {
        text,
        was_rewritten: false,
        left: Vec::new(),
    };
    let Some(text) = block::take(text, KIND)? else {
        return Ok(fine(None));
    };
    let root = document::value(&text).unwrap_or_default();
    let ours = names(&root, "users", is_ours);
    if ours.is_empty() {
        return Ok(fine(Some(text)));
    }
    let nothing = Done::default();
    let plan = Removal::of(&root, &ours, done.unwrap_or(&nothing));
    let cleaned = plan.carried_out(&text).ok_or_else(|| {
        Failure::failed(format!(
            "it was rewritten since setup, and the users {} stand there in a form that jit does not edit",
            plan.users.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        ))
        .hint("give their contexts another user by \"kubectl config set-context NAME --user=USER\", or restore the backup below jit's state directory")
    })?;
    let is_empty = |list: &&str| {
        names(&document::value(&cleaned).unwrap_or_default(), list, |_| {
            true
        })
        .is_empty()
    };
    let is_only_ours =
        done.is_some_and(|done| done.new) && ["clusters", "contexts", "users"].iter().all(is_empty);
    Ok(Cleaned {
        text: (!is_only_ours).then_some(cleaned),
        was_rewritten: true,
        left: plan.left,
    })
}

/// What is taken out of a rewritten file.
struct Removal {
    users: BTreeSet<String>,
    contexts: BTreeSet<String>,
    clusters: BTreeSet<String>,
    /// Context → the user that it gets back, if it had one.
    back: BTreeMap<String, Option<String>>,
    /// Contexts that keep our user.
    left: Vec<String>,
}

impl Removal {
    fn of(root: &Value, ours: &BTreeSet<String>, done: &Done) -> Self {
        let user = |context: &Value| entries::text(context, "/context/user").to_owned();
        let with_ours = names(root, "contexts", |context| ours.contains(&user(context)));
        let contexts: BTreeSet<String> = with_ours.intersection(&done.contexts).cloned().collect();
        let mut back = done.users.clone();
        back.retain(|context, _| with_ours.contains(context));
        let is_left = |name: &&String| !contexts.contains(*name) && !back.contains_key(*name);
        let left: BTreeSet<String> = with_ours.iter().filter(is_left).cloned().collect();
        let others: Vec<&Value> = entries::of(root, "contexts")
            .filter(|context| !contexts.contains(entries::name(context)))
            .collect();
        let is_unused = |cluster: &&String| {
            let mut others = others.iter();
            others.all(|other| entries::text(other, "/context/cluster") != **cluster)
        };
        let clusters = done.clusters.iter().filter(is_unused).cloned().collect();
        let kept: BTreeSet<String> = others
            .iter()
            .filter(|context| left.contains(entries::name(context)))
            .map(|context| user(context))
            .collect();
        Self {
            users: ours.difference(&kept).cloned().collect(),
            contexts,
            clusters,
            back,
            left: left.into_iter().collect(),
        }
    }

    /// What the file would hold.
    fn applied(&self, root: &Value) -> Value {
        let mut root = root.clone();
        for (list, gone) in self.gone() {
            if let Some(entries) = root.get_mut(list).and_then(Value::as_array_mut) {
                entries.retain(|entry| !gone.contains(entries::name(entry)));
            }
        }
        let contexts = root.get_mut("contexts").and_then(Value::as_array_mut);
        for entry in contexts.into_iter().flatten() {
            let former = self.back.get(entries::name(entry)).cloned();
            let context = entry.get_mut("context").and_then(Value::as_object_mut);
            if let (Some(former), Some(context)) = (former, context) {
                match former {
                    Some(user) => context.insert("user".to_owned(), user.into()),
                    None => context.remove("user"),
                };
            }
        }
        root
    }

    /// What goes, list by list.
    const fn gone(&self) -> [(&'static str, &BTreeSet<String>); 3] {
        [
            ("users", &self.users),
            ("contexts", &self.contexts),
            ("clusters", &self.clusters),
        ]
    }

    fn carried_out(&self, text: &str) -> Option<String> {
        let before = document::value(text)?;
        let mut gone = Vec::new();
        for (list, names) in self.gone() {
            gone.extend(
                places::items(text, list, |name| names.contains(name))?
                    .into_iter()
                    .flatten(),
            );
        }
        let lines: Vec<&str> = text.lines().collect();
        let contexts = places::contexts(text)?;
        let mut changed: BTreeMap<usize, String> = BTreeMap::new();
        for (context, user) in &self.back {
            let place = places::user(&lines, contexts.get(context)?)?;
            match user {
                Some(user) => {
                    let line = format!("{}user: {}", place.indentation, yaml::scalar(user));
                    changed.insert(place.line, line);
                }
                None => gone.push(place.line),
            }
        }
        let kept = text
            .split_inclusive('\n')
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        let after: String = kept
            .map(|(at, line)| {
                let end = line.trim_start_matches(|c| c != '\n' && c != '\r');
                changed
                    .get(&at)
                    .map_or_else(|| line.to_owned(), |new| format!("{new}{end}"))
            })
            .collect();
        document::is_same(&document::value(&after)?, &self.applied(&before)).then_some(after)
    }
}
