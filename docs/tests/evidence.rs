//! Each failure, guarantee and attack that the guide lists is shown by a test. `docs/tests/evidence/` names the tests.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The tests that are named for each row, by the row's first cell.
fn evidence(page: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in read(format!("docs/tests/evidence/{page}.md")).lines() {
        if let Some(row) = line.strip_prefix("* ") {
            row.clone_into(&mut last);
            assert!(rows.insert(last.clone(), Vec::new()).is_none(), "{page}: two rows say {row:?}");
        } else if let Some(test) = line.strip_prefix("  * ") {
            rows.get_mut(&last).unwrap().push(test.trim_matches('`').to_owned());
        }
    }
    rows
}

/// The first cells of the tables and the items of the lists under these headings; all of the page without headings.
fn rows(page: &str, headings: &[&str]) -> Vec<String> {
    let text = read(format!("docs/{page}.md"));
    let sections = text.split("\n## ").filter(|section| {
        headings.is_empty() || headings.iter().any(|heading| section.starts_with(&format!("{heading}\n")))
    });
    let lines: Vec<&str> = sections.flat_map(str::lines).collect();
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| next.starts_with("| ---"));
    let cells = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with("| ") && !line.starts_with("| ---") && !is_head(*index));
    let cells = cells.map(|(_, line)| line.trim_start_matches("| ").split(" | ").next().unwrap());
    let items = lines.iter().filter(|_| !headings.is_empty()).filter_map(|line| line.strip_prefix("* "));
    cells.chain(items).map(|row| row.trim().to_owned()).collect()
}

/// The folders of `gateway-core`'s suites, which names of tests leave out.
const SUITES: [&str; 5] = [
    "gateway-core/tests",
    "gateway-core/tests/it",
    "gateway-core/tests/it/handlers",
    "gateway-core/tests/it/connections",
    "gateway-core/tests/it/protocols",
];

/// The file of a test that is named like `loopback/floods::a_flood_of_pongs_is_ignored` or `lifecycle::…`.
fn file_of(file: &str) -> Option<PathBuf> {
    let folders: &[&str] = match file.split('/').next().unwrap() {
        "loopback" | "conformance" | "http2" | "memory" | "fixtures" => &["tests"],
        "src" => &["gateway-core"],
        "benches" | "gateway-client" | "gateway-jwt" => &["."],
        _ => &SUITES,
    };
    folders.iter().map(|folder| root().join(folder).join(file).with_extension("rs")).find(|path| path.exists())
}

fn check(page: &str, headings: &[&str], least: usize) {
    let evidence = evidence(page);
    let rows = rows(page, headings);
    assert!(rows.len() >= least, "{page}: {} rows were found", rows.len());
    for row in &rows {
        assert!(evidence.get(row).is_some_and(|tests| !tests.is_empty()), "{page}: no test shows {row:?}");
    }
    for (row, tests) in &evidence {
        assert!(rows.contains(row), "{page} has no row {row:?}");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{page}: {test} is no test"));
            let path = file_of(file).unwrap_or_else(|| panic!("{page}: there is no {file}"));
            let source = fs::read_to_string(path).unwrap();
            let is_there = source.contains(&format!("fn {name}(")) || source.contains(&format!("    {name}: "));
            assert!(is_there, "{page}: {test} does not exist");
        }
    }
}

#[test]
fn every_failure_is_shown_by_a_test() {
    check("errors", &[], 150);
}

#[test]
fn every_guarantee_is_shown_by_a_test() {
    check("guarantees", &["What can be lost", "What is guaranteed"], 25);
}

#[test]
fn every_attack_and_measurement_is_shown_by_a_test() {
    check("security", &["Known attacks", "Measurements"], 60);
}
