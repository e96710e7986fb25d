//! What came of one file of vectors.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

/// What came of one vector.
pub(crate) enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be; each text is one difference.
    Failed(Vec<String>),
    /// Not as it should be, and written down as an exception with this reason.
    Excepted(String),
}

/// What came of one file.
pub(crate) struct Report {
    name: String,
    outcomes: Vec<(String, Outcome)>,
}

impl Report {
    /// A report about `file`, whose stem is the name of the set.
    pub(crate) fn new(file: &Path) -> Self {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self { name, outcomes: Vec::new() }
    }

    /// Adds the outcome of the vector `id`. A failure that is written down as an exception counts as one.
    pub(crate) fn add(&mut self, id: impl Into<String>, outcome: Outcome) {
        let id = id.into();
        let outcome = match (outcome, exception(&self.name, &id)) {
            (Outcome::Failed(_), Some(reason)) => Outcome::Excepted(reason),
            (outcome, _) => outcome,
        };
        self.outcomes.push((id, outcome));
    }

    /// Whether nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.count().1 == 0
    }

    /// `webhook: 59 passed, 0 failed, 0 excepted`.
    pub(crate) fn summary(&self) -> String {
        let (passed, failed, excepted) = self.count();
        format!("{}: {passed} passed, {failed} failed, {excepted} excepted", self.name)
    }

    /// The failures with their differences, as text.
    pub(crate) fn failures(&self) -> String {
        let mut text = String::new();
        for (id, outcome) in &self.outcomes {
            if let Outcome::Failed(differences) = outcome {
                let lines: Vec<String> = differences.iter().map(|line| format!("    {line}\n")).collect();
                write!(text, "FAILED {} {id}\n{}", self.name, lines.concat()).unwrap_or_default();
            }
        }
        text
    }

    fn count(&self) -> (usize, usize, usize) {
        let mut count = (0, 0, 0);
        for (_, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed => count.0 += 1,
                Outcome::Failed(_) => count.1 += 1,
                Outcome::Excepted(_) => count.2 += 1,
            }
        }
        count
    }
}

/// The entry of `docs/compat.md` by which the product answers the case differently on purpose, if there is one.
fn exception(set: &str, id: &str) -> Option<String> {
    let rows = include_str!("../exceptions.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut rows = rows.map(|line| line.split('\t').collect::<Vec<_>>());
    rows.find_map(|row| match row.as_slice() {
        [_, in_set, case, reason] if *in_set == set && *case == id => Some((*reason).to_owned()),
        _ => None,
    })
}

/// All reports as one JSON document.
pub(crate) fn json(reports: &[Report]) -> Value {
    let sets = reports.iter().map(|report| {
        let (passed, failed, excepted) = report.count();
        let failures: Vec<Value> = report
            .outcomes
            .iter()
            .filter_map(|(id, outcome)| match outcome {
                Outcome::Failed(differences) => Some(json!({"id": id, "differences": differences})),
                _ => None,
            })
            .collect();
        let exceptions: Vec<Value> = report
            .outcomes
            .iter()
            .filter_map(|(id, outcome)| match outcome {
                Outcome::Excepted(reason) => Some(json!({"id": id, "reason": reason})),
                _ => None,
            })
            .collect();
        json!({"set": report.name, "passed": passed, "failed": failed, "excepted": excepted,
            "failures": failures, "exceptions": exceptions})
    });
    Value::Array(sets.collect())
}
