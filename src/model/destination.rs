//! Where a notification goes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A service by its configured *name* (not its type, core 1.2.3) and the recipient there, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// Name of the service: `slack`, or `workspace1` for the key `service.slack.workspace1`.
    pub service: Arc<str>,
    /// Channel, address, …; empty for services without recipients, such as webhooks.
    pub recipient: Arc<str>,
}

impl Destination {
    /// The destination `service`/`recipient`.
    pub fn new(service: impl Into<Arc<str>>, recipient: impl Into<Arc<str>>) -> Self {
        Self { service: service.into(), recipient: recipient.into() }
    }
}

/// The shape that upstream prints in its log lines: `{service recipient}` (core 5.7).
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{} {}}}", self.service, self.recipient)
    }
}
