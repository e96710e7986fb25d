//! Events of the Kubernetes API (core/v1) that other controllers wrote, as far as they are read here.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Object, ObjectKey};

/// One Event: something that a controller said about an object, perhaps several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreEvent {
    /// Identity of the Event: its uid, or namespace and name where it has none.
    pub uid: String,
    /// What it is about.
    pub about: Involved,
    /// `reason`, such as `RolloutCompleted`.
    pub reason: String,
    /// Whether `type` is `Warning`.
    pub warning: bool,
    /// `message`.
    pub message: String,
    /// Who wrote it: `source.component`, else `reportingComponent`.
    pub component: String,
    /// How often it was said: `count` or `series.count`, at least 1. Clients fold equal Events into one (core 6.6).
    pub count: u64,
    /// When it was said last, in Unix seconds.
    pub time: i64,
    /// `metadata.resourceVersion` of the Event.
    pub version: String,
}

/// The object that an Event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Involved {
    /// `Rollout`.
    pub kind: String,
    /// Namespace and name.
    pub key: ObjectKey,
    /// Its uid; may be empty.
    pub uid: String,
    /// The version that the controller had in hand (core 6.3); may be empty.
    pub resource_version: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    involved_object: Reference,
    reason: Option<String>,
    message: Option<String>,
    r#type: Option<String>,
    source: Option<Source>,
    reporting_component: Option<String>,
    count: Option<u64>,
    series: Option<Series>,
    first_timestamp: Option<String>,
    last_timestamp: Option<String>,
    event_time: Option<String>,
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Source {
    component: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: Option<u64>,
    last_observed_time: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: Option<String>,
}

impl CoreEvent {
    /// Reads an Event; the error says what in it is no Event.
    pub fn read(object: &Object) -> Result<Self, serde_json::Error> {
        let body: Body = serde_json::from_slice(object.json())?;
        let series = body.series.unwrap_or_default();
        let component = body.source.and_then(|source| source.component).filter(|name| !name.is_empty());
        let times = [
            series.last_observed_time,
            body.last_timestamp,
            body.event_time,
            body.first_timestamp,
            body.metadata.creation_timestamp,
        ];
        let about = body.involved_object;
        Ok(Self {
            uid: if object.uid().is_empty() { object.key().to_string() } else { object.uid().to_owned() },
            about: Involved {
                kind: about.kind.unwrap_or_default(),
                key: ObjectKey::new(about.namespace.unwrap_or_default(), about.name.unwrap_or_default()),
                uid: about.uid.unwrap_or_default(),
                resource_version: about.resource_version.unwrap_or_default(),
            },
            reason: body.reason.unwrap_or_default(),
            warning: body.r#type.as_deref() == Some("Warning"),
            message: body.message.unwrap_or_default(),
            component: component.or(body.reporting_component).unwrap_or_default(),
            count: body.count.unwrap_or(1).max(series.count.unwrap_or(1)).max(1),
            time: times.into_iter().flatten().filter_map(|text| seconds(&text)).max().unwrap_or_default(),
            version: object.resource_version().to_owned(),
        })
    }
}

/// A time of the API in Unix seconds.
fn seconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use dodona_value::Numbers;

    use super::*;

    fn read(json: &str) -> CoreEvent {
        CoreEvent::read(&Object::parse(json.to_owned().into(), Numbers::Kubernetes).unwrap()).unwrap()
    }

    #[test]
    fn the_old_form_and_the_new_one() {
        let old = read(
            r#"{"metadata":{"name":"cart.1","namespace":"shop","uid":"e-1","resourceVersion":"9"},"reason":"RolloutPaused","type":"Normal",
            "message":"Rollout is paused","count":3,"firstTimestamp":"2025-06-01T10:00:00Z","lastTimestamp":"2025-06-01T10:00:07Z",
            "source":{"component":"rollouts-controller"},"reportingComponent":"other",
            "involvedObject":{"kind":"Rollout","namespace":"shop","name":"cart","uid":"u","resourceVersion":"7"}}"#,
        );
        assert_eq!((old.uid.as_str(), old.count, old.time), ("e-1", 3, 1_748_772_007));
        assert_eq!((old.component.as_str(), old.warning), ("rollouts-controller", false));
        assert_eq!(
            (old.about.key.to_string().as_str(), old.about.resource_version.as_str()),
            ("shop/cart", "7")
        );
        let new = read(
            r#"{"metadata":{"name":"cart.2","namespace":"shop"},"reason":"RolloutAborted","type":"Warning","eventTime":"2025-06-01T10:00:00.5Z",
            "lastTimestamp":null,"count":null,"series":{"count":2,"lastObservedTime":"2025-06-01T10:00:09.1Z"},"source":{},
            "reportingComponent":"rollouts-controller","involvedObject":{"kind":"Rollout"}}"#,
        );
        assert_eq!((new.uid.as_str(), new.count, new.time), ("shop/cart.2", 2, 1_748_772_009));
        assert_eq!((new.component.as_str(), new.warning), ("rollouts-controller", true));
    }
}
