//! `dodona test`: runs test files and prints what came of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::trial::{self, Coverage, report};

/// Endings of test files in folders.
const ENDINGS: &[&str] = &[".test.yaml", ".test.yml", "_test.yaml", "_test.yml"];

/// `dodona test`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags of the command line")]
#[command(
    after_help = "Exit status: 0 if all cases pass, 1 if one fails, 2 for wrong use and files that cannot be read.\n\nExamples:\n  dodona test notifications/\n  dodona test --coverage notifications/on-failure.test.yaml\n  dodona test --junit report.xml notifications/\n  dodona test --update notifications/"
)]
pub(crate) struct TestArgs {
    /// Test files, or folders with files called `*.test.yaml` or `*_test.yaml`
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Run only cases whose names contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write snapshots instead of comparing with them
    #[arg(long)]
    update: bool,
    /// Show which triggers told something and which templates were sent
    #[arg(long)]
    coverage: bool,
    /// Fail if a trigger or a template was not used by any case
    #[arg(long)]
    require_coverage: bool,
    /// Write a report for CI in JUnit's format
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show what was sent in each case
    #[arg(long)]
    show: bool,
}

/// Runs the tests.
pub(crate) fn run(arguments: &TestArgs) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &arguments.paths {
        find(path, &mut files).or_else(|error| super::wrong_use(format!("{error:#}")))?;
    }
    if files.is_empty() {
        return super::wrong_use(format!("no test files found; their names end in {}", ENDINGS.join(", ")));
    }
    let mut outcomes = Vec::new();
    let mut used = Coverage::default();
    for file in &files {
        let outcome = trial::run(file, arguments.update, arguments.filter.as_deref());
        let outcome = outcome.or_else(|error| super::wrong_use(error.to_string()))?;
        used.add(&outcome.coverage);
        outcomes.push(outcome);
    }
    super::output::print(&report::text(&outcomes, arguments.show))?;
    if arguments.coverage || arguments.require_coverage {
        super::output::print(&report::coverage(&used))?;
    }
    if let Some(path) = &arguments.junit {
        std::fs::write(path, report::junit(&outcomes))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    let failed = report::counts(&outcomes).1 > 0 || arguments.require_coverage && !used.missing().is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Adds the test files under `path`; a file that is named counts whatever its name.
fn find(path: &Path, into: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let meta = std::fs::metadata(path).with_context(|| format!("failed to read {}", path.display()))?;
    if !meta.is_dir() {
        into.push(path.to_owned());
        return Ok(());
    }
    let (mut folders, mut found) = (vec![path.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("failed to read {}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // A link to a folder is not followed, as it may lead back here.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !name.starts_with('.') {
                folders.push(entry.path());
            } else if !is_folder && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    into.extend(found);
    Ok(())
}
