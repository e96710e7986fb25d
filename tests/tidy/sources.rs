//! Rules for single source files.

use super::tree::{files, report, rust_files};

/// The longest a file may be without a reason.
const LONGEST: usize = 800;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        let excused = LONG_FILES.iter().any(|(path, _)| *path == file.path);
        match (lines > LONGEST, excused) {
            (true, false) => findings.push(format!("{}: {lines} lines", file.path)),
            (false, true) => {
                findings.push(format!("{}: has a reason in the list and does not need it", file.path));
            }
            _ => {}
        }
    }
    let gone = LONG_FILES.iter().filter(|(path, _)| !super::tree::root().join(path).is_file());
    findings.extend(gone.map(|(path, _)| format!("{path}: is in the list and is gone")));
    report("files of more than 800 lines need a reason in the list:", &findings);
}

#[test]
fn every_module_says_what_it_is_for() {
    // The tests of one module, moved out of its file, are introduced there.
    let silent = rust_files().into_iter().filter(|file| !file.path.ends_with("/tests.rs"));
    let silent = silent.filter(|file| !file.text.trim_start().starts_with("//!"));
    let findings: Vec<String> = silent.map(|file| file.path).collect();
    report("a module opens with what it is responsible for (`//! …`):", &findings);
}

#[test]
fn only_the_command_line_prints() {
    /// Where people read standard output.
    const PRINTERS: &[&str] =
        &["src/cli/", "src/main.rs", "src/demo/", "tests/", "benches/", "fuzz/", "examples/"];
    let mut findings = Vec::new();
    for file in rust_files() {
        if file.is_test() || PRINTERS.iter().any(|printer| file.path.contains(printer)) {
            continue;
        }
        let prints = file.product_lines().filter(|(_, line)| {
            ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("].iter().any(|call| line.contains(call))
        });
        findings.extend(prints.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    report("log, or return the text; only the command line prints:", &findings);
}

#[test]
fn deviations_give_a_reason_and_tests_are_not_switched_off() {
    let mut findings = Vec::new();
    for file in rust_files() {
        if file.path == "tests/tidy/sources.rs" {
            continue;
        }
        let lines: Vec<&str> = file.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            if code.starts_with("#[allow(") || code.starts_with("#![allow(") {
                findings.push(format!("{}:{}: write `#[expect(…, reason = \"…\")]`", file.path, index + 1));
            }
            if code.starts_with("#[ignore") {
                findings.push(format!(
                    "{}:{}: assert what is so today instead of ignoring it",
                    file.path,
                    index + 1
                ));
            }
            let attribute: String = lines[index..].iter().take(6).map(|line| line.trim()).collect();
            let attribute = attribute.split(")]").next().unwrap_or_default();
            if (code.starts_with("#[expect(") || code.starts_with("#![expect("))
                && !attribute.contains("reason")
            {
                findings.push(format!("{}:{}: the reason is missing", file.path, index + 1));
            }
        }
    }
    report("lints and tests are switched off only with a reason:", &findings);
}

#[test]
fn nothing_names_the_place_where_it_was_made() {
    /// What may name the conformance data that lies beside the clone, where it exists.
    const MAY_LOOK_BESIDE: &[&str] = &[
        "test",
        ".ci/run",
        "CONTRIBUTING.md",
        "e2e/cases/",
        "tests/",
        "crates/",
        "benches/",
        "docs/",
        "src/engine/",
        "src/config/",
    ];
    let all = files(
        &["."],
        &[".rs", ".md", ".toml", ".yaml", ".yml", ".sh", ".go", ".mod", "test", "run", "Dockerfile"],
    );
    assert!(all.len() > 100, "only {} files found: the rule reads the wrong place", all.len());
    let mut findings = Vec::new();
    for file in all {
        let path = file.path.trim_start_matches("./");
        for (line, number) in file.text.lines().zip(1..) {
            let home = ["/root/", "/home/"].iter().any(|home| line.contains(home))
                && !path.starts_with("tests/tidy/");
            let work = ["/wo", "rk/"].concat();
            let absolute = line
                .match_indices(&work)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./-_}$".contains(c)));
            let beside =
                line.contains("../shared") && !MAY_LOOK_BESIDE.iter().any(|place| path.starts_with(place));
            if home || absolute || beside {
                findings.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    report("a path of somebody's machine:", &findings);
}
