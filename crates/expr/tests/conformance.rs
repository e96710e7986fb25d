//! Runs the recorded cases of the condition language: our own in `testdata`, and the sets of `../shared/conformance/lang` where they are there.

mod support;

use std::path::PathBuf;

use support::{Case, read_cases, report};

/// Our own cases; these have to be there and to pass.
#[test]
fn own_cases_pass() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .expect("testdata exists")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|path| read_cases(path)).collect();
    assert!(!cases.is_empty(), "no cases in {}", dir.display());
    let failed = report("own", &cases);
    assert_eq!(failed, 0, "{failed} of our own cases fail");
}

/// The recorded sets beside the repository.
#[test]
fn recorded_sets_pass() {
    let Some(dir) = support::conformance_dir() else {
        println!("skipped: no recorded sets beside the repository");
        return;
    };
    let mut total = (0, 0);
    for set in ["config", "config-own", "expr-lang", "limits"] {
        let path = dir.join("lang").join(format!("{set}.jsonl"));
        let cases = read_cases(&path);
        let failed = report(set, &cases);
        total = (total.0 + cases.len() - failed, total.1 + failed);
    }
    println!("conditions: {} passed, {} failed", total.0, total.1);
    assert_eq!(total.1, 0, "{} recorded cases fail", total.1);
}
