//! The cluster of a trace: objects in memory, as the source of one binding sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dodona::model::{Cause, Change, Object, ObjectKey, Resource};
use dodona::source::{Shelf, Source, SourceError};
use dodona_value::Numbers;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// The objects, and what happens to them.
pub(crate) struct World {
    binding: Arc<str>,
    resource: Resource,
    /// Namespaces that are watched; all if empty.
    namespaces: Vec<String>,
    numbers: Numbers,
    state: Mutex<State>,
    sent: AtomicU64,
    synced: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Value>,
    version: u64,
    forbidden: bool,
    patched: BTreeSet<ObjectKey>,
    changes: Option<mpsc::Sender<Change>>,
    backlog: Vec<Change>,
    /// Changes by our own patches that the watch has not delivered yet.
    own: Vec<Change>,
    /// Where the objects are put, if they are companions.
    shelf: Option<Arc<Shelf>>,
}

impl World {
    pub(crate) fn new(binding: &str, resource: Resource, namespaces: Vec<String>) -> Arc<Self> {
        Self::with_numbers(binding, resource, namespaces, Numbers::Kubernetes)
    }

    /// The same with numbers read in another way.
    pub(crate) fn with_numbers(
        binding: &str,
        resource: Resource,
        namespaces: Vec<String>,
        numbers: Numbers,
    ) -> Arc<Self> {
        Arc::new(Self {
            binding: binding.into(),
            resource,
            namespaces,
            numbers,
            state: Mutex::default(),
            sent: AtomicU64::new(0),
            synced: watch::Sender::new(false),
        })
    }

    /// Whether the pipeline has been handed what was there when it began.
    pub(crate) fn is_listed(&self) -> bool {
        *self.synced.borrow()
    }

