//! Decisions step by step, from `tests/engine/decide.jsonl` and, for `for` and `resolved`, `lasting.jsonl`: a server that takes patches, a receiver that answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use dodona_value::{Numbers, Time};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::engine::{Condition, ConditionText, Trigger};
use crate::model::{Cause, NodeError, Position};

const PREFIX: &str = "notifications.argoproj.io";
const STATE: &str = "notified.notifications.argoproj.io";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    triggers: BTreeMap<String, Vec<Texts>>,
    #[serde(default)]
    defaults: Vec<String>,
    /// Whether a tenant's configuration of the same text applies too (core 5.4.3).
    #[serde(default)]
    tenant: bool,
    steps: Vec<Step>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Texts {
    when: String,
    #[serde(default)]
    once_per: String,
    /// Seconds.
    #[serde(default, rename = "for")]
    lasting: u64,
    #[serde(default)]
    resolved: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: i64,
    /// Annotation `subscribe.<this>` to its value.
    #[serde(default)]
    subscribe: Option<BTreeMap<String, String>>,
    #[serde(default)]
    status: Option<serde_json::Value>,
    /// Puts the state annotation to this text first; `#` as in `send`.
    #[serde(default)]
    annotation: Option<String>,
    /// `ok`, `fail` (the next pass tries again), `refuse`, `hang`.
    #[serde(default)]
    receiver: Option<String>,
    /// Messages that hung and are delivered before the object is looked at.
    #[serde(default)]
    arrive: usize,
    /// Whether the server refuses patches from now on.
    #[serde(default)]
    denied: Option<bool>,
    /// What the service's settings hash to from now on.
    #[serde(default)]
    settings: Option<u64>,
    /// Ledger keys of what is sent, in order, in all passes of the step; `#` stands for the key of the first condition.
    send: Vec<String>,
    #[serde(default)]
    forget: Vec<String>,
    /// The annotation afterwards.
    notified: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    wake_at: Option<i64>,
    #[serde(default)]
    patches: Option<usize>,
}

impl Case {
    /// The key of the first condition.
    fn first_key(&self) -> String {
        let first = self.triggers.values().next().and_then(|list| list.first());
        crate::engine::condition_key(0, first.map_or("", |first| &first.when))
    }
}

struct World<'c> {
    case: &'c Case,
    object: serde_json::Value,
    ledger: Ledger,
    receiver: String,
    denied: bool,
    settings: u64,
    waiting: Vec<String>,
    /// What the step did.
    send: Vec<String>,
    forget: Vec<String>,
    errors: Vec<String>,
    wake_at: Option<i64>,
    patches: usize,
}

fn policy(case: &Case, tenant: bool, settings: u64) -> Policy {
    let compile = |(index, text): (usize, &Texts)| {
        let text = ConditionText {
            when: text.when.clone(),
            once_per: text.once_per.clone(),
            lasting: Some(std::time::Duration::from_secs(text.lasting)),
            resolved: text.resolved.clone(),
            ..Default::default()
        };
        Condition::compile(index, text).unwrap()
    };
    let triggers = case.triggers.iter().map(|(name, list)| {
        (name.clone(), Trigger { conditions: list.iter().enumerate().map(compile).collect() })
    });
    Policy {
        namespace: if tenant { "team".into() } else { "argocd".into() },
        prefix_keys: tenant,
        triggers: triggers.collect(),
        default_triggers: case.defaults.clone(),
        service_fingerprints: [("a".to_owned(), settings)].into(),
        ..Policy::default()
    }
}

