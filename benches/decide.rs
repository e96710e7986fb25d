//! What one watch event of a 14 KB Application costs, from its bytes to the plan. Run with `cargo bench --bench decide`.
//!
//! The yardstick is `body`: reading the JSON once. A decision may cost at most 1.3 times as much (design 8).
#![expect(clippy::unwrap_used, reason = "a benchmark of what works")]

use std::sync::Arc;

use bytes::Bytes;
use divan::{Bencher, black_box};
use dodona::engine::{
    Applicable, Condition, ConditionText, DecideInput, Ledger, Plan, Policy, Reading, Template, Trigger,
    Wanted, compose, decide,
};
use dodona::model::{Cause, Change, NodeError, Object, Position};
use dodona_value::{Numbers, Runtime, Scope, Time, Value};

const PREFIX: &str = "notifications.argoproj.io";
const STATE: &str = "notified.notifications.argoproj.io";

fn main() {
    divan::main();
}

/// An Application of about 14 KB with a sync result and the health of its resources.
fn application(subscribed: bool, revision: &str) -> Bytes {
    let resources: Vec<serde_json::Value> = (0..70)
        .map(|index| {
            serde_json::json!({
                "group": "apps", "health": {"status": "Healthy"}, "kind": "Deployment", "version": "v1",
                "name": format!("service-{index}"), "namespace": format!("shop-{index}"), "status": "Synced",
                "syncWave": index, "message": format!("deployment.apps/service-{index} configured"),
            })
        })
        .collect();
    let mut annotations = serde_json::json!({"argocd.argoproj.io/refresh": "normal", "team": "shop"});
    if subscribed {
        for trigger in ["on-deployed", "on-sync-failed", "on-sync-running", "on-health-degraded"] {
            annotations[format!("{PREFIX}/subscribe.{trigger}.slack")] = "ops;shop".into();
        }
    }
    let object = serde_json::json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "annotations": annotations, "labels": {"team": "shop"}, "name": "shop", "namespace": "argocd",
            "resourceVersion": "123456", "uid": "5b9ad7f0-6a1b-4d15-9a61-5d5d3a4b6c0e",
        },
        "spec": {
            "project": "default",
            "source": {"path": ".", "repoURL": "https://github.com/example/shop.git", "targetRevision": "HEAD"},
        },
        "status": {
            "health": {"status": "Healthy"},
            "operationState": {
                "finishedAt": "2024-05-06T07:08:09Z", "phase": "Succeeded",
                "syncResult": {"revision": revision, "resources": resources},
            },
            "sync": {"status": "Synced", "revision": revision},
        },
    });
    Bytes::from(object.to_string())
}

fn trigger(when: &str, once_per: &str) -> Trigger {
    let text = ConditionText {
        when: when.into(),
        once_per: once_per.into(),
        send: vec!["synced".into()],
        description: String::new(),
        ..ConditionText::default()
    };
    Trigger { conditions: vec![Condition::compile(0, text).unwrap()] }
}

fn policy() -> Policy {
    let message = "Application {{.app.metadata.name}} is at {{.app.status.sync.revision}} ({{.app.status.health.status}}).";
    let template = Template {
        name: "synced".into(),
        message: Some(dodona_gotmpl::Template::parse("synced", message).unwrap()),
        sections: Vec::new(),
        demands_answers: false,
        fingerprint: 0,
    };
    let deployed = "app.status.operationState != nil and app.status.operationState.phase in ['Succeeded'] \
                    and app.status.health.status == 'Healthy'";
    let triggers = [
        ("on-deployed", trigger(deployed, "app.status.sync.revision")),
        ("on-health-degraded", trigger("app.status.health.status == 'Degraded'", "app.status.sync.revision")),
        (
            "on-sync-failed",
            trigger("app.status.operationState.phase in ['Error', 'Failed']", "app.status.sync.revision"),
        ),
        (
            "on-sync-running",
            trigger("app.status.operationState.phase in ['Running']", "app.status.sync.revision"),
        ),
    ];
    Policy {
        triggers: triggers.into_iter().map(|(name, trigger)| (name.to_owned(), trigger)).collect(),
        templates: [("synced".to_owned(), Arc::new(template))].into(),
        ..Policy::default()
    }
}

