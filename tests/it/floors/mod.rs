//! The test that keeps the floors: every arrow between the sources points down, and none in a circle.

mod house;
mod imports;
mod tokens;

use std::{
    fs,
    path::{Path, PathBuf},
};

use house::{Fault, Tree, faults, shape};
use tokens::tokens;

#[test]
fn every_arrow_points_down_and_none_in_a_circle() {
    let tree = sources("src");
    assert!(tree.len() > 40, "the sources are elsewhere");
    let found = faults(&tree);
    assert!(found.is_empty(), "in src/:\n{}", lines(&found));
}

#[test]
fn every_room_says_what_it_is_for_and_can_be_seen_whole() {
    let found: Vec<Fault> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(|place| {
            sources(place)
                .into_iter()
                .flat_map(move |(file, source)| shape(&format!("{place}/{file}"), &source))
        })
        .collect();
    assert!(found.is_empty(), "\n{}", lines(&found));
}

/// Where something is recorded that no caller asked for, and why no caller's standing is a condition of it.
const WITHOUT_A_CALLER: &[(&str, usize, &str)] = &[
    ("authority/issue.rs", 1, "a credential could not be made"),
    (
        "authority/person_logout.rs",
        1,
        "a provider says who signed out",
    ),
    (
        "authority/record_once.rs",
        1,
        "a provider is away, or an alarm about a key",
    ),
    ("authority/revoke.rs", 1, "a target could not be told"),
    ("authority/workloads/enrolment.rs", 1, "nobody invites"),
    ("server/anchor.rs", 1, "the operator takes a loss"),
    ("server/recover.rs", 2, "the operator lets people in again"),
    ("store/rotate.rs", 2, "the operator replaces keys"),
];

#[test]
fn whatever_is_recorded_for_a_caller_depends_on_the_callers_standing() {
    let tree = sources("src");
    let mut found = Vec::new();
    for (file, source) in &tree {
        let own = source.matches("Actor::Authority)").count();
        if own > 0 {
            found.push((file.as_str(), own));
        }
        // Only a client says which sessions and which proof are its own.
        let callers = source.matches("Actor::Caller {").count();
        let is_home = ["authority/mod.rs", "store/append.rs"].contains(&file.as_str());
        assert!(callers == 0 || is_home, "{file}");
    }
    found.sort_unstable();
    let named = WITHOUT_A_CALLER.iter();
    let named: Vec<_> = named.map(|(file, times, _)| (*file, *times)).collect();
    assert_eq!(found, named);
}

/// Where stdout and stderr are written to, cleaned of what a terminal obeys; and where an agent is handed its
/// descriptors in their places.
const WRITE: [&str; 3] = ["app/agent.rs", "app/session.rs", "platform/terminal.rs"];

#[test]
fn only_one_place_writes_to_each_of_stdout_and_stderr() {
    let found: Vec<String> = sources("src")
        .iter()
        .filter(|(file, _)| !WRITE.contains(&file.as_str()))
        .flat_map(|(file, source)| {
            let all = tokens(source);
            let streams = all.windows(4).filter(|four| {
                let [before, name, open, close] = [0, 1, 2, 3].map(|at| &*four[at].text);
                before != "." && ["stdout", "stderr"].contains(&name) && (open, close) == ("(", ")")
            });
            let lines: Vec<String> = streams
                .map(|four| format!("{file}:{}", four[1].line))
                .collect();
            lines
        })
        .collect();
    assert_eq!(
        found, [""; 0],
        "print by session.print, say by terminal::say"
    );
}

#[test]
fn a_house_in_order_has_no_faults() {
    check(
        &[
            ("main.rs", "fn main() { jit::cli::main() }"),
            ("lib.rs", "pub mod app; pub mod cli;"),
            (
                "cli.rs",
                "use crate::{app::{exec, session::{Session}}, domain::failure::Failure};",
            ),
            ("app/mod.rs", "pub mod exec; pub mod session;"),
            (
                "app/exec.rs",
                "use super::session::{self, Session}; use crate::tools;\nmod inner { use super::Args; use super::super::session; }",
            ),
            (
                "app/session.rs",
                "pub(in crate::app) fn f() { ::std::env::args(); crate::domain::failure::x() }",
            ),
            ("tools/mod.rs", "use task::Task; fn f() { ssh::launch() }"),
            ("tools/ssh.rs", "use super::task::Task;"),
            (
                "tools/task.rs",
                "// use crate::app\nuse std::{fmt, io}; const S: &str = \"crate:: app\";",
            ),
            ("tools/tests.rs", "use super::*;"),
            ("domain/mod.rs", "pub mod failure;"),
            (
                "domain/failure.rs",
                "impl X { fn f(self) -> impl Sized + use<> { Self::g() } }",
            ),
        ],
        &[],
    );
}

