//! `docs/threats.md` names a test for each threat, and each of these tests exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_test_that_the_page_of_threats_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let tests: BTreeSet<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .flat_map(|file| test_names(&fs::read_to_string(file).unwrap()))
        .collect();
    let rows: Vec<&str> = page.lines().filter(|line| is_row(line)).collect();
    assert!(!rows.is_empty(), "the page has no threats");
    for row in rows {
        let named = named_tests(row);
        assert!(!named.is_empty(), "no test is named in: {row}");
        for name in named {
            let function = name.rsplit("::").next().unwrap();
            assert!(tests.contains(function), "there is no test `{name}`: {row}");
        }
    }
}

/// Whether a line is a row of a table, and neither its head nor the line below it.
fn is_row(line: &str) -> bool {
    line.starts_with("| ") && !line.starts_with("| threat |")
}

/// What stands in backticks in the last column.
fn named_tests(row: &str) -> Vec<&str> {
    let last = row.trim_end().trim_end_matches('|').rsplit('|').next();
    last.unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect()
}

/// The functions behind `#[test]` and its like, and those in `proptest!`, which are written so too.
fn test_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, declaration)) = line.split_once("fn ").filter(|_| is_test) {
            let name = declaration.split(['(', '<']).next().unwrap_or_default();
            names.push(name.to_owned());
            is_test = false;
        }
    }
    names
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                rust_files(&path)
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}
