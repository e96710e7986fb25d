//! The configuration in force, and what happens when its text changes (core 5.4).

use std::sync::{Arc, PoisonError, RwLock};

use crate::binding::SharedFacts;
use crate::config::{BuildOptions, Config};
use crate::model::{Lookup, Report, Severity};
use crate::source::Settings;

/// A configuration that is in force, with what it contributes to every scope.
pub(crate) struct InForce {
    /// Everything compiled.
    pub(crate) config: Arc<Config>,
    /// `context`, `secrets` and lookups, prepared.
    pub(crate) facts: SharedFacts,
}

/// Holds the configuration of one lane; readers get a snapshot and keep it as long as they need it.
pub(super) struct Holder {
    current: RwLock<Arc<InForce>>,
    options: BuildOptions,
    lookup: Arc<dyn Lookup>,
}

impl Holder {
    /// The configuration that `settings` make; broken keys are reported in it and have no last good value yet.
    pub(super) fn new(settings: &Settings, options: BuildOptions, lookup: Arc<dyn Lookup>) -> Self {
        let first = in_force(Config::build(settings, None, &options), &lookup);
        Self { current: RwLock::new(Arc::new(first)), options, lookup }
    }

    /// What is in force now.
    pub(super) fn get(&self) -> Arc<InForce> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts new text in force; keys that are broken now keep their last good value (design 3). Returns what was in force.
    pub(super) fn replace(&self, settings: &Settings) -> Arc<InForce> {
        let before = self.get();
        let next =
            Arc::new(in_force(Config::build(settings, Some(&before.config), &self.options), &self.lookup));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        before
    }
}

fn in_force(config: Config, lookup: &Arc<dyn Lookup>) -> InForce {
    let facts = SharedFacts::new(&config.context, &config.secrets, Arc::clone(lookup));
    InForce { config: Arc::new(config), facts }
}

/// The findings of `now` that `before` did not have: each is logged once per change, not once per object.
pub(super) fn new_reports<'a>(before: &[Report], now: &'a [Report]) -> Vec<&'a Report> {
    now.iter().filter(|report| !before.contains(report)).collect()
}

/// Logs findings in the order of the configuration.
pub(super) fn log_reports(binding: &str, namespace: &str, reports: &[&Report]) {
    for report in reports {
        match report.severity {
            Severity::Error => tracing::error!(binding, namespace, "configuration key refused: {report}"),
            Severity::Warning => tracing::warn!(binding, namespace, "configuration: {report}"),
        }
    }
}