#[test]
fn an_arrow_that_points_up_is_named_with_its_line() {
    let up = "an arrow that points up, from domain (floor 0) to";
    let cases = [
        ("use crate::app::exec;", 1),
        (
            "use std::fmt;\nuse crate::{\n  domain::x,\n  app::{exec::{self, run}},\n};",
            4,
        ),
        ("fn f() {\n  crate::app::exec::run()\n}", 2),
        ("fn f() {\n  println!(\"{}\", jit::app::exec::run())\n}", 2),
        (
            "#[cfg(test)]\nmod tests {\n  use super::super::super::app::exec;\n}",
            3,
        ),
        ("use super::super::app as theirs;\nuse theirs::exec;", 1),
        ("#[serde(with = \"crate::app::exec\")]\nstruct S;", 1),
        ("pub use\ncrate::app::*;", 2),
    ];
    for (source, line) in cases {
        let tree = [
            ("domain/x.rs", source),
            ("app/exec.rs", ""),
            ("lib.rs", ""),
            ("app/mod.rs", ""),
        ];
        let found = faults(&tree_of(&tree));
        let first = found
            .first()
            .unwrap_or_else(|| panic!("nothing found in {source}"));
        assert_eq!(
            (&*first.file, first.line),
            ("domain/x.rs", line),
            "{source}"
        );
        assert!(first.what.starts_with(up), "{first}");
    }
}

#[test]
fn rooms_of_one_floor_do_not_see_each_other() {
    check(
        &[
            ("cache/mod.rs", "\nuse crate::store::Store;"),
            ("store/mod.rs", ""),
            ("lib.rs", ""),
        ],
        &["cache/mod.rs:2: cache and store share floor 2 and may not see each other: store::Store"],
    );
    check(
        &[
            ("app/exec.rs", "use crate::server::routes;"),
            ("server/routes.rs", ""),
            ("lib.rs", ""),
        ],
        &["app/exec.rs:1: app and server share floor 4 and may not see each other: server::routes"],
    );
}

#[test]
fn a_circle_is_found_inside_a_room_too() {
    check(
        &[
            ("store/a.rs", "use super::b::B;"),
            ("store/b.rs", "\nfn f() { super::c::g() }"),
            ("store/c.rs", "use crate::store;\n\nfn g() { store::a::A }"),
            ("store/mod.rs", ""),
        ],
        &[
            "store/a.rs:1: a circle: store/a.rs:1 → store/b.rs, store/b.rs:2 → store/c.rs, store/c.rs:3 → store/a.rs",
        ],
    );
}

#[test]
fn a_roof_is_no_floor() {
    check(
        &[
            (
                "store/mod.rs",
                "pub struct Store;\nfn f() { ledger::start() }",
            ),
            ("store/ledger.rs", ""),
            ("store/keys.rs", "\n\nuse super::Store;"),
        ],
        &[
            "store/mod.rs:2: roof and floor at once: it imports store/ledger.rs, and store/keys.rs:3 imports it",
        ],
    );
}

#[test]
fn the_door_knows_the_grammar_only_and_the_map_holds_nothing() {
    check(
        &[
            ("main.rs", "use jit::{cli, app::exec};"),
            ("cli.rs", ""),
            ("app/mod.rs", ""),
        ],
        &["main.rs:1: main knows cli only, but imports app::exec"],
    );
    check(
        &[("cli.rs", "use crate::Thing;"), ("lib.rs", "struct Thing;")],
        &["cli.rs:1: \"Thing\" is not in a room: lib.rs is the map and holds nothing"],
    );
    check(
        &[(
            "cli.rs",
            "\n#[path = \"../x.rs\"] mod x;\ninclude!(\"y.rs\");",
        )],
        &[
            "cli.rs:2: a source that is not where its name says cannot be checked",
            "cli.rs:3: a source that is not where its name says cannot be checked",
        ],
    );
    check(
        &[("attic.rs", "")],
        &["attic.rs:1: attic has no floor; give it one in tests/it/floors/house.rs"],
    );
    check(
        &[
            ("app/exec.rs", "use super::tests::help;"),
            ("app/tests.rs", ""),
        ],
        &["app/exec.rs:1: app::tests::help is a test, which nobody imports"],
    );
}

#[test]
fn a_room_that_is_nameless_or_too_long_is_named() {
    assert!(shape("a.rs", "//! What this room is for.\n").is_empty());
    for nameless in ["", "use x;", "//!", "// A comment on what it is."] {
        assert_eq!(shape("a.rs", nameless)[0].line, 1, "{nameless:?}");
    }
    let long = format!("//! What this room is for.\n{}", "\n".repeat(400));
    assert_eq!(
        shape("a.rs", &long)[0].to_string(),
        "a.rs:401: longer than 400 lines: split it"
    );
}

fn check(files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<String> = faults(&tree_of(files))
        .iter()
        .map(Fault::to_string)
        .collect();
    assert_eq!(found, expected);
}

fn tree_of(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(file, source)| ((*file).to_owned(), (*source).to_owned()))
        .collect()
}

/// The Rust sources below a directory of the project.
fn sources(place: &str) -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
    let mut tree = Tree::new();
    let mut waiting = vec![root.clone()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                tree.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    tree
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().fold(String::new(), |text, fault| {
        text + &fault.to_string() + "\n"
    })
}
