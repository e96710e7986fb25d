//! What a watched kind is and what it brings into scope: the [`Binding`] trait and the built-in bindings.
//!
//! A binding never decides who is told what; it names the kind, the configuration and the variables, and says which
//! versions of an object are not worth looking at (core 5.3).

pub mod app;
mod events;
pub mod func;
pub mod generic;
pub mod namespaces;
pub mod rollout;
mod scope;

use std::sync::Arc;

use dodona_value::{Numbers, Scope};

use crate::model::{Object, ObjectError, ObjectKey, Resource};
pub use events::{COMPONENT, EventRules};
pub use scope::{Facts, SharedFacts};

/// One watched kind.
pub trait Binding: Send + Sync + 'static {
    /// Its name on the command line, in logs and in metrics: `app`, `rollout`, or the name given in a binding file.
    fn name(&self) -> &str;

    /// What is watched.
    fn resource(&self) -> &Resource;

    /// Names of the ConfigMap and the Secret that configure it (core 1.1).
    fn settings_names(&self) -> (&str, &str);

    /// How numbers of the object's JSON are read (core 3.2.2).
    fn numbers(&self) -> Numbers {
        Numbers::Kubernetes
    }

    /// Prefix of the metric names: `<prefix>_notifications_deliveries_total` (core 5.8).
    fn metrics_prefix(&self) -> &'static str {
        "dodona"
    }

    /// Prefix of the annotations (core 2.1).
    fn annotation_prefix(&self) -> &str {
        DEFAULT_PREFIX
    }

    /// Whether the annotation of old for recipients counts on the objects themselves (core 2.6.2); on companions it always does.
    fn legacy_recipients(&self) -> bool {
        false
    }

    /// How often triggers that read the clock are evaluated again at the latest (core 5.1.3).
    fn resync(&self) -> std::time::Duration {
        std::time::Duration::from_mins(1)
    }

    /// Namespaces to watch; all of the cluster if empty.
    fn namespaces(&self) -> &[String] {
        &[]
    }

    /// Label selector for the watch; everything if empty.
    fn label_selector(&self) -> &str {
        Default::default()
    }

    /// The kind whose objects are looked up beside the watched ones, and the namespace that they are in.
    fn companions(&self) -> Option<(&Resource, &str)> {
        None
    }

    /// The variable that shows a companion; conditions that mention it are evaluated again when companions change.
    fn companion_variable(&self) -> &'static str {
        ""
    }

    /// The companion whose annotations subscribe `object` too (core 2.7). Only asked where a companion has subscriptions, as
    /// it reads the body.
    fn subscribed_by(&self, object: &Object) -> Result<Option<ObjectKey>, ObjectError> {
        let _ = object;
        Ok(None)
    }

    /// Whether objects of `namespace` may be looked at (core 5.3.1), so that a tenant's configuration there is of use.
    fn serves(&self, namespace: &str) -> bool {
        self.namespaces().is_empty() || self.namespaces().iter().any(|watched| watched == namespace)
    }

    /// How its engine of events works, if it has one (core 6.1).
    fn event_rules(&self) -> Option<&EventRules> {
        None
    }

    /// Where it wants to have AnalysisRuns kept, if it shows them (core 4.2.5).
    fn runs(&self) -> Option<&Arc<rollout::Runs>> {
        None
    }

    /// Whether an object that was deleted is looked at a last time, with [`Object::is_gone`] true.
    fn tells_deletions(&self) -> bool {
        false
    }

    /// Why this version of the object is not looked at, if so (core 5.3).
    fn skip(&self, object: &Object) -> Result<Option<String>, ObjectError> {
        let _ = object;
        Ok(None)
    }

    /// The variables of one evaluation (core 4.2).
    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError>;
}

/// Prefix of all annotations unless told otherwise (core 2.1).
pub const DEFAULT_PREFIX: &str = "notifications.argoproj.io";

/// Key of the state annotation under `prefix` (core 3.5).
pub fn state_annotation(prefix: &str) -> String {
    format!("notified.{prefix}")
}
