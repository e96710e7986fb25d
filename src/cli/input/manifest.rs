//! The text of a manifest file becomes objects, each with the place where it stands.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::config::yaml;
use crate::model::{Secret, Secrets};

/// One object of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// API group; empty for the core group.
    pub(crate) group: String,
    /// `kind`.
    pub(crate) kind: String,
    /// `metadata.name`; empty where there is none.
    pub(crate) name: String,
    /// The whole object.
    pub(crate) body: Value,
}

/// Reads all documents of `text`: YAML, or JSON objects one behind the other. Empty ones are left out; each of the others
/// must be an object with a `kind`, wherever it stands (core 7.1.2).
pub(crate) fn read(text: &str) -> anyhow::Result<Vec<Manifest>> {
    let bodies = match json(text) {
        Some(bodies) => bodies,
        None => yaml_documents(text)?,
    };
    bodies.into_iter().filter(|body| !body.is_null()).map(manifest).collect()
}

/// The values of a text that is JSON all through.
fn json(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()
}

fn yaml_documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let read = |(before, document): (usize, &str)| {
        let node = yaml::parse_node(document).map_err(|error| {
            anyhow!("line {}, column {}: {}", error.at.line + before, error.at.column, error.message)
        })?;
        Ok(node.to_json())
    };
    yaml::documents(text).into_iter().map(read).collect()
}

/// An object, which must have a `kind`.
pub(crate) fn manifest(body: Value) -> anyhow::Result<Manifest> {
    if !body.is_object() {
        bail!("expected an object of Kubernetes, found something else; begin with `apiVersion` and `kind`");
    }
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(body.get("kind"));
    if kind.is_empty() {
        bail!("an object has no `kind`; every document of the file needs one");
    }
    let api_version = text(body.get("apiVersion"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let name = text(body.get("metadata").and_then(|metadata| metadata.get("name")));
    Ok(Manifest { group, kind, name, body })
}

/// The `data` of a ConfigMap. Unlike a cluster, a file may hold values that are no text; they are refused (core 7.1.2).
pub(super) fn config_map(body: &Value) -> anyhow::Result<BTreeMap<String, String>> {
    texts(body, "data")
}

/// The `data` of a Secret, decoded, with `stringData` over it (core 1.1.1).
pub(super) fn secret(body: &Value) -> anyhow::Result<Secrets> {
    let mut secrets = Secrets::new();
    for (key, text) in texts(body, "data")? {
        let packed: String = text.split(['\r', '\n']).collect();
        let bytes = STANDARD
            .decode(packed)
            .map_err(|_| anyhow!("`data.{key}` is not base64; use `stringData` for plain text"))?;
        secrets.insert(key, Secret::new(bytes));
    }
    for (key, text) in texts(body, "stringData")? {
        secrets.insert(key, Secret::from(text.as_str()));
    }
    Ok(secrets)
}

fn texts(body: &Value, field: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let map = match body.get(field) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(_) => bail!("`{field}` is no mapping; write `key: value` lines under it"),
    };
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), text.clone())),
        Value::Null => Ok((key.clone(), String::new())),
        _ => Err(anyhow!("the value is no text; quote it, or begin it with `|`"))
            .context(format!("`{field}.{key}`")),
    };
    map.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        read(text)
            .unwrap()
            .into_iter()
            .map(|one| format!("{} {} {}", one.group, one.kind, one.name))
            .collect()
    }

    #[test]
    fn documents_of_both_notations() {
        assert_eq!(
            names("# first\n---\nkind: A\nmetadata: {name: a}\n---\n---\nkind: B\napiVersion: x.y/v1\n"),
            [" A a", "x.y B "]
        );
        assert_eq!(names("{\"kind\": \"A\"}\n{\"kind\": \"B\"}"), [" A ", " B "]);
        assert_eq!(names("{kind: A}\n"), [" A "]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn every_document_must_be_an_object_with_a_kind() {
        for (text, says) in [
            ("kind: A\n---\na: [\n", "line 3"),
            ("just text", "found something else"),
            ("metadata: {name: a}", "no `kind`"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn texts_over_data() {
        let body = serde_json::json!({"data": {"a": "YQ==", "b": "Yg=="}, "stringData": {"b": "plain"}});
        let secrets = secret(&body).unwrap();
        assert_eq!(secrets["a"].expose(), b"a");
        assert_eq!(secrets["b"].expose(), b"plain");
        assert!(config_map(&serde_json::json!({"data": {"a": 1}})).is_err());
        assert!(config_map(&serde_json::json!({"data": []})).is_err());
        assert!(secret(&serde_json::json!({"data": {"a": "not base64!"}})).is_err());
    }
}
