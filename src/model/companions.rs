//! Objects that are looked up beside the watched ones.

use std::sync::Arc;

use super::{Object, ObjectKey};

/// Answers from memory which other objects there are now: the AppProjects of Applications (core 2.7, 4.2.3).
pub trait Companions: Send + Sync {
    /// The object, if it exists.
    fn find(&self, key: &ObjectKey) -> Option<Arc<Object>>;
}

/// Used where nothing is looked up: there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCompanions;

impl Companions for NoCompanions {
    fn find(&self, _key: &ObjectKey) -> Option<Arc<Object>> {
        None
    }
}
