//! The ConfigMaps and the Secrets of configurations in a cluster, watched by name in one namespace or in all.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dodona_value::Numbers;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

use super::api::collection_path;
use super::reflect::{Closed, Collection, Ended, Reflector, Sink};
use super::{Api, ApiError};
use crate::model::{Cause, Object, Resource, Secret, Secrets};
use crate::source::{ByNamespace, Settings, SettingsSource, SourceError};

/// Whether the first look was possible.
type FirstLook = oneshot::Receiver<Result<(), ApiError>>;

/// Configuration from one namespace, or from all of them (core 5.4.3). Needs `list` and `watch` on ConfigMaps and Secrets there
/// (core 5.12), by field selector on the name.
pub struct KubeSettings {
    api: Api,
    namespace: String,
}

impl KubeSettings {
    /// Configuration from `namespace`.
    pub fn new(api: Api, namespace: impl Into<String>) -> Self {
        Self { api, namespace: namespace.into() }
    }

    fn reflector<D: Data, H: Held>(
        &self,
        namespace: &str,
        name: &str,
        sender: watch::Sender<H>,
    ) -> (Reflector<Slot<D, H>>, FirstLook) {
        let (looked, answer) = oneshot::channel();
        let collection = Collection {
            path: collection_path(&Resource::new("", "v1", D::PLURAL, None), namespace),
            label_selector: String::new(),
            field_selector: format!("metadata.name={name}"),
            numbers: Numbers::Kubernetes,
        };
        // Nobody asks for a resync: a configuration that did not change has nothing to say.
        let never = watch::Sender::new(0).subscribe();
        let slot = Slot {
            sender,
            looked: Some(looked),
            name: name.to_owned(),
            seen: BTreeMap::new(),
            listing: false,
        };
        (Reflector::new(self.api.clone(), collection, never, slot), answer)
    }

    /// Fails only if the server forbids it; everything else is tried again until it works.
    fn follow<H: Held>(
        &self,
        namespace: &str,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<H>, SourceError>> {
        let (sender, receiver) = watch::channel(H::default());
        let (mut maps, first_map) = self.reflector::<ConfigMapData, H>(namespace, config_map, sender.clone());
        let (mut secrets, first_secret) = self.reflector::<SecretData, H>(namespace, secret, sender.clone());
        let place =
            if namespace.is_empty() { "all namespaces".to_owned() } else { format!("namespace {namespace}") };
        let api = self.api.clone();
        async move {
            tokio::spawn(async move {
                tokio::select! {
                    () = sender.closed() => {}
                    _ = futures::future::join(stay(&api, &mut maps), stay(&api, &mut secrets)) => {}
                }
            });
            for (kind, answer) in [("configmaps", first_map), ("secrets", first_secret)] {
                if let Ok(Err(error)) = answer.await {
                    return Err(error.into_source_error(format!("list {kind} in {place}")));
                }
            }
            Ok(receiver)
        }
        .boxed()
    }
}

impl SettingsSource for KubeSettings {
    fn watch(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<Settings>, SourceError>> {
        self.follow(&self.namespace, config_map, secret)
    }

    fn watch_all(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<ByNamespace>, SourceError>> {
        self.follow("", config_map, secret)
    }
}

/// Settings of one namespace, or of all.
trait Held: Default + Send + Sync + 'static {
    /// Puts what `namespace` has of one kind now; whether that is a change.
    fn put<D: Data>(&mut self, namespace: &str, text: Option<D::Text>) -> bool;

    /// Takes away what the namespaces that are not in `listed` have of one kind; whether that is a change.
    fn keep_only<D: Data>(&mut self, listed: &BTreeMap<String, D::Text>) -> bool;
}

impl Held for Settings {
    fn put<D: Data>(&mut self, _namespace: &str, text: Option<D::Text>) -> bool {
        let place = D::place(self);
        let changed = *place != text;
        *place = text;
        changed
    }

    fn keep_only<D: Data>(&mut self, listed: &BTreeMap<String, D::Text>) -> bool {
        listed.is_empty() && D::place(self).take().is_some()
    }
}

impl Held for ByNamespace {
    fn put<D: Data>(&mut self, namespace: &str, text: Option<D::Text>) -> bool {
        if text.is_none() && !self.contains_key(namespace) {
            return false;
        }
        let settings = self.entry(namespace.to_owned()).or_default();
        let changed = settings.put::<D>(namespace, text);
        if settings.config_map.is_none() && settings.secret.is_none() {
            self.remove(namespace);
        }
        changed
    }

