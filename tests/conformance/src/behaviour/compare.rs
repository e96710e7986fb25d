//! What came of a step, held against what has to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What came of a step.
pub(crate) struct Came<'a> {
    pub(crate) deliveries: Vec<Value>,
    pub(crate) patched: bool,
    /// Watched objects by `namespace/name`.
    pub(crate) objects: BTreeMap<String, Value>,
    pub(crate) annotation: &'a str,
}

/// The differences.
pub(crate) fn compare(expected: &Value, came: &Came<'_>) -> Vec<String> {
    let mut differences = deliveries(expected, &came.deliveries);
    if let Some(patched) = expected["patched"].as_bool()
        && patched != came.patched
    {
        differences.push(format!("patched: wanted {patched}, got {}", came.patched));
    }
    for (name, wanted) in expected["notified"].as_object().into_iter().flatten() {
        let found = annotation(came, name)
            .map(|text| serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into()));
        if found.clone().unwrap_or(Value::Null) != *wanted {
            differences
                .push(format!("state of {name}: wanted {wanted}, got {}", found.unwrap_or(Value::Null)));
        }
    }
    for (name, wanted) in expected["notified_raw"].as_object().into_iter().flatten() {
        let found = annotation(came, name);
        if found != wanted.as_str() {
            differences.push(format!("state of {name} as text: wanted {wanted}, got {found:?}"));
        }
    }
    differences
}

fn annotation<'a>(came: &'a Came<'_>, name: &str) -> Option<&'a str> {
    came.objects.get(name)?["metadata"]["annotations"][came.annotation].as_str()
}

/// Those that were accepted as a multiset; the others at least once each.
fn deliveries(expected: &Value, came: &[Value]) -> Vec<String> {
    let wanted: Vec<Value> = expected["deliveries"].as_array().into_iter().flatten().map(essence).collect();
    let mut left: Vec<Value> = came.iter().map(essence).collect();
    let mut differences = Vec::new();
    for one in &wanted {
        match left.iter().position(|other| other == one) {
            Some(index) => drop(left.remove(index)),
            // Refused requests may be fewer than the original's: it tries some of them a second time at once.
            None if !is_accepted(one) && came.iter().any(|other| essence(other) == *one) => {}
            None => differences.push(format!("not delivered: {one}")),
        }
    }
    left.retain(|one| is_accepted(one) || !wanted.contains(one));
    differences.extend(left.iter().map(|one| format!("not wanted: {one}")));
    differences
}

fn is_accepted(delivery: &Value) -> bool {
    delivery["answer"].as_u64().is_some_and(|status| (200..300).contains(&status))
}

/// What is compared of a delivery: which destination was meant shows in path and body.
fn essence(delivery: &Value) -> Value {
    let headers: Map<String, Value> = delivery["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_lowercase(), value.clone()))
        .collect();
    let body = delivery["body"].as_str().unwrap_or_default();
    serde_json::json!({"method": delivery["method"], "path": delivery["path"], "body": body, "headers": headers, "answer": delivery["answer"]})
}
