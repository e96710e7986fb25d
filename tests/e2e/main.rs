//! Runs the cases of `e2e/cases` with the real binary: against the fake API server always, and against a real one where
//! `DODONA_E2E_KUBECONFIG` names it (`./test` starts one).
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails where something is missing, and says what ran"
)]

mod case;
mod cluster;
mod guides;
mod install;
mod kubectl;
#[path = "../docs/pages.rs"]
mod pages;
mod pod;
mod receiver;
mod run;
mod story;

use std::path::{Path, PathBuf};

use cluster::{Cluster, Fake, Real, kubeconfig};

/// All case folders, in order.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are no cases");
    cases
}

async fn run_all(cluster: &dyn Cluster) {
    let mut failures = Vec::new();
    let mut passed = 0;
    for folder in cases() {
        match run::run(&folder, cluster).await {
            Ok(()) => passed += 1,
            Err(failure) => failures.push(format!("{}: {failure:#}", folder.display())),
        }
    }
    println!("e2e on {}: {passed} passed, {} failed", cluster.name(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_on_the_fake_api_server() {
    run_all(&Fake::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_on_a_real_api_server() {
    let Some(kubeconfig) = kubeconfig("e2e") else { return };
    run_all(&Real::connect(&kubeconfig).await).await;
}
