//! Single objects of kinds that nobody watches.

use dodona_value::Numbers;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::GetParams;

use super::api::collection_path;
use super::{Api, ApiError};
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

impl Fetch for KubeFetch {
    fn fetch<'a>(
        &'a self,
        resource: &'a Resource,
        key: &'a ObjectKey,
    ) -> BoxFuture<'a, Result<Option<Object>, SourceError>> {
        self.get(resource, key).boxed()
    }
}
