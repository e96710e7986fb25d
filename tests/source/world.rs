//! A place that objects live in, and a source that looks at it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dodona::model::{Cause, Change, Resource};
use dodona::source::dir::{DirSettings, DirSource, Folder};
use dodona::source::kube::{Api, ConnectionSettings, KubeSettings, KubeSource, Pace, connect};
use dodona::source::{SettingsSource, Source, WatchSpec};
use dodona_fakeapi::{FakeApi, Kind};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than anything here takes, shorter than a person's patience.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// Long enough to be sure that nothing more comes.
pub(crate) const QUIET: Duration = Duration::from_millis(700);

pub(crate) enum World {
    Kube { server: Box<FakeApi>, api: Api },
    Dir { root: tempfile::TempDir, folder: Arc<Folder> },
}

/// Waits of a test are short.
pub(crate) fn pace() -> Pace {
    Pace {
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        missing_kind: Duration::from_millis(30),
        list_silence: Duration::from_millis(300),
        page: 3,
        ..Pace::default()
    }
}

pub(crate) fn applications() -> WatchSpec {
    WatchSpec::new("app", Resource::new("argoproj.io", "v1alpha1", "applications", Some("Application")))
}

/// An Application in `argocd` whose `spec.step` says which version it is.
pub(crate) fn application(name: &str, step: i64) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", "labels": {"name": name}, "annotations": {"mine": "untouched"}},
        "spec": {"step": step},
    })
}

impl World {
    pub(crate) async fn kube() -> Self {
        let server = Box::new(FakeApi::start().await);
        for kind in Kind::argo() {
            server.install(kind);
        }
        let api = client(&server).await;
        Self::Kube { server, api }
    }

    pub(crate) fn dir() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path(), "argocd");
        Self::Dir { root, folder }
    }

    pub(crate) fn source(&self, spec: WatchSpec) -> Arc<dyn Source> {
        match self {
            Self::Kube { api, .. } => Arc::new(KubeSource::new(api.clone(), spec)),
            Self::Dir { folder, .. } => Arc::new(DirSource::new(Arc::clone(folder), spec)),
        }
    }

    pub(crate) fn settings(&self) -> Arc<dyn SettingsSource> {
        match self {
            Self::Kube { api, .. } => Arc::new(KubeSettings::new(api.clone(), "argocd")),
            Self::Dir { folder, .. } => Arc::new(DirSettings::new(Arc::clone(folder))),
        }
    }

    /// Creates or replaces an object.
    pub(crate) fn apply(&self, object: Value) {
        match self {
            Self::Kube { server, .. } => {
                server.apply(object);
            }
            Self::Dir { root, .. } => {
                let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
                let path = root.path().join(file(
                    object["kind"].as_str().unwrap(),
                    &text("namespace"),
                    &text("name"),
                ));
                std::fs::write(path, serde_json::to_string_pretty(&object).unwrap()).unwrap();
            }
        }
    }

    pub(crate) fn delete(&self, kind: &str, plural: &str, namespace: &str, name: &str) {
        match self {
            Self::Kube { server, .. } => assert!(server.delete(plural, namespace, name)),
            Self::Dir { root, .. } => {
                std::fs::remove_file(root.path().join(file(kind, namespace, name))).unwrap();
            }
        }
    }
}

fn file(kind: &str, namespace: &str, name: &str) -> PathBuf {
    format!("{kind}-{namespace}-{name}.yaml").into()
}

pub(crate) async fn client(server: &FakeApi) -> Api {
    let settings = ConnectionSettings { server: Some(server.url().into()), ..kubeconfig(server) };
    connect(&settings, pace()).await.unwrap()
}

/// Through a file, as people have it.
pub(crate) fn kubeconfig(server: &FakeApi) -> ConnectionSettings {
    let folder = tempfile::tempdir().unwrap().keep();
    let path = folder.join("config");
    std::fs::write(&path, server.kubeconfig("argocd")).unwrap();
    ConnectionSettings { kubeconfig: vec![path], ..ConnectionSettings::default() }
}

/// A running source.
pub(crate) struct Running {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) changes: mpsc::Receiver<Change>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(source: Arc<dyn Source>) -> Self {
        Self::with_room(source, 100)
    }

    pub(crate) fn with_room(source: Arc<dyn Source>, room: usize) -> Self {
        let (sender, changes) = mpsc::channel(room);
        let task = tokio::spawn(Arc::clone(&source).run(sender));
        Self { source, changes, task }
    }

    pub(crate) async fn next(&mut self) -> Change {
        timeout(LIMIT, self.changes.recv()).await.expect("no change came").expect("the source ended")
    }

    /// Cause, name and `spec.step` of the next change.
    pub(crate) async fn step(&mut self) -> (Cause, String, i64) {
        let change = self.next().await;
        (change.cause, change.object.key().name.to_string(), step(&change))
    }

    /// The next `count` changes in the order of their names.
    pub(crate) async fn steps(&mut self, count: usize) -> Vec<(Cause, String, i64)> {
        let mut steps = Vec::new();
        for _ in 0..count {
            steps.push(self.step().await);
        }
        steps.sort_by(|a, b| (&a.1, a.2).cmp(&(&b.1, b.2)));
        steps
    }

    pub(crate) async fn nothing_more(&mut self) {
        if let Ok(change) = timeout(QUIET, self.changes.recv()).await {
            panic!("unexpected change: {change:?}");
        }
    }

    pub(crate) async fn synced(&self) {
        let mut synced = self.source.synced();
        timeout(LIMIT, synced.wait_for(|synced| *synced)).await.expect("not synced").unwrap();
    }
}

pub(crate) fn step(change: &Change) -> i64 {
    let body: Value = serde_json::from_slice(change.object.json()).unwrap();
    body["spec"]["step"].as_i64().unwrap_or(-1)
}

pub(crate) fn expected(cause: Cause, steps: &[(&str, i64)]) -> Vec<(Cause, String, i64)> {
    steps.iter().map(|(name, step)| (cause, (*name).to_owned(), *step)).collect()
}
