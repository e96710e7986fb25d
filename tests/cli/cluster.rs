//! `dodona lint --from-cluster`, and objects that are looked up by their names, with an API server that runs in the test.

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
    dodona(api, &[&["lint", "--from-cluster"], more].concat(), &[])
}

/// Runs the program beside `files`, with the cluster at hand.
fn dodona(api: &FakeApi, arguments: &[&str], files: &[(&str, &str)]) -> Output {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let config = home.path().join("config");
    std::fs::write(&config, api.kubeconfig("argocd")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_dodona"))
        .args(arguments)
        .current_dir(home.path())
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

/// A kind whose objects are in no namespace is found by its name alone (core 7.1.3).
#[tokio::test(flavor = "multi_thread")]
async fn objects_without_a_namespace_are_found_by_name() {
    let api = FakeApi::start().await;
    api.install(Kind::new("cert-manager.io", "v1", "ClusterIssuer", "clusterissuers").cluster_scoped());
    api.install(Kind::new("cert-manager.io", "v1", "Issuer", "issuers"));
    let issuer = |kind: &str| json!({"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": {"name": "main", "namespace": "argocd"}});
    for kind in ["ClusterIssuer", "Issuer"] {
        api.apply(issuer(kind));
    }
    let files: Vec<(String, String)> =
        [("cluster", "clusterissuers"), ("near", "issuers"), ("none", "gateways")]
            .iter()
            .map(|(name, plural)| {
                let resource = format!("resource: {{group: cert-manager.io, version: v1, plural: {plural}}}");
                (
                    format!("{name}.yaml"),
                    format!("name: issuer\n{resource}\nvariable: issuer\nconfigMap: cm\nsecret: s\n"),
                )
            })
            .collect();
    let config = "kind: ConfigMap\nmetadata: {name: cm}\ndata:\n  trigger.named: |\n    - when: issuer.metadata.name == 'main'\n";
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    files.push(("cm.yaml", config));
    let run = |binding: &str, name: &str| {
        let words = [
            "trigger",
            "run",
            "named",
            name,
            "--binding",
            binding,
            "--config-map",
            "cm.yaml",
            "--secret",
            ":empty",
        ];
        let output = dodona(&api, &words, &files);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    for (binding, name) in [("cluster.yaml", "main"), ("near.yaml", "main"), ("near.yaml", "argocd/main")] {
        let (code, out, err) = run(binding, name);
        assert!(code == 0 && out.contains("'main'  true"), "{binding} {name}: {out}{err}");
    }
    for (binding, name, says) in [
        ("cluster.yaml", "other", "clusterissuers.cert-manager.io \"other\" not found"),
        ("cluster.yaml", "argocd/main", "are in no namespace; write `main` alone"),
        ("near.yaml", "elsewhere/main", "issuers.cert-manager.io \"main\" not found"),
        ("none.yaml", "main", "the cluster has no gateways.cert-manager.io in version v1"),
    ] {
        let (code, out, err) = run(binding, name);
        assert!(code == 1 && out.is_empty() && err.contains(says), "{binding} {name}: {out}{err}");
    }
}

/// Tenants' configurations and what receivers refused are read where they are (core 5.4.3).
#[tokio::test(flavor = "multi_thread")]
async fn why_knows_tenants_and_refusals() {
    let api = cluster(&json!({"service.slack": "token: $slack-token"})).await;
    let metadata = |name: &str| json!({"name": name, "namespace": "team"});
    let trigger = "- {when: app.metadata.name == 'shop', send: [m]}";
    let data = json!({"service.slack": "token: x", "trigger.mine": trigger, "template.m": "message: hello"});
    api.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-notifications-cm"), "data": data}));
    subscribe(&api, "Application", "team", "shop", "mine.slack");
    let event = |name: &str, component: &str, message: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": metadata(name), "source": {"component": component},
            "involvedObject": {"kind": "Application", "name": "shop", "namespace": "team"},
            "reason": "NotificationRefused", "message": message, "lastTimestamp": "2026-01-01T00:00:00Z"})
    };
    api.apply(event("shop.1", "dodona", "slack says channel_not_found"));
    api.apply(event("shop.2", "argocd", "synced"));
    let why = |more: &[&str]| {
        let output = dodona(&api, &[&["why", "team/shop", "-n", "argocd"], more].concat(), &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = why(&[]);
    assert!(said.contains("Refused\n  2026-01-01T00:00:00Z: slack says channel_not_found\n\n"), "{said}");
    assert!(said.contains("mine is not configured"), "{said}");
    assert!(said.contains("namespace team counts: it does where the controller runs with"), "{said}");
    let said = why(&["--self-service"]);
    assert!(said.contains("mine [0] of namespace team holds"), "{said}");
    assert!(!said.contains("is not configured") && !said.contains("counts: it does"), "{said}");
    assert_eq!(why(&["--self-service", "-o", "name"]), "mine slack:ops\n");
}
