//! Whether the process is ready, and if not, what it waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Collects the reasons why the process is not ready. Clones are the same.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<BTreeMap<String, String>>>);

/// The part that a new [`Health`] waits for.
pub const STARTUP: &str = "startup";

impl Health {
    /// Not ready, until [`STARTUP`] is.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(BTreeMap::from([(
            STARTUP.to_owned(),
            "the process is starting".to_owned(),
        )]))))
    }

    /// `part` (`source app`) keeps the process from being ready, because of `reason`.
    pub fn not_ready(&self, part: &str, reason: impl Into<String>) {
        self.reasons_by_part().insert(part.to_owned(), reason.into());
    }

    /// `part` does not keep the process from being ready.
    pub fn ready(&self, part: &str) {
        self.reasons_by_part().remove(part);
    }

    /// Why the process is not ready, one line for each part; empty if it is.
    pub fn reasons(&self) -> Vec<String> {
        self.reasons_by_part().iter().map(|(part, reason)| format!("{part}: {reason}")).collect()
    }

    fn reasons_by_part(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}