fn no_yaml(_: &str) -> Result<dodona::model::Node, NodeError> {
    Err(NodeError::new(Position::default(), "no YAML here"))
}

/// From the bytes to the plan.
fn event(json: Bytes, policy: &Policy, runtime: &Runtime, ledger: &mut Ledger) -> Plan {
    let object = Arc::new(Object::parse(json, Numbers::Kubernetes).unwrap());
    let change = Change { binding: "app".into(), object, cause: Cause::Modified };
    let object = &change.object;
    let scope = || Ok([("app", object.document()?.to_value())].into_iter().collect());
    let input = DecideInput {
        change: &change,
        policies: &[Applicable { policy, projects: &[], undecided: &[], scope: &scope }],
        reading: Reading { prefix: PREFIX, legacy: false, yaml: no_yaml },
        runtime,
        now: 1_714_979_289,
        resync: 60,
    };
    decide(&input, ledger)
}

#[divan::bench]
fn metadata(bencher: Bencher<'_, '_>) {
    let json = application(true, "abc");
    bencher.bench(|| Object::parse(black_box(json.clone()), Numbers::Kubernetes).unwrap());
}

#[divan::bench]
fn body(bencher: Bencher<'_, '_>) {
    let json = application(true, "abc");
    bencher.bench(|| {
        let object = Object::parse(black_box(json.clone()), Numbers::Kubernetes).unwrap();
        object.document().unwrap().path(&["status", "sync"]).is_some()
    });
}

#[divan::bench]
fn unsubscribed(bencher: Bencher<'_, '_>) {
    let (json, policy, runtime) = (application(false, "abc"), policy(), Runtime::fixed(Time::zero()));
    let mut ledger = Ledger::new(STATE);
    bencher.bench_local(|| event(black_box(json.clone()), &policy, &runtime, &mut ledger));
}

#[divan::bench]
fn notified(bencher: Bencher<'_, '_>) {
    let (json, policy, runtime) = (application(true, "abc"), policy(), Runtime::fixed(Time::zero()));
    bencher
        .with_inputs(|| Ledger::new(STATE))
        .bench_local_refs(|ledger| event(black_box(json.clone()), &policy, &runtime, ledger));
}

#[divan::bench]
fn notified_and_composed(bencher: Bencher<'_, '_>) {
    let (json, policy, runtime) = (application(true, "abc"), policy(), Runtime::fixed(Time::zero()));
    bencher.with_inputs(|| Ledger::new(STATE)).bench_local_refs(|ledger| {
        let plan = event(black_box(json.clone()), &policy, &runtime, ledger);
        let rendered = plan.send.iter().map(|send| {
            let variables = [
                ("app", send.object.document().unwrap().to_value()),
                ("serviceType", Value::from(&*send.destination.service)),
                ("recipient", Value::from(&*send.destination.recipient)),
            ];
            let scope: Scope = variables.into_iter().collect();
            compose(send, &policy, Wanted::Section(Some("slack")), &scope, &runtime).unwrap()
        });
        rendered.collect::<Vec<_>>()
    });
}

#[divan::bench]
fn told_already(bencher: Bencher<'_, '_>) {
    let (policy, runtime) = (policy(), Runtime::fixed(Time::zero()));
    let mut ledger = Ledger::new(STATE);
    let json = application(true, "abc");
    let plan = event(json.clone(), &policy, &runtime, &mut ledger);
    let object = Object::parse(json, Numbers::Kubernetes).unwrap();
    for send in &plan.send {
        ledger.record_receipt(object.key(), &send.ledger_key, 1_714_979_289);
    }
    let text = ledger.patch_for(object.key()).unwrap().value;
    let json = object.with_annotation(STATE, text.as_deref(), "123457").unwrap().json().clone();
    let mut ledger = Ledger::new(STATE);
    bencher.bench_local(|| event(black_box(json.clone()), &policy, &runtime, &mut ledger));
}
