//! The record of what was told: the state annotation, and in front of it what the annotation does not say yet (core 3.5,
//! design 1.6).
//!
//! The annotation is the truth that survives us. The overlay holds, for objects with something under way only, the keys
//! that are queued, delivered but not yet seen in the annotation, to be erased, or refused. A late watch event, a patch
//! that the server denies, or several receipts at once therefore never tell anything twice.
//!
//! The ledger decides nothing about conditions ([`decide()`](super::decide()) does) and talks to nobody: the pipeline reports what
//! happened (receipts, refusals, patches) and asks what to write.

mod record;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub use state::{LIMIT, State};

use crate::model::{Cause, Change, Object, ObjectKey};
use record::{Entry, Record, Status};

/// The records of one binding's objects.
#[derive(Debug)]
pub struct Ledger {
    annotation: String,
    records: HashMap<ObjectKey, Record>,
}

/// What to write to an object: its state annotation, or `None` to delete it (core 3.5.6, 3.5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationPatch {
    /// The object's `metadata.uid`: another object of the same name is not meant.
    pub uid: String,
    /// The annotation's text.
    pub value: Option<String>,
}

/// Whether a key counts as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Not told.
    Absent,
    /// Told.
    Told,
    /// On its way.
    Pending,
    /// Given up, by the configuration of this fingerprint.
    Refused(u64),
    /// Not told, because it could not be composed from the versions so far.
    Unrendered,
}

impl Ledger {
    /// An empty ledger whose state annotation is `annotation` (`notified.<prefix>`).
    pub fn new(annotation: impl Into<String>) -> Self {
        Self { annotation: annotation.into(), records: HashMap::new() }
    }

    /// Key of the state annotation.
    pub fn annotation(&self) -> &str {
        &self.annotation
    }

