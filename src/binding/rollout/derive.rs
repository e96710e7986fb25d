//! What happened, read off two versions of an object: the rows of core 6.5 that objects show by themselves.
//!
//! The second producer beside the Events: those may be filtered, folded, dropped or expired before anybody reads them
//! (core 6.6). Pure; which of the two producers is told is decided elsewhere.

mod related;
mod view;

pub use related::{analysis_run, experiment, experiment_for_rollout, owner};
pub use view::View;

use serde_json::Value;

/// An occurrence that a difference shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// `RolloutCompleted`.
    pub reason: String,
    /// Whether the controller records it as a warning.
    pub warning: bool,
    /// What tells it apart from others of the same reason (a revision, a step, the name of a run); may be empty.
    pub mark: String,
    /// Which version the controller has in hand when it records it, and messages show (core 6.3).
    pub shows: Shows,
}

/// One of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The older one: most events are recorded before the status is written.
    Before,
    /// The newer one.
    After,
}

impl Derived {
    fn new(reason: impl Into<String>, warning: bool, mark: impl Into<String>, shows: Shows) -> Self {
        Self { reason: reason.into(), warning, mark: mark.into(), shows }
    }

    fn normal(reason: &str) -> Self {
        Self::new(reason, false, "", Shows::Before)
    }

    fn marked(self, mark: &str) -> Self {
        Self { mark: mark.to_owned(), ..self }
    }
}

/// Phases whose events are warnings.
fn is_bad(phase: &str) -> bool {
    matches!(phase, "Failed" | "Error")
}

/// Phases in which nothing more happens.
fn is_final(phase: &str) -> bool {
    matches!(phase, "Successful" | "Failed" | "Error" | "Inconclusive")
}

/// A Rollout came into being.
pub fn created() -> Derived {
    Derived::new("RolloutAddedToInformer", false, "", Shows::After)
}

/// A Rollout is gone.
pub fn deleted() -> Derived {
    Derived::normal("RolloutDeleted")
}

/// What happened to a Rollout between two versions, in the order in which one reconciliation records it.
pub fn rollout(before: &View, after: &View) -> Vec<Derived> {
    let mut found = Vec::new();
    found.extend(updated(before, after));
    found.extend(replica_sets(before, after));
    found.extend(analysis(before, after));
    found.extend(experiment_created(before, after));
    found.extend(plugins(before, after));
    found.extend(weights(before, after));
    found.extend(services(before, after));
    found.extend(steps(before, after));
    found.extend(completion(before, after));
    found.extend(aborted(before, after));
    found.extend(pause(before, after));
    found
}

fn updated(before: &View, after: &View) -> Option<Derived> {
    let changed = !after.revision.is_empty() && before.revision != after.revision;
    changed.then(|| Derived::new("RolloutUpdated", false, &after.revision, Shows::After))
}

/// `NewReplicaSetCreated` and `ReplicaSetCreateError` as the condition `Progressing` tells them.
fn replica_sets(before: &View, after: &View) -> Option<Derived> {
    let (was, is) = (before.condition("Progressing"), after.condition("Progressing"));
    let text = |one: &Value| (one["reason"].clone(), one["message"].clone());
    if text(was) == text(is) {
        return None;
    }
    match is["reason"].as_str()? {
        "NewReplicaSetCreated" => Some(Derived::normal("NewReplicaSetCreated")),
        "ReplicaSetCreateError" if is["status"] == "False" => {
            Some(Derived { warning: true, ..Derived::normal("ReplicaSetCreateError") })
        }
        _ => None,
    }
}

/// `RolloutCompleted` and `RolloutNotCompleted`.
fn completion(before: &View, after: &View) -> Vec<Derived> {
    let mut found = Vec::new();
    let stable = after.text("/stableRS");
    if before.condition("Completed")["status"] != "False" && after.condition("Completed")["status"] == "False"
    {
        found.push(Derived::normal("RolloutNotCompleted"));
    }
    if !stable.is_empty() && stable != before.text("/stableRS") && stable == after.text("/currentPodHash") {
        found.push(Derived::normal("RolloutCompleted").marked(stable));
    }
    found
}

fn aborted(before: &View, after: &View) -> Option<Derived> {
    let newly = !before.is_aborted() && after.is_aborted();
    newly.then(|| Derived { warning: true, ..Derived::normal("RolloutAborted") })
}

