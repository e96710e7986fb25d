//! The ledger against a server, a watch that lags, a receiver and a patch that may fail, in random order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use dodona_value::Numbers;
use proptest::prelude::*;

use super::*;

const ANNOTATION: &str = "notified.notifications.argoproj.io";

/// The object as the server has it.
#[derive(Clone, Debug, Default)]
struct Stored {
    version: u64,
    annotation: Option<String>,
    holds: bool,
    revision: u8,
}

impl Stored {
    fn object(&self) -> Arc<Object> {
        let mut json = serde_json::json!({
            "metadata": {"name": "o", "namespace": "n", "uid": "u", "resourceVersion": self.version.to_string(), "annotations": {}},
        });
        if let Some(text) = &self.annotation {
            json["metadata"]["annotations"][ANNOTATION] = text.as_str().into();
        }
        Arc::new(Object::parse(Bytes::from(json.to_string()), Numbers::Kubernetes).unwrap())
    }

    /// The keys that a trigger without and one with `oncePer` have.
    fn keys(&self) -> [String; 2] {
        ["plain".to_owned(), format!("{}:once", self.revision)]
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody changes the object.
    Change { holds: bool, revision: u8 },
    /// The watch delivers the next version.
    Watch,
    /// The watch broke: only the newest version is delivered.
    Relist,
    /// A receiver answers.
    Receive,
    /// A receiver refuses what waits longest, and the next pass may try again.
    Fail,
    /// The server takes the patch, or refuses it.
    Serve { applied: bool },
    /// The server's answer arrives, or is lost.
    Answer { lost: bool },
    /// A user deletes the annotation.
    Erase,
    /// The process ends and starts again.
    Restart,
}

/// A patch under way.
enum Patch {
    /// On its way to the server.
    Asked(Option<String>),
    /// Its answer is on the way back: the object, or a refusal.
    Answered(Option<Arc<Object>>),
}

struct World {
    stored: Stored,
    watch: VecDeque<Stored>,
    ledger: Ledger,
    /// Keys of the messages on their way, each with the occurrence that it tells of.
    outbox: VecDeque<(String, u32)>,
    patch: Option<Patch>,
    clock: i64,
    /// What the last delivered version said.
    held: bool,
    /// Counts the times that the condition was seen false.
    occurrence: u32,
    /// Whether the key without `oncePer` was delivered in this occurrence.
    delivered: bool,
    /// Messages sent in the present occurrence, by key.
    sent: BTreeMap<String, u32>,
    /// Failures, by key: each may be followed by one more message.
    allowed: BTreeMap<String, u32>,
    /// How often somebody erased the annotation: what was seen there may be told again.
    erased: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            stored: Stored::default(),
            watch: VecDeque::new(),
            ledger: Ledger::new(ANNOTATION),
            outbox: VecDeque::new(),
            patch: None,
            clock: 1000,
            held: false,
            occurrence: 0,
            delivered: false,
            sent: BTreeMap::new(),
            allowed: BTreeMap::new(),
            erased: 0,
        };
        world.store(|_| {});
        world
    }

    fn store(&mut self, change: impl FnOnce(&mut Stored)) {
        change(&mut self.stored);
        self.stored.version += 1;
        self.watch.push_back(self.stored.clone());
    }

    fn key() -> ObjectKey {
        ObjectKey::new("n", "o")
    }

    fn start_patch(&mut self) {
        if self.patch.is_none()
            && let Some(patch) = self.ledger.patch_for(&Self::key())
        {
            self.patch = Some(Patch::Asked(patch.value));
        }
    }

    /// One pass, as `decide` does it.
    fn look(&mut self, seen: &Stored) {
        let rises = seen.holds && !self.held;
        self.held = seen.holds;
        let keys = seen.keys();
        if !seen.holds {
            self.occurrence += 1;
            self.delivered = false;
            self.sent.remove("plain");
            self.allowed.remove("plain");
        }
        let change = Change { binding: "b".into(), object: seen.object(), cause: Cause::Modified };
        let Some(mut pass) = self.ledger.observe(&change) else { panic!("the watch never goes back") };
        pass.has_destinations();
        if seen.holds {
            for key in &keys {
                match pass.presence(key) {
                    Presence::Absent => {
                        pass.queue(key, 0);
                        self.outbox.push_back((key.clone(), self.occurrence));
                        *self.sent.entry(key.clone()).or_default() += 1;
                    }
                    _ => pass.keep(key),
                }
            }
            let plain = self.sent.get("plain").copied().unwrap_or_default();
            assert!(!rises || plain >= 1, "a rise was seen and not told");
        } else {
            pass.forget("plain");
        }
        for (key, sent) in &self.sent {
            let allowed = 1 + self.erased + self.allowed.get(key).copied().unwrap_or_default();
            assert!(*sent <= allowed, "{key} was sent {sent} times, {allowed} allowed");
        }
        if pass.finish() {
            self.start_patch();
        }
    }

    fn outcome(&mut self, delivered: bool) {
        let Some((key, occurrence)) = self.outbox.pop_front() else { return };
        self.delivered |= delivered && key == "plain" && occurrence == self.occurrence;
        self.clock += i64::from(self.clock % 3 == 0);
        let patch = if delivered {
            self.ledger.record_receipt(&Self::key(), &key, self.clock)
        } else {
            *self.allowed.entry(key.clone()).or_default() += 1;
            self.ledger.record_failure(&Self::key(), &key)
        };
        if patch {
            self.start_patch();
        }
    }

    fn serve(&mut self, applied: bool) {
        match self.patch.take() {
            Some(Patch::Asked(value)) if applied => {
                if self.stored.annotation != value {
                    self.store(|stored| stored.annotation = value);
                }
                self.patch = Some(Patch::Answered(Some(self.stored.object())));
            }
            Some(Patch::Asked(_)) => self.patch = Some(Patch::Answered(None)),
            other => self.patch = other,
        }
    }

    fn answer(&mut self, lost: bool) {
        match self.patch.take() {
            Some(Patch::Answered(Some(object))) if !lost => {
                if self.ledger.patched(&Self::key(), &object) {
                    self.start_patch();
                }
            }
            Some(Patch::Answered(_)) if lost => self.ledger.patch_lost(&Self::key()),
            Some(Patch::Answered(_)) => self.ledger.patch_denied(&Self::key()),
            other => self.patch = other,
        }
    }

    fn restart(&mut self) {
        self.ledger = Ledger::new(ANNOTATION);
        self.outbox.clear();
        self.patch = None;
        self.watch.clear();
        let told = self.stored.annotation.as_deref().map(State::parse).unwrap_or_default();
        // What was not written yet may be told once more.
        self.sent.retain(|key, _| told.get(key).is_some());
        self.held = true;
        self.delivered = told.get("plain").is_some();
        self.store(|_| {});
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Change { holds, revision } => {
                self.store(|stored| (stored.holds, stored.revision) = (holds, revision));
            }
            Step::Watch => {
                if let Some(seen) = self.watch.pop_front() {
                    self.look(&seen);
                }
            }
            Step::Relist => {
                if self.watch.pop_back().is_some() {
                    self.watch.clear();
                    let seen = self.stored.clone();
                    self.look(&seen);
                }
            }
            Step::Receive => self.outcome(true),
            Step::Fail => self.outcome(false),
            Step::Serve { applied } => self.serve(applied),
            Step::Answer { lost } => self.answer(lost),
            Step::Erase => {
                self.erased += 1;
                self.store(|stored| stored.annotation = None);
            }
            Step::Restart => self.restart(),
        }
    }

    /// Everything comes to rest: the annotation says what holds, and nothing is left in memory.
    fn rest(&mut self) {
        for _ in 0..30 {
            self.step(Step::Watch);
            self.step(Step::Receive);
            self.step(Step::Serve { applied: true });
            self.step(Step::Answer { lost: false });
            if self.watch.is_empty() {
                self.store(|_| {});
            }
        }
        while !(self.watch.is_empty() && self.outbox.is_empty() && self.patch.is_none()) {
            self.step(Step::Watch);
            self.step(Step::Receive);
            self.step(Step::Serve { applied: true });
            self.step(Step::Answer { lost: false });
        }
        let told = self.stored.annotation.as_deref().map(State::parse).unwrap_or_default();
        assert_eq!(told.get("plain").is_some(), self.stored.holds);
        assert!(!self.stored.holds || self.delivered, "recorded as told, and never was");
        assert!(!self.stored.holds || told.get(&self.stored.keys()[1]).is_some());
        assert!(self.ledger.is_empty(), "left in memory: {:?}", self.ledger);
    }
}

fn play(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.step(*step);
    }
    world.rest();
}

fn common() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 0..3u8).prop_map(|(holds, revision)| Step::Change { holds, revision }),
        6 => Just(Step::Watch),
        1 => Just(Step::Relist),
        4 => Just(Step::Receive),
        1 => Just(Step::Fail),
        4 => Just(Step::Serve { applied: true }),
        4 => Just(Step::Answer { lost: false }),
    ]
}

fn troubled() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => common(),
        1 => Just(Step::Serve { applied: false }),
        1 => Just(Step::Answer { lost: true }),
        1 => Just(Step::Erase),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_told_twice_and_every_rise_is_told(steps in proptest::collection::vec(common(), 0..120)) {
        play(&steps);
    }

    #[test]
    fn nor_with_denied_patches_erasures_and_restarts(steps in proptest::collection::vec(troubled(), 0..120)) {
        play(&steps);
    }
}
