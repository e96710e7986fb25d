//! The services against recorders: `tests/services/<service>/<case>.yaml` are the cases, this is the harness.
//!
//! `contract.rs` is what each service states about itself; `verdicts.rs`, `receivers.rs`, `egress.rs` and `secrets.rs` run
//! over the table of services with it, so that none can be forgotten, as does `rehearsal.rs`; `connections.rs` counts what
//! many messages open; `docs.rs` sends the examples of the docs pages; `peers` talks to receivers that others wrote.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a harness of tests fails by panicking")]

mod case;
mod connections;
mod contract;
mod docs;
mod egress;
mod peers;
mod pipeline;
mod play;
mod receivers;
mod rehearsal;
mod secrets;
mod verdicts;

use std::path::{Path, PathBuf};

/// The folder of this harness.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services")
}

/// The cases of every service of the table, all run; a service without a folder or without a case fails.
#[test]
fn cases() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for row in dodona::delivery::service_types() {
        let folder = here().join(row.name);
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("no cases for `{}`: {}: {error}", row.name, folder.display()));
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        assert!(!files.is_empty(), "no cases in {}", folder.display());
        for file in files {
            count += 1;
            let name = format!("{}/{}", row.name, file.file_stem().unwrap().to_string_lossy());
            let text = std::fs::read_to_string(&file).unwrap();
            let differences = runtime.block_on(play::case(row.name, &text));
            failures.extend(differences.into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    println!("services: {count} cases");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
