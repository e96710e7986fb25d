//! Text that must never be printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A secret value. It has no `Display`, its `Debug` is a placeholder, and it does not serialise (design 7).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Wraps `bytes`.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that has to send them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The data of the notification Secret: key to value (core 1.1.1).
pub type Secrets = BTreeMap<String, Secret>;