    /// Changes that were handed to the pipeline so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Creates or updates an object. Other kinds are nobody's concern here.
    pub(crate) async fn apply(&self, mut object: Value, annotation: &str, replace: bool) {
        let (api_version, kind) =
            (object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
        if !self.resource.is(api_version, kind) {
            return;
        }
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        let key = ObjectKey::new(text("namespace"), text("name"));
        let change = {
            let mut state = self.state();
            let before = state.objects.get(&key).cloned();
            if let Some(before) = &before {
                object["metadata"]["uid"] = before["metadata"]["uid"].clone();
                let kept = &before["metadata"]["annotations"][annotation];
                if !replace && !kept.is_null() && object["metadata"]["annotations"][annotation].is_null() {
                    object["metadata"]["annotations"][annotation] = kept.clone();
                }
            } else if object["metadata"]["uid"].is_null() {
                object["metadata"]["uid"] = format!("uid-{key}-{}", state.version).into();
            }
            self.store(
                &mut state,
                &key,
                object,
                if before.is_some() { Cause::Modified } else { Cause::Added },
            )
        };
        self.send(change).await;
    }

    /// Whether `kind` is the kind of the objects here.
    pub(crate) fn has(&self, kind: &str) -> bool {
        self.resource.kind.as_deref() == Some(kind)
    }

    pub(crate) async fn delete(&self, namespace: &str, name: &str) {
        let key = ObjectKey::new(namespace, name);
        let change =
            self.state().objects.remove(&key).and_then(|object| self.change(&object, Cause::Deleted));
        self.send(change).await;
    }

    /// One look at every object.
    pub(crate) async fn resync_all(&self) {
        let changes: Vec<_> =
            self.state().objects.values().filter_map(|object| self.change(object, Cause::Resync)).collect();
        for change in changes {
            self.send(Some(change)).await;
        }
    }

    pub(crate) fn forbid_patches(&self, forbidden: bool) {
        self.state().forbidden = forbidden;
    }

    /// Delivers what our own patches have changed; false if there is nothing. The trace has this happen once everything
    /// else of a step is over, so that a failed send of the step is tried again by it.
    pub(crate) async fn deliver_own(&self) -> bool {
        let own = std::mem::take(&mut self.state().own);
        let any = !own.is_empty();
        for change in own {
            self.send(Some(change)).await;
        }
        any
    }

    /// Whether an object was patched since the last call.
    pub(crate) fn take_patched(&self) -> bool {
        !std::mem::take(&mut self.state().patched).is_empty()
    }

    /// The objects as they are now.
    pub(crate) fn objects(&self) -> BTreeMap<String, Value> {
        self.state().objects.iter().map(|(key, object)| (key.to_string(), object.clone())).collect()
    }

    fn store(&self, state: &mut State, key: &ObjectKey, mut object: Value, cause: Cause) -> Option<Change> {
        state.version += 1;
        object["metadata"]["resourceVersion"] = state.version.to_string().into();
        state.objects.insert(key.clone(), object.clone());
        self.change(&object, cause)
    }

    fn change(&self, object: &Value, cause: Cause) -> Option<Change> {
        let object = Object::parse(object.to_string().into(), self.numbers).ok()?;
        let watched = self.namespaces.is_empty()
            || self.namespaces.iter().any(|namespace| **namespace == *object.key().namespace);
        watched.then(|| Change { binding: Arc::clone(&self.binding), object: Arc::new(object), cause })
    }

    async fn send(&self, change: Option<Change>) {
        let Some(change) = change else { return };
        if let Some(place) = self.state().shelf.clone() {
            match change.cause {
                Cause::Deleted => place.take(change.object.key()),
                _ => place.put(change.object),
            }
            return;
        }
        let sender = {
            let mut state = self.state();
            if state.changes.is_none() {
                state.backlog.push(change);
                return;
            }
            state.changes.clone()
        };
        self.sent.fetch_add(1, Ordering::SeqCst);
        if let Some(sender) = sender {
            // Nobody listens once the trace is over.
            sender.send(change).await.ok();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source's face of the world.
pub(crate) struct WorldSource(pub(crate) Arc<World>);

impl Source for WorldSource {
    fn run(self: Arc<Self>, changes: mpsc::Sender<Change>) -> BoxFuture<'static, ()> {
        async move {
            let backlog = {
                let mut state = self.0.state();
                state.changes = Some(changes.clone());
                std::mem::take(&mut state.backlog)
            };
            for change in backlog {
                self.0.send(Some(change)).await;
            }
            self.0.synced.send_replace(true);
            changes.closed().await;
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        let object = self.0.state().objects.get(key).cloned();
        let parsed =
            object.and_then(|object| Object::parse(object.to_string().into(), Numbers::Kubernetes).ok());
        async move { Ok(parsed) }.boxed()
    }

    /// A change of the configuration enqueues nothing here; the trace has its own passes.
    fn resync(&self) {}

    fn annotate<'a>(
        &'a self,
        key: &'a ObjectKey,
        _uid: &'a str,
        annotation: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        async move {
            let change = {
                let mut state = self.0.state();
                if state.forbidden {
                    return Err(SourceError::Forbidden {
                        action: format!("patch {key}"),
                        detail: "the trace says so".into(),
                    });
                }
                let Some(mut object) = state.objects.get(key).cloned() else { return Ok(None) };
                match value {
                    Some(text) => object["metadata"]["annotations"][annotation] = json!(text),
                    None => drop(
                        object["metadata"]["annotations"]
                            .as_object_mut()
                            .and_then(|map| map.remove(annotation)),
                    ),
                }
                state.patched.insert(key.clone());
                self.0.store(&mut state, key, object, Cause::Modified)
            };
            let answer = change.as_ref().map(|change| Arc::clone(&change.object));
            self.0.state().own.extend(change);
            Ok(answer.and_then(|object| Object::parse(object.json().clone(), Numbers::Kubernetes).ok()))
        }
        .boxed()
    }

    fn synced(&self) -> watch::Receiver<bool> {
        self.0.synced.subscribe()
    }

    /// At once, so that a step sees what the step before has put there.
    fn keep(self: Arc<Self>, place: Arc<Shelf>) -> BoxFuture<'static, ()> {
        async move {
            let backlog = {
                let mut state = self.0.state();
                state.shelf = Some(Arc::clone(&place));
                std::mem::take(&mut state.backlog)
            };
            for change in backlog {
                self.0.send(Some(change)).await;
            }
            place.completed();
        }
        .boxed()
    }
}
