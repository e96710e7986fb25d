//! `dodona test`: given this configuration and these versions of an object, these notifications and no others.
//!
//! A test file is read by `file`, the versions of an object are made by `object`, `stage` plays them through the engine that
//! the controller runs (decide, compose, ledger) with a clock that only the test moves and services that only record,
//! `expect` compares, `report` writes down. Nothing here sends anything or waits.

mod expect;
mod file;
mod object;
pub mod report;
mod stage;

use std::collections::BTreeSet;
use std::path::Path;

pub use stage::{Notification, Wire};

use file::{Case, Suite};

/// What a test file cannot be read for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct FileError {
    /// File, and line and column where they are known.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// What came of one test file.
#[derive(Clone, Debug, Default)]
pub struct FileOutcome {
    /// Its name.
    pub file: String,
    /// What came of each case.
    pub cases: Vec<CaseOutcome>,
    /// What its cases have used, of what its configuration has.
    pub coverage: Coverage,
}

/// What came of one case.
#[derive(Clone, Debug)]
pub struct CaseOutcome {
    /// Its name.
    pub name: String,
    /// Where it stands in the file.
    pub line: usize,
    /// What is not as expected; empty if all is well.
    pub failures: Vec<String>,
    /// What was sent.
    pub notifications: Vec<Notification>,
}

/// Which triggers told something and which templates were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All triggers, and those that told something.
    pub triggers: (BTreeSet<String>, BTreeSet<String>),
    /// All templates, and those that were sent.
    pub templates: (BTreeSet<String>, BTreeSet<String>),
}

impl Coverage {
    /// Adds what another file has used.
    pub fn add(&mut self, other: &Self) {
        for (own, others) in [(&mut self.triggers, &other.triggers), (&mut self.templates, &other.templates)]
        {
            own.0.extend(others.0.iter().cloned());
            own.1.extend(others.1.iter().cloned());
        }
    }

    /// The names of triggers and templates that no case has used: `trigger.on-x`.
    pub fn missing(&self) -> Vec<String> {
        let triggers = self.triggers.0.difference(&self.triggers.1).map(|name| format!("trigger.{name}"));
        let templates = self.templates.0.difference(&self.templates.1).map(|name| format!("template.{name}"));
        triggers.chain(templates).collect()
    }
}

/// Runs the cases of the file at `path`, those whose names contain `filter`. With `update`, snapshots are written instead of compared.
pub fn run(path: &Path, update: bool, filter: Option<&str>) -> Result<FileOutcome, FileError> {
    let suite = file::read(path)?;
    let mut outcome = FileOutcome { file: path.display().to_string(), ..FileOutcome::default() };
    for case in suite.cases.iter().filter(|case| filter.is_none_or(|text| case.name.contains(text))) {
        let played = stage::play(&suite, case)?;
        outcome.coverage.add(&played.coverage);
        let mut failures = Vec::new();
        if let Some(expected) = &case.expect {
            failures.extend(expect::compare(expected, &played.notifications));
        }
        if let Some(snapshot) = &case.snapshot {
            failures.extend(compare_snapshot(&suite, snapshot, &played.notifications, update)?);
        }
        outcome.cases.push(CaseOutcome {
            name: case.name.clone(),
            line: case.line,
            failures,
            notifications: played.notifications,
        });
    }
    Ok(outcome)
}

/// Compares what was sent with the file of a snapshot, or writes the file.
fn compare_snapshot(
    suite: &Suite,
    name: &str,
    notifications: &[Notification],
    update: bool,
) -> Result<Option<String>, FileError> {
    let path = suite.folder.join(name);
    let text = report::snapshot(notifications);
    if update {
        let written = std::fs::write(&path, &text);
        let failed = |error| FileError {
            place: path.display().to_string(),
            message: format!("failed to write the snapshot: {error}"),
        };
        return written.map(|()| None).map_err(failed);
    }
    Ok(match std::fs::read_to_string(&path) {
        Ok(known) if known == text => None,
        Ok(known) => Some(format!(
            "snapshot {name} differs; `--update` takes the new one\n{}",
            report::difference(&known, &text)
        )),
        Err(error) => Some(format!("snapshot {name} cannot be read ({error}); `--update` writes it")),
    })
}

impl Case {
    /// Whether the case checks anything at all.
    fn checks(&self) -> bool {
        self.expect.is_some() || self.snapshot.is_some()
    }
}
