//! Our own cases, confirmed by Go: every file of `testdata`. Its README tells the format.

use crate::case::Case;

#[test]
fn every_case_answers_as_go_does() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut failures = Vec::new();
    let mut passed = 0;
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text file");
        for case in text.lines().filter_map(Case::read) {
            match case.check() {
                Ok(()) => passed += 1,
                Err(message) => failures.push(message),
            }
        }
    }
    assert!(passed > 0, "there are cases");
    assert!(failures.is_empty(), "{} failed, {passed} passed\n{}", failures.len(), failures.join("\n"));
}
