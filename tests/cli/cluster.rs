//! `dodona lint --from-cluster`, with an API server that runs in the test.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails where something is missing")]

use std::process::{Command, Output};

use dodona_fakeapi::{FakeApi, Kind};
use serde_json::{Value, json};

/// A cluster with Argo CD's kinds, a Secret, and a ConfigMap with `data`.
async fn cluster(data: &Value) -> FakeApi {
    let api = FakeApi::start().await;
    for kind in Kind::argo() {
        api.install(kind);
    }
    let metadata = |name: &str| json!({"name": name, "namespace": "argocd"});
    api.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-notifications-cm"), "data": data}));
    // `password`
    let secret = json!({"slack-token": "cGFzc3dvcmQ="});
    api.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("argocd-notifications-secret"), "data": secret}));
    api
}

fn subscribe(api: &FakeApi, kind: &str, namespace: &str, name: &str, subscription: &str) {
    let annotations = json!({format!("notifications.argoproj.io/subscribe.{subscription}"): "ops"});
    api.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations}}));
}

fn lint(api: &FakeApi, more: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::write(&config, api.kubeconfig("argocd")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_dodona"))
        .args(["lint", "--from-cluster"])
        .args(more)
        .env_clear()
        .env("HOME", home.path())
        .env("KUBECONFIG", &config)
        .output()
        .unwrap()
}

/// File, rule and subject of each finding.
fn findings(output: &Output) -> Vec<[String; 3]> {
    let found: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    found.iter().map(|one| ["file", "rule", "subject"].map(|name| text(one, name))).collect()
}

fn presets(services: &[(&str, &str)]) -> Value {
    let mut data = json!({"presets": "argocd", "service.slack": "token: $slack-token"});
    for (key, value) in services {
        data[key] = (*value).into();
    }
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_applications_and_projects_are_looked_at() {
    let api = cluster(&presets(&[(
        "service.webhook.ci",
        "{url: 'https://ci.example.org', headers: [{name: Authorization, value: $ci}]}",
    )]))
    .await;
    subscribe(&api, "Application", "argocd", "well", "on-sync-failed.slack");
    subscribe(&api, "Application", "team", "elsewhere", "on-sync-faild.slack");
    subscribe(&api, "AppProject", "argocd", "web", "on-sync-failed.slak");
    // Argo CD reads projects in its own namespace only.
    subscribe(&api, "AppProject", "team", "web", "on-sync-failed.slak");
    let output = lint(&api, &["--format", "json"]);
    let prefix = "notifications.argoproj.io/subscribe";
    let expected = [
        [
            "applications/team/elsewhere".to_owned(),
            "unknown-trigger".to_owned(),
            format!("Application team/elsewhere: {prefix}.on-sync-faild.slack"),
        ],
        [
            "appprojects/argocd/web".to_owned(),
            "unknown-service".to_owned(),
            format!("AppProject argocd/web: {prefix}.on-sync-failed.slak"),
        ],
        [
            "configmaps/argocd/argocd-notifications-cm".to_owned(),
            "missing-secret".to_owned(),
            "service.webhook.ci".to_owned(),
        ],
    ];
    assert_eq!(findings(&output), expected);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("password") && !said.contains("cGFzc3dvcmQ"), "{said}");
    assert!(api.requests().iter().all(|request| request.method == "GET" && !request.is_watch()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_mistakes_and_one_without_applications() {
    let api = cluster(&presets(&[])).await;
    // More than one page of a list.
    for number in 0..501 {
        subscribe(&api, "Application", "argocd", &format!("app-{number}"), "on-sync-failed.slack");
    }
    let output = lint(&api, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 errors, 0 warnings in 503 objects\n");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    api.uninstall("applications");
    api.uninstall("appprojects");
    let output = lint(&api, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 errors, 0 warnings in 2 objects\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_said_and_what_is_not_there_too() {
    let api = cluster(&presets(&[("service.teams", "{recipientUrls: {ops: $teams}}")])).await;
    subscribe(&api, "Application", "argocd", "near", "on-sync-faild.slack");
    subscribe(&api, "Application", "team", "far", "on-sync-faild.slack");
    api.faults(|faults| {
        faults.refuse.push(("/secrets/".into(), 403));
        faults.refuse.push(("v1alpha1/applications".into(), 403));
    });
    let output = lint(&api, &["--format", "json"]);
    let files: Vec<_> = findings(&output).into_iter().map(|[file, rule, _]| (file, rule)).collect();
    assert_eq!(files, [("applications/argocd/near".to_owned(), "unknown-trigger".to_owned())]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("note: failed to get secrets/argocd/argocd-notifications-secret: forbidden"),
        "{said}"
    );
    assert!(said.contains("note: failed to list applications in all namespaces: forbidden"), "{said}");
    assert!(said.contains("only namespace argocd is looked at"), "{said}");
    // Not even there: that is no clean result.
    api.faults(|faults| {
        faults.refuse.push(("v1alpha1/applications".into(), 403));
        faults.refuse.push(("/argocd/applications".into(), 403));
    });
    let output = lint(&api, &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let output = lint(&api, &["--namespace", "elsewhere"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("namespace `elsewhere` has no ConfigMap with notifications"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}
