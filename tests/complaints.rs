//! The complaints from the field, by number: each is shown by a case of a tool, or it is said why no tool can.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dodona::config::yaml;
use dodona::trial::{FileOutcome, report, run};
use serde::de::DeserializeOwned;

/// How many complaints there are.
const COMPLAINTS: usize = 46;

/// One complaint.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Complaint {
    number: usize,
    pain: String,
    /// The tool, and the name of the case where it has one.
    #[serde(default)]
    shown: Vec<String>,
    /// Why no tool can show it.
    #[serde(default)]
    nowhere: String,
    /// What holds it instead.
    #[serde(default)]
    held_by: Vec<String>,
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read<T: DeserializeOwned>(file: &Path) -> T {
    let node = yaml::parse_node(&std::fs::read_to_string(file).unwrap()).unwrap();
    serde_json::from_value(node.to_json()).unwrap()
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(tests().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort();
    files
}

fn trials() -> Vec<FileOutcome> {
    files("trial/complaints", ".test.yaml").iter().map(|file| run(file, false, None).unwrap()).collect()
}

/// All cases, as the map names them.
fn cases() -> BTreeSet<String> {
    #[derive(serde::Deserialize)]
    struct Command {
        command: String,
    }
    #[derive(serde::Deserialize)]
    struct Linted {
        pain: String,
    }
    let mut cases = BTreeSet::new();
    for file in files("cli/cases", ".yaml") {
        let command = read::<Command>(&file).command;
        let tool = command.split(' ').next().unwrap();
        cases.insert(format!("{tool} {}", file.file_stem().unwrap().to_string_lossy()));
    }
    for Linted { pain } in read::<Vec<Linted>>(&tests().join("lint/complaints.yaml")) {
        let number = pain.split(':').next().unwrap();
        // Some are mistakes that nobody has complained about.
        if number.bytes().all(|digit| digit.is_ascii_digit()) {
            cases.insert(format!("lint {number}"));
        }
    }
    cases.extend(trials().iter().flat_map(|file| &file.cases).map(|case| format!("test {}", case.name)));
    cases
}

#[test]
fn each_is_shown_or_it_is_said_why_not() {
    let complaints: Vec<Complaint> = read(&tests().join("complaints.yaml"));
    let numbers: Vec<_> = complaints.iter().map(|one| one.number).collect();
    assert_eq!(numbers, (1..=COMPLAINTS).collect::<Vec<_>>());
    let cases = cases();
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for Complaint { number, pain, shown, nowhere, held_by } in complaints {
        assert!(!pain.is_empty(), "{number}: what is it?");
        assert_ne!(shown.is_empty(), nowhere.is_empty(), "{number}: either cases or a reason");
        for case in shown {
            let case = if case == "lint" { format!("lint {number}") } else { case };
            assert!(cases.contains(&case), "{number}: there is no case `{case}`");
            named.insert(case, number);
        }
        for file in held_by {
            let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
            assert!(place.exists(), "{number}: there is no {file}");
        }
    }
    let unnamed: Vec<_> = cases.iter().filter(|case| !named.contains_key(*case)).collect();
    assert_eq!(unnamed, [""; 0], "cases that no complaint names");
}

#[test]
fn what_test_files_show() {
    let outcomes = trials();
    let text = report::text(&outcomes, true);
    assert!(outcomes.len() > 2 && report::counts(&outcomes).1 == 0, "{text}");
    for outcome in &outcomes {
        assert_eq!(outcome.coverage.missing(), [""; 0], "{}\n{text}", outcome.file);
    }
}
