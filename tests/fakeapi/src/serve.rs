//! HTTP: which request means what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::filter::Filter;
use crate::merge::merge;
use crate::store::{Begin, Store};
use crate::{Kind, Request, StreamingLists, watch};

type Shared = Arc<Mutex<Store>>;

/// Answers everything.
pub(crate) fn router(store: Shared) -> Router {
    Router::new().fallback(handle).with_state(store)
}

/// An error answer: status, reason, message.
struct Refusal(u16, &'static str, String);

/// One object or collection that a path names.
struct Target {
    kind: Kind,
    namespace: String,
    name: Option<String>,
}

async fn handle(State(shared): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 64 << 20).await.unwrap_or_default();
    let head = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let request = Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parse_query(parts.uri.query().unwrap_or_default()),
        accept: head(header::ACCEPT).to_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    let media = head(header::CONTENT_TYPE);
    let latency = {
        let mut store = lock(&shared);
        store.requests.push(request.clone());
        let line = format!("{} {}", request.method, request.path);
        if let Some(index) = store.faults.refuse.iter().position(|(text, _)| line.contains(text)) {
            let (_, status) = store.faults.refuse.remove(index);
            return refuse(&Refusal(status, reason(status), "refused on purpose".into()));
        }
        if parts.method == Method::PATCH { store.faults.patch_latency } else { std::time::Duration::ZERO }
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let mut store = lock(&shared);
    answer(&mut store, &parts.method, &request, media).unwrap_or_else(|refusal| refuse(&refusal))
}

fn answer(store: &mut Store, method: &Method, request: &Request, media: &str) -> Result<Response, Refusal> {
    let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(document) = discovery(store, &parts) {
        return Ok(reply(200, &document));
    }
    let target =
        target(store, &parts).ok_or_else(|| not_found("the server could not find the requested resource"))?;
    match (method, &target.name) {
        (&Method::GET, None) => many(store, &target, request),
        (&Method::GET, Some(name)) => {
            let object = store
                .get(&target.kind.plural, &target.namespace, name)
                .ok_or_else(|| missing(&target, name))?;
            Ok(reply(200, &object))
        }
        (&Method::POST, None) => create(store, &target, request),
        (&Method::PUT, Some(name)) => replace(store, &target, name, request),
        (&Method::PATCH, Some(name)) => patch(store, &target, name, request, media),
        (&Method::DELETE, Some(name)) => {
            let object = store
                .delete(&target.kind.plural, &target.namespace, name)
                .ok_or_else(|| missing(&target, name))?;
            Ok(reply(200, &object))
        }
        _ => Err(Refusal(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".into(),
        )),
    }
}

fn discovery(store: &Store, parts: &[&str]) -> Option<Value> {
    match *parts {
        ["version"] => Some(json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})),
        ["healthz" | "livez" | "readyz"] => Some(json!("ok")),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => {
            let mut groups: Vec<Value> = Vec::new();
            for kind in store.kinds().filter(|kind| !kind.group.is_empty()) {
                if groups.iter().all(|group| group["name"] != kind.group) {
                    let version = json!({"groupVersion": kind.api_version(), "version": kind.version});
                    groups.push(json!({"name": kind.group, "versions": [version.clone()], "preferredVersion": version}));
                }
            }
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", version] => resources(store, "", version),
        ["apis", group, version] => resources(store, group, version),
        _ => None,
    }
}

fn resources(store: &Store, group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<&Kind> =
        store.kinds().filter(|kind| kind.group == group && kind.version == version).collect();
    let group_version = kinds.first()?.api_version();
    let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
    let resources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "name": kind.plural, "singularName": kind.kind.to_lowercase(), "kind": kind.kind,
                "namespaced": kind.namespaced, "verbs": verbs,
            })
        })
        .collect();
    Some(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}),
    )
}

fn target(store: &Store, parts: &[&str]) -> Option<Target> {
    let (group, version, rest) = match *parts {
        ["api", version, ref rest @ ..] => ("", version, rest),
        ["apis", group, version, ref rest @ ..] => (group, version, rest),
        _ => return None,
    };
    let (namespace, plural, name) = match *rest {
        ["namespaces", namespace, plural] => (namespace, plural, None),
        ["namespaces", namespace, plural, name] => (namespace, plural, Some(name)),
        [plural] => ("", plural, None),
        [plural, name] => ("", plural, Some(name)),
        _ => return None,
    };
    let kind =
        store.kinds().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)?;
    // An object of a namespaced kind is only found in its namespace, and a cluster-scoped kind in none.
    let fits = if kind.namespaced { name.is_none() || !namespace.is_empty() } else { namespace.is_empty() };
    fits.then(|| Target { kind: kind.clone(), namespace: namespace.into(), name: name.map(str::to_owned) })
}

