//! Text in, proof out: the text of a ConfigMap and a Secret becomes a [`Config`], in which everything is compiled.
//!
//! Every key is read by itself. One that is broken is reported with its place and what to do, and its last good value
//! stays in force (core 1.3.3); everything else works on. Where the text comes from, and what a change of it sets off, is
//! for others.

mod build;
mod definition;
mod legacy;
mod notes;
pub(crate) mod place;
mod presets;
pub mod raw;
pub mod secrets;
mod service;
mod subscription;
mod template;
mod trigger;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::model::yaml;
pub use definition::{Definitions, condition as condition_definition};
pub use presets::{PresetSet, SETS as PRESETS};
pub use service::ConfiguredService;
pub use template::structures;

use crate::delivery::client::Clients;
use crate::engine::Policy;
use crate::model::{Report, Secrets, Settings, Severity};

/// One configuration (one ConfigMap with its Secret), compiled.
#[derive(Default)]
pub struct Config {
    /// Namespace of the ConfigMap.
    pub namespace: String,
    /// What decisions need: subscriptions, triggers, templates.
    pub policy: Arc<Policy>,
    /// Services by name.
    pub services: BTreeMap<String, ConfiguredService>,
    /// `context` (core 1.7).
    pub context: BTreeMap<String, String>,
    /// The data of the Secret.
    pub secrets: Secrets,
    /// Names of the preset sets that are brought in.
    pub presets: Vec<String>,
    /// Everything that is wrong or probably not meant, in the order of the keys.
    pub reports: Vec<Report>,
    /// Every key that was read, and whether it is good: `dodona_config_item_valid{kind,name}`.
    pub items: Vec<Item>,
    /// A hash of what is in force under each key, secrets put in: what changed between two configurations.
    pub fingerprints: BTreeMap<String, u64>,
    /// The text in force for each key, which is the last good one where the present one is broken.
    texts: BTreeMap<String, String>,
}

/// One key of the ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `template`, `trigger`, `service`, or the whole key where it has no name behind a dot.
    pub kind: String,
    /// The name behind the dot.
    pub name: String,
    /// Whether it could be read.
    pub valid: bool,
}

/// How a configuration is read.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each a flag of the command line")]
pub struct BuildOptions {
    /// Namespace of the ConfigMap that was asked for (core 1.1.3).
    pub namespace: String,
    /// Whether the configuration belongs to a tenant, so that ledger keys carry its namespace (core 3.5).
    pub self_service: bool,
    /// Whether shapes that upstream refuses and people write are accepted with a warning (core 1.4.24, 2.4.4, 2.4.5).
    pub lenient: bool,
    /// Whether one broken key refuses the whole configuration, as upstream does (core 1.3.1).
    pub strict: bool,
    /// Whether the bundles of v0.x are read (core 1.8; Argo CD binding only).
    pub legacy: bool,
    /// What `presets` is where the ConfigMap does not say it; empty for none.
    pub presets: String,
    /// Where HTTP clients come from.
    pub clients: Clients,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            self_service: false,
            lenient: true,
            strict: false,
            legacy: false,
            presets: String::new(),
            clients: Clients::default(),
        }
    }
}

impl Config {
    /// Compiles `settings`. What cannot be read is in [`Config::reports`]; its last good value is taken from `previous`.
    ///
    /// With `strict`, a configuration with an error has no services, triggers, templates or subscriptions at all.
    pub fn build(settings: &Settings, previous: Option<&Self>, options: &BuildOptions) -> Self {
        build::build(settings, previous, options)
    }

    /// Whether something was refused.
    pub fn has_errors(&self) -> bool {
        self.reports.iter().any(|report| report.severity == Severity::Error)
    }

    /// The keys whose meaning differs between `self` and `other`: those of services whose Secret changed included.
    pub fn changed_keys<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let gone = self.fingerprints.keys().filter(|key| !other.fingerprints.contains_key(*key));
        let new = other.fingerprints.iter().filter(|(key, hash)| self.fingerprints.get(*key) != Some(hash));
        gone.chain(new.map(|(key, _)| key)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests;
