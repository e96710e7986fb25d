//! Whether a controller holds its Lease in a namespace: then it is at work there.

use jiff::Timestamp;
use kube::api::ListParams;
use serde::Deserialize;

use super::Api;
use super::api::collection_path;
use crate::model::Resource;
use crate::source::SourceError;

/// A Lease that has not been renewed for this long is taken for one that was left behind. Controllers renew every few
/// seconds; the rest is for clocks that differ.
const STALE: i64 = 600;

/// Who holds a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its identity, as it wrote it.
    pub identity: String,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Lease>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lease {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    holder_identity: Option<String>,
    renew_time: Option<String>,
}

/// Who holds a Lease in `namespace` whose name begins with `name` at Unix second `now`; `None` if nobody does.
pub async fn lease_holder(
    api: &Api,
    namespace: &str,
    name: &str,
    now: i64,
) -> Result<Option<Holder>, SourceError> {
    let action = format!("list leases/{namespace}");
    let failed = |detail: String| SourceError::Failed { action: action.clone(), detail };
    let leases = Resource::new("coordination.k8s.io", "v1", "leases", Some("Lease"));
    let request = kube::core::Request::new(collection_path(&leases, namespace))
        .list(&ListParams::default())
        .map_err(|error| failed(error.to_string()))?;
    let body = match api.bytes(request).await {
        Ok(body) => body,
        Err(error) => return Err(error.into_source_error(action)),
    };
    let list: List = serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
    let mut named = list.items.into_iter().filter(|lease| lease.metadata.name.starts_with(name));
    Ok(named.find_map(|lease| held(lease.spec, now)))
}

fn held(spec: Spec, now: i64) -> Option<Holder> {
    let identity = spec.holder_identity.filter(|identity| !identity.is_empty())?;
    let renewed = spec.renew_time.and_then(|text| text.parse::<Timestamp>().ok());
    let stale = renewed.is_some_and(|at| now.saturating_sub(at.as_second()) > STALE);
    (!stale).then_some(Holder { identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_while_it_is_renewed() {
        let spec = |holder: Option<&str>, renewed: Option<&str>| Spec {
            holder_identity: holder.map(str::to_owned),
            renew_time: renewed.map(str::to_owned),
        };
        let at = 1_748_772_000;
        let renewed = "2025-06-01T10:00:00.123456Z";
        assert_eq!(held(spec(Some("pod-1"), Some(renewed)), at + 30).unwrap().identity, "pod-1");
        assert!(held(spec(Some("pod-1"), None), at).is_some());
        assert!(held(spec(Some("pod-1"), Some(renewed)), at + STALE + 1).is_none());
        assert!(held(spec(Some(""), Some(renewed)), at).is_none());
        assert!(held(spec(None, Some(renewed)), at).is_none());
    }
}
