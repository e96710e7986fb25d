//! The ConfigMaps and the Secrets of configurations in a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::TICK;
use super::folder::Folder;
use super::manifest::Manifest;
use crate::model::{Secret, Secrets};
use crate::source::{ByNamespace, Settings, SettingsSource, SourceError};

/// Configuration from the manifests of a folder, in the namespace of the [`Folder`].
pub struct DirSettings {
    folder: Arc<Folder>,
}

impl DirSettings {
    /// Configuration from `folder`.
    pub fn new(folder: Arc<Folder>) -> Self {
        Self { folder }
    }

    fn reader(&self, config_map: &str, secret: &str) -> Reader {
        let folder = Arc::clone(&self.folder);
        Reader { folder, config_map: config_map.to_owned(), secret: secret.to_owned(), last: None }
    }
}

impl SettingsSource for DirSettings {
    fn watch(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<Settings>, SourceError>> {
        let namespace = self.folder.namespace().to_owned();
        let mut reader = self.reader(config_map, secret);
        let read = move || {
            let mut found = reader.changed(Some(&namespace))?;
            Some(found.remove(&namespace).unwrap_or_default())
        };
        follow(read).boxed()
    }

    fn watch_all(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<ByNamespace>, SourceError>> {
        let mut reader = self.reader(config_map, secret);
        follow(move || reader.changed(None)).boxed()
    }
}

/// Publishes what `read` finds, which is `None` as long as nothing changes.
async fn follow<T: Default + Send + Sync + 'static>(
    mut read: impl FnMut() -> Option<T> + Send + 'static,
) -> Result<watch::Receiver<T>, SourceError> {
    let failed =
        |_| SourceError::Failed { action: "read the folder".into(), detail: "the runtime is ending".into() };
    let (first, mut read) = spawn_blocking(move || (read(), read)).await.map_err(failed)?;
    let (sender, receiver) = watch::channel(first.unwrap_or_default());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                () = sleep(TICK) => {}
            }
            let Ok((found, next)) = spawn_blocking(move || (read(), read)).await else { return };
            read = next;
            if let Some(found) = found {
                sender.send_replace(found);
            }
        }
    });
    Ok(receiver)
}

struct Reader {
    folder: Arc<Folder>,
    config_map: String,
    secret: String,
    /// Digests of the objects that were read last.
    last: Option<Vec<[u8; 20]>>,
}

impl Reader {
    /// The settings of one namespace or of all, if they are others than last time.
    fn changed(&mut self, only: Option<&str>) -> Option<ByNamespace> {
        let contents = self.folder.look();
        let wanted = |kind: &str, name: &str| match kind {
            "ConfigMap" => *name == *self.config_map,
            "Secret" => *name == *self.secret,
            _ => false,
        };
        let found: Vec<&Arc<Manifest>> = contents
            .iter()
            .filter(|((version, kind, key), _)| version == "v1" && wanted(kind, &key.name))
            .filter(|((.., key), _)| only.is_none_or(|only| *key.namespace == *only))
            .map(|(_, manifest)| manifest)
            .collect();
        // A digest is of the whole object, its kind and namespace included.
        let digests: Vec<_> = found.iter().map(|manifest| manifest.digest).collect();
        if self.last.as_ref() == Some(&digests) {
            return None;
        }
        self.last = Some(digests);
        let mut settings = ByNamespace::new();
        for manifest in found {
            let place = settings.entry(manifest.key.namespace.to_string()).or_default();
            if manifest.kind == "Secret" {
                place.secret = Some(secrets(manifest));
            } else {
                place.config_map = Some(texts(manifest, "data"));
            }
        }
        Some(settings)
    }
}

/// A map of texts. A cluster would refuse other scalars; here they are taken as text, with a warning that names the key.
fn texts(manifest: &Manifest, field: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (key, value) in manifest.body.get(field).and_then(Value::as_object).into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => {
                tracing::warn!(kind = manifest.kind, object = %manifest.key, key, "the value is no text: quote it, or begin it with `|`");
                other.to_string()
            }
        };
        out.insert(key.clone(), text);
    }
    out
}

/// `data`, decoded, and `stringData` over it, as the API server folds them (core 1.1.1).
fn secrets(manifest: &Manifest) -> Secrets {
    let mut out = Secrets::new();
    for (key, text) in texts(manifest, "data") {
        let packed: String = text.split_whitespace().collect();
        if let Ok(bytes) = STANDARD.decode(packed) {
            out.insert(key, Secret::new(bytes));
        } else {
            tracing::warn!(secret = %manifest.key, key, "the value in `data` is not base64: use `stringData` for plain text");
        }
    }
    out.extend(
        texts(manifest, "stringData").into_iter().map(|(key, text)| (key, Secret::new(text.into_bytes()))),
    );
    out
}