/// `RolloutPaused` and `RolloutResumed`: by pauses of the controller, not by `spec.paused`.
fn pause(before: &View, after: &View) -> Option<Derived> {
    match (before.has_pauses(), after.has_pauses()) {
        (false, true) => Some(Derived::normal("RolloutPaused")),
        (true, false) if !after.is_true("/abort") => Some(Derived::normal("RolloutResumed")),
        _ => None,
    }
}

/// `RolloutStepCompleted` and `SkipSteps`.
fn steps(before: &View, after: &View) -> Option<Derived> {
    let (was, is) = (before.step(), after.step()?);
    let hash = after.text("/currentPodHash");
    if hash.is_empty() {
        return None;
    }
    if before.text("/currentPodHash") == hash {
        // Everything else than one step further, by the controller, is a jump that somebody asked for.
        let was = was?;
        let by_hand = ["/abort", "/promoteFull"].iter().any(|one| before.is_true(one) || after.is_true(one));
        let completed = is == was + 1 && !by_hand && !after.step_was_set_by_hand();
        return completed.then(|| Derived::normal("RolloutStepCompleted").marked(&was.to_string()));
    }
    let back_to_stable = hash == after.text("/stableRS") && hash == before.text("/stableRS");
    let skipped = back_to_stable && is > 0 && is == after.steps && was != Some(is);
    skipped.then(|| Derived::normal("SkipSteps"))
}

fn services(before: &View, after: &View) -> Vec<Derived> {
    let mut found = Vec::new();
    for selector in ["/blueGreen/previewSelector", "/blueGreen/activeSelector"] {
        let is = after.text(selector);
        if !is.is_empty() && is != before.text(selector) {
            found.push(Derived::normal("SwitchService"));
        }
    }
    found
}

fn weights(before: &View, after: &View) -> Option<Derived> {
    let (was, is) = (before.at("/canary/weights"), after.at("/canary/weights"));
    (!is.is_null() && was != is).then(|| Derived::normal("TrafficWeightUpdated"))
}

/// A step plugin changed its phase. A run that went well is the step's completion and no event.
fn plugins(before: &View, after: &View) -> Vec<Derived> {
    let known = before.items("/canary/stepPluginStatuses");
    let same = |one: &Value, other: &Value| {
        ["index", "name", "operation", "phase"].iter().all(|name| one[*name] == other[*name])
    };
    let changed = after.items("/canary/stepPluginStatuses").iter().filter(|one| {
        let went_well = one["operation"] == "Run" && one["phase"] == "Successful";
        !went_well && one["phase"].is_string() && !known.iter().any(|other| same(one, other))
    });
    let made = changed.map(|one| {
        let bad = one["phase"].as_str().is_some_and(is_bad);
        Derived { warning: bad, ..Derived::normal("StepPluginTransition") }
    });
    made.collect()
}

fn experiment_created(before: &View, after: &View) -> Option<Derived> {
    let name = after.text("/canary/currentExperiment");
    let new = !name.is_empty() && name != before.text("/canary/currentExperiment");
    new.then(|| Derived::normal("ExperimentCreated").marked(name))
}

/// The four analyses that the status of a Rollout shows.
const ANALYSES: [&str; 4] = [
    "/blueGreen/prePromotionAnalysisRunStatus",
    "/blueGreen/postPromotionAnalysisRunStatus",
    "/canary/currentStepAnalysisRunStatus",
    "/canary/currentBackgroundAnalysisRunStatus",
];

/// A run got its first or another phase.
fn analysis(before: &View, after: &View) -> Vec<Derived> {
    let mut found = Vec::new();
    for place in ANALYSES {
        let (was, is) = (before.at(place), after.at(place));
        let (Some(name), Some(phase)) = (is["name"].as_str(), is["status"].as_str()) else { continue };
        let known = was["name"] == is["name"] && was["status"] == is["status"];
        if !phase.is_empty() && !known {
            found.push(Derived::new(format!("AnalysisRun{phase}"), is_bad(phase), name, Shows::Before));
        }
    }
    found
}

/// Whether objects can show events of this reason (the last column of the table of core 6.5).
pub fn is_derived(reason: &str) -> bool {
    let phases = ["AnalysisRun", "Experiment", "Template", "Metric"];
    phases.iter().any(|subject| reason.starts_with(subject)) || DERIVED.contains(&reason)
}

const DERIVED: [&str; 16] = [
    "RolloutAddedToInformer",
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "ReplicaSetCreateError",
    "RolloutCompleted",
    "RolloutNotCompleted",
    "RolloutAborted",
    "RolloutPaused",
    "RolloutResumed",
    "RolloutStepCompleted",
    "SkipSteps",
    "RolloutDeleted",
    "SwitchService",
    "TrafficWeightUpdated",
    "StepPluginTransition",
    "ExperimentCreated",
];

