//! The cluster of the connection flags, looked for when somebody asks for the first time.

use std::cell::OnceCell;
use std::time::Duration;

use anyhow::{anyhow, bail};

use super::super::connection::ConnectionArgs;
use crate::model::{Object, ObjectKey, Resource};
use crate::source::kube::{Api, KubeFetch, KubeSource, Pace, connect};
use crate::source::{Source as _, WatchSpec};

/// How long a person waits for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster that may not be there: commands work without one as long as they need nothing of it (core 7.1.4).
pub(crate) struct Cluster {
    connection: ConnectionArgs,
    api: OnceCell<Result<Api, String>>,
}

impl Cluster {
    pub(crate) fn new(connection: ConnectionArgs) -> Self {
        Self { connection, api: OnceCell::new() }
    }

    /// The namespace that the flags name, without looking at a kubeconfig.
    pub(crate) fn given_namespace(&self) -> Option<&str> {
        self.connection.namespace.as_deref().filter(|namespace| !namespace.is_empty())
    }

    /// The namespace of the flags or the kubeconfig; `None` where there is no cluster.
    pub(crate) async fn namespace(&self) -> Option<String> {
        match self.given_namespace() {
            Some(given) => Some(given.to_owned()),
            None => self.api().await.ok().map(|api| api.default_namespace().to_owned()),
        }
    }

    /// What a controller of ours has written about `object` in Events: time and message, the latest first.
    pub(crate) async fn told_about(&self, object: &Object) -> anyhow::Result<Vec<(String, String)>> {
        let resource = Resource::new("", "v1", "events", Some("Event"));
        let (namespace, name) = (&*object.key().namespace, &*object.key().name);
        let place = if namespace.is_empty() { "default" } else { namespace };
        let fields = format!("involvedObject.name={name},source=dodona");
        let events = KubeFetch::new(self.api().await?.clone()).select(&resource, place, &fields).await?;
        let mut found: Vec<(String, String)> = events
            .iter()
            .filter_map(|event| serde_json::from_slice::<serde_json::Value>(event.json()).ok())
            .filter(|event| {
                let about = &event["involvedObject"];
                event["source"]["component"] == "dodona"
                    && about["name"] == name
                    && about["kind"] == object.kind()
            })
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                (text("lastTimestamp"), text("message"))
            })
            .collect();
        found.sort_by(|one, other| other.cmp(one));
        Ok(found)
    }

    /// A client; nothing is sent yet.
    pub(crate) async fn api(&self) -> anyhow::Result<&Api> {
        if self.api.get().is_none() {
            let answer = self.connection.request_timeout.0.unwrap_or(PATIENCE);
            let pace = Pace { answer, ..Pace::default() };
            let found = connect(&self.connection.settings(), pace).await.map_err(|error| {
                let error = error.to_string();
                // The library tells the story of everything that it tried.
                let none = error.contains("failed to infer config") && error.contains("No such file");
                if none {
                    "no cluster is configured: there is no kubeconfig, and this is no pod".to_owned()
                } else {
                    error
                }
            });
            // Nobody else can have set it: there is one thread.
            self.api.set(found).ok();
        }
        match self.api.get() {
            Some(Ok(api)) => Ok(api),
            Some(Err(error)) => Err(anyhow!("{error}")),
            None => bail!("no connection"),
        }
    }

    /// The object `name`, in the namespace of the flags or the kubeconfig if none is given; `None` if there is none.
    pub(crate) async fn find(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> anyhow::Result<Option<Object>> {
        if name.is_empty() || name.contains(['/', '?', '#', '%']) {
            bail!("`{name}` cannot be the name of an object");
        }
        let api = self.api().await?;
        let given = namespace;
        let namespace = given.unwrap_or_else(|| api.default_namespace());
        let source = KubeSource::new(api.clone(), WatchSpec::new("command line", resource.clone()));
        let found = source.get(&ObjectKey::new(namespace, name)).await?;
        if found.is_some() {
            return Ok(found);
        }
        // Nothing was found in the namespace: perhaps such objects are in none, or there is no such kind at all.
        match KubeFetch::new(api.clone()).namespaced(resource).await {
            Ok(Some(false)) if given.is_some() => {
                bail!("{resource} are in no namespace; write `{name}` alone")
            }
            Ok(Some(false)) => Ok(source.get(&ObjectKey::new("", name)).await?),
            Ok(None) => bail!(
                "the cluster has no {resource} in version {}; check the binding and that the kind is installed",
                resource.version
            ),
            // Who may not ask for the kinds knows at least that the object is not there.
            Ok(Some(true)) | Err(_) => Ok(None),
        }
    }

    /// The same; that there is none is an error in upstream's words.
    pub(crate) async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> anyhow::Result<Object> {
        match self.find(resource, namespace, name).await? {
            Some(object) => Ok(object),
            None => bail!("{resource} \"{name}\" not found"),
        }
    }
}
