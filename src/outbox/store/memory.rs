//! The store that forgets everything with the process: the queues hold the parcels, here are only the dead letters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use super::{DeadLetter, Filter, Store, StoreError, Stored};
use crate::delivery::conversation::{ConversationKey, Journal, Remembered};
use crate::model::Receipt;
use crate::outbox::Parcel;

/// How many dead letters are kept; the oldest go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterLimits {
    /// Their number.
    pub count: usize,
    /// The bytes that they take together.
    pub bytes: usize,
}

impl Default for DeadLetterLimits {
    fn default() -> Self {
        Self { count: 1000, bytes: 8 << 20 }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct MemoryStore {
    limits: DeadLetterLimits,
    letters: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    kept: VecDeque<Arc<DeadLetter>>,
    bytes: usize,
    gone: u64,
}

impl MemoryStore {
    /// A store that keeps as many dead letters as `limits` say.
    pub fn new(limits: DeadLetterLimits) -> Self {
        Self { limits, letters: Mutex::default() }
    }

    fn letters(&self) -> std::sync::MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryStore {
    fn conversations(&self) -> Vec<Remembered> {
        Vec::new()
    }

    fn remember(&self, _remembered: &Remembered) {}

    fn forget(&self, _key: &ConversationKey) {}
}

impl Store for MemoryStore {
    fn all(&self) -> Vec<Stored> {
        Vec::new()
    }

    fn put<'a>(&'a self, _parcel: &'a Arc<Parcel>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn delivered(&self, _parcel: &Parcel, _receipt: &Receipt) {}

    fn done(&self, _id: u64) {}

    fn bury(&self, letter: DeadLetter) {
        let mut letters = self.letters();
        letters.bytes += weight(&letter);
        letters.kept.push_back(Arc::new(letter));
        while letters.kept.len() > self.limits.count || letters.bytes > self.limits.bytes {
            let Some(oldest) = letters.kept.pop_front() else { break };
            letters.bytes = letters.bytes.saturating_sub(weight(&oldest));
            letters.gone += 1;
        }
    }

    fn dead_letters(&self) -> Vec<Arc<DeadLetter>> {
        self.letters().kept.iter().cloned().collect()
    }

    fn take(&self, filter: &Filter) -> Vec<Arc<DeadLetter>> {
        let mut letters = self.letters();
        let (taken, kept) =
            std::mem::take(&mut letters.kept).into_iter().partition(|letter| filter.matches(letter));
        letters.kept = kept;
        let taken: VecDeque<Arc<DeadLetter>> = taken;
        letters.bytes = letters.bytes.saturating_sub(taken.iter().map(|letter| weight(letter)).sum());
        taken.into()
    }

    fn dead_letter_counts(&self) -> (usize, u64) {
        let letters = self.letters();
        (letters.kept.len(), letters.gone)
    }
}

fn weight(letter: &DeadLetter) -> usize {
    letter.parcel.weight() + letter.error.detail.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{DeliveryError, ErrorKind};
    use crate::outbox::tests::parcel;

    fn letter(id: u64, service: &str) -> DeadLetter {
        let parcel = Arc::new(Parcel { id, ..parcel(service, "a") });
        DeadLetter { parcel, error: DeliveryError::permanent(ErrorKind::Auth, "bad token"), at: 0 }
    }

    fn ids(letters: &[Arc<DeadLetter>]) -> Vec<u64> {
        letters.iter().map(|letter| letter.parcel.id).collect()
    }

    #[test]
    fn the_oldest_go_first() {
        let store = MemoryStore::new(DeadLetterLimits { count: 2, ..DeadLetterLimits::default() });
        (1..=5).for_each(|id| store.bury(letter(id, "slack")));
        assert_eq!(ids(&store.dead_letters()), [4, 5]);
        assert_eq!(store.dead_letter_counts(), (2, 3));

        let two = 2 * weight(&letter(1, "slack"));
        let store = MemoryStore::new(DeadLetterLimits { count: 100, bytes: two });
        (1..=5).for_each(|id| store.bury(letter(id, "slack")));
        assert_eq!(ids(&store.dead_letters()), [4, 5]);
    }

    #[test]
    fn a_filter_chooses() {
        let store = MemoryStore::default();
        store.bury(letter(1, "slack"));
        store.bury(letter(2, "email"));
        store.bury(letter(3, "slack"));
        let slack = Filter { service: Some("slack".into()), ..Filter::default() };
        let one = Filter { id: Some(1), ..slack.clone() };
        assert_eq!(ids(&store.take(&one)), [1]);
        assert!(
            store.take(&Filter { config_namespace: Some("other".into()), ..Filter::default() }).is_empty()
        );
        assert_eq!(ids(&store.take(&slack)), [3]);
        assert_eq!(ids(&store.take(&Filter::default())), [2]);
        assert_eq!(store.letters().bytes, 0);
    }
}
