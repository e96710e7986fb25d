//! Alerts against Prometheus Alertmanager.

use std::path::{Path, PathBuf};
use std::process::Command;

use dodona::model::Message;
use dodona_recorder::Authority;
use serde_json::{Value, json};

use super::{Peer, clients, free_port, is_root, missing, program, tools, write};
use crate::play::build;

/// Alertmanager insists on a file below `/usr/share`, so it is run in a root folder of its own: the program, its libraries,
/// and what came in its package.
fn start(program: &Path) -> Peer {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let root = folder.path();
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
    for library in libraries {
        copy(library, &inside(root, library));
    }
    copy(program, &root.join("alertmanager"));
    for file in ["default.tmpl", "email.tmpl"] {
        let file = Path::new("usr/share/prometheus/alertmanager").join(file);
        copy(&tools().unwrap_or_else(|| "/".into()).join(&file), &root.join(file));
    }
    write(root, "alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
    let mut command = Command::new("chroot");
    command
        .arg(root)
        .args(["/alertmanager", "--config.file=/alertmanager.yml", "--storage.path=/data"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=");
    Peer::start(command, port, folder)
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

async fn alerts(peer: &Peer) -> Value {
    rustls::crypto::ring::default_provider().install_default().ok();
    let url = format!("http://127.0.0.1:{}/api/v2/alerts?active=true", peer.port);
    let body = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_takes_our_alerts() {
    let Some(program) = program("prometheus-alertmanager").filter(|_| is_root()) else {
        return missing("Alertmanager, and the right to start it as root");
    };
    let peer = start(&program);
    let settings = format!("targets: ['127.0.0.1:{}']\nresolveTimeout: 1h\n", peer.port);
    let service =
        build("alertmanager", "alertmanager", &settings, &clients(&Authority::new()), &mut Vec::new())
            .unwrap();
    let alert = |resolved: bool, labels: Value| {
        let mut message = Message::text("unused");
        let mut section = json!({
            "labels": labels,
            "annotations": {"summary": "shop is \"Degraded\"\n<now>"},
            "generatorURL": "https://example.org/shop",
            "startsAt": jiff::Timestamp::now().to_string(),
        });
        if resolved {
            section["resolved"] = true.into();
        }
        message.sections.insert("alertmanager".into(), section);
        message
    };
    let labels = json!({"alertname": "AppDegraded", "app": "shop"});
    service.deliver(&alert(false, labels.clone()), "").await.unwrap();
    let found = alerts(&peer).await;
    assert_eq!(found[0]["labels"], labels, "{found}\n{}", peer.read("out"));
    assert_eq!(found[0]["annotations"]["summary"], "shop is \"Degraded\"\n<now>");
    assert_eq!(found[0]["generatorURL"], "https://example.org/shop");
    assert_eq!(found[0]["status"]["state"], "active");
    service.deliver(&alert(true, labels), "").await.unwrap();
    assert_eq!(alerts(&peer).await, json!([]), "the alert has ended");
    let refused = service.deliver(&alert(false, json!({"no-label": "x"})), "").await.unwrap_err();
    assert!(refused.to_string().contains("invalid label"), "{refused}");
    println!("alerts against Alertmanager: raised, ended, refused");
}
