//! What the statuses of Applications were before they became what they are.
//!
//! Filled from the sequence of versions that are decided about. It is memory, not record: after a restart nothing is known
//! of the time before, and what is not known is the empty text.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use dodona_value::Document;

use crate::model::Object;

/// Applications that are remembered; beyond it everything is forgotten once. 24 bytes each.
const MOST: usize = 500_000;

/// The statuses that Argo CD has; every other text is kept as unknown. The first is the one before anything was seen.
const STATUSES: [&str; 14] = [
    "",
    "Healthy",
    "Progressing",
    "Degraded",
    "Suspended",
    "Missing",
    "Unknown",
    "Synced",
    "OutOfSync",
    "Running",
    "Terminating",
    "Failed",
    "Error",
    "Succeeded",
];

/// Where each of the three statuses stands.
const PLACES: [&[&str]; 3] =
    [&["status", "health", "status"], &["status", "sync", "status"], &["status", "operationState", "phase"]];

/// The statuses before the present ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Previous {
    /// The health before the present one.
    pub(super) health: &'static str,
    /// The sync status before the present one.
    pub(super) sync: &'static str,
    /// The operation's phase before the present one.
    pub(super) phase: &'static str,
}

/// One status: what it is and what it was, as indexes of [`STATUSES`].
#[derive(Clone, Copy, Default)]
struct Pair {
    now: u8,
    before: u8,
}

/// The statuses of all Applications that were looked at.
#[derive(Debug, Default)]
pub(super) struct History {
    hasher: RandomState,
    known: Mutex<HashMap<u64, [Pair; 3]>>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} after {}", text(self.now), text(self.before))
    }
}

impl History {
    /// Takes notice of a version, and says what was before it. Asking twice about one version answers the same.
    pub(super) fn see(&self, object: &Object, document: &Document) -> Previous {
        let key = self.hasher.hash_one((object.key(), object.uid()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&key) {
            known.clear();
        }
        let pairs = known.entry(key).or_default();
        for (pair, place) in pairs.iter_mut().zip(PLACES) {
            let now = document.root().path(place).and_then(|node| node.as_str().map(index)).unwrap_or(0);
            if now != pair.now {
                *pair = Pair { now, before: pair.now };
            }
        }
        let [health, sync, phase] = pairs.map(|pair| text(pair.before));
        Previous { health, sync, phase }
    }
}

fn index(status: &str) -> u8 {
    STATUSES.iter().position(|known| *known == status).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

fn text(index: u8) -> &'static str {
    STATUSES.get(usize::from(index)).copied().unwrap_or_default()
}
