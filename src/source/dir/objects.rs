//! The objects of one binding in a folder.
//!
//! `metadata.resourceVersion` is a counter of this process that grows with each version seen, `metadata.uid` comes from the
//! object's name unless the manifest gives one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use sha1::{Digest as _, Sha1};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::spawn_blocking;

use super::TICK;
use super::folder::Folder;
use super::manifest::Manifest;
use super::state::{Annotations, StateFiles};
use crate::model::{Cause, Change, Object, ObjectKey};
use crate::source::{Source, SourceError, WatchSpec};

/// Decides whether an object belongs to a source: label selectors of bindings.
pub type Filter = Box<dyn Fn(&Object) -> bool + Send + Sync>;

/// Watches the manifests of one kind in a folder.
pub struct DirSource {
    folder: Arc<Folder>,
    spec: WatchSpec,
    filter: Option<Filter>,
    table: Mutex<Table>,
    wake: Notify,
    synced: watch::Sender<bool>,
}

struct Table {
    entries: BTreeMap<ObjectKey, Entry>,
    /// Objects that are not wanted or cannot be read, by the digest of their manifest.
    left_out: BTreeMap<ObjectKey, [u8; 20]>,
    /// Objects that are gone, and nobody was told yet.
    gone: Vec<Arc<Object>>,
    state: StateFiles,
    version: u64,
    loaded: bool,
    resync: bool,
}

struct Entry {
    digest: [u8; 20],
    state: Annotations,
    object: Arc<Object>,
    /// Resource version of the change that was sent last.
    told: Option<String>,
}

impl Table {
    fn new(state: StateFiles) -> Self {
        let (entries, left_out) = (BTreeMap::new(), BTreeMap::new());
        Self { entries, left_out, gone: Vec::new(), state, version: 0, loaded: false, resync: false }
    }
}

impl Entry {
    fn if_told(self) -> Option<Arc<Object>> {
        self.told.map(|_| self.object)
    }
}

impl DirSource {
    /// The objects that `spec` describes. The label selector is the affair of [`DirSource::with_filter`].
    pub fn new(folder: Arc<Folder>, spec: WatchSpec) -> Self {
        let state = StateFiles::new(folder.root(), &spec.binding);
        let table = Table::new(state);
        Self {
            folder,
            spec,
            filter: None,
            table: Mutex::new(table),
            wake: Notify::new(),
            synced: watch::Sender::new(false),
        }
    }

