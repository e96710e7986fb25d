//! Findings as people and machines read them: text, JSON, SARIF 2.1.0, and the commands of GitHub's workflows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Finding, Outcome, RULES, Rule};
use crate::model::Severity;

/// Where the rules are explained; the anchor is the rule's name.
const HELP: &str = "docs/lint.md";

/// Lines like a compiler's, and a last one with the sums.
pub fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    for finding in &outcome.findings {
        let Finding { rule, file, at, subject, message } = finding;
        let line =
            format!("{file}:{}:{}: {}[{}] {subject}: {message}", at.line, at.column, word(rule), rule.name);
        out.push_str(&line.replace(['\n', '\r'], " "));
        out.push('\n');
    }
    let (errors, warnings) = outcome.counts();
    let objects = outcome.manifests;
    // Writing to a String cannot fail.
    writeln!(
        out,
        "{}, {} in {}",
        count(errors, "error"),
        count(warnings, "warning"),
        count(objects, "object")
    )
    .ok();
    out
}

/// A list of objects; stable.
pub fn json(outcome: &Outcome) -> String {
    let items = outcome.findings.iter().map(|finding| {
        json!({
            "rule": finding.rule.name, "severity": word(finding.rule), "file": finding.file, "line": finding.at.line,
            "column": finding.at.column, "subject": finding.subject, "message": finding.message,
        })
    });
    pretty(&items.collect())
}

/// SARIF, for code scanning.
pub fn sarif(outcome: &Outcome) -> String {
    let rules = RULES.iter().map(|rule| {
        json!({
            "id": rule.name,
            "shortDescription": {"text": rule.summary},
            "helpUri": format!("{HELP}#{}", rule.name),
            "defaultConfiguration": {"level": word(rule)},
        })
    });
    let results = outcome.findings.iter().map(|finding| {
        json!({
            "ruleId": finding.rule.name,
            "ruleIndex": RULES.iter().position(|rule| rule == finding.rule),
            "level": word(finding.rule),
            "message": {"text": format!("{}: {}", finding.subject, finding.message)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": finding.file.replace('\\', "/")},
                "region": {"startLine": finding.at.line, "startColumn": finding.at.column},
            }}],
        })
    });
    let tool = json!({"driver": {
        "name": "dodona lint", "version": env!("CARGO_PKG_VERSION"), "rules": rules.collect::<Vec<_>>(),
    }});
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": tool, "columnKind": "unicodeCodePoints", "results": results.collect::<Vec<_>>()}],
    }))
}

/// Annotations of a workflow run.
pub fn github(outcome: &Outcome) -> String {
    let mut out = String::new();
    for finding in &outcome.findings {
        let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
        let Finding { rule, file, at, subject, message } = finding;
        writeln!(
            out,
            "::{} file={},line={},col={},title={}::{}",
            word(rule),
            property(file),
            at.line,
            at.column,
            rule.name,
            escaped(&format!("{subject}: {message}"))
        )
        .ok();
    }
    out
}

/// The table of rules, for `--rules`.
pub fn rules() -> String {
    let longest = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    RULES.iter().fold(String::new(), |mut out, rule| {
        writeln!(out, "{:longest$}  {:7}  {}", rule.name, word(rule), rule.summary).ok();
        out
    })
}

fn word(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn pretty(value: &Value) -> String {
    // A value of JSON can always be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
