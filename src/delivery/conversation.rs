//! What services remember from one message to the next: the thread of a channel, the comment of a pull request.
//!
//! Where it is kept is the store's: memory here; a store that survives restarts implements the same trait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The most conversations that are remembered in memory; the oldest one goes first.
pub const MOST_CONVERSATIONS: usize = 10_000;

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConversationKey {
    /// Which account: service name and a fingerprint of its credentials, so that two workspaces never mix.
    pub account: String,
    /// Channel, repository, …, as the user wrote it.
    pub place: String,
    /// The user's key inside that place (`groupingKey`); empty for what concerns the place itself.
    pub topic: String,
}

/// The receiver's ids of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The place in the receiver's own terms (Slack: the channel's id).
    pub place: String,
    /// The first message (Slack: `ts`).
    pub first: String,
}

/// A store of conversations. It is asked between two requests, so it must answer at once.
pub trait Conversations: Send + Sync + 'static {
    /// What is known about `key`.
    fn get(&self, key: &ConversationKey) -> Option<Conversation>;

    /// Remembers `conversation`.
    fn put(&self, key: ConversationKey, conversation: Conversation);
}

/// Conversations in memory, at most [`MOST_CONVERSATIONS`].
#[derive(Debug, Default)]
pub struct MemoryConversations(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_key: BTreeMap<ConversationKey, Conversation>,
    order: VecDeque<ConversationKey>,
}

impl Conversations for MemoryConversations {
    fn get(&self, key: &ConversationKey) -> Option<Conversation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_key.get(key).cloned()
    }

    fn put(&self, key: ConversationKey, conversation: Conversation) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_key.insert(key.clone(), conversation).is_none() {
            known.order.push_back(key);
        }
        while known.order.len() > MOST_CONVERSATIONS {
            if let Some(oldest) = known.order.pop_front() {
                known.by_key.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_bounded() {
        let store = MemoryConversations::default();
        let key = |number: usize| ConversationKey {
            account: "a".into(),
            place: number.to_string(),
            topic: String::new(),
        };
        for number in 0..=MOST_CONVERSATIONS {
            store.put(key(number), Conversation { place: "C".into(), first: number.to_string() });
        }
        assert_eq!(store.get(&key(0)), None);
        assert_eq!(store.get(&key(MOST_CONVERSATIONS)).unwrap().first, MOST_CONVERSATIONS.to_string());
    }
}
