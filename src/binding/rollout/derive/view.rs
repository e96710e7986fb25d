//! The parts of an object that differences are read from.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::Object;

/// What matters of one version of a Rollout, an Experiment or an AnalysisRun.
#[derive(Debug, Default)]
pub struct View {
    /// The annotation `rollout.argoproj.io/revision`.
    pub(super) revision: String,
    /// Number of canary steps.
    pub(super) steps: i64,
    status: Value,
    managed_fields: Vec<Managed>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    metadata: Metadata,
    spec: Option<Spec>,
    status: Value,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    managed_fields: Option<Vec<Managed>>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Managed {
    manager: String,
    fields_v1: Option<Box<RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    strategy: Option<Strategy>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Strategy {
    canary: Option<Canary>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Canary {
    steps: Option<Vec<serde::de::IgnoredAny>>,
}

impl View {
    /// Looks at `object`. One that is not made as expected shows nothing.
    pub fn of(object: &Object) -> Self {
        let Ok(body) = serde_json::from_slice::<Body>(object.json()) else { return Self::default() };
        let canary = body.spec.and_then(|spec| spec.strategy).and_then(|strategy| strategy.canary);
        let steps = canary.and_then(|canary| canary.steps).map_or(0, |steps| steps.len());
        Self {
            revision: object.annotation("rollout.argoproj.io/revision").unwrap_or_default().to_owned(),
            steps: i64::try_from(steps).unwrap_or(i64::MAX),
            status: body.status,
            managed_fields: body.metadata.managed_fields.unwrap_or_default(),
        }
    }

    /// Below `status`; null where there is nothing.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.status.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    pub(super) fn is_true(&self, pointer: &str) -> bool {
        self.at(pointer) == &Value::Bool(true)
    }

    pub(super) fn items(&self, pointer: &str) -> &[Value] {
        self.at(pointer).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The condition of a type; null where there is none.
    pub(super) fn condition(&self, kind: &str) -> &Value {
        self.items("/conditions").iter().find(|one| one["type"] == kind).unwrap_or(&Value::Null)
    }

    /// `currentStepIndex`, as a number or as one that went through a float.
    #[expect(clippy::cast_possible_truncation, reason = "an index of a step")]
    pub(super) fn step(&self) -> Option<i64> {
        let index = self.at("/currentStepIndex");
        index.as_i64().or_else(|| index.as_f64().map(|index| index as i64))
    }

    pub(super) fn is_aborted(&self) -> bool {
        let progressing = self.condition("Progressing");
        progressing["status"] == "False" && progressing["reason"] == "RolloutAborted"
    }

    pub(super) fn has_pauses(&self) -> bool {
        !self.items("/pauseConditions").is_empty()
    }

    /// Whether a person moved the rollout on to another step (`promote --skip-current-step`): the step was not completed
    /// then. The API server notes who wrote a field last.
    pub(super) fn step_was_set_by_hand(&self) -> bool {
        let wrote_step = |one: &&Managed| {
            one.fields_v1.as_ref().is_some_and(|fields| fields.get().contains("\"f:currentStepIndex\""))
        };
        let mut writers = self.managed_fields.iter().filter(wrote_step).peekable();
        writers.peek().is_some() && writers.all(|one| !one.manager.contains("rollouts-controller"))
    }
}
