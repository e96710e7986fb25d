//! Conditions with a duration: `for` and `resolved`, which upstream does not have.
//!
//! What has to survive a restart is kept in the state annotation as entries of its own, whose keys begin with a sign that
//! no trigger's name can have; upstream carries them along and never reads them:
//!
//! | entry | time | while |
//! |---|---|---|
//! | `~for:<condition>` | since when the condition holds | it holds |
//! | `~open:<condition>:<destination>` | when the message left | the condition holds, and until its end is told |
//! | `~resolved:<condition>:<destination>` | when its end was told | until the next look at the object |
//!
//! A condition that cannot be evaluated has neither held nor ended: its entries stay as they are, and nobody is told that
//! something is over because nobody could look.

use super::{Decision, Pass};
use crate::engine::Presence;
use crate::engine::trigger::{Condition, Verdict};
use crate::model::{Destination, Object};

const LASTING: &str = "~for:";
const OPEN: &str = "~open:";
const RESOLVED: &str = "~resolved:";

/// How a condition stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It holds, and has for long enough.
    Holds,
    /// It holds, and not for long enough yet.
    Waits,
    /// It could not be evaluated, and somebody waits for its end or its duration.
    Unknown,
    /// It does not hold.
    Ended,
}

/// Whether entries of this module are in the annotation: such an object is looked at although nobody is subscribed.
pub(super) fn is_marked(object: &Object, annotation: &str) -> bool {
    object.annotation(annotation).is_some_and(|text| text.contains("\"~"))
}

/// Forgets the entries of conditions and subscriptions that are gone.
pub(super) fn sweep(pass: &mut Pass<'_>) {
    for prefix in [LASTING, OPEN, RESOLVED] {
        for key in pass.stale(prefix) {
            pass.forget(&key);
        }
    }
}

impl Decision<'_, '_, '_> {
    /// How the condition stands, with its duration. A condition that has not held for long enough is not triggered.
    pub(super) fn standing(&mut self, condition: &Condition, verdict: &mut Verdict) -> Standing {
        let plain = condition.lasting.is_none() && condition.resolved.is_empty();
        // A failed `oncePer` leaves its condition triggered.
        if !plain && !verdict.triggered && verdict.error.is_some() {
            let key = self.mark_of(LASTING, verdict, None);
            if self.pass.told_at(&key).is_some() {
                self.pass.keep(&key);
            }
            return Standing::Unknown;
        }
        let Some(lasting) = condition.lasting else {
            return if verdict.triggered { Standing::Holds } else { Standing::Ended };
        };
        let key = self.mark_of(LASTING, verdict, None);
        if !verdict.triggered {
            self.pass.forget(&key);
            return Standing::Ended;
        }
        let now = self.input.now;
        let since = self.pass.told_at(&key);
        match since {
            Some(_) => self.pass.keep(&key),
            None => self.pass.mark(&key, now),
        }
        let until = since.unwrap_or(now).saturating_add(lasting);
        if now >= until {
            return Standing::Holds;
        }
        self.wake(until);
        (verdict.triggered, verdict.waits_until) = (false, Some(until));
        Standing::Waits
    }

    /// The earliest time at which the object is looked at again.
    pub(super) fn wake(&mut self, at: i64) {
        self.plan.wake_at = Some(self.plan.wake_at.map_or(at, |other| other.min(at)));
    }

    /// The condition is told now: its end will have to be told too.
    pub(super) fn opens(&mut self, condition: &Condition, verdict: &Verdict, target: &Destination) {
        if !condition.resolved.is_empty() {
            let key = self.mark_of(OPEN, verdict, Some(target));
            self.pass.mark(&key, self.input.now);
        }
    }

    /// Nothing changes: what was told stays told.
    pub(super) fn stays(
        &mut self,
        condition: &Condition,
        verdict: &Verdict,
        target: &Destination,
        key: &str,
    ) {
        if self.pass.presence(key) != Presence::Absent {
            self.pass.keep(key);
        }
        self.stays_open(condition, verdict, target);
    }

    /// What waits for the end of the condition goes on waiting.
    pub(super) fn stays_open(&mut self, condition: &Condition, verdict: &Verdict, target: &Destination) {
        if condition.resolved.is_empty() {
            return;
        }
        for prefix in [OPEN, RESOLVED] {
            let key = self.mark_of(prefix, verdict, Some(target));
            if self.pass.presence(&key) != Presence::Absent {
                self.pass.keep(&key);
            }
        }
    }

    /// The condition holds (again): a message about its former end, if it is still on its way, is about the past.
    pub(super) fn reopens(&mut self, condition: &Condition, verdict: &Verdict, target: &Destination) {
        if !condition.resolved.is_empty() {
            let key = self.mark_of(RESOLVED, verdict, Some(target));
            self.pass.forget(&key);
        }
    }

    /// The condition does not hold: it may be told again, and who was told is told that it is over.
    pub(super) fn ends(&mut self, condition: &Condition, verdict: &Verdict, target: &Destination, key: &str) {
        let refused = matches!(self.pass.presence(key), Presence::Refused(_) | Presence::Unrendered);
        if self.pass.forget(key) {
            self.plan.forget.push(key.to_owned());
        }
        if condition.resolved.is_empty() {
            return;
        }
        let open = self.mark_of(OPEN, verdict, Some(target));
        let closing = self.mark_of(RESOLVED, verdict, Some(target));
        if self.pass.told_at(&open).is_none() {
            self.pass.forget(&closing);
            return;
        }
        let fingerprint = self.policy.fingerprint(target, &condition.resolved);
        match self.pass.presence(&closing) {
            // Nobody heard of its beginning.
            Presence::Absent if refused => {
                self.pass.forget(&open);
            }
            Presence::Absent => {
                self.pass.keep(&open);
                self.send(verdict, target, &closing, fingerprint, &condition.resolved);
            }
            Presence::Pending => {
                self.pass.keep(&open);
                self.pass.keep(&closing);
            }
            Presence::Told | Presence::Refused(_) | Presence::Unrendered => {
                self.pass.forget(&open);
                self.pass.forget(&closing);
            }
        }
    }

    /// The key of an entry of this module: without `oncePer`, because an end has none.
    fn mark_of(&self, prefix: &str, verdict: &Verdict, target: Option<&Destination>) -> String {
        let mut key = prefix.to_owned();
        for part in self.namespace().into_iter().chain([&*verdict.trigger, &*verdict.key]) {
            key.push_str(part);
            key.push(':');
        }
        match target {
            Some(target) => {
                key.push_str(&target.service);
                key.push(':');
                key.push_str(&target.recipient);
            }
            None => drop(key.pop()),
        }
        key
    }
}