    fn keep_only<D: Data>(&mut self, listed: &BTreeMap<String, D::Text>) -> bool {
        let gone: Vec<String> = self.keys().filter(|key| !listed.contains_key(*key)).cloned().collect();
        let mut changed = false;
        for namespace in &gone {
            changed |= self.put::<D>(namespace, None);
        }
        changed
    }
}

/// Every cluster has ConfigMaps and Secrets; a server that knows none is a wrong address, or is just starting.
async fn stay<D: Data, H: Held>(api: &Api, reflector: &mut Reflector<Slot<D, H>>) {
    while reflector.run().await == Ended::Missing {
        tracing::warn!(
            kind = D::PLURAL,
            "the server knows no such kind: is it the address of a Kubernetes API server?"
        );
        sleep(api.pace().missing_kind).await;
    }
}

/// How one of the two kinds becomes a part of [`Settings`].
trait Data: Send + 'static {
    const PLURAL: &'static str;
    type Text: PartialEq + Send + Sync;

    fn read(object: &Object) -> Self::Text;
    fn place(settings: &mut Settings) -> &mut Option<Self::Text>;
}

struct ConfigMapData;
struct SecretData;

impl Data for ConfigMapData {
    const PLURAL: &'static str = "configmaps";
    type Text = BTreeMap<String, String>;

    fn read(object: &Object) -> Self::Text {
        data(object)
    }

    fn place(settings: &mut Settings) -> &mut Option<Self::Text> {
        &mut settings.config_map
    }
}

impl Data for SecretData {
    const PLURAL: &'static str = "secrets";
    type Text = Secrets;

    fn read(object: &Object) -> Self::Text {
        decode(data(object), object)
    }

    fn place(settings: &mut Settings) -> &mut Option<Self::Text> {
        &mut settings.secret
    }
}

/// `data` of an object; anything else in it is not configuration (core 1.1.1).
fn data<T: DeserializeOwned + Default>(object: &Object) -> T {
    #[derive(serde::Deserialize)]
    struct WithData<T> {
        data: Option<T>,
    }
    match serde_json::from_slice::<WithData<T>>(object.json()) {
        Ok(read) => read.data.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(object = %object.key(), line = error.line(), column = error.column(), "failed to read `data`: taken as empty");
            T::default()
        }
    }
}

fn decode(encoded: BTreeMap<String, String>, object: &Object) -> Secrets {
    let mut secrets = Secrets::new();
    for (key, text) in encoded {
        if let Ok(bytes) = STANDARD.decode(text.as_bytes()) {
            secrets.insert(key, Secret::new(bytes));
        } else {
            tracing::warn!(secret = %object.key(), key, "the value is not base64: the key is left out");
        }
    }
    secrets
}

/// Keeps one half of the settings up to date.
struct Slot<D: Data, H: Held> {
    sender: watch::Sender<H>,
    /// Told once whether the first look was possible.
    looked: Option<oneshot::Sender<Result<(), ApiError>>>,
    name: String,
    /// The objects of the list under way, by namespace.
    seen: BTreeMap<String, D::Text>,
    listing: bool,
}

impl<D: Data, H: Held> Slot<D, H> {
    fn answer(&mut self, result: Result<(), ApiError>) {
        if let Some(looked) = self.looked.take() {
            // The one who asked may have gone; then nobody needs to know.
            looked.send(result).ok();
        }
    }
}

impl<D: Data, H: Held> Sink for Slot<D, H> {
    fn begin(&mut self) {
        self.seen.clear();
        self.listing = true;
    }

    async fn object(&mut self, object: Object, cause: Cause) -> Result<(), Closed> {
        if *object.key().name != *self.name {
            return Ok(());
        }
        let namespace = object.key().namespace.to_string();
        let text = (cause != Cause::Deleted).then(|| D::read(&object));
        if !self.listing {
            self.sender.send_if_modified(|held| held.put::<D>(&namespace, text));
        } else if let Some(text) = text {
            self.seen.insert(namespace, text);
        } else {
            self.seen.remove(&namespace);
        }
        Ok(())
    }

    /// What the list did not bring does not exist (core 1.1.2).
    fn end(&mut self) {
        self.listing = false;
        let seen = std::mem::take(&mut self.seen);
        self.sender.send_if_modified(|held| {
            let mut changed = held.keep_only::<D>(&seen);
            for (namespace, text) in seen {
                changed |= held.put::<D>(&namespace, Some(text));
            }
            changed
        });
        self.answer(Ok(()));
    }

    fn failed(&mut self, error: &ApiError) {
        if error.code() == Some(403) {
            self.answer(Err(error.clone()));
        }
    }
}
