//! Expected and sent notifications: every expected one has to be found, and no other may be there.

use regex::RegexBuilder;
use serde_json::Value;

use super::file::{Expected, WIRE};
use super::stage::{Notification, Wire};

/// Words that make a mapping a comparison instead of fields.
const WORDS: &[&str] = &["equals", "contains", "matches", "not"];

/// The largest compiled pattern, in bytes.
const LARGEST: usize = 1 << 20;

/// What is not as expected.
pub(super) fn compare(expected: &[Expected], sent: &[Notification]) -> Vec<String> {
    let values: Vec<Value> = sent.iter().map(Notification::to_json).collect();
    let fits = |one: &Expected, index: usize| {
        sent.get(index)
            .zip(values.get(index))
            .is_some_and(|(sent, value)| mismatch(one, sent, value).is_none())
    };
    let mut taken: Vec<Option<usize>> = vec![None; sent.len()];
    let mut missing = Vec::new();
    for index in 0..expected.len() {
        let mut seen = vec![false; sent.len()];
        if !assign(index, expected, &fits, &mut taken, &mut seen) {
            missing.push(index);
        }
    }
    let free: Vec<usize> =
        (0..sent.len()).filter(|index| taken.get(*index).is_some_and(Option::is_none)).collect();
    let mut failures = Vec::new();
    for one in missing.iter().filter_map(|index| expected.get(*index)) {
        let reasons = free.iter().filter_map(|index| {
            let (sent, value) = (sent.get(*index)?, values.get(*index)?);
            Some(format!("\n    not {}: {}", line(sent), mismatch(one, sent, value)?))
        });
        failures.push(format!(
            "line {}: expected, and not sent: {}{}",
            one.line,
            describe(one),
            reasons.collect::<String>()
        ));
    }
    failures.extend(
        free.iter()
            .filter_map(|index| sent.get(*index))
            .map(|one| format!("sent, and not expected: {}", line(one))),
    );
    failures
}

/// Finds a notification for expectation `index`, and lets others that hold one look for another. Recurses at most once for
/// each notification.
fn assign(
    index: usize,
    expected: &[Expected],
    fits: &dyn Fn(&Expected, usize) -> bool,
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let Some(one) = expected.get(index) else { return false };
    for candidate in 0..taken.len() {
        let is_seen = seen.get(candidate).copied().unwrap_or(true);
        if is_seen || !fits(one, candidate) {
            continue;
        }
        if let Some(seen) = seen.get_mut(candidate) {
            *seen = true;
        }
        let holder = taken.get(candidate).copied().flatten();
        if holder.is_none_or(|holder| assign(holder, expected, fits, taken, seen)) {
            if let Some(place) = taken.get_mut(candidate) {
                *place = Some(index);
            }
            return true;
        }
    }
    false
}

/// Why a notification is not the expected one.
fn mismatch(expected: &Expected, sent: &Notification, value: &Value) -> Option<String> {
    if let Some(at) = expected.at.filter(|at| *at != sent.at) {
        return Some(format!(
            "at: expected {}, is {}",
            super::report::duration(at),
            super::report::duration(sent.at)
        ));
    }
    // A message that could not be composed is never what somebody wants who does not say so.
    if let (Err(error), false) = (&sent.message, expected.fields.iter().any(|(name, _)| name == "error")) {
        return Some(format!("it could not be sent: {error}"));
    }
    expected.fields.iter().find_map(|(name, wanted)| {
        if WIRE.contains(&name.as_str()) {
            return on_the_wire(name, wanted, sent.wire.as_ref());
        }
        let (name, actual) = match name.as_str() {
            "template" => ("template", sent.templates.first().map(|name| Value::from(name.as_str()))),
            name => (name, value.get(name).cloned()),
        };
        matches(wanted, actual.as_ref().unwrap_or(&Value::Null), name)
    })
}

/// Why what was sent is not what is wanted: one request among others, all of them, or the mail.
fn on_the_wire(name: &str, wanted: &Value, wire: Option<&Result<Wire, String>>) -> Option<String> {
    let wire = match wire {
        Some(Ok(wire)) => wire,
        Some(Err(error)) => return Some(format!("{name}: nothing was sent: {error}")),
        None => return Some(format!("{name}: nothing was sent")),
    };
    let wanted = with_small_headers(wanted);
    match name {
        "mail" => matches(&wanted, &wire.mail.as_deref().map_or(Value::Null, Value::from), name),
        "requests" => matches(&wanted, &Value::from(wire.requests.clone()), name),
        _ => {
            let mut reasons = wire.requests.iter().map(|request| matches(&wanted, request, name));
            let first = reasons.next().unwrap_or_else(|| Some(format!("{name}: no request was sent")))?;
            let others = wire.requests.len().saturating_sub(1);
            match reasons.any(|reason| reason.is_none()) {
                true => None,
                false if others == 0 => Some(first),
                false => Some(format!("{first} (and {others} more requests are not like that either)")),
            }
        }
    }
}

