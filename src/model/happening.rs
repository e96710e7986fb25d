//! Something that happened to an object, as the engine of events is told about it (core 6).

use std::sync::Arc;

use super::Object;

/// One occurrence: an Event of a controller, or what two versions of the object show.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The version of the object that messages show (core 6.3).
    pub object: Arc<Object>,
    /// `RolloutCompleted`; the name of the trigger comes from it (core 6.4).
    pub reason: String,
    /// Whether it is a warning rather than normal.
    pub warning: bool,
    /// Tells occurrences of one object and reason apart, in logs and when deliveries end.
    pub id: String,
}

impl Happening {
    /// `Normal` or `Warning`.
    pub fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}
