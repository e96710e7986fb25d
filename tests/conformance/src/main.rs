//! Runs the product against what the original answered: `dodona-conformance SET [--json] PATH...`.
//!
//! A set is one kind of vector, in a module of its own; a path is a file of vectors or a folder of such files. Each failure
//! is printed with its difference, then one line for each file: `webhook: 59 passed, 0 failed, 0 excepted`. The exit status
//! is 1 if anything failed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing the result is this program's work")]

mod behaviour;
mod cli;
mod lang;
mod report;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Report;

/// Runs the vectors of one file.
type Run = fn(&std::path::Path) -> anyhow::Result<Report>;

/// The kinds of vectors and what runs one file of them.
const SETS: &[(&str, Run)] =
    &[("lang", lang::run), ("wire", wire::run), ("behaviour", behaviour::run), ("cli", cli::run)];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let set = arguments.next().unwrap_or_default();
    let (flags, paths): (Vec<String>, Vec<String>) =
        arguments.partition(|argument| argument.starts_with("--"));
    let Some((_, run)) = SETS.iter().find(|(name, _)| *name == set) else {
        let names: Vec<&str> = SETS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: dodona-conformance {} [--json] PATH...", names.join("|"));
        return ExitCode::from(2);
    };
    let json = flags.iter().any(|flag| flag == "--json");
    match paths.iter().map(PathBuf::from).map(files).collect::<anyhow::Result<Vec<_>>>() {
        Ok(files) if !files.concat().is_empty() => run_all(*run, &files.concat(), json),
        Ok(_) => {
            eprintln!("no file of vectors (*.jsonl) in the paths given");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run_all(run: Run, files: &[PathBuf], json: bool) -> ExitCode {
    let mut reports = Vec::new();
    for file in files {
        match run(file) {
            Ok(report) => reports.push(report),
            Err(error) => {
                eprintln!("{}: {error:#}", file.display());
                return ExitCode::from(2);
            }
        }
    }
    if json {
        println!("{}", report::json(&reports));
    } else {
        for report in &reports {
            print!("{}", report.failures());
        }
        for report in &reports {
            println!("{}", report.summary());
        }
    }
    if reports.iter().all(Report::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files of vectors under `path`, in order of name.
fn files(path: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    use anyhow::Context as _;
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let entries = std::fs::read_dir(&path).with_context(|| path.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    Ok(files)
}
