//! What of a message has been done already: a message with several parts that fails in the middle goes on from there
//! (services E1: upstream repeats the parts that had succeeded).

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::conversation::{Conversation, ConversationKey, Conversations};
use super::driver::Caller;
use crate::model::Message;

/// How long what is left waits for the next attempt, in seconds: longer than any pause between two.
/// What is older belongs to a message that was given up, and a new one that says the same is told whole.
const LONGEST_LEFT: i64 = 2 * 60 * 60;

/// The steps of one message that are done.
pub struct Progress {
    conversations: Arc<dyn Conversations>,
    key: ConversationKey,
    done: Vec<String>,
    now: i64,
}

impl Progress {
    /// Takes over what an earlier attempt at the same message has left: the same text and `section` for the same `place`.
    /// Two messages that say the same share it: whoever comes first goes on, the other begins anew.
    pub fn resume(caller: &Caller, account: &str, place: &str, section: &str, message: &Message) -> Self {
        let conversations = Arc::clone(caller.clients().conversations());
        let section = message.section(section).map(ToString::to_string).unwrap_or_default();
        let digest =
            Sha256::new().chain_update(section).chain_update([0]).chain_update(&message.text).finalize();
        let digest = digest.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let key = ConversationKey {
            account: account.to_owned(),
            place: place.to_owned(),
            topic: format!("message/{digest}"),
        };
        let now = caller.now().as_second();
        let left = conversations.get(&key);
        if left.is_some() {
            conversations.forget(&key);
        }
        let done = left.map(|left| steps(&left, now)).unwrap_or_default();
        Self { conversations, key, done, now }
    }

    /// Whether `step` was done by an earlier attempt, or by this one.
    pub fn has(&self, step: &str) -> bool {
        self.done.iter().any(|done| done == step)
    }

    /// `step` is done. It has no blanks.
    pub fn add(&mut self, step: impl Into<String>) {
        self.done.push(step.into());
    }

    /// Leaves what is done to the next attempt.
    pub fn save(&self) {
        if !self.done.is_empty() {
            let left = Conversation { place: self.now.to_string(), first: self.done.join(" ") };
            self.conversations.put(self.key.clone(), left);
        }
    }

    /// Leaves nothing: the message is told, or will not be tried again.
    pub fn end(&self) {
        self.conversations.forget(&self.key);
    }
}

/// The steps that were left, unless that was too long ago.
fn steps(left: &Conversation, now: i64) -> Vec<String> {
    let in_time = left.place.parse::<i64>().is_ok_and(|since| now.saturating_sub(since) <= LONGEST_LEFT);
    let steps = if in_time { left.first.as_str() } else { "" };
    steps.split_whitespace().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_waits_for_some_time() {
        for (place, expected) in [
            ("1000", 2),
            ("8200", 2),
            ("8201", 2),
            ("999", 0),
            ("", 0),
            ("x", 0),
            ("-9223372036854775808", 0),
        ] {
            let left = Conversation { place: place.to_owned(), first: "status comment/1".to_owned() };
            assert_eq!(steps(&left, 1000 + LONGEST_LEFT).len(), expected, "{place}");
        }
    }
}
