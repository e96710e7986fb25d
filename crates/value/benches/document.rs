//! What reading an Application and looking into it costs. Run with `cargo bench -p dodona-value`.
#![expect(clippy::unwrap_used, reason = "a benchmark of what works")]

use std::fmt::Write;

use divan::{Bencher, black_box};
use dodona_value::{Document, Numbers, Value, json};

fn main() {
    divan::main();
}

/// An Application of about 14 KB: a sync result and a health for each of 60 resources.
fn application() -> Vec<u8> {
    let mut resources = String::new();
    for index in 0..60 {
        let comma = if index == 0 { "" } else { "," };
        write!(
            resources,
            r#"{comma}{{"group":"apps","health":{{"status":"Healthy"}},"kind":"Deployment","name":"service-{index}","namespace":"shop-{index}","status":"Synced","syncWave":{index},"version":"v1","message":"deployment.apps/service-{index} configured"}}"#
        )
        .unwrap();
    }
    format!(
        r#"{{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{{"annotations":{{"notifications.argoproj.io/subscribe.on-deployed.slack":"ops"}},"name":"shop","namespace":"argocd","resourceVersion":"123456"}},"spec":{{"project":"default","source":{{"path":".","repoURL":"https://github.com/example/shop.git","targetRevision":"HEAD"}}}},"status":{{"health":{{"status":"Healthy"}},"operationState":{{"finishedAt":"2024-05-06T07:08:09Z","phase":"Succeeded","syncResult":{{"revision":"0123456789abcdef"}}}},"resources":[{resources}],"sync":{{"status":"Synced"}}}}}}"#
    )
    .into_bytes()
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let source = application();
    bencher
        .counter(divan::counter::BytesCount::new(source.len()))
        .bench(|| Document::parse(black_box(source.as_slice()), Numbers::Kubernetes).unwrap());
}

#[divan::bench]
fn borrowed_path(bencher: Bencher<'_, '_>) {
    let document = Document::parse(application(), Numbers::Kubernetes).unwrap();
    bencher.bench(|| {
        document
            .path(black_box(&["status", "operationState", "phase"]))
            .and_then(dodona_value::NodeRef::as_bytes)
    });
}

#[divan::bench]
fn value_path(bencher: Bencher<'_, '_>) {
    let value = Document::parse(application(), Numbers::Kubernetes).unwrap().to_value();
    bencher.bench(|| value.path(black_box(&["status", "operationState", "phase"])));
}

#[divan::bench]
fn print(bencher: Bencher<'_, '_>) {
    let value = Document::parse(application(), Numbers::Kubernetes).unwrap().to_value();
    bencher.bench(|| value.to_string());
}

#[divan::bench]
fn write_json(bencher: Bencher<'_, '_>) {
    let value: Value = Document::parse(application(), Numbers::Kubernetes).unwrap().to_value();
    bencher.bench(|| {
        let mut text = dodona_value::Text::new(1 << 20);
        json::write(&mut text, &value, json::Style::COMPACT).unwrap();
        text
    });
}