impl World<'_> {
    fn parsed(&self) -> Arc<Object> {
        Arc::new(Object::parse(Bytes::from(self.object.to_string()), Numbers::Kubernetes).unwrap())
    }

    fn touch(&mut self) {
        let version: u64 = self.object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        self.object["metadata"]["resourceVersion"] = (version + 1).to_string().into();
    }

    fn pass(&mut self, at: i64) {
        let object = self.parsed();
        let change = Change { binding: "pod".into(), object: Arc::clone(&object), cause: Cause::Modified };
        let scope = || Ok([("pod", object.document()?.to_value())].into_iter().collect());
        let policies: Vec<Policy> = [false, true]
            .iter()
            .take(1 + usize::from(self.case.tenant))
            .map(|tenant| policy(self.case, *tenant, self.settings))
            .collect();
        let policies: Vec<Applicable<'_>> = policies
            .iter()
            .map(|policy| Applicable { policy, projects: &[], undecided: &[], scope: &scope })
            .collect();
        let yaml = |_: &str| Err(NodeError::new(Position::default(), "no YAML here"));
        let runtime = Runtime::fixed(Time::zero());
        let reading = Reading { prefix: PREFIX, legacy: false, yaml };
        let input = DecideInput {
            change: &change,
            policies: &policies,
            reading,
            runtime: &runtime,
            now: at,
            resync: 60,
        };
        let plan = decide(&input, &mut self.ledger);
        self.wake_at = plan.wake_at.or(self.wake_at);
        self.forget.extend(plan.forget);
        self.errors.extend(plan.verdicts.into_iter().filter_map(|verdict| verdict.error));
        for send in plan.send {
            self.send.push(send.ledger_key.clone());
            let (key, object) = (&send.ledger_key, object.key());
            match self.receiver.as_str() {
                "ok" => drop(self.ledger.record_receipt(object, key, at)),
                "fail" => drop(self.ledger.record_failure(object, key)),
                "refuse" => drop(self.ledger.record_refusal(object, key)),
                _ => self.waiting.push(send.ledger_key),
            }
        }
    }

    /// Writes what is to be written; the written object comes back as a change.
    fn settle(&mut self, at: i64) {
        for _ in 0..10 {
            let key = self.parsed().key().clone();
            let Some(patch) = self.ledger.patch_for(&key) else { return };
            if self.denied {
                return self.ledger.patch_denied(&key);
            }
            self.patches += 1;
            let annotations = self.object["metadata"]["annotations"].as_object_mut().unwrap();
            match patch.value {
                Some(text) => drop(annotations.insert(STATE.to_owned(), text.into())),
                None => drop(annotations.remove(STATE)),
            }
            self.touch();
            let object = self.parsed();
            self.ledger.patched(&key, &object);
            self.pass(at);
        }
        panic!("{}: patches without end", self.case.name);
    }

    fn step(&mut self, step: &Step) {
        (self.send, self.forget, self.errors, self.wake_at, self.patches) = Default::default();
        let annotations = self.object["metadata"]["annotations"].as_object_mut().unwrap();
        if let Some(subscribe) = &step.subscribe {
            annotations.retain(|key, _| key == STATE);
            annotations.extend(
                subscribe.iter().map(|(rest, value)| (format!("{PREFIX}/subscribe.{rest}"), json!(value))),
            );
        }
        if let Some(text) = &step.annotation {
            annotations.insert(STATE.to_owned(), text.replace('#', &self.case.first_key()).into());
        }
        if let Some(status) = &step.status {
            self.object["status"] = status.clone();
        }
        self.receiver = step.receiver.clone().unwrap_or(std::mem::take(&mut self.receiver));
        self.denied = step.denied.unwrap_or(self.denied);
        self.settings = step.settings.unwrap_or(self.settings);
        for key in self.waiting.drain(..step.arrive).collect::<Vec<_>>() {
            self.ledger.record_receipt(&crate::model::ObjectKey::new("n", "o"), &key, step.at);
        }
        self.touch();
        self.pass(step.at);
        self.settle(step.at);
    }
}

#[test]
fn decisions_follow_the_rules_step_by_step() {
    let decide = include_str!("../../../tests/engine/decide.jsonl");
    let lasting = include_str!("../../../tests/engine/lasting.jsonl");
    for line in decide.lines().chain(lasting.lines()) {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let metadata =
            json!({"name": "o", "namespace": "n", "uid": "u", "resourceVersion": "1", "annotations": {}});
        let mut world = World {
            case: &case,
            object: json!({ "metadata": metadata }),
            ledger: Ledger::new(STATE),
            receiver: "ok".into(),
            denied: false,
            settings: 1,
            waiting: Vec::new(),
            send: Vec::new(),
            forget: Vec::new(),
            errors: Vec::new(),
            wake_at: None,
            patches: 0,
        };
        let key = case.first_key();
        let full = |texts: &[String]| texts.iter().map(|text| text.replace('#', &key)).collect::<Vec<_>>();
        for (index, step) in case.steps.iter().enumerate() {
            world.step(step);
            let place = format!("{}, step {index}", case.name);
            assert_eq!(world.send, full(&step.send), "sent: {place}");
            assert_eq!(world.forget, full(&step.forget), "forgotten: {place}");
            let notified = world.object["metadata"]["annotations"][STATE].as_str();
            assert_eq!(
                notified,
                step.notified.as_ref().map(|text| text.replace('#', &key)).as_deref(),
                "state: {place}"
            );
            assert_eq!(world.errors, step.errors, "errors: {place}");
            assert_eq!(world.wake_at, step.wake_at, "wake: {place}");
            if let Some(patches) = step.patches {
                assert_eq!(world.patches, patches, "patches: {place}");
            }
        }
    }
}

#[test]
fn more_live_recipients_than_entries_do_not_loop() {
    let recipients: Vec<String> = (0..130).map(|index| format!("r{index:03}")).collect();
    let case = json!({
        "name": "130 recipients", "triggers": {"on": [{"when": "pod.status.run"}]},
        "steps": [{"at": 1, "send": [], "notified": null}],
    });
    let case: Case = serde_json::from_value(case).unwrap();
    let metadata = json!({
        "name": "o", "namespace": "n", "uid": "u", "resourceVersion": "1",
        "annotations": {format!("{PREFIX}/subscribe.on.a"): recipients.join(";")},
    });
    let mut world = World {
        case: &case,
        object: json!({ "metadata": metadata, "status": {"run": true} }),
        ledger: Ledger::new(STATE),
        receiver: "ok".into(),
        denied: false,
        settings: 1,
        waiting: Vec::new(),
        send: Vec::new(),
        forget: Vec::new(),
        errors: Vec::new(),
        wake_at: None,
        patches: 0,
    };
    world.pass(5);
    world.settle(5);
    assert_eq!((world.send.len(), world.patches), (130, 1));
    world.pass(6);
    world.settle(6);
    assert_eq!((world.send.len(), world.patches), (130, 1));
}
