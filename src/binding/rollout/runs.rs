//! The AnalysisRuns that there are, for the variable `analysisRuns` (core 4.2.5).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use dodona_value::{Document, Value};

use crate::model::{Object, ObjectKey};

/// Names the pod template that a run belongs to.
const HASH_LABEL: &str = "rollouts-pod-template-hash";
/// Names the revision of the Rollout that a run belongs to.
const REVISION: &str = "rollout.argoproj.io/revision";

/// AnalysisRuns by namespace and pod template.
#[derive(Default)]
pub struct Runs(RwLock<Held>);

#[derive(Default)]
struct Held {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    /// Names of the runs of one pod template.
    by_hash: BTreeMap<(Arc<str>, String), Vec<ObjectKey>>,
}

impl Runs {
    /// A version of a run takes the place of the last one.
    pub fn put(&self, run: &Arc<Object>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.remove(run.key());
        held.by_hash.entry(place(run)).or_default().push(run.key().clone());
        held.objects.insert(run.key().clone(), Arc::clone(run));
    }

    /// The run is gone.
    pub fn take(&self, key: &ObjectKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The value for a Rollout: nil if no run has the label of its present pod template, else those of its revision,
    /// newest first. `None`: the Rollout is none, and upstream leaves the variable out.
    pub(super) fn of(&self, rollout: &Object) -> Option<Value> {
        let hash = match rollout.document().ok()?.path(&["status", "currentPodHash"]) {
            None => "",
            Some(node) if node.to_value().is_nil() => "",
            Some(node) => node.as_str()?,
        };
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(keys) = held.by_hash.get(&(Arc::clone(&rollout.key().namespace), hash.to_owned())) else {
            return Some(Value::Nil);
        };
        let runs = keys.iter().filter_map(|key| held.objects.get(key));
        let mut found: Vec<(String, &Arc<Object>)> =
            runs.filter(|run| revision(run) == revision(rollout)).map(|run| (created(run), run)).collect();
        found.sort_by(|(left, a), (right, b)| right.cmp(left).then_with(|| a.key().cmp(b.key())));
        let values = found.iter().filter_map(|(_, run)| run.document().ok().map(Document::to_value));
        Some(Value::list(values.collect()))
    }
}

impl Held {
    fn remove(&mut self, key: &ObjectKey) {
        let Some(run) = self.objects.remove(key) else { return };
        let place = place(&run);
        if let Some(keys) = self.by_hash.get_mut(&place) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.by_hash.remove(&place);
            }
        }
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Runs({})", held.objects.len())
    }
}

fn place(run: &Object) -> (Arc<str>, String) {
    (Arc::clone(&run.key().namespace), run.label(HASH_LABEL).unwrap_or_default().to_owned())
}

/// The revision; 0 where there is none, or none that is a number.
fn revision(object: &Object) -> i64 {
    object.annotation(REVISION).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `metadata.creationTimestamp`, whose texts sort by time.
fn created(object: &Object) -> String {
    let node = object.document().ok().and_then(|body| {
        body.path(&["metadata", "creationTimestamp"]).and_then(|node| node.as_str().map(str::to_owned))
    });
    node.unwrap_or_default()
}
