//! Objects, their history, and the watches that are told about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::filter::Filter;
use crate::watch::{Frame, Watcher};
use crate::{Faults, Kind, Request};

/// Everything that the server knows.
pub(crate) struct Store {
    pub(crate) faults: Faults,
    pub(crate) requests: Vec<Request>,
    collections: Vec<Collection>,
    watchers: Vec<Watcher>,
    snapshots: BTreeMap<u64, (u64, Vec<Arc<Value>>)>,
    version: u64,
    /// Versions up to this one are forgotten.
    expired: u64,
    lines: Arc<AtomicUsize>,
}

struct Collection {
    kind: Kind,
    objects: BTreeMap<(String, String), Arc<Value>>,
    history: Vec<Happened>,
}

/// One change of one object.
#[derive(Clone)]
pub(crate) struct Happened {
    pub(crate) version: u64,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) before: Option<Arc<Value>>,
    pub(crate) after: Option<Arc<Value>>,
}

/// What a watch begins with.
pub(crate) enum Begin {
    /// The present, then what follows. `closing`: a bookmark says where the present ends.
    Present { closing: bool },
    /// What happened after this version.
    After(u64),
}

/// The version that a client asked for is forgotten.
pub(crate) struct Gone;

impl Default for Store {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            requests: Vec::new(),
            collections: Vec::new(),
            watchers: Vec::new(),
            snapshots: BTreeMap::new(),
            version: 1000,
            expired: 0,
            lines: Arc::default(),
        }
    }
}

impl Store {
    pub(crate) fn install(&mut self, kind: Kind) {
        if !self.kinds().any(|known| known == &kind) {
            self.collections.push(Collection { kind, objects: BTreeMap::new(), history: Vec::new() });
        }
    }

