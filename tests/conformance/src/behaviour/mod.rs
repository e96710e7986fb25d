//! `behaviour`: traces of the original's controllers. Each is played through the real pipeline, with objects in memory, a
//! clock that the trace sets, and a recorder that answers as the trace says.
//!
//! Liberties that the format allows and that are taken: refused messages are sent again by the next look at the object (there is
//! no back-off), and a change of the configuration enqueues no object.

mod compare;
mod player;
mod receiver;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::Value;

use crate::report::{Outcome, Report};

/// Traces that are played at the same time.
const AT_ONCE: usize = 8;

/// Where the contract recommends nothing and the project has the original's way: with a flag that tells about Experiments and
/// AnalysisRuns (6.2.3), and without the template of a workload in the engine of states (6.6.1).
const CHOSEN: [&str; 2] = ["6.2.3", "6.6.1"];

/// One trace.
#[derive(Clone, Deserialize)]
pub(crate) struct Trace {
    pub(crate) id: String,
    pub(crate) binding: String,
    #[serde(default)]
    pub(crate) generic: Option<Generic>,
    pub(crate) controller_namespace: String,
    #[serde(default)]
    pub(crate) application_namespaces: Vec<String>,
    #[serde(default)]
    pub(crate) self_service: bool,
    #[serde(default)]
    pub(crate) annotation_prefix: Option<String>,
    pub(crate) clock_start: i64,
    pub(crate) config: Option<BTreeMap<String, String>>,
    pub(crate) secret: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) objects: Vec<Value>,
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) choose: Vec<String>,
}

/// The binding of a trace about any kind.
#[derive(Clone, Deserialize)]
pub(crate) struct Generic {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) kind: String,
    pub(crate) variable: String,
    pub(crate) config_map: String,
    pub(crate) secret: String,
}

/// One step.
#[derive(Clone, Deserialize)]
pub(crate) struct Step {
    pub(crate) at: i64,
    pub(crate) op: String,
    #[serde(flatten)]
    pub(crate) members: BTreeMap<String, Value>,
}

impl Step {
    /// What has to come of the step: the repaired behaviour where there is one.
    pub(crate) fn expectation(&self) -> Option<&Value> {
        self.members.get("expect_fixed").or_else(|| self.members.get("expect"))
    }

    /// A member; null where it is absent.
    pub(crate) fn get(&self, name: &str) -> &Value {
        self.members.get(name).unwrap_or(&Value::Null)
    }
}

/// Plays the traces of `file`.
pub(crate) fn run(file: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(file)?;
    let mut traces = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        traces.push(serde_json::from_str::<Trace>(line).with_context(|| format!("line {}", number + 1))?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcomes: Vec<(String, Outcome)> = runtime.block_on(async {
        let plays = traces.into_iter().map(|trace| async move {
            let id = trace.id.clone();
            let outcome = tokio::spawn(play(trace))
                .await
                .unwrap_or_else(|error| Outcome::Failed(vec![error.to_string()]));
            (id, outcome)
        });
        futures::stream::iter(plays).buffered(AT_ONCE).collect().await
    });
    let mut report = Report::new(file);
    for (id, outcome) in outcomes {
        report.add(id, outcome);
    }
    Ok(report)
}

async fn play(trace: Trace) -> Outcome {
    // Where the project decides and the contract recommends nothing, there is nothing to compare with.
    let chosen = trace.choose.iter().all(|rule| CHOSEN.contains(&rule.as_str()));
    if !chosen && trace.steps.iter().all(|step| !step.members.contains_key("expect_fixed")) {
        return Outcome::Excepted(format!("the project decides ({})", trace.choose.join(", ")));
    }
    match player::play(&trace).await {
        Ok(differences) if differences.is_empty() => Outcome::Passed,
        Ok(differences) => Outcome::Failed(differences),
        Err(error) => Outcome::Failed(vec![format!("{error:#}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Traces of our own making, in corners that the sets beside the clone may leave out.
    #[test]
    fn our_own_traces_pass() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("own/corners.jsonl");
        let report = run(&file).expect("the file is there");
        assert!(report.is_good(), "{}", report.failures());
    }
}
