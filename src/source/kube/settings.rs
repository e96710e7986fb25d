//! The ConfigMap and the Secret of one configuration in a cluster, watched by name.

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
use crate::source::{Settings, SettingsSource, SourceError};

/// Configuration from one namespace. Needs `list` and `watch` on ConfigMaps and Secrets there (core 5.12), by field selector on the name.
///
/// Both watches know their namespace from the path alone; watching all namespaces (self-service) is the same with an empty one
/// and a sink that keeps a value for each namespace.
pub struct KubeSettings {
    api: Api,
    namespace: String,
}

impl KubeSettings {
    /// Configuration from `namespace`.
    pub fn new(api: Api, namespace: impl Into<String>) -> Self {
        Self { api, namespace: namespace.into() }
    }

    fn reflector<D: Data>(
        &self,
        name: &str,
        sender: watch::Sender<Settings>,
    ) -> (Reflector<Slot<D>>, oneshot::Receiver<Result<(), ApiError>>) {
        let (looked, answer) = oneshot::channel();
        let collection = Collection {
            path: collection_path(&Resource::new("", "v1", D::PLURAL, None), &self.namespace),
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
            seen: None,
            listing: false,
            data: std::marker::PhantomData,
        };
        (Reflector::new(self.api.clone(), collection, never, slot), answer)
    }
}

impl SettingsSource for KubeSettings {
    /// Fails only if the server forbids it; everything else is tried again until it works.
    fn watch(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<Settings>, SourceError>> {
        let (sender, receiver) = watch::channel(Settings::default());
        let (mut maps, first_map) = self.reflector::<ConfigMapData>(config_map, sender.clone());
        let (mut secrets, first_secret) = self.reflector::<SecretData>(secret, sender.clone());
        let (namespace, api) = (self.namespace.clone(), self.api.clone());
        async move {
            tokio::spawn(async move {
                tokio::select! {
                    () = sender.closed() => {}
                    _ = futures::future::join(stay(&api, &mut maps), stay(&api, &mut secrets)) => {}
                }
            });
            for (kind, answer) in [("configmaps", first_map), ("secrets", first_secret)] {
                if let Ok(Err(error)) = answer.await {
                    return Err(error.into_source_error(format!("list {kind} in namespace {namespace}")));
                }
            }
            Ok(receiver)
        }
        .boxed()
    }
}

/// Every cluster has ConfigMaps and Secrets; a server that knows none is a wrong address, or is just starting.
async fn stay<D: Data>(api: &Api, reflector: &mut Reflector<Slot<D>>) {
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
    type Text: PartialEq + Send;

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
struct Slot<D: Data> {
    sender: watch::Sender<Settings>,
    /// Told once whether the first look was possible.
    looked: Option<oneshot::Sender<Result<(), ApiError>>>,
    name: String,
    /// The object of the list under way.
    seen: Option<D::Text>,
    listing: bool,
    data: std::marker::PhantomData<D>,
}

impl<D: Data> Slot<D> {
    fn publish(&self, text: Option<D::Text>) {
        self.sender.send_if_modified(|settings| {
            let place = D::place(settings);
            let changed = *place != text;
            *place = text;
            changed
        });
    }

    fn answer(&mut self, result: Result<(), ApiError>) {
        if let Some(looked) = self.looked.take() {
            // The one who asked may have gone; then nobody needs to know.
            looked.send(result).ok();
        }
    }
}

impl<D: Data> Sink for Slot<D> {
    fn begin(&mut self) {
        self.seen = None;
        self.listing = true;
    }

    async fn object(&mut self, object: Object, cause: Cause) -> Result<(), Closed> {
        if *object.key().name != *self.name {
            return Ok(());
        }
        let text = (cause != Cause::Deleted).then(|| D::read(&object));
        if self.listing {
            self.seen = text;
        } else {
            self.publish(text);
        }
        Ok(())
    }

    /// What the list did not bring does not exist (core 1.1.2).
    fn end(&mut self) {
        self.listing = false;
        let text = self.seen.take();
        self.publish(text);
        self.answer(Ok(()));
    }

    fn failed(&mut self, error: &ApiError) {
        if error.code() == Some(403) {
            self.answer(Err(error.clone()));
        }
    }
}
