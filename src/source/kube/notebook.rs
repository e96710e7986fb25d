//! A text of our own in a ConfigMap of the controller's namespace.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::api::collection_path;
use super::{Api, ApiError};
use crate::model::Resource;
use crate::source::{Notebook, SourceError};

/// The key of the text.
const KEY: &str = "state";

/// One ConfigMap that nobody else writes.
pub struct KubeNotebook {
    api: Api,
    namespace: String,
    name: String,
}

impl KubeNotebook {
    /// The ConfigMap `name` in `namespace`; it is made when something is written.
    pub fn new(api: Api, namespace: &str, name: &str) -> Self {
        Self { api, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn requests(&self) -> kube::core::Request {
        let config_maps = Resource::new("", "v1", "configmaps", Some("ConfigMap"));
        kube::core::Request::new(collection_path(&config_maps, &self.namespace))
    }

    fn action(&self, verb: &str) -> String {
        format!("{verb} configmaps/{}/{}", self.namespace, self.name)
    }

    fn wrong(&self, verb: &str, error: &impl ToString) -> SourceError {
        SourceError::Failed { action: self.action(verb), detail: error.to_string() }
    }

    async fn load(&self) -> Result<Option<String>, SourceError> {
        let request = self.requests().get(&self.name, &GetParams::default());
        match self.api.bytes(request.map_err(|error| self.wrong("get", &error))?).await {
            Ok(body) => {
                let body: Value = serde_json::from_slice(&body).map_err(|error| self.wrong("get", &error))?;
                Ok(body["data"][KEY].as_str().map(str::to_owned))
            }
            Err(ApiError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error.into_source_error(self.action("get"))),
        }
    }

    async fn save(&self, text: &str) -> Result<(), SourceError> {
        let data = json!({ KEY: text });
        let params = PatchParams { field_manager: Some("dodona".into()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({ "data": data }));
        let request = self.requests().patch(&self.name, &params, &patch);
        match self.api.bytes(request.map_err(|error| self.wrong("patch", &error))?).await {
            Ok(_) => return Ok(()),
            Err(ApiError::Status { code: 404, .. }) => {}
            Err(error) => return Err(error.into_source_error(self.action("patch"))),
        }
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": { "name": self.name, "namespace": self.namespace,
                "labels": { "app.kubernetes.io/managed-by": "dodona" } },
        });
        let request = self.requests().create(&PostParams::default(), body.to_string().into_bytes());
        let request = request.map_err(|error| self.wrong("create", &error))?;
        let created = self.api.bytes(request).await;
        created.map(drop).map_err(|error| error.into_source_error(self.action("create")))
    }
}

impl Notebook for KubeNotebook {
    fn read(&self) -> BoxFuture<'_, Result<Option<String>, SourceError>> {
        self.load().boxed()
    }

    fn write<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<(), SourceError>> {
        self.save(text).boxed()
    }
}
