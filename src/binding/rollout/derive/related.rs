//! What happened to Experiments and AnalysisRuns, and by them to their Rollout (core 6.5).

use serde::Deserialize;
use serde_json::Value;

use super::{Derived, Shows, View, is_bad, is_final};
use crate::model::{Object, ObjectKey};

/// What happened to an Experiment: its phase, its templates, its analyses.
pub fn experiment(before: &View, after: &View) -> Vec<Derived> {
    let mut found = Vec::new();
    let templates = changes(before, after, "/templateStatuses", "status");
    found.extend(
        templates.map(|(name, phase)| {
            Derived::new(format!("Template{phase}"), is_bad(&phase), name, Shows::Before)
        }),
    );
    found.extend(
        analyses(before, after)
            .into_iter()
            .map(|one| Derived { warning: one.warning || one.reason == "AnalysisRunInconclusive", ..one }),
    );
    let phase = after.text("/phase");
    if !phase.is_empty() && phase != before.text("/phase") {
        let warning = is_bad(phase) || phase == "Inconclusive";
        found.push(Derived::new(format!("Experiment{phase}"), warning, "", Shows::Before));
    }
    found
}

/// The same analyses as its Rollout hears of them: always a warning.
pub fn experiment_for_rollout(before: &View, after: &View) -> Vec<Derived> {
    let of_rollout = |one| Derived { warning: true, shows: Shows::After, ..one };
    analyses(before, after).into_iter().map(of_rollout).collect()
}

/// What happened to an AnalysisRun: a metric or the run came to its end.
pub fn analysis_run(before: &View, after: &View) -> Vec<Derived> {
    let metrics = changes(before, after, "/metricResults", "phase").filter(|(_, phase)| is_final(phase));
    let mut found: Vec<Derived> = metrics
        .map(|(name, phase)| Derived::new(format!("Metric{phase}"), is_bad(&phase), name, Shows::Before))
        .collect();
    let phase = after.text("/phase");
    if is_final(phase) && phase != before.text("/phase") {
        found.push(Derived::new(format!("AnalysisRun{phase}"), is_bad(phase), "", Shows::Before));
    }
    found
}

fn analyses(before: &View, after: &View) -> Vec<Derived> {
    let runs = changes(before, after, "/analysisRuns", "phase");
    let made = runs.map(|(name, phase)| {
        let run = after.items("/analysisRuns").iter().find(|one| one["name"] == name.as_str());
        let mark = run.and_then(|run| run["analysisRun"].as_str()).unwrap_or_default();
        Derived::new(format!("AnalysisRun{phase}"), is_bad(&phase), mark, Shows::Before)
    });
    made.collect()
}

/// Names and phases of the items of a list whose phase is another one than before.
fn changes<'a>(
    before: &'a View,
    after: &'a View,
    list: &'a str,
    field: &'a str,
) -> impl Iterator<Item = (String, String)> + 'a {
    let known = before.items(list);
    after.items(list).iter().filter_map(move |one| {
        let phase = one[field].as_str().filter(|phase| !phase.is_empty())?;
        let was = known
            .iter()
            .find(|other| other["name"] == one["name"])
            .map_or(&Value::Null, |other| &other[field]);
        (was != phase).then(|| (one["name"].as_str().unwrap_or_default().to_owned(), phase.to_owned()))
    })
}

/// The Rollout that an Experiment belongs to.
pub fn owner(experiment: &Object) -> Option<ObjectKey> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Body {
        metadata: Metadata,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "camelCase")]
    struct Metadata {
        owner_references: Option<Vec<Owner>>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Owner {
        kind: String,
        name: String,
    }
    let body: Body = serde_json::from_slice(experiment.json()).ok()?;
    let owner = body.metadata.owner_references?.into_iter().find(|owner| owner.kind == "Rollout")?;
    Some(ObjectKey::new(experiment.key().namespace.clone(), owner.name))
}
