//! `dodona test`: what test files can say, what is said when a case fails, and test files that are refused.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use dodona::trial::{FileOutcome, report, run};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trial").join(name)
}

/// The outcome with the name of the file as it is in every checkout.
fn outcome(name: &str) -> FileOutcome {
    let mut outcome = run(&file(name), false, None).unwrap();
    name.clone_into(&mut outcome.file);
    outcome
}

fn check(name: &str, text: &str) {
    insta::with_settings!({snapshot_path => "trial", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn test_files_can_say_all_of_this() {
    let outcome = outcome("everything.test.yaml");
    let text = report::text(std::slice::from_ref(&outcome), true);
    assert!(outcome.cases.iter().all(|case| case.failures.is_empty()), "{text}");
    assert_eq!(report::counts(std::slice::from_ref(&outcome)), (5, 0));
    assert_eq!(outcome.coverage.missing(), [""; 0], "{text}");
}

#[test]
fn requests_are_compared() {
    let outcome = outcome("request.test.yaml");
    let text = report::text(std::slice::from_ref(&outcome), true);
    assert_eq!(report::counts(std::slice::from_ref(&outcome)), (2, 0), "{text}");
}

#[test]
fn what_is_said_about_requests() {
    let outcome = outcome("request-failing.test.yaml");
    check("requests", &report::text(std::slice::from_ref(&outcome), false));
}

#[test]
fn rollouts_are_shown_as_their_controller_shows_them() {
    let outcome = outcome("rollout.test.yaml");
    let text = report::text(std::slice::from_ref(&outcome), true);
    assert_eq!(report::counts(std::slice::from_ref(&outcome)), (1, 0), "{text}");
}

#[test]
fn what_is_said_about_failures() {
    let outcome = outcome("failing.test.yaml");
    check("failures", &report::text(std::slice::from_ref(&outcome), false));
    check("junit", &report::junit(std::slice::from_ref(&outcome)));
    check("coverage", &report::coverage(&outcome.coverage));
}

#[test]
fn snapshots_are_written_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.test.yaml");
    let text = |name: &str| {
        format!(
            "data:\n  service.slack: 'token: x'\n  subscriptions: '[{{recipients: [slack:a], triggers: [t]}}]'\n  trigger.t: '[{{when: \"true\", send: [m]}}]'\n  template.m: 'message: hello {name}'\ncases:\n- name: a\n  object: {{metadata: {{name: a}}}}\n  snapshot: a.snap.yaml\n"
        )
    };
    std::fs::write(&path, text("world")).unwrap();
    let failures = |update| run(&path, update, None).unwrap().cases.remove(0).failures;
    assert!(failures(false)[0].contains("`--update` writes it"));
    assert_eq!(failures(true), [""; 0]);
    assert_eq!(failures(false), [""; 0]);
    std::fs::write(&path, text("moon")).unwrap();
    let said = failures(false).remove(0);
    assert!(said.contains("- ") && said.contains("hello world") && said.contains("+ "), "{said}");
}

#[test]
fn test_files_are_read_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.test.yaml");
    let case = "cases:\n- name: a\n  object: {metadata: {name: a}}\n";
    let mut said = String::new();
    for text in [
        "",
        "cases: []\n",
        "case: []\n",
        &format!("{case}  expects: []\n"),
        case,
        "cases:\n- name: a\n  expect: []\n",
        "cases:\n- object: {}\n  expect: []\n",
        &format!("{case}  expect: []\n  expect: []\n"),
        &format!("{case}  expect: []\n  versions: [{{at: 2s}}, {{at: 1s}}]\n"),
        &format!("{case}  expect: []\n  versions: [{{sat: {{a: b}}}}]\n"),
        &format!("{case}  expect: []\n  versions: [{{set: {{a..b: c}}}}]\n"),
        &format!("{case}  expect: []\n  versions: [{{unset: [spec.x]}}]\n"),
        &format!("{case}  expect: []\n  versions: [{{event: RolloutCompleted}}]\n"),
        &format!("config: [absent.yaml]\n{case}  expect: []\n"),
        &format!("binding: absent.yaml\n{case}  expect: []\n"),
        &format!("now: yesterday\n{case}  expect: []\n"),
        &format!("timezone: Mars/Base\n{case}  expect: []\n"),
        &format!("data: {{trigger.t: '[{{when: 1 +}}]'}}\n{case}  expect: []\n"),
        &format!("{case}  expect: [{{request: {{metod: GET}}}}]\n"),
        &format!("{case}  expect: [{{requests: [{{body: x}}, {{header: {{}}}}]}}]\n"),
        "cases:\n- name: a\n  object: absent.yaml\n  expect: []\n",
        "cases:\n- name: a\n  object: {kind: x}\n  expect: []\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = run(&path, false, None).unwrap_err().to_string();
        let folder = format!("{}/", folder.path().display());
        writeln!(said, "{}", error.replace(&folder, "")).unwrap();
    }
    check("refused", &said);
}