    /// Number of objects with something pending.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Opens a pass over the object of `change`. `None` if there is nothing to decide: the object is gone, or the version
    /// is older than one that was seen before.
    pub fn observe(&mut self, change: &Change) -> Option<Pass<'_>> {
        let object = &change.object;
        if change.cause == Cause::Deleted {
            self.gone(object.key());
            return None;
        }
        let mut record = self.records.remove(object.key()).unwrap_or_default();
        if !record.watched(object, &self.annotation) {
            self.records.insert(object.key().clone(), record);
            return None;
        }
        let state = record.state();
        record.live.clear();
        record.rewrite = false;
        Some(Pass { ledger: self, key: object.key().clone(), record, state })
    }

    /// Opens a pass for a happening, which may be about an older version: `newest` is the newest one that is known.
    pub fn consult(&mut self, newest: &Object) -> Pass<'_> {
        let mut record = self.records.remove(newest.key()).unwrap_or_default();
        record.watched(newest, &self.annotation);
        let state = record.state();
        Pass { ledger: self, key: newest.key().clone(), record, state }
    }

    /// Takes notice of a version that is not decided about: nobody is subscribed, or the binding skips it. Returns
    /// whether the annotation has to be written, because of what happened before.
    pub fn notice(&mut self, change: &Change) -> bool {
        let key = change.object.key();
        if change.cause == Cause::Deleted {
            self.gone(key);
        } else if let Some(record) = self.records.get_mut(key) {
            record.watched(&change.object, &self.annotation);
            return self.wants_patch(key);
        }
        false
    }

    /// A refused message may be sent again. Whether it is still owed: its key stands as refused, and is on its way from now
    /// on. What was told by another message since then, or is over, is not. A message without a key is told without a
    /// record: an event of the Rollouts controller.
    pub fn reopen(&mut self, object: &ObjectKey, key: &str) -> bool {
        if key.is_empty() {
            return true;
        }
        let entry = self.records.get_mut(object).and_then(|record| record.entries.get_mut(key));
        let Some(entry) = entry.filter(|entry| matches!(entry.status, Some(Status::Refused { .. }))) else {
            return false;
        };
        entry.status = Some(Status::Pending { fingerprint: 0 });
        true
    }

    /// A receiver took the message at Unix second `now`. Returns whether the annotation has to be written.
    pub fn record_receipt(&mut self, object: &ObjectKey, key: &str, now: i64) -> bool {
        let Some(record) = self.records.get(object) else { return false };
        // An entry that is to be erased must differ from the new one, or an old version would prove the new one written.
        let old = record.entries.get(key).filter(|entry| entry.erase).and_then(|_| record.state().get(key));
        let time = if old == Some(now) { now.saturating_add(1) } else { now };
        self.conclude(object, key, |_| Some(Status::Sent { time }))
    }

    /// A receiver refused the message for good, or its time ran out. It is not sent again before the configuration that
    /// it used changes (design 2). Returns whether the annotation has to be written.
    pub fn record_refusal(&mut self, object: &ObjectKey, key: &str) -> bool {
        self.conclude(object, key, |fingerprint| Some(Status::Refused { fingerprint }))
    }

    /// The message is given up, and the next pass that finds the condition true sends it again: upstream's way with
    /// failures (core 3.5.2).
    pub fn record_failure(&mut self, object: &ObjectKey, key: &str) -> bool {
        self.conclude(object, key, |_| None)
    }

    /// The message that was queued last could not be composed: it never entered the outbox, so earlier messages of the same
    /// key may still be on their way. The next pass tries it again, as what the template wants may be in the object by then.
    /// Returns whether the reason is news.
    pub fn record_unrenderable(&mut self, object: &ObjectKey, key: &str, reason: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        reason.hash(&mut hasher);
        let reason = hasher.finish();
        let entry = self.records.get_mut(object).and_then(|record| record.entries.get_mut(key));
        let known = entry.and_then(|entry| entry.unrendered.replace(reason));
        self.withdraw(object, key, |_| None);
        known != Some(reason)
    }

    /// The outbox did not take the message that was queued last; the next pass sends it again.
    pub fn record_unsent(&mut self, object: &ObjectKey, key: &str) {
        self.withdraw(object, key, |_| None);
    }

    /// Lets a refused key be told again (`redeliver`).
    pub fn forget(&mut self, object: &ObjectKey, key: &str) {
        if let Some(record) = self.records.get_mut(object) {
            if let Some(entry) = record.entries.get_mut(key)
                && matches!(entry.status, Some(Status::Refused { .. }))
            {
                entry.status = None;
            }
            record.tidy();
            self.drop_if_idle(object);
        }
    }

    /// What has to be written to the object now, if anything; marks it as under way. One patch of an object is under way
    /// at a time: [`Ledger::patched`], [`Ledger::patch_denied`], [`Ledger::patch_lost`] or [`Ledger::missing`] has to follow.
    pub fn patch_for(&mut self, object: &ObjectKey) -> Option<AnnotationPatch> {
        let record = self.records.get_mut(object)?;
        let patch = record.patch()?;
        record.in_flight = true;
        Some(patch)
    }

    /// The patch was applied; `object` is what the server returned. Returns whether another patch has to follow.
    pub fn patched(&mut self, key: &ObjectKey, object: &Object) -> bool {
        let Some(record) = self.records.get_mut(key) else { return false };
        if record.uid != object.uid() {
            record.in_flight = false;
            return false;
        }
        record.patched(object, &self.annotation);
        self.wants_patch(key)
    }

    /// Nobody knows whether the patch was applied: no answer came. It is asked for again with the next pass, because what
    /// it may have written must not be taken for a later notification.
    pub fn patch_lost(&mut self, key: &ObjectKey) {
        if let Some(record) = self.records.get_mut(key) {
            (record.in_flight, record.doubtful) = (false, true);
        }
    }

    /// The server refused the patch. What was told stays in memory, and is written with a later pass.
    pub fn patch_denied(&mut self, key: &ObjectKey) {
        if let Some(record) = self.records.get_mut(key) {
            record.in_flight = false;
            record.rewrite = false;
            record.bound();
        }
        self.drop_if_idle(key);
    }

    /// A patch found no object with `uid`. One that was made under the same name since then is not concerned.
    pub fn missing(&mut self, key: &ObjectKey, uid: &str) {
        if self.records.get(key).is_some_and(|record| record.uid == uid) {
            self.gone(key);
        }
    }

    /// The object does not exist any more.
    pub fn gone(&mut self, key: &ObjectKey) {
        if let Some(record) = self.records.get_mut(key) {
            record.uid.clear();
            record.reborn();
        }
        self.drop_if_idle(key);
    }

    fn conclude(
        &mut self,
        object: &ObjectKey,
        key: &str,
        status: impl FnOnce(u64) -> Option<Status>,
    ) -> bool {
        let Some(record) = self.records.get_mut(object) else { return false };
        if let Some(entry) = record.entries.get_mut(key) {
            if entry.detached > 0 {
                entry.detached -= 1;
            } else if let Some(Status::Pending { fingerprint }) = entry.status {
                entry.status = status(fingerprint);
                entry.unrendered = None;
            }
        }
        record.tidy();
        self.wants_patch(object)
    }

    fn withdraw(&mut self, object: &ObjectKey, key: &str, status: impl FnOnce(u64) -> Option<Status>) {
        let Some(record) = self.records.get_mut(object) else { return };
        if let Some(entry) = record.entries.get_mut(key)
            && let Some(Status::Pending { fingerprint }) = entry.status
        {
            entry.status = status(fingerprint);
        }
        record.tidy();
        self.drop_if_idle(object);
    }

    fn wants_patch(&mut self, key: &ObjectKey) -> bool {
        let wanted = self.records.get(key).is_some_and(|record| record.patch().is_some());
        if !wanted {
            self.drop_if_idle(key);
        }
        wanted
    }

    fn drop_if_idle(&mut self, key: &ObjectKey) {
        if self.records.get(key).is_some_and(Record::is_idle) {
            self.records.remove(key);
        }
    }
}

