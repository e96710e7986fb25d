//! What services remember from one message to the next: the thread of a channel, the comment of a pull request, what of a
//! message has been delivered already.
//!
//! It is asked between two requests, so it is held in memory, bounded in number and in age. A [`Journal`], which the
//! outbox's store is, makes it survive a restart: it is told of every change and gives back what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::{Clock, SystemClock};

/// The most conversations that are remembered; the one that was used longest ago goes first.
pub const MOST_CONVERSATIONS: usize = 10_000;

/// How long a conversation is remembered after its last message, in seconds: 90 days.
pub const LONGEST_REMEMBERED: i64 = 90 * DAY;

/// How much of a conversation's age may be lost in a restart: its use is written down once a day only.
const DAY: i64 = 24 * 60 * 60;

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConversationKey {
    /// Which account, as [`account`] names it, so that two workspaces never mix.
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
    /// The first message (Slack: `ts`; GitHub: the comment's id).
    pub first: String,
}

/// An account: the type and name of a service with a fingerprint of its credentials. The credentials are not in it.
pub fn account(kind: &str, name: &str, credentials: &[&str]) -> String {
    let mut digest = Sha256::new();
    for credential in credentials {
        // With its length, so that no two lists of credentials look alike.
        digest.update(credential.len().to_be_bytes());
        digest.update(credential);
    }
    let fingerprint = u64::from_be_bytes(digest.finalize().first_chunk().copied().unwrap_or_default());
    format!("{kind}/{name}/{fingerprint:016x}")
}

/// What services ask and tell. It answers at once.
pub trait Conversations: Send + Sync + 'static {
    /// What is known about `key`.
    fn get(&self, key: &ConversationKey) -> Option<Conversation>;

    /// Remembers `conversation`; it takes the place of an earlier one.
    fn put(&self, key: ConversationKey, conversation: Conversation);

    /// Forgets `key`: the receiver does not know it any more, or it has ended.
    fn forget(&self, key: &ConversationKey);
}

/// A conversation as a [`Journal`] keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Which one.
    pub key: ConversationKey,
    /// Its ids.
    pub conversation: Conversation,
    /// Unix seconds of its last use.
    pub used: i64,
}

/// Where conversations survive the process. All methods but the first return at once; what they are told takes effect in
/// this order.
pub trait Journal: Send + Sync + 'static {
    /// What earlier processes remembered. Called once, before anything else.
    fn conversations(&self) -> Vec<Remembered>;

    /// Keeps `remembered`; it takes the place of an earlier one with its key.
    fn remember(&self, remembered: &Remembered);

    /// The conversation of this key is of no interest any more.
    fn forget(&self, key: &ConversationKey);
}

/// Conversations in memory, in front of a journal if there is one.
pub struct MemoryConversations {
    known: Mutex<Known>,
    clock: Arc<dyn Clock>,
    journal: Option<Arc<dyn Journal>>,
}

impl Default for MemoryConversations {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), None)
    }
}

impl MemoryConversations {
    /// Conversations that begin with what `journal` has kept.
    pub fn new(clock: Arc<dyn Clock>, journal: Option<Arc<dyn Journal>>) -> Self {
        let mut known = Known::default();
        let mut kept = journal.as_ref().map(|journal| journal.conversations()).unwrap_or_default();
        kept.sort_by_key(|remembered| remembered.used);
        for remembered in kept {
            known.insert(remembered);
        }
        let conversations = Self { known: Mutex::new(known), clock, journal };
        conversations.tidy(&mut conversations.lock());
        conversations
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps `remembered`, here and in the journal, and lets go what is too old or too much.
    fn keep(&self, known: &mut Known, remembered: Remembered) {
        if let Some(journal) = &self.journal {
            journal.remember(&remembered);
        }
        known.insert(remembered);
        self.tidy(known);
    }

    fn tidy(&self, known: &mut Known) {
        let oldest = self.clock.unix_seconds().saturating_sub(LONGEST_REMEMBERED);
        while let Some(key) = known.surplus(oldest) {
            known.remove(&key);
            if let Some(journal) = &self.journal {
                journal.forget(&key);
            }
        }
    }
}

impl Conversations for MemoryConversations {
    fn get(&self, key: &ConversationKey) -> Option<Conversation> {
        let now = self.clock.unix_seconds();
        let mut known = self.lock();
        let (conversation, used, _) = known.by_key.get(key).cloned()?;
        if used < now.saturating_sub(LONGEST_REMEMBERED) {
            self.tidy(&mut known);
            return None;
        }
        if used < now.saturating_sub(DAY) {
            let remembered = Remembered { key: key.clone(), conversation: conversation.clone(), used: now };
            self.keep(&mut known, remembered);
        }
        Some(conversation)
    }

    fn put(&self, key: ConversationKey, conversation: Conversation) {
        let remembered = Remembered { key, conversation, used: self.clock.unix_seconds() };
        self.keep(&mut self.lock(), remembered);
    }

    fn forget(&self, key: &ConversationKey) {
        let mut known = self.lock();
        if known.remove(key)
            && let Some(journal) = &self.journal
        {
            journal.forget(key);
        }
    }
}

/// The conversations by key, and their keys in order of use.
#[derive(Debug, Default)]
struct Known {
    /// With the time of the last use and the place in the order.
    by_key: BTreeMap<ConversationKey, (Conversation, i64, u64)>,
    by_use: BTreeMap<(i64, u64), ConversationKey>,
    /// Tells apart what was used in the same second.
    count: u64,
}

impl Known {
    fn insert(&mut self, Remembered { key, conversation, used }: Remembered) {
        self.remove(&key);
        self.count += 1;
        self.by_use.insert((used, self.count), key.clone());
        self.by_key.insert(key, (conversation, used, self.count));
    }

