//! The objects of one binding in a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, select_all};
use http::Request;
use http::header::{ACCEPT, HeaderValue};
use kube::api::{GetParams, ListParams, Patch, PatchParams, VersionMatch};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::api::collection_path;
use super::backoff::Backoff;
use super::reflect::{Closed, Collection, Ended, Reflector, Sink};
use super::{Api, ApiError, wire};
use crate::model::{Cause, Change, Object, ObjectKey};
use crate::source::{Shelf, Source, SourceError, WatchSpec};

/// Asks for an object without its body, which nobody needs after a patch of an annotation. Where a server does not know how,
/// the whole object is as good.
const ONLY_METADATA: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;q=0.9",
);

/// Watches the objects of one kind in one, several or all namespaces.
///
/// A kind that is not installed is waited for and counts as synced meanwhile: nothing exists that could be told about.
pub struct KubeSource {
    api: Api,
    spec: WatchSpec,
    resync: watch::Sender<u64>,
    synced: watch::Sender<bool>,
}

impl KubeSource {
    /// The objects that `spec` describes.
    pub fn new(api: Api, spec: WatchSpec) -> Self {
        Self { api, spec, resync: watch::Sender::new(0), synced: watch::Sender::new(false) }
    }

    /// Keeps all collections in sight, each with a sink of its own, until one of them is closed.
    async fn drive<S: Sink>(&self, make: impl Fn(&Arc<AtomicUsize>) -> S) {
        loop {
            let namespaced = self.installed().await;
            let everywhere = [String::new()];
            let scopes = if namespaced && !self.spec.namespaces.is_empty() {
                &self.spec.namespaces[..]
            } else {
                &everywhere
            };
            let open = Arc::new(AtomicUsize::new(scopes.len()));
            let mut watches: Vec<Reflector<S>> =
                scopes.iter().map(|namespace| self.reflector(namespace, make(&open))).collect();
            let (ended, _, _) = select_all(watches.iter_mut().map(|watch| watch.run().boxed())).await;
            if ended == Ended::Closed {
                return;
            }
            // Discovery and the collection may disagree for a while, when a kind comes or goes.
            sleep(self.api.pace().missing_kind).await;
        }
    }

    fn reflector<S: Sink>(&self, namespace: &str, sink: S) -> Reflector<S> {
        let collection = Collection {
            path: collection_path(&self.spec.resource, namespace),
            label_selector: self.spec.label_selector.clone(),
            field_selector: self.spec.field_selector.clone(),
            numbers: self.spec.numbers,
        };
        Reflector::new(self.api.clone(), collection, self.resync.subscribe(), sink)
    }

    fn changes(&self, out: &mpsc::Sender<Change>, open: &Arc<AtomicUsize>) -> Changes {
        Changes {
            binding: Arc::clone(&self.spec.binding),
            out: out.clone(),
            open: Arc::clone(open),
            listed: false,
            synced: self.synced.clone(),
        }
    }

    /// Waits until discovery knows the kind; whether its objects are in namespaces.
    async fn installed(&self) -> bool {
        let mut backoff = Backoff::new(self.api.pace());
        let mut missing = false;
        let mut last_error = String::new();
        loop {
            let wait = match self.api.namespaced(&self.spec.resource).await {
                Ok(Some(namespaced)) => {
                    if missing {
                        tracing::info!(binding = &*self.spec.binding, resource = %self.spec.resource, version = self.spec.resource.version, "the kind is installed now");
                    }
                    return namespaced;
                }
                Ok(None) => {
                    if !missing {
                        tracing::info!(binding = &*self.spec.binding, resource = %self.spec.resource, version = self.spec.resource.version, "the kind is not installed: waiting for it");
                    }
                    missing = true;
                    self.synced.send_replace(true);
                    self.api.pace().missing_kind
                }
                Err(error) if error.code() == Some(403) => {
                    // Nobody may look at the discovery document: take the binding at its word.
                    tracing::debug!(binding = &*self.spec.binding, %error, "discovery is forbidden");
                    return true;
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != last_error {
                        tracing::warn!(binding = &*self.spec.binding, resource = %self.spec.resource, version = self.spec.resource.version, error = text, "failed to look the kind up: trying again");
                        last_error = text;
                    }
                    backoff.next(error.retry_after())
                }
            };
            sleep(wait).await;
        }
    }

    fn action(&self, verb: &str, key: &ObjectKey) -> String {
        format!("{verb} {}/{key}", self.spec.resource.plural)
    }

    fn requests(&self, key: &ObjectKey) -> kube::core::Request {
        kube::core::Request::new(collection_path(&self.spec.resource, &key.namespace))
    }

    async fn past(&self, key: &ObjectKey, version: &str) -> Result<Option<Object>, SourceError> {
        let action = self.action("list", key);
        let params = ListParams::default()
            .fields(&format!("metadata.name={}", key.name))
            .at(version)
            .matching(VersionMatch::Exact);
        let request = self
            .requests(key)
            .list(&params)
            .map_err(|error| SourceError::Failed { action: action.clone(), detail: error.to_string() })?;
        let body = match self.api.bytes(request).await {
            Ok(body) => body,
            // Compacted, or no version at all.
            Err(ApiError::Status { code: 400 | 404 | 410, .. }) => return Ok(None),
            Err(error) => return Err(error.into_source_error(action)),
        };
        let page = wire::page(&body).map_err(|error| error.into_source_error(action))?;
        let mut found = page.items.iter().filter_map(|item| {
            let json = page.object(item).into_owned();
            Object::parse(json.into(), self.spec.numbers).ok()
        });
        Ok(found.find(|object| object.key() == key && object.resource_version() == version))
    }