/// Names of headers in small letters, as they are sent, wherever a request is described.
fn with_small_headers(wanted: &Value) -> Value {
    match wanted {
        Value::Array(all) => all.iter().map(with_small_headers).collect(),
        Value::Object(fields) => {
            let small = |headers: &Value| match headers {
                Value::Object(headers) => {
                    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
                }
                other => other.clone(),
            };
            let pair = |(name, value): (&String, &Value)| {
                (name.clone(), if name == "headers" { small(value) } else { value.clone() })
            };
            fields.iter().map(pair).collect()
        }
        other => other.clone(),
    }
}

/// `None` if `actual` is as `wanted`, else why not. Recurses as deep as the test file, which the parser bounds.
fn matches(wanted: &Value, actual: &Value, path: &str) -> Option<String> {
    match wanted {
        Value::Object(fields)
            if !fields.is_empty() && fields.keys().all(|word| WORDS.contains(&word.as_str())) =>
        {
            fields.iter().find_map(|(word, wanted)| compare_by(word, wanted, actual, path))
        }
        Value::Object(_) | Value::Array(_) => {
            // Fields of JSON that a section holds as text are fields too.
            let parsed = actual.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            let actual =
                parsed.as_ref().filter(|value| value.is_object() || value.is_array()).unwrap_or(actual);
            match (wanted, actual) {
                (Value::Object(fields), Value::Object(_)) => fields.iter().find_map(|(name, wanted)| {
                    matches(wanted, actual.get(name).unwrap_or(&Value::Null), &format!("{path}.{name}"))
                }),
                (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
                    let pairs = wanted.iter().zip(items).enumerate();
                    pairs
                        .map(|(index, (wanted, item))| matches(wanted, item, &format!("{path}[{index}]")))
                        .find_map(|one| one)
                }
                (Value::Array(wanted), Value::Array(items)) => {
                    Some(format!("{path}: expected {} items, are {}", wanted.len(), items.len()))
                }
                _ => Some(format!("{path}: expected {}, is {}", short(wanted), short(actual))),
            }
        }
        _ => (text(wanted).trim_end() != text(actual).trim_end())
            .then(|| format!("{path}: expected {}, is {}", short(wanted), short(actual))),
    }
}

fn compare_by(word: &str, wanted: &Value, actual: &Value, path: &str) -> Option<String> {
    let found = text(actual);
    let fail = |verb: &str, wanted: &Value| {
        Some(format!("{path}: expected to {verb} {}, is {}", short(wanted), short(actual)))
    };
    match (word, wanted) {
        ("contains" | "matches", Value::Array(all)) => {
            all.iter().find_map(|wanted| compare_by(word, wanted, actual, path))
        }
        ("contains", _) => (!found.contains(&text(wanted))).then(|| fail("contain", wanted)).flatten(),
        ("matches", _) => match RegexBuilder::new(&text(wanted)).size_limit(LARGEST).build() {
            Ok(pattern) if pattern.is_match(&found) => None,
            Ok(_) => fail("match", wanted),
            Err(error) => Some(format!("{path}: {} is no regular expression: {error}", short(wanted))),
        },
        ("not", _) => matches(wanted, actual, path).is_none().then(|| fail("differ from", wanted)).flatten(),
        _ => matches(wanted, actual, path),
    }
}

/// A value as the text that people write for it; nothing is the empty text.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value in one line.
fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("`{}`", text.trim_end().replace('\n', "\\n")),
        other => other.to_string(),
    };
    if text.chars().count() > 200 { text.chars().take(200).chain(['…']).collect() } else { text }
}

fn describe(one: &Expected) -> String {
    let mut parts: Vec<String> =
        one.at.map(|at| format!("at {}", super::report::duration(at))).into_iter().collect();
    parts.extend(one.fields.iter().map(|(name, wanted)| format!("{name} {}", short(wanted))));
    parts.join(", ")
}

/// A notification in one line.
fn line(one: &Notification) -> String {
    let to = if one.recipient.is_empty() {
        one.service.clone()
    } else {
        format!("{}:{}", one.service, one.recipient)
    };
    let shown = match &one.message {
        Ok(message) => short(&Value::String(message.text.clone())),
        Err(error) => format!("error `{error}`"),
    };
    format!("{} {to} {} {shown}", super::report::duration(one.at), one.trigger)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comparisons() {
        let actual = json!({"text": "one\ntwo", "json": "[{\"a\": 1, \"b\": 2}]", "flag": true});
        for (wanted, fits) in [
            (json!({"text": "one\ntwo\n"}), true),
            (json!({"text": {"contains": ["one", "two"]}}), true),
            (json!({"text": {"contains": "three"}}), false),
            (json!({"text": {"matches": "^one"}}), true),
            (json!({"text": {"matches": "("}}), false),
            (json!({"text": {"not": {"contains": "three"}}}), true),
            (json!({"text": {"not": {"contains": "one"}}}), false),
            (json!({"json": [{"a": 1}]}), true),
            (json!({"json": [{"a": 2}]}), false),
            (json!({"json": []}), false),
            (json!({"flag": true}), true),
            (json!({"flag": {"equals": "true"}}), true),
            (json!({"absent": null}), true),
            (json!({"absent": "x"}), false),
        ] {
            let said = matches(&wanted, &actual, "x");
            assert_eq!(said.is_none(), fits, "{wanted}: {said:?}");
        }
    }
}
