//! The ConfigMap and the Secret of one configuration in a folder.

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
use super::folder::{Contents, Folder};
use super::manifest::Manifest;
use crate::model::{ObjectKey, Secret, Secrets};
use crate::source::{Settings, SettingsSource, SourceError};

/// Configuration from the manifests of a folder, in the namespace of the [`Folder`].
pub struct DirSettings {
    folder: Arc<Folder>,
}

impl DirSettings {
    /// Configuration from `folder`.
    pub fn new(folder: Arc<Folder>) -> Self {
        Self { folder }
    }
}

impl SettingsSource for DirSettings {
    fn watch(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<Settings>, SourceError>> {
        let key = |name: &str| ObjectKey::new(self.folder.namespace(), name);
        let (config_map, secret) = (key(config_map), key(secret));
        async move {
            let mut reader = Reader { folder: Arc::clone(&self.folder), config_map, secret, last: None };
            let failed = |_| SourceError::Failed {
                action: "read the folder".into(),
                detail: "the runtime is ending".into(),
            };
            let (first, mut reader) =
                spawn_blocking(move || (reader.changed(), reader)).await.map_err(failed)?;
            let (sender, receiver) = watch::channel(first.unwrap_or_default());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        () = sender.closed() => return,
                        () = sleep(TICK) => {}
                    }
                    let Ok((settings, next)) = spawn_blocking(move || (reader.changed(), reader)).await
                    else {
                        return;
                    };
                    reader = next;
                    if let Some(settings) = settings {
                        sender.send_replace(settings);
                    }
                }
            });
            Ok(receiver)
        }
        .boxed()
    }
}

struct Reader {
    folder: Arc<Folder>,
    config_map: ObjectKey,
    secret: ObjectKey,
    /// Digests of what was read last.
    last: Option<[Option<[u8; 20]>; 2]>,
}

impl Reader {
    /// The settings, if they are others than last time.
    fn changed(&mut self) -> Option<Settings> {
        let contents = self.folder.look();
        let config_map = find(&contents, "ConfigMap", &self.config_map);
        let secret = find(&contents, "Secret", &self.secret);
        let now = [config_map.map(|found| found.digest), secret.map(|found| found.digest)];
        if self.last.replace(now) == Some(now) {
            return None;
        }
        Some(Settings {
            config_map: config_map.map(|found| texts(found, "data")),
            secret: secret.map(secrets),
        })
    }
}

fn find<'a>(contents: &'a Contents, kind: &str, key: &ObjectKey) -> Option<&'a Manifest> {
    contents.get(&("v1".to_owned(), kind.to_owned(), key.clone())).map(Arc::as_ref)
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
