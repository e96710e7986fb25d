//! What a receiver said when it accepted a message.

use serde::{Deserialize, Serialize};

/// Proof that a receiver took a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The receiver's own id of the message (Slack's `ts`, an SMTP queue id), where it gives one.
    pub id: Option<String>,
    /// One line about what happened, for logs and pages: `200 OK`, `250 queued`.
    pub detail: String,
}
