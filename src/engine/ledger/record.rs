//! What is known about one object beyond its annotation, and what its annotation ought to say.

use std::collections::{BTreeMap, BTreeSet};

use super::{AnnotationPatch, LIMIT, State};
use crate::model::Object;

/// The newest version of an object that is known.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// `metadata.resourceVersion`.
    version: String,
    /// The version as a number; `None` where the source's versions are no numbers and cannot be ordered.
    number: Option<u64>,
    /// Whether the watch has delivered it; `false` while it is only known as the answer to our patch.
    pub(super) watched: bool,
    /// The annotation's text.
    pub(super) text: Option<String>,
}

impl Base {
    pub(super) fn of(object: &Object, annotation: &str, watched: bool) -> Self {
        Self {
            version: object.resource_version().to_owned(),
            number: object.resource_version().parse().ok(),
            watched,
            text: object.annotation(annotation).map(str::to_owned),
        }
    }

    fn is_older_than(&self, other: &Self) -> bool {
        matches!((self.number, other.number), (Some(own), Some(others)) if own < others)
    }
}

/// What the overlay says about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Queued or on its way. Decided with the configuration of this fingerprint.
    Pending { fingerprint: u64 },
    /// Delivered at this Unix second; no version of the object that the watch delivered has shown it yet.
    Sent { time: i64 },
    /// Given up; not tried again while the configuration has this fingerprint.
    Refused { fingerprint: u64 },
}

/// The overlay's entry for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) status: Option<Status>,
    /// The key is to vanish from the annotation, and no delivered version has shown it gone yet.
    pub(super) erase: bool,
    /// A hash of why the message could not be composed, while it was not: the next version of the object may be better.
    pub(super) unrendered: Option<u64>,
    /// Messages on their way whose condition became false meanwhile: their outcomes, which come first, mean nothing here.
    pub(super) detached: u32,
}

impl Entry {
    fn says_nothing(&self) -> bool {
        self.status.is_none() && self.unrendered.is_none() && !self.erase && self.detached == 0
    }
}

/// One object with something pending. Objects without entries have no record.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) uid: String,
    pub(super) base: Option<Base>,
    /// Newest version that the watch delivered, as a number.
    watched: Option<u64>,
    pub(super) entries: BTreeMap<String, Entry>,
    /// Keys that the last pass found or queued: they are never cut (core 3.5.5).
    pub(super) live: Vec<String>,
    /// The last pass had a destination: the text is brought into shape even if the state is the same (core 3.5.7).
    pub(super) rewrite: bool,
    /// A patch is under way: what older versions show proves nothing.
    pub(super) in_flight: bool,
    /// The answer to a patch was lost: the next patch settles what the annotation says.
    pub(super) doubtful: bool,
}

impl Record {
    /// Whether the record can be dropped.
    pub(super) fn is_idle(&self) -> bool {
        self.entries.is_empty() && !self.in_flight && !self.doubtful
    }

    /// Takes notice of a version that the watch delivered. Returns whether time runs forwards: a version older than one
    /// that the watch delivered before is the past, and deciding about it again would tell the past again.
    pub(super) fn watched(&mut self, object: &Object, annotation: &str) -> bool {
        if !self.uid.is_empty() && self.uid != object.uid() {
            self.reborn();
        }
        object.uid().clone_into(&mut self.uid);
        let seen = Base::of(object, annotation, true);
        if matches!((seen.number, self.watched), (Some(seen), Some(watched)) if seen < watched) {
            return false;
        }
        self.watched = seen.number.or(self.watched);
        if self.base.as_ref().is_none_or(|base| !seen.is_older_than(base)) {
            self.base = Some(seen);
            self.settle();
        }
        true
    }

    /// Takes notice of the answer to our patch.
    pub(super) fn patched(&mut self, object: &Object, annotation: &str) {
        (self.in_flight, self.doubtful) = (false, false);
        let answer = Base::of(object, annotation, false);
        let newer = self
            .base
            .as_ref()
            .is_none_or(|base| base.version != answer.version && !answer.is_older_than(base));
        if newer {
            self.base = Some(answer);
        }
        self.settle();
    }