    pub(crate) fn uninstall(&mut self, plural: &str) {
        self.collections.retain(|collection| collection.kind.plural != plural);
        for watcher in self.watchers.extract_if(.., |watcher| watcher.plural == plural) {
            watcher.send(Frame::End);
        }
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.collections.iter().map(|collection| &collection.kind)
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.collection(plural)?.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    pub(crate) fn all(&self, plural: &str) -> Vec<Arc<Value>> {
        self.collection(plural)
            .map(|collection| collection.objects.values().cloned().collect())
            .unwrap_or_default()
    }

    /// Creates or replaces, by `apiVersion` and `kind`.
    pub(crate) fn apply(&mut self, mut object: Value) -> Result<String, String> {
        let kind = self
            .kinds()
            .find(|kind| object["apiVersion"] == kind.api_version() && object["kind"] == kind.kind);
        let kind = kind
            .cloned()
            .ok_or_else(|| format!("no such kind: {} {}", object["apiVersion"], object["kind"]))?;
        let name = object["metadata"]["name"].as_str().ok_or("no metadata.name")?.to_owned();
        let namespace =
            if kind.namespaced { object["metadata"]["namespace"].as_str().unwrap_or("default") } else { "" }
                .to_owned();
        if kind.namespaced {
            object["metadata"]["namespace"] = namespace.as_str().into();
        }
        let before = self.get(&kind.plural, &namespace, &name);
        complete(&mut object, before.as_deref(), self.version);
        Ok(self.put(&kind.plural, &namespace, &name, object))
    }

    /// Stores an object as it is, with a new version, and tells the watches. An object that did not change keeps its version.
    pub(crate) fn put(&mut self, plural: &str, namespace: &str, name: &str, mut object: Value) -> String {
        let before = self.get(plural, namespace, name);
        if let Some(before) = &before {
            let version = before["metadata"]["resourceVersion"].clone();
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("resourceVersion".into(), version);
            }
            if **before == object {
                return object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
            }
        }
        let version = self.next_version();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), version.to_string().into());
        }
        let after = Arc::new(object);
        if let Some(collection) = self.collection_mut(plural) {
            collection.objects.insert((namespace.to_owned(), name.to_owned()), Arc::clone(&after));
        }
        self.happened(
            plural,
            Happened { version, namespace: namespace.into(), name: name.into(), before, after: Some(after) },
        );
        version.to_string()
    }

    pub(crate) fn delete(&mut self, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let before = self.collection_mut(plural)?.objects.remove(&(namespace.to_owned(), name.to_owned()))?;
        let version = self.next_version();
        let mut last = (*before).clone();
        if let Some(metadata) = last.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), version.to_string().into());
        }
        let last = Arc::new(last);
        let before = Some(Arc::clone(&last));
        self.happened(
            plural,
            Happened { version, namespace: namespace.into(), name: name.into(), before, after: None },
        );
        Some(last)
    }

    /// One page: version of the list, items, token of the next page, items that remain.
    #[expect(clippy::type_complexity, reason = "used in one place")]
    pub(crate) fn page(
        &mut self,
        plural: &str,
        filter: &Filter,
        limit: usize,
        token: &str,
    ) -> Result<(u64, Vec<Arc<Value>>, Option<String>, usize), Gone> {
        let (id, from) = if let Some((id, from)) = token.split_once('.') {
            (id.parse().map_err(|_| Gone)?, from.parse().map_err(|_| Gone)?)
        } else {
            let items = self.collection(plural).map(|kind| kind.matching(filter)).unwrap_or_default();
            let id = self.snapshots.keys().next_back().copied().unwrap_or(0) + 1;
            self.snapshots.insert(id, (self.version, items));
            (id, 0_usize)
        };
        let (version, items) = self.snapshots.get(&id).ok_or(Gone)?;
        let to = if limit == 0 { items.len() } else { items.len().min(from.saturating_add(limit)) };
        let page = items.get(from..to).unwrap_or_default().to_vec();
        let next = (to < items.len()).then(|| format!("{id}.{to}"));
        let (version, rest) = (*version, items.len() - to);
        if next.is_none() {
            self.snapshots.remove(&id);
        }
        Ok((version, page, next, rest))
    }

    /// Opens a watch.
    pub(crate) fn watch(
        &mut self,
        plural: &str,
        filter: Filter,
        begin: &Begin,
        bookmarks: bool,
    ) -> Result<tokio::sync::mpsc::UnboundedReceiver<Frame>, Gone> {
        let Some(collection) = self.collection(plural) else { return Err(Gone) };
        let (watcher, frames) = Watcher::new(collection.kind.clone(), filter, bookmarks);
        match begin {
            Begin::Present { closing } => {
                for object in collection.matching(&watcher.filter) {
                    watcher.line("ADDED", &object);
                }
                if *closing {
                    watcher.bookmark(self.version, true);
                }
            }
            Begin::After(version) if *version < self.expired => return Err(Gone),
            Begin::After(version) => {
                for happened in collection.history.iter().filter(|happened| happened.version > *version) {
                    watcher.tell(happened);
                }
            }
        }
        self.watchers.push(watcher);
        Ok(frames)
    }

    pub(crate) fn watches(&mut self, plural: &str) -> usize {
        self.watchers.retain(|watcher| !watcher.is_closed());
        self.watchers.iter().filter(|watcher| watcher.plural == plural).count()
    }

    pub(crate) fn line_counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.lines)
    }

    pub(crate) fn lines_sent(&self) -> usize {
        self.lines.load(Ordering::SeqCst)
    }

    pub(crate) fn bookmark(&self) {
        for watcher in &self.watchers {
            watcher.bookmark(self.version, false);
        }
    }

    pub(crate) fn inject(&self, plural: &str, line: &str) {
        for watcher in self.watchers.iter().filter(|watcher| watcher.plural == plural) {
            watcher.send(Frame::Line(format!("{line}\n").into()));
        }
    }

    pub(crate) fn end_watches(&mut self, broken: bool) {
        for watcher in self.watchers.drain(..) {
            watcher.send(if broken { Frame::Break } else { Frame::End });
        }
    }

    pub(crate) fn expire(&mut self) {
        self.version += 1;
        self.expired = self.version;
        self.snapshots.clear();
        for collection in &mut self.collections {
            collection.history.clear();
        }
    }

    pub(crate) fn gone(&mut self) {
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old resource version"});
        for watcher in self.watchers.drain(..) {
            watcher.line("ERROR", &status);
            watcher.send(Frame::End);
        }
    }

    fn happened(&mut self, plural: &str, happened: Happened) {
        self.watchers.retain(|watcher| !watcher.is_closed());
        for watcher in self.watchers.iter().filter(|watcher| watcher.plural == plural) {
            watcher.tell(&happened);
        }
        if let Some(collection) = self.collection_mut(plural) {
            collection.history.push(happened);
        }
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn collection(&self, plural: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.kind.plural == plural)
    }

    fn collection_mut(&mut self, plural: &str) -> Option<&mut Collection> {
        self.collections.iter_mut().find(|collection| collection.kind.plural == plural)
    }
}

impl Collection {
    fn matching(&self, filter: &Filter) -> Vec<Arc<Value>> {
        let found =
            self.objects.iter().filter(|((namespace, name), object)| filter.matches(namespace, name, object));
        found.map(|(_, object)| Arc::clone(object)).collect()
    }
}

/// What a server fills in. The generation grows with changes outside of metadata and status.
fn complete(object: &mut Value, before: Option<&Value>, version: u64) {
    fn desired(object: &Value) -> Value {
        let mut rest = object.clone();
        if let Some(fields) = rest.as_object_mut() {
            fields.shift_remove("metadata");
            fields.shift_remove("status");
        }
        rest
    }
    let changed = before.is_some_and(|before| desired(before) != desired(object));
    let defaults = [
        ("uid", json!(format!("00000000-0000-4000-8000-{version:012}"))),
        ("creationTimestamp", json!("2026-01-01T00:00:00Z")),
        ("generation", json!(1)),
    ];
    for (field, new) in defaults {
        if object["metadata"].get(field).is_some() {
            continue;
        }
        let mut value = before.and_then(|before| before["metadata"].get(field).cloned()).unwrap_or(new);
        if field == "generation" && changed {
            value = json!(value.as_i64().unwrap_or(0) + 1);
        }
        object["metadata"][field] = value;
    }
}
