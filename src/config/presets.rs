//! Triggers and templates that come with Dodona and are brought in by name (`presets: argocd`).
//!
//! They are files under `presets/`; this part only lists them. Any key of the ConfigMap wins over the preset of its name.

use super::notes::Notes;
use super::yaml;
use crate::model::NodeError;

/// A set of presets: keys as in a ConfigMap, and their values.
pub struct PresetSet {
    /// The name that brings it in.
    pub name: &'static str,
    /// `trigger.<name>` and `template.<name>` with their texts.
    pub items: &'static [(&'static str, &'static str)],
}

macro_rules! set {
    ($name:literal, templates: [$($template:literal),* $(,)?], triggers: [$($trigger:literal),* $(,)?]) => {
        PresetSet {
            name: $name,
            items: &[
                $((concat!("template.", $template), include_str!(concat!("../../presets/", $name, "/templates/", $template, ".yaml"))),)*
                $((concat!("trigger.", $trigger), include_str!(concat!("../../presets/", $name, "/triggers/", $trigger, ".yaml"))),)*
            ],
        }
    };
}

/// All sets.
pub const SETS: &[PresetSet] = &[
    set!("argocd", templates: [
        "app-created", "app-deleted", "app-deployed", "app-health-degraded", "app-sync-failed", "app-sync-running",
        "app-sync-status-unknown", "app-sync-succeeded",
    ], triggers: [
        "on-created", "on-deleted", "on-deployed", "on-health-degraded", "on-sync-failed", "on-sync-running",
        "on-sync-status-unknown", "on-sync-succeeded",
    ]),
    set!("rollouts", templates: [
        "analysis-run-error", "analysis-run-failed", "analysis-run-running", "rollout-aborted", "rollout-completed",
        "rollout-paused", "rollout-step-completed", "rollout-updated", "scaling-replicaset",
    ], triggers: [
        "on-analysis-run-error", "on-analysis-run-failed", "on-analysis-run-running", "on-rollout-aborted",
        "on-rollout-completed", "on-rollout-paused", "on-rollout-step-completed", "on-rollout-updated",
        "on-scaling-replica-set",
    ]),
];

/// Reads the value of `presets`: the name of a set, or a list of names.
pub(super) fn decode(text: &str, notes: &mut Notes) -> Result<Vec<&'static PresetSet>, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    let known: Vec<_> = SETS.iter().map(|set| set.name).collect();
    let find = |name: &String| {
        let unknown = || {
            NodeError::new(
                parsed.node.at,
                format!("there are no presets called `{name}`; the sets are {}", known.join(", ")),
            )
            .rule("unknown-preset")
        };
        SETS.iter().find(|set| set.name == name).ok_or_else(unknown)
    };
    parsed.node.text_list()?.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_in_its_set() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets");
        for set in SETS {
            let mut files = BTreeSet::new();
            for (folder, prefix) in [("templates", "template."), ("triggers", "trigger.")] {
                for entry in std::fs::read_dir(root.join(set.name).join(folder)).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    files.insert(format!("{prefix}{}", name.strip_suffix(".yaml").unwrap()));
                }
            }
            let listed: BTreeSet<_> = set.items.iter().map(|(key, _)| (*key).to_owned()).collect();
            assert_eq!(listed, files, "{}", set.name);
        }
    }
}