fn many(store: &mut Store, target: &Target, request: &Request) -> Result<Response, Refusal> {
    let parameter = |name: &str| request.parameter(name).unwrap_or_default();
    let filter = Filter::new(&target.namespace, parameter("labelSelector"), parameter("fieldSelector"))
        .map_err(|error| Refusal(400, "BadRequest", error))?;
    let gone = |_| Refusal(410, "Expired", "the provided version or continue token is too old".into());
    let plural = &target.kind.plural;
    if !request.is_watch() {
        let limit = parameter("limit").parse().unwrap_or(0);
        let (version, items, next, rest) =
            store.page(plural, &filter, limit, parameter("continue")).map_err(gone)?;
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if let Some(next) = next {
            metadata["continue"] = next.into();
            metadata["remainingItemCount"] = rest.into();
        }
        let kind = format!("{}List", target.kind.kind);
        let items: Vec<&Value> = items.iter().map(AsRef::as_ref).collect();
        return Ok(reply(
            200,
            &json!({"kind": kind, "apiVersion": target.kind.api_version(), "metadata": metadata, "items": items}),
        ));
    }
    let streaming = parameter("sendInitialEvents") == "true";
    let begin = match (streaming, store.faults.streaming_lists, parameter("resourceVersion")) {
        (true, StreamingLists::Refused, _) => {
            let message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
            return Err(Refusal(422, "Invalid", message.into()));
        }
        (true, StreamingLists::Offered, _) => Begin::Present { closing: true },
        (true, StreamingLists::Ignored, _) | (false, _, "" | "0") => Begin::Present { closing: false },
        (false, _, version) => Begin::After(
            version.parse().map_err(|_| Refusal(400, "BadRequest", "invalid resource version".into()))?,
        ),
    };
    let bookmarks = parameter("allowWatchBookmarks") == "true";
    let frames = store.watch(plural, filter, &begin, bookmarks).map_err(gone)?;
    let body = Body::from_stream(watch::body(frames, store.line_counter()));
    Ok(response(200, body))
}

fn create(store: &mut Store, target: &Target, request: &Request) -> Result<Response, Refusal> {
    let mut object = request.body.clone();
    if !object.is_object() {
        return Err(Refusal(400, "BadRequest", "the body is not an object".into()));
    }
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        let Some(prefix) = object["metadata"]["generateName"].as_str() else {
            return Err(Refusal(422, "Invalid", "metadata.name: Required value".into()));
        };
        object["metadata"]["name"] = format!("{prefix}{}", store.version()).into();
    }
    object["apiVersion"] = target.kind.api_version().into();
    object["kind"] = target.kind.kind.as_str().into();
    if target.kind.namespaced {
        object["metadata"]["namespace"] = target.namespace.as_str().into();
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if store.get(&target.kind.plural, &target.namespace, &name).is_some() {
        return Err(Refusal(
            409,
            "AlreadyExists",
            format!("{} \"{name}\" already exists", target.kind.plural),
        ));
    }
    store.apply(object).map_err(|error| Refusal(400, "BadRequest", error))?;
    let stored =
        store.get(&target.kind.plural, &target.namespace, &name).ok_or_else(|| missing(target, &name))?;
    Ok(reply(201, &stored))
}

fn replace(store: &mut Store, target: &Target, name: &str, request: &Request) -> Result<Response, Refusal> {
    let before =
        store.get(&target.kind.plural, &target.namespace, name).ok_or_else(|| missing(target, name))?;
    let asked = request.body["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    if !asked.is_empty() && before["metadata"]["resourceVersion"] != asked {
        return Err(Refusal(
            409,
            "Conflict",
            "the object has been modified; please apply your changes to the latest version".into(),
        ));
    }
    store.put(&target.kind.plural, &target.namespace, name, request.body.clone());
    let stored =
        store.get(&target.kind.plural, &target.namespace, name).ok_or_else(|| missing(target, name))?;
    Ok(reply(200, &stored))
}

fn patch(
    store: &mut Store,
    target: &Target,
    name: &str,
    request: &Request,
    media: &str,
) -> Result<Response, Refusal> {
    if let Some(status) = store.faults.patch_status {
        let message = format!("{} \"{name}\" is forbidden: cannot patch resource", target.kind.plural);
        return Err(Refusal(status, reason(status), message));
    }
    if media != "application/merge-patch+json" {
        return Err(Refusal(
            415,
            "UnsupportedMediaType",
            format!("only merge patches are understood here, not {media}"),
        ));
    }
    let before =
        store.get(&target.kind.plural, &target.namespace, name).ok_or_else(|| missing(target, name))?;
    let (wanted, has) = (&request.body["metadata"]["uid"], &before["metadata"]["uid"]);
    if !wanted.is_null() && wanted != has {
        let message =
            format!("\"{name}\" is invalid: metadata.uid: Invalid value: {wanted}: field is immutable");
        return Err(Refusal(422, reason(422), message));
    }
    let mut object = (*before).clone();
    merge(&mut object, &request.body);
    store.put(&target.kind.plural, &target.namespace, name, object);
    let stored =
        store.get(&target.kind.plural, &target.namespace, name).ok_or_else(|| missing(target, name))?;
    if request.wants_only_metadata() {
        let metadata = &stored["metadata"];
        let partial =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        return Ok(reply(200, &partial));
    }
    Ok(reply(200, &stored))
}

fn not_found(message: &str) -> Refusal {
    Refusal(404, "NotFound", message.into())
}

fn missing(target: &Target, name: &str) -> Refusal {
    Refusal(404, "NotFound", format!("{} \"{name}\" not found", target.kind.plural))
}

fn reason(status: u16) -> &'static str {
    match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

fn refuse(Refusal(status, reason, message): &Refusal) -> Response {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    });
    reply(*status, &body)
}

fn reply(status: u16, body: &Value) -> Response {
    response(status, Body::from(body.to_string()))
}

fn response(status: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// Percent-decoding with `+` for blanks.
fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(match (byte, hex) {
            (b'%', Some(decoded)) => {
                rest = tail.get(2..).unwrap_or_default();
                decoded
            }
            (b'+', _) => b' ',
            (other, _) => other,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn lock(shared: &Shared) -> MutexGuard<'_, Store> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = parse_query("a=1&labelSelector=x%20in+%28a%2Cb%29&flag");
        let expected = [("a", "1"), ("labelSelector", "x in (a,b)"), ("flag", "")];
        assert_eq!(query, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
