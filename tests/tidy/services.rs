//! Adding a service touches four places: its file, its row, its docs page, its test folder. None may be forgotten.

use std::collections::BTreeSet;

use dodona::delivery::service_types;

use super::tree::{files, report, root};

#[test]
fn the_table_is_in_order() {
    let names: Vec<&str> = service_types().iter().map(|row| row.name).collect();
    assert!(!names.is_empty(), "the service table is empty");
    assert!(names.is_sorted(), "the service table is ordered by name: {names:?}");
}

#[test]
fn every_row_has_its_file_its_page_and_its_tests() {
    let mut findings = Vec::new();
    for row in service_types() {
        let module = row.name.replace('-', "_");
        let file = format!("src/delivery/services/{module}.rs");
        let folder = format!("src/delivery/services/{module}");
        if !root().join(&file).is_file() && !root().join(&folder).is_dir() {
            findings.push(format!("{}: no `{file}`", row.name));
        }
        let page = format!("docs/services/{}.md", row.name);
        if !root().join(&page).is_file() {
            findings.push(format!("{}: no `{page}`", row.name));
        }
        let tests = format!("tests/services/{}", row.name);
        if files(&[&tests], &[""]).is_empty() {
            findings.push(format!("{}: no case in `{tests}`", row.name));
        }
    }
    report("a service is its file, its row, its docs page and its test folder:", &findings);
}

#[test]
fn nothing_is_left_of_services_that_are_gone() {
    let names: BTreeSet<&str> = service_types().iter().map(|row| row.name).collect();
    let mut findings = Vec::new();
    for file in files(&["docs/services"], &[".md"]) {
        let name = file.path.trim_start_matches("docs/services/").trim_end_matches(".md");
        if !matches!(name, "README" | "index" | "overview") && !names.contains(name) {
            findings.push(format!("{}: no row called `{name}`", file.path));
        }
    }
    let folders: BTreeSet<String> = files(&["tests/services"], &[""])
        .iter()
        .filter_map(|file| file.path.split('/').nth(2).map(Into::into))
        .collect();
    for folder in folders.iter().filter(|folder| root().join("tests/services").join(folder).is_dir()) {
        // `peers` is part of the harness.
        if folder != "peers" && !names.contains(folder.as_str()) {
            findings.push(format!("tests/services/{folder}: no row called `{folder}`"));
        }
    }
    report("a page or a test folder belongs to no service:", &findings);
}
