//! `rollout`: Argo Rollouts, with its two engines: of states and of events (core 6.1).
//!
//! `reason` names the trigger of an event, `derive` reads events off two versions, `runs` keeps AnalysisRuns for the
//! variable `analysisRuns`, `workload` finds the pod template of a `workloadRef`. What is done with all that is the
//! pipeline's affair.

pub mod derive;
mod reason;
mod runs;
pub mod workload;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dodona_value::{Scope, Str};

pub use reason::trigger_name;
pub use runs::Runs;

use super::func::time;
use super::{Binding, EventRules, Facts};
use crate::model::{Object, ObjectError, Resource};

/// The variable that shows AnalysisRuns (core 4.2.5).
pub const ANALYSIS_RUNS: &str = "analysisRuns";

/// The Rollouts binding as it was started.
#[derive(Clone, Debug)]
pub struct RolloutBinding {
    /// Namespaces to watch; all if empty (`--namespaced` names one).
    pub namespaces: Vec<String>,
    /// Label selector (`--instance-id` becomes one).
    pub label_selector: String,
    /// Name of the ConfigMap.
    pub config_map: String,
    /// Name of the Secret.
    pub secret: String,
    /// How its engine of events works.
    pub rules: EventRules,
    /// The AnalysisRuns that there are.
    pub runs: Arc<Runs>,
}

impl Default for RolloutBinding {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            label_selector: String::new(),
            config_map: Self::CONFIG_MAP.into(),
            secret: Self::SECRET.into(),
            rules: EventRules::default(),
            runs: Arc::default(),
        }
    }
}

impl RolloutBinding {
    /// Name of the ConfigMap that the Rollouts controller reads too.
    pub const CONFIG_MAP: &str = "argo-rollouts-notification-configmap";
    /// Name of the Secret that the Rollouts controller reads too.
    pub const SECRET: &str = "argo-rollouts-notification-secret";

    /// The kind `AnalysisRun`.
    pub fn analysis_runs() -> Resource {
        Resource::new("argoproj.io", "v1alpha1", "analysisruns", Some("AnalysisRun"))
    }

    /// The kind `Experiment`.
    pub fn experiments() -> Resource {
        Resource::new("argoproj.io", "v1alpha1", "experiments", Some("Experiment"))
    }
}

impl Binding for RolloutBinding {
    fn name(&self) -> &'static str {
        "rollout"
    }

    fn resource(&self) -> &Resource {
        static RESOURCE: LazyLock<Resource> =
            LazyLock::new(|| Resource::new("argoproj.io", "v1alpha1", "rollouts", Some("Rollout")));
        &RESOURCE
    }

    fn settings_names(&self) -> (&str, &str) {
        (&self.config_map, &self.secret)
    }

    fn metrics_prefix(&self) -> &'static str {
        "argo_rollouts"
    }

    fn resync(&self) -> Duration {
        Duration::from_mins(15)
    }

    fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    fn label_selector(&self) -> &str {
        &self.label_selector
    }

    fn event_rules(&self) -> Option<&EventRules> {
        Some(&self.rules)
    }

    fn runs(&self) -> Option<&Arc<Runs>> {
        Some(&self.runs)
    }

    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError> {
        let mut variables = vec![
            (Str::from_static("rollout"), object.document()?.to_value()),
            (Str::from_static("time"), time::clock_only()),
            (Str::from_static("secrets"), facts.secrets()),
        ];
        if let Some(runs) = self.runs.of(object) {
            variables.push((Str::from_static(ANALYSIS_RUNS), runs));
        }
        variables.extend(facts.context_if_any());
        Ok(facts.finish(variables))
    }
}
