//! Objects that are read once and not watched.

use dodona_value::Numbers;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::{GetParams, ListParams};

use super::api::collection_path;
use super::{Api, ApiError, wire};
use crate::model::{Object, ObjectKey, Resource};
use crate::source::{Fetch, SourceError};

/// Asks the API server.
pub struct KubeFetch(Api);

impl KubeFetch {
    /// Objects of the cluster of `api`.
    pub fn new(api: Api) -> Self {
        Self(api)
    }

    async fn get(&self, resource: &Resource, key: &ObjectKey) -> Result<Option<Object>, SourceError> {
        let action = format!("get {}/{key}", resource.plural);
        let failed = |detail: String| SourceError::Failed { action: action.clone(), detail };
        let request = kube::core::Request::new(collection_path(resource, &key.namespace))
            .get(&key.name, &GetParams::default())
            .map_err(|error| failed(error.to_string()))?;
        match self.0.bytes(request).await {
            Ok(body) => {
                let object = Object::parse(body, Numbers::Kubernetes);
                object.map(Some).map_err(|error| failed(error.to_string()))
            }
            Err(ApiError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error.into_source_error(action.clone())),
        }
    }
}

impl KubeFetch {
    /// Whether objects of the kind are in namespaces; `None` if the kind is not installed.
    ///
    /// # Errors
    /// Any refusal of the server, at once.
    pub async fn namespaced(&self, resource: &Resource) -> Result<Option<bool>, SourceError> {
        let found = self.0.namespaced(resource).await;
        found.map_err(|error| error.into_source_error(format!("look {} up", resource.plural)))
    }

    /// All objects of `resource` in `namespace`, or everywhere if it is empty; none if the kind is not installed. What is no
    /// object is left out.
    ///
    /// # Errors
    /// Any refusal of the server, at once.
    pub async fn list(&self, resource: &Resource, namespace: &str) -> Result<Vec<Object>, SourceError> {
        self.select(resource, namespace, "").await
    }

    /// The same, of those that the field selector `fields` selects.
    ///
    /// # Errors
    /// Any refusal of the server, at once.
    pub async fn select(
        &self,
        resource: &Resource,
        namespace: &str,
        fields: &str,
    ) -> Result<Vec<Object>, SourceError> {
        let place = if namespace.is_empty() { "all namespaces" } else { namespace };
        let action = || format!("list {} in {place}", resource.plural);
        let mut found = Vec::new();
        let all = || match fields {
            "" => ListParams::default(),
            fields => ListParams::default().fields(fields),
        };
        let mut params = all().limit(self.0.pace().page);
        loop {
            let request = kube::core::Request::new(collection_path(resource, namespace))
                .list(&params)
                .map_err(|error| SourceError::Failed { action: action(), detail: error.to_string() })?;
            let body = match self.0.bytes(request).await {
                Ok(body) => body,
                Err(ApiError::Status { code: 404, .. }) => return Ok(found),
                // The token has expired: once more, in one piece.
                Err(ApiError::Status { code: 410, .. }) if params.continue_token.is_some() => {
                    found.clear();
                    params = all();
                    continue;
                }
                Err(error) => return Err(error.into_source_error(action())),
            };
            let page = wire::page(&body).map_err(|error| error.into_source_error(action()))?;
            let objects = page.items.iter().map(|item| page.object(item).into_owned());
            found.extend(objects.filter_map(|json| Object::parse(json.into(), Numbers::Kubernetes).ok()));
            match page.next {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(found),
            }
        }
    }
}

impl Fetch for KubeFetch {
    fn fetch<'a>(
        &'a self,
        resource: &'a Resource,
        key: &'a ObjectKey,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        self.get(resource, key).boxed()
    }
}
