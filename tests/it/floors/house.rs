//! The rules of the house, checked on any tree of sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{imports::imports, tokens::tokens};

/// The rooms of each floor, from the ground.
const FLOORS: [&[&str]; 7] = [
    &["domain"],
    &["platform", "protocol"],
    &[
        "issuers", "store", "policy", "verify", "cache", "config", "tools",
    ],
    &["authority", "remote"],
    &["app", "server"],
    &["cli"],
    &["main"],
];

const LONGEST: usize = 400;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Sources by their path below `src/`: `app/exec.rs`.
pub(super) type Tree = BTreeMap<String, String>;

/// One file naming another, and on which line.
type Arrows = BTreeMap<String, BTreeMap<String, usize>>;

/// Everything that is wrong with the arrows of a tree.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let files: BTreeMap<Vec<String>, &str> =
        tree.keys().map(|file| (module(file), &**file)).collect();
    let modules: BTreeSet<Vec<String>> = files.keys().cloned().collect();
    let mut faults = Vec::new();
    let mut arrows = Arrows::new();
    for (file, source) in tree {
        let at = module(file);
        let mut fault = |line, what| {
            faults.push(Fault {
                file: file.clone(),
                line,
                what,
            });
        };
        if floor(&room(file)).is_none() && file != "lib.rs" {
            fault(
                1,
                format!(
                    "{} has no floor; give it one in tests/it/floors/house.rs",
                    room(file)
                ),
            );
        }
        for line in detours(source) {
            fault(
                line,
                "a source that is not where its name says cannot be checked".to_owned(),
            );
        }
        for import in imports(source, &at, &modules) {
            let target = (0..=import.path.len())
                .rev()
                .find_map(|length| files.get(&import.path[..length]))
                .map_or("lib.rs", |target| target);
            if target == file {
                continue;
            }
            if let Some(what) = forbidden(file, target, &import.path) {
                fault(import.line, what);
            }
            arrows
                .entry(file.clone())
                .or_default()
                .entry(target.to_owned())
                .or_insert(import.line);
        }
    }
    faults.extend(both_roof_and_floor(&arrows));
    faults.extend(circles(&arrows));
    faults.sort();
    faults.dedup();
    faults
}

/// What is wrong with a source whatever it imports.
pub(super) fn shape(file: &str, source: &str) -> Vec<Fault> {
    let fault = |line, what: &str| Fault {
        file: file.to_owned(),
        line,
        what: what.to_owned(),
    };
    let mut faults = Vec::new();
    let first = source.lines().next().unwrap_or_default();
    if first
        .strip_prefix("//! ")
        .is_none_or(|says| says.trim().len() <= 10)
    {
        faults.push(fault(
            1,
            "the first line is a `//!` that says what this room is for",
        ));
    }
    let lines = source.lines().count();
    if lines > LONGEST {
        faults.push(fault(lines, "longer than 400 lines: split it"));
    }
    faults
}

/// The lines of `#[path = …]` and `include!`.
fn detours(source: &str) -> Vec<usize> {
    tokens(source)
        .windows(3)
        .filter(|three| {
            matches!(
                [0, 1, 2].map(|at| &*three[at].text),
                ["[", "path", "="] | ["include", "!", _]
            )
        })
        .map(|three| three[0].line)
        .collect()
}

/// `app/exec.rs` is the module app, exec; `lib.rs` the root.
fn module(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if stem == "lib" {
        return Vec::new();
    }
    stem.split('/').map(str::to_owned).collect()
}

/// The first module of a file: the room that has a floor.
fn room(file: &str) -> String {
    module(file).into_iter().next().unwrap_or_default()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The tests of a room that have a file of their own.
fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

/// Why `file` may not name `target`, if it may not.
fn forbidden(file: &str, target: &str, path: &[String]) -> Option<String> {
    let path = path.join("::");
    let (here, there) = (room(file), room(target));
    if target == "lib.rs" {
        return Some(format!(
            "{path:?} is not in a room: lib.rs is the map and holds nothing"
        ));
    }
    if file == "lib.rs" {
        return Some(format!("the map imports nothing, but here {path}"));
    }
    if is_test(target) && !is_test(file) {
        return Some(format!("{path} is a test, which nobody imports"));
    }
    if here == there {
        return None;
    }
    if here == "main" && there != "cli" {
        return Some(format!("main knows cli only, but imports {path}"));
    }
    let (Some(from), Some(to)) = (floor(&here), floor(&there)) else {
        return None; // said already
    };
    match from.cmp(&to) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Equal => Some(format!(
            "{here} and {there} share floor {from} and may not see each other: {path}"
        )),
        std::cmp::Ordering::Less => Some(format!(
            "an arrow that points up, from {here} (floor {from}) to {path} (floor {to})"
        )),
    }
}

/// Every `mod.rs` that names its children while children name it. Its tests may look at it.
fn both_roof_and_floor(arrows: &Arrows) -> Vec<Fault> {
    let roofs = arrows.iter().filter(|(file, _)| file.ends_with("/mod.rs"));
    roofs
        .filter_map(|(roof, below)| {
            let inside = roof.trim_end_matches("mod.rs");
            let (child, line) = below.iter().find(|(file, _)| file.starts_with(inside))?;
            let back = arrows.iter().find(|(file, targets)| {
                file.starts_with(inside) && !is_test(file) && targets.contains_key(roof)
            })?;
            let what = format!(
                "roof and floor at once: it imports {child}, and {}:{} imports it",
                back.0, back.1[roof]
            );
            Some(Fault {
                file: roof.clone(),
                line: *line,
                what,
            })
        })
        .collect()
}

/// Every circle of files that import each other, each said once, from its first file.
fn circles(arrows: &Arrows) -> Vec<Fault> {
    let mut said = BTreeSet::new();
    arrows
        .keys()
        .filter_map(|start| shortest_circle(start, arrows))
        .filter(|circle| said.insert(circle.iter().copied().collect::<BTreeSet<_>>()))
        .map(|circle| {
            let steps: Vec<String> = circle
                .iter()
                .zip(circle.iter().cycle().skip(1))
                .map(|(from, to)| format!("{from}:{} → {to}", arrows[*from][*to]))
                .collect();
            Fault {
                file: circle[0].to_owned(),
                line: arrows[circle[0]][circle[1]],
                what: format!("a circle: {}", steps.join(", ")),
            }
        })
        .collect()
}

/// The shortest way from a file back to itself, breadth first.
fn shortest_circle<'a>(start: &'a str, arrows: &'a Arrows) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in arrows
                .get(way[way.len() - 1])
                .into_iter()
                .flat_map(BTreeMap::keys)
            {
                if next == start {
                    return Some(way);
                }
                if seen.insert(&**next) {
                    longer.push([&way[..], &[&**next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
