//! Sequences of versions from `tests/app/event.jsonl`: what `event` says about the last one.

use bytes::Bytes;
use dodona_expr::Program;
use dodona_value::{Numbers, Runtime, Scope, Time};
use serde::Deserialize;

use super::super::history::History;
use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The statuses of the versions, in order.
    versions: Vec<serde_json::Value>,
    /// Field to value, for the last version; in the condition language a list prints as `["a", "b"]`.
    event: serde_json::Map<String, serde_json::Value>,
}

#[test]
fn events_say_what_the_last_version_means() {
    for line in include_str!("../../../../tests/app/event.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let history = History::default();
        let mut event = Value::Nil;
        for status in &case.versions {
            let body = serde_json::json!({"metadata": {"name": "a", "uid": "u"}, "status": status});
            let object = Arc::new(Object::parse(Bytes::from(body.to_string()), Numbers::Kubernetes).unwrap());
            let previous = history.see(&object, object.document().unwrap());
            assert_eq!(previous, history.see(&object, object.document().unwrap()), "{}", case.name);
            event = Event::value(&object, previous);
        }
        let scope: Scope = [("event", event)].into_iter().collect();
        for (field, wanted) in &case.event {
            let program = Program::compile(&format!("toJSON(event.{field})")).unwrap();
            let value = program.eval(&scope, &Runtime::fixed(Time::zero())).unwrap();
            let said: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!(said, *wanted, "{field}: {}", case.name);
        }
    }
}

#[test]
fn every_field_is_there_and_no_other() {
    let object = Object::parse(Bytes::from_static(b"{\"metadata\":{\"name\":\"a\"}}"), Numbers::Kubernetes);
    let event = Event { object: Arc::new(object.unwrap()), previous: Previous::default() };
    assert!(FIELDS.iter().all(|field| event.field(field).is_some()));
    assert!(event.field("deploid").is_none());
    let docs = include_str!("../../../../docs/configuration.md");
    assert!(FIELDS.iter().all(|field| docs.contains(&format!("| `event.{field}` |"))));
}
