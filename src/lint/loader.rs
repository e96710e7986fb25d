//! What the loader says about a configuration: its reports carry the names of rules.

use super::Findings;
use super::groups::Configuration;
use crate::config::raw::Key;
use crate::model::{Report, Severity};

/// Takes over the reports about keys of `configuration`.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    for report in &configuration.config.reports {
        let key = report.key.split(": ").next().unwrap_or_default();
        if is_about_a_secret_that_is_elsewhere(configuration, key, report) {
            continue;
        }
        let rule = match (report.rule, report.severity) {
            ("", Severity::Error) => "invalid-value",
            ("", Severity::Warning) => "service-setting",
            (rule, _) => rule,
        };
        configuration.add(rule, key, report.at, &report.key, report.message.clone(), findings);
    }
}

/// Secrets are seldom kept beside the configuration. Nothing is said about a reference that cannot be followed, nor about
/// settings that are complete only with it.
fn is_about_a_secret_that_is_elsewhere(
    configuration: &Configuration<'_>,
    key: &str,
    report: &Report,
) -> bool {
    if report.rule == "missing-secret" {
        return !configuration.knows_secret;
    }
    let refers = configuration.keys.get(key).is_some_and(|value| value.text.contains('$'));
    let is_complete = configuration.knows_secret && configuration.knows_values;
    matches!(Key::parse(key), Key::Service { .. }) && report.rule.is_empty() && refers && !is_complete
}