    /// Sends a request about one object; `None` if it is gone.
    async fn one(
        &self,
        action: String,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Option<Object>, SourceError> {
        let failed = |detail: String| SourceError::Failed { action: action.clone(), detail };
        let request = request.map_err(|error| failed(error.to_string()))?;
        match self.api.bytes(request).await {
            Ok(body) => {
                Object::received(body, self.spec.numbers).map(Some).map_err(|error| failed(error.to_string()))
            }
            Err(ApiError::Status { code: 404 | 410, .. }) => Ok(None),
            Err(error) => Err(error.into_source_error(action)),
        }
    }
}

impl Source for KubeSource {
    fn run(self: Arc<Self>, changes: mpsc::Sender<Change>) -> BoxFuture<'static, ()> {
        async move {
            tokio::select! {
                () = changes.closed() => {}
                () = self.drive(|open| self.changes(&changes, open)) => {}
            }
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        let request = self.requests(key).get(&key.name, &GetParams::default());
        self.one(self.action("get", key), request).boxed()
    }

    /// A list of one object at an exact version: the API server answers it for as long as etcd keeps the version, which is
    /// five minutes.
    fn at<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        self.past(key, version).boxed()
    }

    fn resync(&self) {
        self.resync.send_modify(|asked| *asked += 1);
    }

    fn annotate<'a>(
        &'a self,
        key: &'a ObjectKey,
        uid: &'a str,
        annotation: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        let mut annotations = serde_json::Map::new();
        annotations.insert(annotation.to_owned(), value.into());
        let mut metadata = serde_json::json!({ "annotations": annotations });
        if let Some(fields) = metadata.as_object_mut().filter(|_| !uid.is_empty()) {
            // The server refuses the patch if the name has another object by now: a uid is immutable.
            fields.insert("uid".into(), uid.into());
        }
        let patch = serde_json::json!({ "metadata": metadata });
        let params = PatchParams { field_manager: Some("dodona".into()), ..PatchParams::default() };
        let request =
            self.requests(key).patch(&key.name, &params, &Patch::Merge(patch)).map(|mut request| {
                request.headers_mut().insert(ACCEPT, ONLY_METADATA);
                request
            });
        self.one(self.action("patch", key), request).boxed()
    }

    fn synced(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }

    /// Unlike the changes, this notices too what was deleted while there was no watch.
    fn keep(self: Arc<Self>, place: Arc<Shelf>) -> BoxFuture<'static, ()> {
        async move {
            let mut synced = self.synced();
            let missing = async {
                // The kind is not installed: there are none.
                drop(synced.wait_for(|synced| *synced).await);
                place.completed();
                std::future::pending::<()>().await;
            };
            let sink = |open: &Arc<AtomicUsize>| Place {
                shelf: Arc::clone(&place),
                path: self.spec.resource.to_string(),
                open: Arc::clone(open),
                listed: BTreeSet::new(),
            };
            tokio::select! {
                () = self.drive(sink) => {}
                () = missing => {}
            }
        }
        .boxed()
    }
}

/// Puts objects on a shelf. Only for kinds that are watched in one collection: a complete list says what there is not.
struct Place {
    shelf: Arc<Shelf>,
    path: String,
    open: Arc<AtomicUsize>,
    listed: BTreeSet<ObjectKey>,
}

impl Sink for Place {
    fn begin(&mut self) {
        self.listed.clear();
    }

    async fn object(&mut self, object: Object, cause: Cause) -> Result<(), Closed> {
        if cause == Cause::Deleted {
            self.shelf.take(object.key());
        } else {
            self.listed.insert(object.key().clone());
            self.shelf.put(Arc::new(object));
        }
        Ok(())
    }

    fn end(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        if self.open.load(Ordering::Acquire) == 1 {
            self.shelf.keep_only(&listed);
        }
        self.shelf.completed();
    }

    fn failed(&mut self, error: &ApiError) {
        // Waiting for a permission would hold back everything else.
        if error.code() == Some(403) {
            tracing::error!(resource = self.path, %error, "these objects cannot be read: going on as if there were none; give the service account `list` and `watch` on them");
            self.shelf.completed();
        }
    }
}

/// Turns objects into changes, and counts the collections whose first list is not complete.
struct Changes {
    binding: Arc<str>,
    out: mpsc::Sender<Change>,
    open: Arc<AtomicUsize>,
    listed: bool,
    synced: watch::Sender<bool>,
}

impl Sink for Changes {
    async fn object(&mut self, object: Object, cause: Cause) -> Result<(), Closed> {
        let change = Change { binding: Arc::clone(&self.binding), object: Arc::new(object), cause };
        self.out.send(change).await.map_err(|_| Closed)
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.listed, true) && self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.synced.send_replace(true);
        }
    }
}
