//! One thing that happened to one watched object.

use std::sync::Arc;

use super::Object;

/// Why the pipeline looks at an object now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The object was listed or created.
    Added,
    /// A new version of the object was seen.
    Modified,
    /// The object is gone; the version is the last one seen.
    Deleted,
    /// Nobody changed the object: the configuration changed, or a listing was repeated.
    Resync,
    /// The answer of a trigger that reads the clock may be another one now.
    Timer,
}

/// What a source hands to the pipeline: one object of one binding, as it was when something happened to it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Name of the binding whose source saw the change (`app`, `rollout`, or the name given in a binding file).
    pub binding: Arc<str>,
    /// The version of the object that the change is about.
    pub object: Arc<Object>,
    /// What happened.
    pub cause: Cause,
}
