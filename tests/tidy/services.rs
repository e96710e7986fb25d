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

/// Where services are named for a reason of its own: upstream's are a closed list there, or one of them is special. A
/// service that is added is not.
const NAMED_ELSEWHERE: &[&str] = &[
    // A webhook's entries in templates are named after services, and the console is no service of a ConfigMap.
    "src/config/build.rs",
    "src/config/service.rs",
    "src/cli/template.rs",
    // How upstream prints and orders its own sections, and the services of its format before 1.0.
    "src/config/definition.rs",
    "src/config/template.rs",
    "src/config/legacy.rs",
    // Previews of mail and of plain requests.
    "src/cli/render/mod.rs",
    // What is asked of webhooks only.
    "src/lint/",
    // A story with some receivers.
    "src/demo/",
    // The protocol behind the service of that name.
    "src/delivery/nats/",
];

/// What another part knows of one service would be a fifth place to touch.
#[test]
fn no_other_part_knows_a_service_by_name() {
    let mut findings = Vec::new();
    for file in files(&["src"], &[".rs"]).iter().filter(|file| !file.is_test()) {
        let elsewhere = NAMED_ELSEWHERE.iter().any(|place| file.path.starts_with(place));
        if elsewhere || file.path.starts_with("src/delivery/services/") {
            continue;
        }
        let code = file.product_lines().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        for row in service_types().iter().filter(|row| code.contains(&format!("\"{}\"", row.name))) {
            findings.push(format!("{}: names `{}`", file.path, row.name));
        }
    }
    report("what is known of a service is in its file, and asked of its row:", &findings);
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
