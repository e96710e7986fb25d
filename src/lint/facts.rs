//! What is known of the watched kinds: their variables, the values of their fields, which fields may be absent.

use std::sync::Arc;

use super::samples::{Sample, Walk};
use crate::binding::Binding;
use crate::binding::app::AppBinding;
use crate::binding::generic::GenericBinding;
use crate::binding::namespaces::NamespacePatterns;
use crate::binding::rollout::RolloutBinding;
use crate::config::yaml;

/// A binding and what `lint` knows about its kind.
pub(super) struct Facts {
    pub(super) binding: Arc<dyn Binding>,
    /// Variables that exist in some evaluations only, besides those of the binding.
    pub(super) more_variables: &'static [&'static str],
    /// Fields that have only certain values.
    pub(super) values: &'static [(&'static str, &'static [&'static str])],
    /// Fields that are absent in some objects.
    pub(super) absent: &'static [&'static str],
    /// Objects to try templates on.
    pub(super) samples: Vec<Sample>,
}

const APP_VALUES: &[(&str, &[&str])] = &[
    ("app.status.health.status", &["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"]),
    ("app.status.sync.status", &["Synced", "OutOfSync", "Unknown"]),
    ("app.status.operationState.phase", &["Running", "Terminating", "Failed", "Error", "Succeeded"]),
];

const APP_ABSENT: &[&str] = &[
    "app.metadata.annotations",
    "app.metadata.labels",
    "app.operation",
    "app.spec.source",
    "app.spec.syncPolicy",
    "app.spec.syncPolicy.automated",
    "app.status.operationState",
    "app.status.operationState.operation.initiatedBy",
    "app.status.operationState.syncResult",
    "app.status.summary",
];

const ROLLOUT_VALUES: &[(&str, &[&str])] =
    &[("rollout.status.phase", &["Healthy", "Degraded", "Progressing", "Paused"])];

const ROLLOUT_ABSENT: &[&str] = &[
    "rollout.metadata.annotations",
    "rollout.metadata.labels",
    "rollout.spec.strategy.blueGreen",
    "rollout.spec.strategy.canary",
    "rollout.spec.workloadRef",
    "rollout.status.blueGreen",
    "rollout.status.canary",
];

/// The built-in bindings, `more`, and one at the end of which nothing is known.
pub(super) fn all(more: &[Arc<dyn Binding>]) -> Vec<Facts> {
    let app: Arc<dyn Binding> = Arc::new(AppBinding::new("argocd", NamespacePatterns::default()));
    let rollout: Arc<dyn Binding> = Arc::new(RolloutBinding::default());
    let mut all = vec![
        Facts {
            samples: Sample::applications(),
            binding: app,
            more_variables: &[],
            values: APP_VALUES,
            absent: APP_ABSENT,
        },
        Facts {
            samples: Sample::rollouts(),
            binding: rollout,
            more_variables: &["analysisRuns"],
            values: ROLLOUT_VALUES,
            absent: ROLLOUT_ABSENT,
        },
    ];
    all.extend(more.iter().map(|binding| Facts {
        binding: Arc::clone(binding),
        more_variables: &[],
        values: &[],
        absent: &[],
        samples: Vec::new(),
    }));
    all.extend(unknown());
    all
}

/// A kind that no binding describes: its configuration is compiled, and nothing is said about variables.
fn unknown() -> Option<Facts> {
    let text = "name: unknown\nvariable: object\nresource: {version: v1, plural: unknown}\nconfigMap: unknown\nsecret: unknown\n";
    let binding = yaml::parse_node(text).and_then(|node| GenericBinding::from_node(&node)).ok()?;
    Some(Facts {
        binding: Arc::new(binding),
        more_variables: &[],
        values: &[],
        absent: &[],
        samples: Vec::new(),
    })
}

impl Facts {
    /// Whether the binding is Argo CD's.
    pub(super) fn is_app(&self) -> bool {
        self.binding.name() == "app"
    }

    /// The values that the field `path` may have, if they are known.
    pub(super) fn values_of(&self, path: &[String]) -> Option<&'static [&'static str]> {
        let name = path.join(".");
        self.values.iter().find(|(field, _)| *field == name).map(|(_, values)| *values)
    }

    /// The name in `path` (variable first) that is probably misspelled, and what is meant: no sample has the field.
    pub(super) fn misspelled<'a>(&'a self, path: &'a [String]) -> Option<(&'a str, &'a str)> {
        let (root, fields) = path.split_first()?;
        if self.samples.is_empty() || root != self.binding.name() {
            return None;
        }
        let mut found = None;
        for sample in &self.samples {
            match sample.walk(fields) {
                Walk::There => return None,
                Walk::Misspelled { name, meant } => found = found.or(Some((name, meant))),
                Walk::Unknown => {}
            }
        }
        found
    }

    /// Whether the field `path` is absent in some objects.
    pub(super) fn may_be_absent(&self, path: &[String]) -> bool {
        self.absent.contains(&path.join(".").as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_the_one_that_nobody_knows() {
        assert_eq!(all(&[]).last().unwrap().binding.name(), "unknown");
    }
}
