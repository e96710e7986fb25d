//! Runs the template cases of `../shared/conformance/lang`, where that folder exists: next to the project, or where
//! `DODONA_CONFORMANCE` says.

use std::path::PathBuf;

use crate::case::Case;

/// Cases whose answer differs on purpose, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

fn folder() -> Option<PathBuf> {
    let given = std::env::var_os("DODONA_CONFORMANCE").map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    Some(given.unwrap_or(beside).join("lang")).filter(|folder| folder.is_dir())
}

#[expect(clippy::print_stdout, reason = "the figures are what one runs this for")]
fn run(set: &str) {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join(format!("{set}.jsonl"))).expect("the set exists");
    let cases = text.lines().filter_map(Case::read);
    let mut passed = 0;
    let mut failures = Vec::new();
    for case in cases {
        match case.check() {
            Ok(()) => passed += 1,
            Err(_) if EXCEPTIONS.iter().any(|(id, _)| *id == case.id) => {}
            Err(message) => failures.push(message),
        }
    }
    for message in &failures {
        println!("{message}");
    }
    println!("{set}: {passed} passed, {} failed", failures.len());
    assert!(failures.is_empty(), "{set}: {passed} passed, {} failed", failures.len());
}

#[test]
fn config() {
    run("config");
}

#[test]
fn config_own() {
    run("config-own");
}

#[test]
fn template_lang() {
    run("template-lang");
}

#[test]
fn sprig() {
    run("sprig");
}

#[test]
fn limits() {
    run("limits");
}
