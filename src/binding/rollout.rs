//! `rollout`: Argo Rollouts, the engine of state triggers (core 6.1). The engine of events joins the same decision later.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dodona_value::{Scope, Str};

use super::func::time;
use super::{Binding, Facts};
use crate::model::{Object, ObjectError, Resource};

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
}

impl Default for RolloutBinding {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            label_selector: String::new(),
            config_map: "argo-rollouts-notification-configmap".into(),
            secret: "argo-rollouts-notification-secret".into(),
        }
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

    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError> {
        let mut variables = vec![
            (Str::from_static("rollout"), object.document()?.to_value()),
            (Str::from_static("time"), time::clock_only()),
            (Str::from_static("secrets"), facts.secrets()),
        ];
        variables.extend(facts.context_if_any());
        Ok(facts.finish(variables))
    }
}
