//! How long triggers take: on a small Application and on one of 300 resources, with a budget made for each evaluation and a clock that is asked.
//!
//! `cargo bench -p dodona-expr`. The figures of Go come from the oracle's `bench` mode on the same texts.

use std::fmt::Write as _;

use divan::Bencher;
use dodona_expr::{CallCx, Program, Scope};
use dodona_langhost::{Host, scope, ticking};
use serde_json::value::RawValue;

const TRIGGERS: &[(&str, &str)] = &[
    ("true", "true"),
    ("equal", "app.status.sync.status == 'OutOfSync'"),
    ("not-nil", "app.metadata.deletionTimestamp != nil"),
    ("phase-in-two", "app.status?.operationState.phase in ['Error', 'Failed']"),
    ("phase-in-one", "app.status.operationState != nil and app.status.operationState.phase in ['Succeeded']"),
    (
        "deployed",
        "app.status.operationState.phase in ['Succeeded'] and app.status.health.status in ['Healthy', 'Progressing']",
    ),
    ("once-per", "app.status?.operationState?.syncResult?.revision"),
    ("label", "app.metadata.labels['team'] == 'payments' and app.spec.project != 'default'"),
    ("any", "any(app.status.conditions, .type == 'SyncError' or .type contains 'Unknown')"),
    ("image", "app.status.summary.images[0] matches '^registry\\\\.example\\\\.com/.*:v[0-9]+'"),
    ("late", "time.Now().Sub(time.Parse(app.status.operationState.startedAt)) > 5 * time.Minute"),
    ("resources", "count(app.status.resources, .health?.status == 'Degraded') > 3"),
];

fn main() {
    divan::main();
}

fn application(resources: usize) -> Scope {
    let mut list = String::new();
    for number in 0..resources {
        let comma = if number == 0 { "" } else { "," };
        let health = if number % 60 == 59 { "Degraded" } else { "Healthy" };
        write!(
            list,
            r#"{comma}{{"version":"v1","kind":"Deployment","namespace":"shop-{number}","name":"shop-{number}","status":"Synced","health":{{"status":"{health}"}}}}"#
        )
        .expect("a string takes everything");
    }
    let text = format!(
        r#"{{"app":{{"apiVersion":"argoproj.io/v1alpha1","kind":"Application",
        "metadata":{{"name":"shop","namespace":"argocd","labels":{{"team":"payments","tier":"front"}},"creationTimestamp":"2024-01-02T03:04:05Z"}},
        "spec":{{"project":"shop","source":{{"repoURL":"https://git.example.com/shop.git","path":"deploy","targetRevision":"main"}}}},
        "status":{{"resources":[{list}],"health":{{"status":"Healthy"}},"sync":{{"status":"Synced","revision":"0a1b2c3d"}},
        "conditions":[{{"type":"SharedResourceWarning","message":"x"}},{{"type":"SyncError","message":"y"}}],
        "summary":{{"images":["registry.example.com/shop:v12","registry.example.com/db:v3"]}},
        "operationState":{{"phase":"Succeeded","startedAt":"2024-05-06T06:00:00Z","finishedAt":"2024-05-06T06:01:00Z","syncResult":{{"revision":"0a1b2c3d"}}}}}}}}}}"#
    );
    let data = RawValue::from_string(text).expect("valid JSON");
    scope(Some(&data), Host::ArgoCd).expect("an object")
}

fn run(bencher: Bencher<'_, '_>, name: &str, resources: usize) {
    let source = TRIGGERS.iter().find(|(known, _)| *known == name).map_or("true", |(_, source)| *source);
    let program = Program::compile(source).expect("compiles");
    let scope = application(resources);
    let host = ticking();
    bencher.bench_local(|| program.eval(divan::black_box(&scope), &host).map(|value| value.as_bool()));
}

#[divan::bench(args = TRIGGERS.iter().map(|(name, _)| *name))]
fn small_application(bencher: Bencher<'_, '_>, name: &str) {
    run(bencher, name, 3);
}

#[divan::bench(args = TRIGGERS.iter().map(|(name, _)| *name))]
fn three_hundred_resources(bencher: Bencher<'_, '_>, name: &str) {
    run(bencher, name, 300);
}

/// Many conditions of one decision share a budget.
#[divan::bench]
fn shared_budget(bencher: Bencher<'_, '_>) {
    let program = Program::compile("app.status.health.status == 'Degraded'").expect("compiles");
    let scope = application(3);
    let host = ticking();
    bencher.bench_local(|| {
        let mut budget = host.budget();
        let mut cx = CallCx { runtime: &host, budget: &mut budget };
        for _ in 0..10 {
            divan::black_box(program.run(&scope, &mut cx).is_ok());
        }
    });
}

#[divan::bench]
fn compile_all(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| TRIGGERS.iter().filter(|(_, source)| Program::compile(source).is_ok()).count());
}
