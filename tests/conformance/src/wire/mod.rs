//! `wire`: from configuration and variables to the bytes that receivers get (the README beside the vectors has the rules).
//!
//! The product runs in the two modes in which it promises the original's outcomes: all sections of a template are
//! rendered, and rich content that is invalid refuses the message.

mod compare;
mod http;
mod mail;
mod marker;
mod nats;
mod product;
mod proof;
mod scene;
mod vector;

use std::path::Path;

use anyhow::Context as _;
use futures::StreamExt as _;

use crate::report::{Outcome, Report};
use scene::Scene;
use vector::{Step, Vector};

/// Vectors that run at the same time; many of them only wait.
const PARALLEL: usize = 6;

/// Runs the vectors of `file`.
pub(crate) fn run(file: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(file).with_context(|| "cannot be read")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(ToOwned::to_owned);
    let outcomes: Vec<_> = runtime.block_on(async {
        let tasks = lines.map(|line| async move { tokio::spawn(async move { run_line(&line).await }).await });
        futures::stream::iter(tasks).buffered(PARALLEL).collect().await
    });
    let mut report = Report::new(file);
    for outcome in outcomes {
        let (id, differences) =
            outcome.unwrap_or_else(|panic| ("?".to_owned(), vec![format!("the runner failed: {panic}")]));
        report.add(id, if differences.is_empty() { Outcome::Passed } else { Outcome::Failed(differences) });
    }
    Ok(report)
}

/// Runs one vector; returns its id and the differences.
async fn run_line(line: &str) -> (String, Vec<String>) {
    let id = serde_json::from_str::<serde_json::Value>(line)
        .ok()
        .and_then(|vector| Some(vector.get("id")?.as_str()?.to_owned()));
    let result = async {
        let scene = Scene::open(line)?;
        let vector: Vector = serde_json::from_str(&scene.line).with_context(|| "no vector")?;
        play(&vector, scene).await
    };
    (id.unwrap_or_else(|| "?".to_owned()), result.await.unwrap_or_else(|error| vec![format!("{error:#}")]))
}

/// Plays a vector: builds the configuration, then sends once and once for each `then`.
async fn play(vector: &Vector, mut scene: Scene) -> anyhow::Result<Vec<String>> {
    let first = vector.first_step();
    let steps: Vec<&Step> = std::iter::once(&first).chain(&vector.then).collect();
    let product = product::Product::build(vector, &scene);
    let (mut differences, mut connected) = (Vec::new(), None);
    for (index, step) in steps.iter().enumerate() {
        let place = if steps.len() > 1 { format!("send {}: ", index + 1) } else { String::new() };
        let exchanges = step.expected_exchanges();
        scene.expect(exchanges, step.unordered);
        let mut printed = String::new();
        let result = match &product {
            Ok(product) => product.send(step, &mut printed).await,
            Err(refused) => Err(refused.clone()),
        };
        let seen = scene.take();
        let mut found = compare::result(step, &result);
        if !(step.expected_result() == "any" && result.is_err()) {
            found.extend(http::compare(exchanges, &seen, vector, &scene));
        }
        if let Some(smtp) = step.expected_smtp() {
            found.extend(mail::compare(smtp, &scene.take_mails()));
        }
        if let Some(expected) = step.expected_nats() {
            let seen = scene.take_nats();
            found.extend(nats::compare(expected, vector.nats_server(), &seen, &mut connected));
        }
        if let Some(stdout) = step.expected_stdout() {
            found.extend(compare::yaml(stdout, &printed));
        }
        differences.extend(found.into_iter().map(|line| format!("{place}{line}")));
    }
    Ok(differences)
}