    /// Whether there was something to remove.
    fn remove(&mut self, key: &ConversationKey) -> bool {
        let removed = self.by_key.remove(key);
        removed.is_some_and(|(_, used, count)| self.by_use.remove(&(used, count)).is_some())
    }

    /// One that has to go: there are too many, or it was last used before `oldest`.
    fn surplus(&self, oldest: i64) -> Option<ConversationKey> {
        let ((used, _), key) = self.by_use.first_key_value()?;
        (self.by_key.len() > MOST_CONVERSATIONS || *used < oldest).then(|| key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FixedClock;

    /// A journal as a disk has it: what was written last for each key.
    #[derive(Default)]
    struct Disk {
        kept: Mutex<BTreeMap<ConversationKey, Remembered>>,
        writes: Mutex<usize>,
    }

    impl Disk {
        fn len(&self) -> usize {
            self.kept.lock().unwrap().len()
        }

        fn writes(&self) -> usize {
            std::mem::take(&mut *self.writes.lock().unwrap())
        }
    }

    impl Journal for Disk {
        fn conversations(&self) -> Vec<Remembered> {
            self.kept.lock().unwrap().values().cloned().collect()
        }

        fn remember(&self, remembered: &Remembered) {
            *self.writes.lock().unwrap() += 1;
            self.kept.lock().unwrap().insert(remembered.key.clone(), remembered.clone());
        }

        fn forget(&self, key: &ConversationKey) {
            *self.writes.lock().unwrap() += 1;
            assert!(self.kept.lock().unwrap().remove(key).is_some(), "{key:?} is forgotten twice");
        }
    }

    fn key(number: usize) -> ConversationKey {
        ConversationKey { account: "a".into(), place: number.to_string(), topic: String::new() }
    }

    fn ids(first: usize) -> Conversation {
        Conversation { place: "C".into(), first: first.to_string() }
    }

    fn start(clock: &Arc<FixedClock>, disk: &Arc<Disk>) -> MemoryConversations {
        MemoryConversations::new(
            Arc::clone(clock) as Arc<dyn Clock>,
            Some(Arc::clone(disk) as Arc<dyn Journal>),
        )
    }

    #[test]
    fn the_number_is_bounded_and_what_is_used_stays() {
        let (clock, disk) = (Arc::new(FixedClock::at(1)), Arc::new(Disk::default()));
        let store = start(&clock, &disk);
        for number in 0..MOST_CONVERSATIONS {
            store.put(key(number), ids(number));
        }
        clock.set(2 * DAY);
        assert_eq!(store.get(&key(0)), Some(ids(0)));
        store.put(key(MOST_CONVERSATIONS), ids(MOST_CONVERSATIONS));
        assert_eq!(store.get(&key(0)), Some(ids(0)), "it was used later than the others");
        assert_eq!(store.get(&key(1)), None);
        assert_eq!(store.get(&key(MOST_CONVERSATIONS)), Some(ids(MOST_CONVERSATIONS)));
        assert_eq!(disk.len(), MOST_CONVERSATIONS);
    }

    #[test]
    fn the_age_is_bounded_and_counts_from_the_last_use() {
        let (clock, disk) = (Arc::new(FixedClock::at(0)), Arc::new(Disk::default()));
        let store = start(&clock, &disk);
        store.put(key(1), ids(1));
        store.put(key(2), ids(2));
        disk.writes();
        assert!(store.get(&key(1)).is_some());
        assert_eq!(disk.writes(), 0, "use on the first day is not written down");
        clock.set(LONGEST_REMEMBERED);
        assert_eq!(store.get(&key(1)), Some(ids(1)));
        assert_eq!(disk.writes(), 1);
        clock.set(LONGEST_REMEMBERED + 1);
        assert_eq!(store.get(&key(2)), None);
        assert_eq!(store.get(&key(1)), Some(ids(1)));
        assert_eq!(disk.len(), 1);
        clock.set(2 * LONGEST_REMEMBERED + 1);
        let store = start(&clock, &disk);
        assert_eq!((store.get(&key(1)), disk.len()), (None, 0));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let (clock, disk) = (Arc::new(FixedClock::at(0)), Arc::new(Disk::default()));
        let store = start(&clock, &disk);
        for number in 0..3 {
            store.put(key(number), ids(number));
        }
        store.put(key(1), ids(11));
        store.forget(&key(2));
        store.forget(&key(2));
        drop(store);
        let store = start(&clock, &disk);
        assert_eq!(store.get(&key(0)), Some(ids(0)));
        assert_eq!(store.get(&key(1)), Some(ids(11)));
        assert_eq!(store.get(&key(2)), None);
    }

    #[test]
    fn accounts_differ_by_every_credential() {
        let accounts: std::collections::BTreeSet<String> = [
            account("slack", "a", &["t1"]),
            account("slack", "a", &["t2"]),
            account("slack", "b", &["t1"]),
            account("github", "a", &["t1"]),
            account("slack", "a", &["t", "1"]),
            account("slack", "a", &["", "t1"]),
        ]
        .into();
        assert_eq!(accounts.len(), 6);
        assert!(accounts.iter().all(|account| !account.contains("t1")));
    }
}
