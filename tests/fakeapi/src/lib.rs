//! A Kubernetes API server for tests.
//!
//! It runs inside the test on a port of its own, speaks as much of the API as Dodona asks for (discovery, lists in pages, watches
//! with bookmarks, streaming lists, merge patches, create, replace, delete), records every request, and has the faults of real
//! servers on demand: expired versions, broken connections, refused and slow patches, kinds that appear later, objects that are none.
//!
//! ```no_run
//! # async fn example() {
//! use dodona_fakeapi::{FakeApi, Kind};
//! let api = FakeApi::start().await;
//! api.install(Kind::new("argoproj.io", "v1alpha1", "Application", "applications"));
//! api.apply(serde_json::json!({
//!     "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "guestbook", "namespace": "argocd"},
//! }));
//! // … point a client at api.url() …
//! api.until("the state is written", |api| api.requests().iter().any(|request| request.method == "PATCH")).await;
//! # }
//! ```
//!
//! It knows no authentication, no validation, no admission and no conversion.

mod filter;
mod kind;
mod merge;
mod serve;
mod store;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

pub use kind::Kind;
use store::Store;

/// One request that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// The header `Accept`; empty if there is none.
    pub accept: String,
    /// The body, if it was JSON; null otherwise.
    pub body: Value,
}

impl Request {
    /// The value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for objects without their bodies.
    pub fn wants_only_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata;")
    }

    /// Whether it asks for a watch.
    pub fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), Some("true" | "1"))
    }
}

/// What the server does about `sendInitialEvents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamingLists {
    /// Offers streaming lists, as servers since 1.34 do.
    #[default]
    Offered,
    /// Answers 422, as servers do that know the parameter and have it switched off.
    Refused,
    /// Does not know the parameter: sends what there is, and no closing bookmark.
    Ignored,
}

/// How the server misbehaves from now on.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Streaming lists.
    pub streaming_lists: StreamingLists,
    /// Patches are answered with this status instead (403, 409, 500, …).
    pub patch_status: Option<u16>,
    /// Patches take so long.
    pub patch_latency: Duration,
    /// Requests whose `METHOD /path` contains the text are answered with the status; used up one by one, first match first.
    pub refuse: Vec<(String, u16)>,
}

/// The server. It stops when it is dropped.
pub struct FakeApi {
    store: Arc<Mutex<Store>>,
    url: String,
    task: JoinHandle<()>,
}

impl FakeApi {
    /// Starts on a free port of 127.0.0.1. Installed are ConfigMap, Secret, Event, Pod, Namespace and Lease.
    ///
    /// # Panics
    /// If no port is free.
    #[expect(clippy::panic, reason = "a test without its server cannot go on")]
    pub async fn start() -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let listener = match tokio::net::TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => listener,
            Err(error) => panic!("failed to listen on 127.0.0.1: {error}"),
        };
        let url = listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let app = serve::router(Arc::clone(&store));
        let task = tokio::spawn(async move {
            // Serving ends with the task.
            axum::serve(listener, app).await.unwrap_or_default();
        });
        let api = Self { store, url, task };
        for kind in kind::built_in() {
            api.install(kind);
        }
        api
    }

    /// `http://127.0.0.1:<port>`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig whose context has the namespace `namespace`.
    pub fn kubeconfig(&self, namespace: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters:\n- name: fake\n  cluster: {{server: \"{}\"}}\n\
             users:\n- name: fake\n  user: {{}}\ncontexts:\n- name: fake\n  context: {{cluster: fake, user: fake, namespace: \"{namespace}\"}}\n",
            self.url
        )
    }

    /// Makes a kind known, as installing its CustomResourceDefinition does. Installing it again changes nothing. Plurals must be
    /// unique here: tests name kinds by them.
    pub fn install(&self, kind: Kind) {
        self.store().install(kind);
    }

    /// Removes a kind and its objects, and ends its watches.
    pub fn uninstall(&self, plural: &str) {
        self.store().uninstall(plural);
    }

    /// Creates or replaces an object, whose kind must be installed. `uid`, `creationTimestamp` and `generation` are filled in as
    /// a server does. Returns the new resource version.
    ///
    /// # Panics
    /// If the kind is not installed or the object has no name.
    #[expect(clippy::panic, reason = "a mistake in a test")]
    pub fn apply(&self, object: Value) -> String {
        match self.store().apply(object) {
            Ok(version) => version,
            Err(error) => panic!("failed to apply: {error}"),
        }
    }

    /// Stores any JSON as an object of the kind `plural`, as broken as it is.
    pub fn apply_raw(&self, plural: &str, namespace: &str, name: &str, object: Value) {
        self.store().put(plural, namespace, name, object);
    }

    /// Deletes an object; false if there is none.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) -> bool {
        self.store().delete(plural, namespace, name).is_some()
    }

    /// An object as it is now.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.store().get(plural, namespace, name).map(|object| (*object).clone())
    }

    /// All objects of a kind, by namespace and name.
    pub fn objects(&self, plural: &str) -> Vec<Value> {
        self.store().all(plural).into_iter().map(|object| (*object).clone()).collect()
    }

    /// An annotation of an object as it is now.
    pub fn annotation(&self, plural: &str, namespace: &str, name: &str, annotation: &str) -> Option<String> {
        self.object(plural, namespace, name)?["metadata"]["annotations"][annotation]
            .as_str()
            .map(str::to_owned)
    }

    /// Changes the faults.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.store().faults);
    }

    /// Everything that arrived since the start or the last [`FakeApi::forget_requests`].
    pub fn requests(&self) -> Vec<Request> {
        self.store().requests.clone()
    }

    /// Forgets the requests that arrived.
    pub fn forget_requests(&self) {
        self.store().requests.clear();
    }

    /// Watches of a kind that are open now.
    pub fn watches(&self, plural: &str) -> usize {
        self.store().watches(plural)
    }

    /// Lines of watches that were handed to a socket since the start.
    pub fn lines_sent(&self) -> usize {
        self.store().lines_sent()
    }

    /// Sends a bookmark on every watch that asked for them.
    pub fn bookmark(&self) {
        self.store().bookmark();
    }

    /// Sends a line of any text on every watch of a kind.
    pub fn inject(&self, plural: &str, line: &str) {
        self.store().inject(plural, line);
    }

    /// Ends all watches orderly, as servers do after some minutes.
    pub fn end_watches(&self) {
        self.store().end_watches(false);
    }

    /// Breaks all watches off in the middle of a line.
    pub fn break_watches(&self) {
        self.store().end_watches(true);
    }

    /// Forgets what happened so far: versions that a client knows are too old from now on, and continue tokens too.
    pub fn expire(&self) {
        self.store().expire();
    }

    /// Ends all watches with the error event 410, as servers do with clients that are too slow.
    pub fn expire_watches(&self) {
        let mut store = self.store();
        store.expire();
        store.gone();
    }

    /// Waits until `condition` holds.
    ///
    /// # Panics
    /// If it does not within ten seconds.
    #[expect(clippy::panic, reason = "the test has failed")]
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..2000 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("waited in vain until {what}; requests so far: {:#?}", self.requests());
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.task.abort();
        self.store().end_watches(true);
    }
}
