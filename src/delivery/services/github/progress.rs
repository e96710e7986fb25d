//! What of a message has been done already: a message with several parts that fails in the middle goes on from there
//! (services E1: upstream repeats the parts that had succeeded).

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::delivery::conversation::{Conversation, ConversationKey, Conversations};
use crate::model::Message;

/// The steps of one message that are done.
pub(super) struct Progress {
    conversations: Arc<dyn Conversations>,
    key: ConversationKey,
    done: Vec<String>,
}

impl Progress {
    /// Takes over what an earlier attempt at the same message has left. Two messages that say the same share it: whoever
    /// comes first goes on, the other begins anew.
    pub(super) fn resume(
        conversations: Arc<dyn Conversations>,
        account: &str,
        repository: &str,
        message: &Message,
    ) -> Self {
        let section = message.section("github").map(ToString::to_string).unwrap_or_default();
        let digest =
            Sha256::new().chain_update(section).chain_update([0]).chain_update(&message.text).finalize();
        let digest = digest.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let key = ConversationKey {
            account: account.to_owned(),
            place: repository.to_owned(),
            topic: format!("message/{digest}"),
        };
        let left = conversations.get(&key).map(|left| left.first).unwrap_or_default();
        if !left.is_empty() {
            conversations.forget(&key);
        }
        Self { conversations, key, done: left.split_whitespace().map(ToOwned::to_owned).collect() }
    }

    /// Whether `step` was done by an earlier attempt, or by this one.
    pub(super) fn has(&self, step: &str) -> bool {
        self.done.iter().any(|done| done == step)
    }

    /// `step` is done.
    pub(super) fn add(&mut self, step: impl Into<String>) {
        self.done.push(step.into());
    }

    /// Leaves what is done to the next attempt.
    pub(super) fn save(self) {
        if !self.done.is_empty() {
            let left = Conversation { place: String::new(), first: self.done.join(" ") };
            self.conversations.put(self.key, left);
        }
    }
}