    /// Another object of the same name: nothing was told about it, and what is on its way belongs to its predecessor.
    pub(super) fn reborn(&mut self) {
        self.base = None;
        self.watched = None;
        self.live.clear();
        self.rewrite = false;
        (self.in_flight, self.doubtful) = (false, false);
        for entry in self.entries.values_mut() {
            if matches!(entry.status.take(), Some(Status::Pending { .. })) {
                entry.detached += 1;
            }
            (entry.erase, entry.unrendered) = (false, None);
        }
        self.tidy();
    }

    /// Drops what the annotation says by itself now.
    fn settle(&mut self) {
        let Some(base) = self.base.as_ref().filter(|base| base.watched) else { return };
        if self.in_flight || self.doubtful || self.entries.is_empty() {
            return;
        }
        let state = State::parse(base.text.as_deref().unwrap_or_default());
        for (key, entry) in &mut self.entries {
            let shown = state.get(key);
            match entry.status {
                Some(Status::Sent { time }) if shown == Some(time) => {
                    *entry = Entry { detached: entry.detached, ..Entry::default() }
                }
                Some(Status::Refused { .. }) if shown.is_some() && !entry.erase => entry.status = None,
                _ => {}
            }
            if shown.is_none() {
                entry.erase = false;
            }
        }
        self.tidy();
    }

    /// Drops entries that say nothing.
    pub(super) fn tidy(&mut self) {
        self.entries.retain(|_, entry| !entry.says_nothing());
    }

    /// The state as it is known: the annotation of the newest version.
    pub(super) fn state(&self) -> State {
        self.base.as_ref().and_then(|base| base.text.as_deref()).map(State::parse).unwrap_or_default()
    }

    /// The state that the annotation ought to have instead of `state`.
    fn wanted(&self, mut state: State) -> State {
        for (key, entry) in &self.entries {
            match entry.status {
                Some(Status::Sent { time }) => state.set(key, time),
                _ if entry.erase => state.remove(key),
                _ => {}
            }
        }
        state.cut(&self.live);
        state
    }

    /// The annotation's text as it ought to be, if it has to be written.
    pub(super) fn patch(&self) -> Option<AnnotationPatch> {
        self.patch_over(self.state())
    }

    /// [`Record::patch`] where the state is known already.
    pub(super) fn patch_over(&self, state: State) -> Option<AnnotationPatch> {
        let base = self.base.as_ref().filter(|_| !self.in_flight)?;
        let differs = |(key, entry): (&String, &Entry)| match entry.status {
            Some(Status::Sent { time }) => state.get(key) != Some(time),
            _ => entry.erase && state.get(key).is_some(),
        };
        if !self.rewrite && !self.doubtful && !self.entries.iter().any(differs) {
            return None;
        }
        let text = self.wanted(state).encode();
        (self.doubtful || text != base.text).then(|| AnnotationPatch { uid: self.uid.clone(), value: text })
    }

    /// Keeps memory bounded where a receiver refuses everything or the server denies every patch: of the entries that
    /// are not live, refused ones go first, then those that wait longest to be written.
    pub(super) fn bound(&mut self) {
        if self.entries.len() <= LIMIT {
            return;
        }
        let live: BTreeSet<&str> = self.live.iter().map(String::as_str).collect();
        let idle = |key: &str, entry: &Entry| entry.detached == 0 && !live.contains(key);
        let given_up = |entry: &Entry| match entry.status {
            Some(Status::Refused { .. }) => true,
            None => entry.unrendered.is_some() && !entry.erase,
            _ => false,
        };
        self.entries.retain(|key, entry| !given_up(entry) || !idle(key, entry));
        let mut waiting: Vec<(i64, String)> = self
            .entries
            .iter()
            .filter(|(key, entry)| idle(key, entry))
            .filter_map(|(key, entry)| match entry.status {
                Some(Status::Sent { time }) => Some((time, key.clone())),
                _ => None,
            })
            .collect();
        waiting.sort_unstable();
        for (_, key) in waiting.into_iter().take(self.entries.len().saturating_sub(LIMIT)) {
            self.entries.remove(&key);
        }
    }
}