/// One look at one version of an object: what is told already, and what the decision changes about it.
#[derive(Debug)]
pub struct Pass<'a> {
    ledger: &'a mut Ledger,
    key: ObjectKey,
    record: Record,
    state: State,
}

impl Pass<'_> {
    /// Somebody is subscribed: the annotation's text is brought into shape (core 3.5.7).
    pub fn has_destinations(&mut self) {
        self.record.rewrite = true;
    }

    /// Whether `key` counts as told: what the overlay says, else what the annotation says.
    pub fn presence(&self, key: &str) -> Presence {
        let told = self.state.get(key).is_some();
        match self.record.entries.get(key) {
            Some(Entry { status: Some(Status::Pending { .. }), .. }) => Presence::Pending,
            Some(Entry { status: Some(Status::Sent { .. }), .. }) => Presence::Told,
            Some(Entry { status: Some(Status::Refused { fingerprint }), .. }) => {
                Presence::Refused(*fingerprint)
            }
            Some(Entry { erase: true, unrendered: None, .. }) => Presence::Absent,
            Some(Entry { erase: true, .. }) => Presence::Unrendered,
            _ if told => Presence::Told,
            Some(Entry { unrendered: Some(_), .. }) => Presence::Unrendered,
            _ => Presence::Absent,
        }
    }

    /// When `key` was told or marked, if it counts as told.
    pub fn told_at(&self, key: &str) -> Option<i64> {
        match self.record.entries.get(key) {
            Some(Entry { status: Some(Status::Sent { time }), .. }) => Some(*time),
            Some(Entry { status: Some(_), .. } | Entry { erase: true, .. }) => None,
            _ => self.state.get(key),
        }
    }

    /// Records `key` at Unix second `now` without a message.
    pub fn mark(&mut self, key: &str, now: i64) {
        self.keep(key);
        let old = self.state.get(key);
        let entry = self.record.entries.entry(key.to_owned()).or_default();
        // As in `record_receipt`: what is to be erased must not prove the new entry written.
        let time = if entry.erase && old == Some(now) { now.saturating_add(1) } else { now };
        entry.status = Some(Status::Sent { time });
    }

    /// The keys that begin with `prefix`, count as told, and were not kept in this pass.
    pub fn stale(&self, prefix: &str) -> Vec<String> {
        let told = self.state.iter().map(|(key, _)| key);
        let overlay = self.record.entries.keys().map(String::as_str);
        let keys: BTreeSet<&str> = told.chain(overlay).filter(|key| key.starts_with(prefix)).collect();
        let stale = |key: &&str| {
            self.presence(key) == Presence::Told && !self.record.live.iter().any(|live| live == key)
        };
        keys.into_iter().filter(stale).map(str::to_owned).collect()
    }

    /// The condition holds and `key` counts as told: the entry is not cut in favour of newer ones (core 3.5.5).
    pub fn keep(&mut self, key: &str) {
        self.record.live.push(key.to_owned());
    }

    /// A message is queued under `key`, decided with the configuration of `fingerprint`.
    pub fn queue(&mut self, key: &str, fingerprint: u64) {
        self.keep(key);
        self.record.entries.entry(key.to_owned()).or_default().status = Some(Status::Pending { fingerprint });
    }

    /// The condition does not hold: the key goes away, and a message on its way is told for nobody's record. Returns
    /// whether there was anything to forget.
    pub fn forget(&mut self, key: &str) -> bool {
        let told = self.state.get(key).is_some();
        // A patch under way, or one whose answer was lost, may carry the key although no version shows it.
        let erase = told || self.record.in_flight || self.record.doubtful;
        let Some(entry) = self.record.entries.get_mut(key) else {
            if erase {
                self.record.entries.insert(key.to_owned(), Entry { erase, ..Entry::default() });
            }
            return told;
        };
        let before = entry.status.take();
        entry.unrendered = None;
        match before {
            Some(Status::Pending { .. }) => entry.detached += 1,
            Some(Status::Sent { .. }) => entry.erase = true,
            Some(Status::Refused { .. }) | None => {}
        }
        let erases = told && !entry.erase;
        entry.erase |= erase;
        before.is_some() || erases
    }

    /// Closes the pass. Returns whether the annotation has to be written.
    pub fn finish(mut self) -> bool {
        self.record.tidy();
        self.record.bound();
        let patch = self.record.patch_over(self.state).is_some();
        if patch || !self.record.is_idle() {
            self.ledger.records.insert(self.key, self.record);
        }
        patch
    }
}
