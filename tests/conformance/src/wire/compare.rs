//! What must be equal: results, JSON, YAML.

use serde_json::Value;

use super::marker;
use super::product::Refused;
use super::vector::Step;

/// Differences of the result.
pub(crate) fn result(step: &Step, result: &Result<(), Refused>) -> Vec<String> {
    let expected = step.expected_result();
    match (expected, result) {
        ("any", _) | ("ok", Ok(())) => Vec::new(),
        ("ok", Err(refused)) => {
            vec![format!("result: expected ok, got {} error: {}", refused.class, refused.text)]
        }
        (_, Ok(())) => vec![format!("result: expected an error ({expected}), got ok")],
        (_, Err(refused)) => error(step, refused),
    }
}

fn error(step: &Step, refused: &Refused) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(class) = step.expected_class().filter(|class| *class != "any" && *class != refused.class) {
        differences.push(format!("class: expected {class}, got {}: {}", refused.class, refused.text));
    }
    for text in step.expected_texts() {
        if !refused.text.contains(text.as_str()) {
            differences.push(format!("error: expected {text:?} in {:?}", refused.text));
        }
    }
    differences
}

/// Differences of two JSON values by meaning: `null` equals a missing member, numbers count by value.
pub(crate) fn json(place: &str, expected: &Value, actual: Option<&Value>, differences: &mut Vec<String>) {
    let actual = actual.filter(|value| !value.is_null());
    match (expected, actual) {
        (Value::Null, None) => {}
        (Value::String(text), actual) if marker::is_one(text) => {
            let shown =
                actual.map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
            differences.extend(marker::compare(place, text, shown.as_deref()));
        }
        (Value::Object(expected), Some(Value::Object(actual))) => {
            let surplus = actual.keys().filter(|key| !expected.contains_key(*key));
            let keys: Vec<&String> = expected.keys().chain(surplus).collect();
            for key in keys {
                let expected = expected.get(key).unwrap_or(&Value::Null);
                json(&format!("{place}.{key}"), expected, actual.get(key), differences);
            }
        }
        (Value::Array(expected), Some(Value::Array(actual))) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                json(&format!("{place}[{index}]"), expected, Some(actual), differences);
            }
        }
        (Value::Number(one), Some(Value::Number(other))) if same_number(one, other) => {}
        (Value::String(text), Some(Value::String(actual))) => {
            differences.extend(marker::compare(place, text, Some(actual)));
        }
        (expected, Some(actual)) if expected == actual => {}
        (expected, actual) => {
            let actual = actual.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            differences.push(format!("{place}: expected {expected}, got {actual}"));
        }
    }
}

fn same_number(one: &serde_json::Number, other: &serde_json::Number) -> bool {
    match (one.as_i64(), other.as_i64(), one.as_u64(), other.as_u64()) {
        (Some(one), Some(other), _, _) => one == other,
        (_, _, Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

/// Differences of two YAML texts by meaning.
pub(crate) fn yaml(expected: &str, actual: &str) -> Vec<String> {
    let mut differences = Vec::new();
    match (read(expected), read(actual)) {
        (Ok(wanted), Ok(found)) => json("stdout", &wanted, Some(&found), &mut differences),
        (Err(error), _) => differences.push(format!("the vector's YAML: {error}")),
        (_, Err(error)) => differences.push(format!("stdout is no YAML: {error}\n{actual}")),
    }
    differences
}

fn read(text: &str) -> Result<Value, String> {
    let node = dodona::config::yaml::parse_node(text).map_err(|error| error.to_string())?;
    Ok(value(&node))
}

fn value(node: &dodona::model::Node) -> Value {
    use dodona::model::NodeKind;
    match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(flag) => (*flag).into(),
        NodeKind::Int(number) => (*number).into(),
        NodeKind::Uint(number) => (*number).into(),
        NodeKind::Float(number) => (*number).into(),
        NodeKind::Text(text) => text.as_str().into(),
        NodeKind::List(items) => items.iter().map(value).collect(),
        NodeKind::Map(pairs) => {
            Value::Object(pairs.iter().map(|(key, node)| (key.text.clone(), value(node))).collect())
        }
    }
}