    /// Leaves out objects that `filter` does not want.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    async fn drive(self: &Arc<Self>, changes: &mpsc::Sender<Change>) {
        loop {
            let source = Arc::clone(self);
            // The task can only fail by being cancelled at the end of the runtime.
            let Ok(found) = spawn_blocking(move || source.look()).await else { return };
            for (object, cause) in found {
                let change = Change { binding: Arc::clone(&self.spec.binding), object, cause };
                if changes.send(change).await.is_err() {
                    return;
                }
            }
            self.synced.send_if_modified(|synced| !std::mem::replace(synced, true));
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Looks at the folder and returns what has to be told.
    fn look(&self) -> Vec<(Arc<Object>, Cause)> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut table);
        let mut out: Vec<_> = table.gone.drain(..).map(|object| (object, Cause::Deleted)).collect();
        let resync = std::mem::take(&mut table.resync);
        for entry in table.entries.values_mut() {
            let version = entry.object.resource_version();
            let cause = match &entry.told {
                None => Cause::Added,
                Some(told) if told != version => Cause::Modified,
                Some(_) if resync => Cause::Resync,
                Some(_) => continue,
            };
            entry.told = Some(version.to_owned());
            out.push((Arc::clone(&entry.object), cause));
        }
        out
    }

    /// Brings the table up to date.
    fn refresh(&self, table: &mut Table) {
        let contents = self.folder.look();
        let mut mine: BTreeMap<&ObjectKey, &Arc<Manifest>> = BTreeMap::new();
        for ((api_version, kind, key), manifest) in contents.iter() {
            let here = self.spec.namespaces.is_empty()
                || self.spec.namespaces.iter().any(|namespace| **namespace == *key.namespace);
            if here && self.spec.resource.is(api_version, kind) {
                mine.insert(key, manifest);
            }
        }
        table.left_out.retain(|key, _| mine.contains_key(key));
        let before = std::mem::take(&mut table.entries);
        for (key, entry) in before {
            if mine.contains_key(&key) {
                table.entries.insert(key, entry);
            } else {
                table.state.forget(&key);
                table.gone.extend(entry.if_told());
            }
        }
        for (key, manifest) in mine {
            self.update(table, key, manifest);
        }
        table.loaded = true;
    }

    /// Takes over what changed.
    fn update(&self, table: &mut Table, key: &ObjectKey, manifest: &Manifest) {
        let state = table.state.read(key).clone();
        let known = table.entries.get(key);
        let same = known.is_some_and(|entry| entry.digest == manifest.digest && entry.state == state);
        if same || table.left_out.get(key) == Some(&manifest.digest) {
            return;
        }
        let version = (table.version + 1).to_string();
        match compose(manifest, &state, &version, self.spec.numbers) {
            Ok(object) if self.filter.as_ref().is_none_or(|wanted| wanted(&object)) => {
                table.version += 1;
                table.left_out.remove(key);
                let told = table.entries.get(key).and_then(|entry| entry.told.clone());
                let entry = Entry { digest: manifest.digest, state, object: Arc::new(object), told };
                table.entries.insert(key.clone(), entry);
            }
            Ok(_) => {
                table.left_out.insert(key.clone(), manifest.digest);
                table.gone.extend(table.entries.remove(key).and_then(Entry::if_told));
            }
            Err(error) => {
                table.left_out.insert(key.clone(), manifest.digest);
                tracing::warn!(object = %key, kind = manifest.kind, error, "skipped an object that cannot be read");
            }
        }
    }

    fn lookup(&self, key: &ObjectKey) -> Option<Object> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !table.loaded {
            self.refresh(&mut table);
        }
        table
            .entries
            .get(key)
            .and_then(|entry| Object::parse(entry.object.json().clone(), self.spec.numbers).ok())
    }

    fn write(
        &self,
        key: &ObjectKey,
        annotation: &str,
        value: Option<&str>,
    ) -> Result<Option<Object>, SourceError> {
        if self.lookup(key).is_none() {
            return Ok(None);
        }
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.state.write(key, annotation, value).map_err(|error| {
            let (action, detail) = (format!("write the state of {key}"), error.to_string());
            match error.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                    SourceError::Forbidden { action, detail }
                }
                _ => SourceError::Failed { action, detail },
            }
        })?;
        self.refresh_one(&mut table, key);
        drop(table);
        self.wake.notify_one();
        Ok(self.lookup(key))
    }

    /// The object with its new state, without waiting for the next look at the folder.
    fn refresh_one(&self, table: &mut Table, key: &ObjectKey) {
        let contents = self.folder.look();
        let found = contents
            .iter()
            .find(|((api_version, kind, other), _)| other == key && self.spec.resource.is(api_version, kind));
        if let Some((_, manifest)) = found {
            self.update(table, key, manifest);
        }
    }
}

impl Source for DirSource {
    fn run(self: Arc<Self>, changes: mpsc::Sender<Change>) -> BoxFuture<'static, ()> {
        async move {
            tokio::select! {
                () = changes.closed() => {}
                () = self.drive(&changes) => {}
            }
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        async move { Ok(self.lookup(key)) }.boxed()
    }

    fn resync(&self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).resync = true;
        self.wake.notify_one();
    }

    fn annotate<'a>(
        &'a self,
        key: &'a ObjectKey,
        uid: &'a str,
        annotation: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        async move {
            match self.lookup(key) {
                Some(object) if !uid.is_empty() && object.uid() != uid => Ok(None),
                _ => self.write(key, annotation, value),
            }
        }
        .boxed()
    }

    fn synced(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }
}

/// The object as a cluster would have it.
fn compose(
    manifest: &Manifest,
    state: &Annotations,
    version: &str,
    numbers: dodona_value::Numbers,
) -> Result<Object, String> {
    let mut body = manifest.body.clone();
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err("no `metadata`".into());
    };
    metadata.insert("resourceVersion".into(), version.into());
    if !metadata.get("uid").is_some_and(Value::is_string) {
        metadata.insert("uid".into(), uid(manifest).into());
    }
    if !state.is_empty() {
        if !metadata.get("annotations").is_some_and(Value::is_object) {
            metadata.insert("annotations".into(), Value::Object(Map::new()));
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            for (name, value) in state {
                match value {
                    Some(text) => annotations.insert(name.clone(), text.as_str().into()),
                    None => annotations.shift_remove(name),
                };
            }
        }
    }
    Object::parse(body.to_string().into(), numbers).map_err(|error| error.to_string())
}

/// A name-based UUID: the same object has the same one in each run.
fn uid(manifest: &Manifest) -> String {
    let hash = Sha1::digest(format!("{}/{}/{}", manifest.api_version, manifest.kind, manifest.key));
    let hex: Vec<String> = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-5{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
