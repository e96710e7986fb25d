//! Where objects and configuration come from, and where the ledger is written: Kubernetes, or a folder of manifests.
//!
//! Only this part writes to a cluster. Both sources pass the same test suite.

use std::collections::BTreeMap;
use std::sync::Arc;

use dodona_value::Numbers;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, watch};

pub use crate::model::Settings;
use crate::model::{Cause, Change, Object, ObjectKey, Resource, Severity};

pub mod dir;
pub mod kube;
mod shelf;

pub use shelf::{Mark, News, Shelf};

/// Which objects a source watches: what a binding says about its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchSpec {
    /// Name of the binding, put into every [`Change`].
    pub binding: Arc<str>,
    /// The kind.
    pub resource: Resource,
    /// Namespaces to watch; empty for all (and without meaning for cluster-scoped kinds).
    pub namespaces: Vec<String>,
    /// Label selector in the form of the Kubernetes API; empty for none.
    pub label_selector: String,
    /// Field selector in the form of the Kubernetes API, for a cluster; empty for none.
    pub field_selector: String,
    /// How numbers in the objects are read (core 3.2.2).
    pub numbers: Numbers,
}

impl WatchSpec {
    /// All objects of `resource` in all namespaces, as the binding `binding`.
    pub fn new(binding: &str, resource: Resource) -> Self {
        Self {
            binding: binding.into(),
            resource,
            namespaces: Vec::new(),
            label_selector: String::new(),
            field_selector: String::new(),
            numbers: Numbers::Kubernetes,
        }
    }
}

/// The objects of one binding.
pub trait Source: Send + Sync + 'static {
    /// Sends every change in order of arrival until the receiver is dropped: first all that exists (`Cause::Added`), then
    /// what happens. Lost connections, expired versions and kinds that are not installed yet are its own affair.
    fn run(self: Arc<Self>, changes: mpsc::Sender<Change>) -> BoxFuture<'static, ()>;

    /// The object as it is now; `None` if it is gone.
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Result<Option<Object>, SourceError>>;

    /// The object as it was at `version`, while the cluster still knows; `None` if it does not, or never did.
    fn at<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        let _ = (key, version);
        Box::pin(async { Ok(None) })
    }

    /// Asks for all objects again (`Cause::Resync`), because the configuration changed. Returns at once.
    fn resync(&self);

    /// Sets or removes (`None`) one annotation with a merge patch of that one key (core 3.5.7) and returns the object as
    /// the server has it afterwards, of which only the metadata are sure to be there; `None` if it is gone. Another object of
    /// the same name, with another `uid` (empty: any will do), is left as it is: what was told about its predecessor was not
    /// told about it.
    fn annotate<'a>(
        &'a self,
        key: &'a ObjectKey,
        uid: &'a str,
        annotation: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>>;

    /// Whether everything that existed at the start has been sent (for `/readyz`).
    fn synced(&self) -> watch::Receiver<bool>;

    /// Keeps what is in `place` as the objects are, instead of sending changes.
    fn keep(self: Arc<Self>, place: Arc<Shelf>) -> BoxFuture<'static, ()> {
        let mut synced = self.synced();
        let (sender, mut changes) = mpsc::channel::<Change>(1);
        let run = self.run(sender);
        async move {
            let put = async {
                let mut waiting = true;
                loop {
                    tokio::select! {
                        biased;
                        change = changes.recv() => match change {
                            Some(change) if change.cause == Cause::Deleted => place.take(change.object.key()),
                            Some(change) => place.put(change.object),
                            None => return,
                        },
                        done = synced.wait_for(|synced| *synced), if waiting => {
                            waiting = false;
                            if done.is_ok() {
                                place.completed();
                            }
                        }
                    }
                }
            };
            futures::future::join(run, put).await;
        }
        .boxed()
    }
}

/// Where configuration comes from.
pub trait SettingsSource: Send + Sync + 'static {
    /// The present text and every later one. The first value is there once both objects were looked for.
    fn watch(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<Settings>, SourceError>>;

    /// The same in all namespaces (self-service, core 5.4.3): those that have at least one of the two objects.
    fn watch_all(
        self: Arc<Self>,
        config_map: &str,
        secret: &str,
    ) -> BoxFuture<'static, Result<watch::Receiver<ByNamespace>, SourceError>>;
}

/// Configurations by the namespace that they are in.
pub type ByNamespace = BTreeMap<String, Settings>;

/// Objects of kinds that nobody watches, asked for one by one.
pub trait Fetch: Send + Sync + 'static {
    /// The object as it is now; `None` if there is none.
    fn fetch<'a>(
        &'a self,
        resource: &'a Resource,
        key: &'a ObjectKey,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>>;
}

/// A text of our own that outlives the process: what a restart has to know and no watched object can hold.
pub trait Notebook: Send + Sync + 'static {
    /// What was written last; `None` if nothing ever was.
    fn read(&self) -> BoxFuture<'_, Result<Option<String>, SourceError>>;

    /// Writes `text` in the place of the last one.
    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), SourceError>>;
}

/// An object that a [`Notices`] entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `v1`, `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `ConfigMap`, `Application`; empty where only the cluster knows.
    pub kind: String,
    /// `configmaps`, `applications`.
    pub plural: String,
    /// Namespace and name.
    pub key: ObjectKey,
    /// `metadata.uid`; empty where it is not at hand. People find Events by it, so that it is looked up then.
    pub uid: String,
}

/// Where people look who look at an object: Kubernetes Events. Writing them never fails visibly and never blocks.
pub trait Notices: Send + Sync + 'static {
    /// Records that `reason` (`DeliveryRefused`) happened to `subject`. The same reason and message about the same
    /// object are written once an hour at most. The message must contain no secrets; it is cut at 1,024 bytes.
    fn record(&self, subject: &Subject, severity: Severity, reason: &str, message: &str);
}

/// What a source could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// The server refuses it (RBAC): trying again does not help until somebody changes the permissions.
    #[error("failed to {action}: forbidden: {detail}")]
    Forbidden {
        /// What was tried: `patch applications/argocd/guestbook`.
        action: String,
        /// The server's words.
        detail: String,
    },
    /// Anything else; trying again may help.
    #[error("failed to {action}: {detail}")]
    Failed {
        /// What was tried.
        action: String,
        /// What went wrong.
        detail: String,
    },
}