/// What an Event tells apart from others of its reason, in the words of [`Derived::mark`]: by the version of the object
/// that it names, or by its message. Empty where it says nothing.
pub fn mark(reason: &str, object: Option<&View>, message: &str) -> String {
    match (reason, object) {
        ("RolloutUpdated", Some(object)) => object.revision.clone(),
        ("RolloutCompleted", Some(object)) => object.text("/currentPodHash").to_owned(),
        ("RolloutStepCompleted", Some(object)) => {
            object.step().map(|step| step.to_string()).unwrap_or_default()
        }
        _ if reason.starts_with("AnalysisRun") => quoted(message).to_owned(),
        _ => String::new(),
    }
}

/// The first text between single quotes: there the controller names the run.
fn quoted(message: &str) -> &str {
    let rest = message.split_once('\'').map_or("", |(_, rest)| rest);
    rest.split_once('\'').map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use dodona_value::Numbers;
    use serde::Deserialize;

    use super::*;
    use crate::model::Object;

    /// One line of the data: two versions and what they show: reason, type, mark, version.
    #[derive(Deserialize)]
    struct Case {
        #[serde(rename = "case")]
        name: String,
        kind: String,
        before: Value,
        after: Value,
        tells: Vec<(String, String, String, String)>,
    }

    fn cases() -> Vec<Case> {
        let text = include_str!("../../../tests/rollouts/differences.jsonl");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn view(json: &Value) -> View {
        View::of(&Object::parse(Bytes::from(json.to_string()), Numbers::Kubernetes).unwrap())
    }

    #[test]
    fn differences_show_what_happened() {
        for case in cases() {
            let (before, after) = (view(&case.before), view(&case.after));
            let found = match case.kind.as_str() {
                "Rollout" => rollout(&before, &after),
                "Experiment" => experiment(&before, &after),
                "Experiment for its Rollout" => experiment_for_rollout(&before, &after),
                _ => analysis_run(&before, &after),
            };
            let found: Vec<_> = found
                .into_iter()
                .map(|one| {
                    let kind = if one.warning { "Warning" } else { "Normal" };
                    let shows = if one.shows == Shows::Before { "before" } else { "after" };
                    (one.reason, kind.to_owned(), one.mark, shows.to_owned())
                })
                .collect();
            assert_eq!(found, case.tells, "{}", case.name);
        }
    }

    /// Every row of core 6.5 that objects can show has a case.
    #[test]
    fn every_row_is_shown_by_a_case() {
        let mut shown: BTreeSet<(String, String)> = cases()
            .into_iter()
            .flat_map(|case| {
                let kind = case.kind.split(' ').next().unwrap_or_default().to_owned();
                case.tells.into_iter().map(move |(reason, ..)| (kind.clone(), reason))
            })
            .collect();
        // They are seen where an object comes and goes, not between two versions.
        for one in [created(), deleted()] {
            shown.insert(("Rollout".into(), one.reason));
        }
        for line in
            include_str!("../../../tests/rollouts/reasons.tsv").lines().filter(|line| !line.starts_with('#'))
        {
            let [kind, reason, trigger, by] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            assert_eq!(super::super::trigger_name(reason), trigger);
            assert_eq!(shown.contains(&(kind.into(), reason.into())), by != "event", "{line}");
            if kind == "Rollout" {
                assert_eq!(is_derived(reason), by != "event", "{line}");
            }
        }
    }

    #[test]
    fn an_event_says_which_occurrence_it_means() {
        let object = view(&serde_json::json!({
            "metadata": {"name": "cart", "annotations": {"rollout.argoproj.io/revision": "3"}},
            "status": {"currentStepIndex": 2.0, "currentPodHash": "b"},
        }));
        assert_eq!(mark("RolloutStepCompleted", Some(&object), ""), "2");
        assert_eq!(mark("RolloutUpdated", Some(&object), ""), "3");
        assert_eq!(mark("RolloutCompleted", Some(&object), ""), "b");
        assert_eq!(mark("RolloutCompleted", None, ""), "");
        assert_eq!(
            mark("AnalysisRunFailed", None, "Step Analysis Run 'run-1' Status New: 'Failed'"),
            "run-1"
        );
        assert_eq!(mark("AnalysisRunFailed", None, "failed"), "");
        assert_eq!(mark("RolloutPaused", Some(&object), "it's"), "");
    }
}
