use std::collections::BTreeMap;

use bytes::Bytes;
use dodona_value::Numbers;
use serde::Deserialize;

use super::*;
use crate::engine::{GlobalSubscription, Selector};
use crate::model::{Key, NodeKind, Position};

/// One case of `tests/engine/subscriptions.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    prefix: Option<String>,
    #[serde(default)]
    legacy: bool,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    project: BTreeMap<String, String>,
    #[serde(default)]
    global: Vec<Global>,
    #[serde(default)]
    defaults: Vec<String>,
    #[serde(default)]
    service_defaults: BTreeMap<String, Vec<String>>,
    /// Trigger to `service recipient`.
    want: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    reports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Global {
    recipients: Vec<String>,
    #[serde(default)]
    triggers: Vec<String>,
    #[serde(default)]
    selector: String,
}

/// JSON stands in for YAML: how texts become nodes is the configuration's affair.
fn json_node(text: &str) -> Result<Node, NodeError> {
    fn convert(value: serde_json::Value) -> Node {
        let kind = match value {
            serde_json::Value::Null => NodeKind::Null,
            serde_json::Value::Bool(truth) => NodeKind::Bool(truth),
            serde_json::Value::Number(number) => NodeKind::Int(number.as_i64().unwrap()),
            serde_json::Value::String(text) => NodeKind::Text(text),
            serde_json::Value::Array(items) => NodeKind::List(items.into_iter().map(convert).collect()),
            serde_json::Value::Object(fields) => {
                let pair = |(name, value)| (Key { text: name, at: Position::default() }, convert(value));
                NodeKind::Map(fields.into_iter().map(pair).collect())
            }
        };
        Node::new(kind, Position::default())
    }
    match text {
        "" => Ok(Node::new(NodeKind::Null, Position::default())),
        _ => serde_json::from_str(text)
            .map(convert)
            .map_err(|_| NodeError::new(Position::default(), "no YAML")),
    }
}

fn policy(case: &Case) -> Policy {
    let global = case.global.iter().map(|entry| GlobalSubscription {
        destinations: entry.recipients.iter().map(|text| recipient(text)).collect(),
        triggers: entry.triggers.clone(),
        selector: Selector::parse(&entry.selector).unwrap(),
    });
    Policy {
        global: global.collect(),
        default_triggers: case.defaults.clone(),
        default_triggers_by_service: case.service_defaults.clone(),
        ..Policy::default()
    }
}

fn object(case: &Case) -> Object {
    let metadata = serde_json::json!({"name": "o", "labels": case.labels, "annotations": case.annotations});
    Object::parse(Bytes::from(serde_json::json!({ "metadata": metadata }).to_string()), Numbers::Kubernetes)
        .unwrap()
}

#[test]
fn subscriptions_are_found_in_order_and_once() {
    for line in include_str!("../../../tests/engine/subscriptions.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let (policy, object) = (policy(&case), object(&case));
        let project: Vec<(String, String)> = case.project.clone().into_iter().collect();
        let prefix = case.prefix.as_deref().unwrap_or("notifications.argoproj.io");
        let reading = Reading { prefix, legacy: case.legacy, yaml: json_node };
        let mut reports = Vec::new();
        let found = destinations(&object, &policy, &[&project], reading, &mut reports);
        let shown: BTreeMap<String, Vec<String>> = found
            .iter()
            .map(|(trigger, list)| {
                (
                    trigger.to_string(),
                    list.iter().map(|to| format!("{} {}", to.service, to.recipient)).collect(),
                )
            })
            .collect();
        assert_eq!(shown, case.want, "{}", case.name);
        assert_eq!(
            reports.iter().map(ToString::to_string).collect::<Vec<_>>(),
            case.reports,
            "{}",
            case.name
        );
        let may =
            may_be_subscribed(&object, &policy, prefix, case.legacy) || is_annotated(&project, prefix, true);
        assert!(may || found.is_empty(), "{}: the pre-check misses it", case.name);
    }
}

#[test]
fn unsubscribed_objects_are_recognised_by_their_keys() {
    let case = |annotations: &[(&str, &str)]| Case {
        annotations: annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..serde_json::from_str(r#"{"name":"","want":{}}"#).unwrap()
    };
    let prefix = "notifications.argoproj.io";
    for (key, may) in [
        ("notifications.argoproj.io/subscribe.a.b", true),
        ("notifications.argoproj.io/subscriptions", true),
        ("notifications.argoproj.io/subscriptionsX", true),
        ("notifications.argoproj.io/subscribe", false),
        ("notifications.argoproj.io/subscribeX.a", false),
        ("notifications.argoproj.ioX/subscribe.a.b", false),
        ("other/subscribe.a.b", false),
        ("notified.notifications.argoproj.io", false),
        ("on-x.recipients.argocd-notifications.argoproj.io", false),
    ] {
        assert_eq!(
            may_be_subscribed(&object(&case(&[(key, "x")])), &Policy::default(), prefix, false),
            may,
            "{key}"
        );
    }
    let legacy = case(&[("on-x.recipients.argocd-notifications.argoproj.io", "slack:x")]);
    assert!(may_be_subscribed(&object(&legacy), &Policy::default(), prefix, true));
}

#[test]
fn a_hundred_thousand_recipients_stop_nobody() {
    let mut recipients: Vec<String> = (0..100_000).map(|index| (index % 60_000).to_string()).collect();
    recipients.push("last".into());
    let value = recipients.join(";");
    let case = Case {
        annotations: [("notifications.argoproj.io/subscribe.on.a".to_owned(), value)].into(),
        ..serde_json::from_str(r#"{"name":"","want":{}}"#).unwrap()
    };
    let reading = Reading { prefix: "notifications.argoproj.io", legacy: false, yaml: json_node };
    let found = destinations(&object(&case), &Policy::default(), &[], reading, &mut Vec::new());
    assert_eq!(found.iter().next().map(|(_, list)| list.len()), Some(60_001));
}
