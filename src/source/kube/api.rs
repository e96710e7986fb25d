//! Requests to the API server: paths, answers, errors. What is asked and why is the other modules' affair.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::timeout;

use super::Pace;
use crate::model::{Resource, with_causes};
use crate::source::SourceError;

/// Answers other than streams are read up to this size. A page of 500 objects of the largest size that etcd keeps would be larger;
/// real pages are some megabytes.
const ANSWER_LIMIT: usize = 1 << 30;

/// A cluster and how to talk to it. Cheap to clone. There is no limit on the rate of requests in it.
#[derive(Clone)]
pub struct Api {
    client: Client,
    pace: Pace,
}

/// A request that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The server answered with an error.
    #[error("{message} (HTTP {code})")]
    Status {
        /// HTTP status, or the `code` of a Status object inside a watch.
        code: u16,
        /// Machine-readable `reason` of the Status object; may be empty.
        reason: String,
        /// The server's words.
        message: String,
        /// How long the server wants us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer, or half of one.
    #[error("{0}")]
    Connection(String),
}

impl Api {
    /// Talks to the cluster of `client` at the given pace.
    pub fn new(client: Client, pace: Pace) -> Self {
        Self { client, pace }
    }

    /// The namespace of the kubeconfig's context, or of the service account.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Sends a request and returns the answer once its head is there; error answers become [`ApiError::Status`].
    pub(super) async fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Body>, ApiError> {
        let headers = request.headers_mut();
        headers.insert(
            header::USER_AGENT,
            header::HeaderValue::from_static(concat!("dodona/", env!("CARGO_PKG_VERSION"))),
        );
        headers.entry(header::ACCEPT).or_insert(header::HeaderValue::from_static("application/json"));
        let answer = timeout(self.pace.answer, self.client.send(request.map(Body::from))).await;
        let response = answer
            .map_err(|_| ApiError::Connection(format!("no answer within {} s", self.pace.answer.as_secs())))?
            .map_err(|error| ApiError::Connection(with_causes(&error)))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn bytes(&self, request: Request<Vec<u8>>) -> Result<Bytes, ApiError> {
        let response = self.send(request).await?;
        let body = timeout(self.pace.answer, whole(response.into_body())).await;
        body.map_err(|_| {
            ApiError::Connection(format!("no whole answer within {} s", self.pace.answer.as_secs()))
        })?
    }

    async fn refusal(&self, response: Response<Body>) -> ApiError {
        let code = response.status();
        let seconds =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = timeout(self.pace.answer, Limited::new(response.into_body(), 1 << 20).collect()).await;
        let body =
            body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        ApiError::from_status(&body, code.as_u16(), seconds.map(Duration::from_secs))
    }

    /// Whether objects of the kind are in namespaces, from discovery; `None` if the kind is not installed.
    pub(super) async fn namespaced(&self, resource: &Resource) -> Result<Option<bool>, ApiError> {
        #[derive(Deserialize)]
        struct Listed {
            resources: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            name: String,
            namespaced: bool,
        }
        let request = Request::get(version_path(resource))
            .body(Vec::new())
            .map_err(|error| ApiError::Connection(error.to_string()))?;
        let body = match self.bytes(request).await {
            Ok(body) => body,
            Err(error) if error.code() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found: Listed = serde_json::from_slice(&body).map_err(|error| {
            ApiError::Connection(format!("failed to read the discovery document: {error}"))
        })?;
        let found = found.resources.into_iter().find(|entry| entry.name == resource.plural);
        Ok(found.map(|entry| entry.namespaced))
    }
}

/// All of an answer. Its frames are put together as they come: a page of a list has megabytes, and they are here once only.
async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let mut body = Limited::new(body, ANSWER_LIMIT);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::Connection(with_causes(&*error)))?;
        whole.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    Ok(whole.into())
}

impl ApiError {
    /// Reads a Status object; a body that is none becomes the message, shortened.
    pub(super) fn from_status(body: &[u8], http_code: u16, retry_after: Option<Duration>) -> Self {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Status {
            code: u16,
            reason: String,
            message: String,
        }
        let status: Status = serde_json::from_slice(body).unwrap_or_default();
        let code = if status.code == 0 { http_code } else { status.code };
        let message = if status.message.is_empty() {
            let text: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
            let known = StatusCode::from_u16(code)
                .ok()
                .and_then(|code| code.canonical_reason())
                .unwrap_or("unknown error");
            if text.is_empty() { known.to_lowercase() } else { text }
        } else {
            status.message
        };
        Self::Status { code, reason: status.reason, message, retry_after }
    }

    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Connection(_) => None,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Connection(_) => None,
        }
    }

    /// What the caller of a source is told about it.
    pub(super) fn into_source_error(self, action: impl Into<String>) -> SourceError {
        let (action, detail) = (action.into(), self.to_string());
        match self.code() {
            Some(403) => SourceError::Forbidden { action, detail },
            _ => SourceError::Failed { action, detail },
        }
    }
}

/// `/api/v1`, `/apis/argoproj.io/v1alpha1`.
fn version_path(resource: &Resource) -> String {
    let root = if resource.group.is_empty() { "/api" } else { "/apis" };
    format!("{root}/{}", resource.api_version())
}

/// The path of a collection: in one namespace, or everywhere if `namespace` is empty.
pub(super) fn collection_path(resource: &Resource, namespace: &str) -> String {
    let version = version_path(resource);
    if namespace.is_empty() {
        format!("{version}/{}", resource.plural)
    } else {
        format!("{version}/namespaces/{namespace}/{}", resource.plural)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_core_and_other_groups() {
        let pods = Resource::new("", "v1", "pods", None);
        let apps = Resource::new("argoproj.io", "v1alpha1", "applications", None);
        assert_eq!(collection_path(&pods, ""), "/api/v1/pods");
        assert_eq!(collection_path(&pods, "a"), "/api/v1/namespaces/a/pods");
        assert_eq!(
            collection_path(&apps, "argocd"),
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
        );
    }

    #[test]
    fn an_error_keeps_the_words_of_the_server() {
        let error = ApiError::from_status(
            br#"{"kind":"Status","code":403,"reason":"Forbidden","message":"no way"}"#,
            500,
            None,
        );
        assert_eq!((error.code(), error.to_string().as_str()), (Some(403), "no way (HTTP 403)"));
        assert_eq!(ApiError::from_status(b"<html>", 502, None).to_string(), "<html> (HTTP 502)");
        assert_eq!(ApiError::from_status(b"", 503, None).to_string(), "service unavailable (HTTP 503)");
    }
}
