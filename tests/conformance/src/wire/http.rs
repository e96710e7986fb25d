//! Requests that arrived against requests that should have.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use dodona_recorder::http::Recorded;
use serde_json::Value;

use super::proof::Proof;
use super::scene::{Scene, Seen};
use super::vector::{Exchange, Request, Vector};
use super::{compare, marker};

/// Differences of the requests of one send.
pub(crate) fn compare(expected: &[Exchange], seen: &Seen, vector: &Vector, scene: &Scene) -> Vec<String> {
    let mut differences = Vec::new();
    let mut former: Option<&Recorded> = None;
    for (index, (exchange, met)) in expected.iter().zip(&seen.met).enumerate() {
        let place = format!("request {}", index + 1);
        let Some(actual) = met else {
            if !exchange.optional {
                differences.push(format!(
                    "{place}: {} {} did not arrive",
                    exchange.request.method, exchange.request.path
                ));
            }
            continue;
        };
        one(&place, &exchange.request, actual, vector, scene, &mut differences);
        if let (Some(wait), Some(former)) = (exchange.wait_ms, former) {
            let waited = actual.at.duration_since(former.at).as_millis();
            if waited * 10 < u128::from(wait) * 9 {
                differences.push(format!("{place}: came after {waited} ms, expected at least {wait} ms"));
            }
        }
        former = Some(actual);
    }
    for request in &seen.surplus {
        differences.push(format!("surplus request: {}", request.text().replace('\n', "\\n")));
    }
    differences
}

fn one(
    place: &str,
    expected: &Request,
    actual: &Recorded,
    vector: &Vector,
    scene: &Scene,
    differences: &mut Vec<String>,
) {
    let mut check = |what: &str, expected: &str, actual: Option<&str>| {
        differences.extend(marker::compare(&format!("{place} {what}"), expected, actual));
    };
    let (path, query) = actual.target.split_once('?').unwrap_or((&actual.target, ""));
    check("method", &expected.method, Some(&actual.method));
    let host = actual.header("host").unwrap_or_default();
    if vector.overriding.is_none() {
        check("scheme", &expected.scheme, Some(actual.scheme));
        check("host", &expected.host, Some(host));
    }
    if has_prefix(vector) && scene.is_recorder(host) && path.ends_with(&expected.path) {
        // Only the API's own part of the path is compared.
    } else {
        check("path", &expected.path, Some(path));
    }
    let (request, proof) = (actual, Proof::new(vector));
    for (name, value) in expected.headers.iter().flatten() {
        let actual = header(actual, name);
        if name == "content-type" && !marker::is_one(value) {
            content_type(place, value, actual.as_deref(), differences);
        } else {
            differences.extend(marker::compare(&format!("{place} header {name}"), value, actual.as_deref()));
            let wrong = actual.as_deref().and_then(|value_there| proof.check(value, value_there, request));
            differences.extend(wrong.map(|wrong| format!("{place} header {name}: {wrong}")));
        }
    }
    let query = form(query.as_bytes());
    fields(
        &format!("{place} query"),
        expected.query.as_ref().unwrap_or(&BTreeMap::new()),
        &query,
        "",
        differences,
    );
    body(place, expected, actual, &vector.service, differences);
}

/// Whether the override names a base URL with a path of its own.
fn has_prefix(vector: &Vector) -> bool {
    let names = ["enterpriseBaseURL", "endpointUrl"];
    vector.overriding.iter().flatten().any(|(name, _)| names.contains(&name.as_str()))
}

fn header(request: &Recorded, name: &str) -> Option<String> {
    let values: Vec<&str> = request
        .headers
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// Media type and, where given, charset, without case.
fn content_type(place: &str, expected: &str, actual: Option<&str>, differences: &mut Vec<String>) {
    let parts = |text: &str| {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media = parts.next().unwrap_or_default();
        let charset = parts
            .find_map(|part| part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned()));
        (media, charset)
    };
    let (wanted, found) = (parts(expected), actual.map(parts));
    let good = found
        .as_ref()
        .is_some_and(|found| wanted.0 == found.0 && (wanted.1.is_none() || wanted.1 == found.1));
    if !good {
        differences.push(format!("{place} header content-type: expected {expected:?}, got {actual:?}"));
    }
}

fn body(place: &str, expected: &Request, actual: &Recorded, service: &str, differences: &mut Vec<String>) {
    let place = format!("{place} body");
    if let Some(wanted) = expected.body_json.as_ref().filter(|body| !body.is_null()) {
        match serde_json::from_slice::<Value>(&actual.body) {
            Ok(found) => compare::json(&place, wanted, Some(&found), differences),
            Err(error) => {
                let text = String::from_utf8_lossy(&actual.body);
                differences.push(format!("{place}: expected JSON, got {text:?}: {error}"));
            }
        }
    } else if let Some(wanted) = &expected.body_form {
        fields(&place, wanted, &form(&actual.body), service, differences);
    } else if let Some(wanted) = &expected.body_b64 {
        let wanted = base64::engine::general_purpose::STANDARD.decode(wanted).unwrap_or_default();
        if wanted != actual.body {
            differences.push(format!("{place}: expected the bytes {wanted:?}, got {:?}", actual.body));
        }
    } else {
        let wanted = expected.body_text.as_deref().unwrap_or_default();
        let found = String::from_utf8_lossy(&actual.body);
        let found = if wanted.is_empty() && found.trim() == "null" { "" } else { found.as_ref() };
        differences.extend(marker::compare(&place, wanted, Some(found)));
    }
}

/// A form or query, decoded: values by name, in order.
fn form(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    fields
}

fn fields(
    place: &str,
    expected: &BTreeMap<String, Vec<String>>,
    actual: &BTreeMap<String, Vec<String>>,
    service: &str,
    differences: &mut Vec<String>,
) {
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for name in names {
        let place = format!("{place} {name}");
        let (wanted, found) = (expected.get(name), actual.get(name));
        let longest = wanted.map_or(0, Vec::len).max(found.map_or(0, Vec::len));
        for index in 0..longest {
            let wanted = wanted.and_then(|values| values.get(index)).map(String::as_str);
            let found = found.and_then(|values| values.get(index)).map(String::as_str);
            match wanted {
                None => differences.push(format!("{place}: expected nothing, got {found:?}")),
                Some(wanted) => match as_json(service, name, wanted, found) {
                    Some((wanted, found)) => compare::json(&place, &wanted, Some(&found), differences),
                    None => differences.extend(marker::compare(&place, wanted, found)),
                },
            }
        }
    }
}

/// Slack's `attachments` and `blocks` hold JSON.
fn as_json(service: &str, name: &str, wanted: &str, found: Option<&str>) -> Option<(Value, Value)> {
    if service != "slack" || !matches!(name, "attachments" | "blocks") {
        return None;
    }
    Some((serde_json::from_str(wanted).ok()?, serde_json::from_str(found?).ok()?))
}
