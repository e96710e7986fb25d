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
    let bodies = match json(text)? {
        Some(bodies) => bodies,
        None => yaml_documents(text)?,
    };
    bodies.into_iter().filter(|body| !body.is_null()).map(manifest).collect()
}

/// The values of a text that is JSON all through; `None` if it is YAML. Nothing may hide behind a JSON object.
fn json(text: &str) -> anyhow::Result<Option<Vec<Value>>> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter();
    let mut values = Vec::new();
    while let Some(value) = stream.next() {
        match value {
            Ok(value) => values.push(value),
            Err(_) if values.is_empty() => return Ok(None),
            Err(error) => {
                let rest = text.get(stream.byte_offset()..).unwrap_or_default().trim_start();
                if rest.starts_with("---") {
                    return Ok(None);
                }
                bail!("what follows the JSON object is no JSON: {error}");
            }
        }
    }
    Ok(Some(values))
}

fn yaml_documents(text: &str) -> anyhow::Result<Vec<Value>> {
    let read = |(before, document): (usize, &str)| {
        let parsed = yaml::parse_file(document).map_err(|error| {
            anyhow!("line {}, column {}: {}", error.at.line + before, error.at.column, error.message)
        })?;
        Ok(parsed.node.to_json())
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
    if api_version.matches('/').count() > 1 {
        bail!("`apiVersion: {api_version}` is none; write `group/version`, or `v1`");
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let name = text(body.get("metadata").and_then(|metadata| metadata.get("name")));
    Ok(Manifest { group, kind, name, body })
}

/// The `data` of a ConfigMap. Unlike a cluster, a file may hold values that are no text; they are refused (core 7.1.2).
pub(super) fn config_map(body: &Value) -> anyhow::Result<BTreeMap<String, String>> {
    well_typed(body)?;
    for (key, text) in texts(body, "binaryData")? {
        decoded(&text).ok_or_else(|| anyhow!("`binaryData.{key}` is not base64"))?;
    }
    texts(body, "data")
}

/// The `data` of a Secret, decoded, with `stringData` over it (core 1.1.1).
pub(super) fn secret(body: &Value) -> anyhow::Result<Secrets> {
    well_typed(body)?;
    let mut secrets = Secrets::new();
    for (key, text) in texts(body, "data")? {
        let bytes = decoded(&text)
            .ok_or_else(|| anyhow!("`data.{key}` is not base64; use `stringData` for plain text"))?;
        secrets.insert(key, Secret::new(bytes));
    }
    for (key, text) in texts(body, "stringData")? {
        secrets.insert(key, Secret::from(text.as_str()));
    }
    Ok(secrets)
}

/// Base64, in lines as `base64` writes them.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.split(['\r', '\n']).collect();
    STANDARD.decode(packed).ok()
}

/// What a cluster would refuse of a ConfigMap or a Secret besides its data: values without quotes that are no text to YAML.
fn well_typed(body: &Value) -> anyhow::Result<()> {
    let text = |object: &Value, name: &str, path: &str| match object.get(name) {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(anyhow!("`{path}{name}` is no text; quote its value")),
    };
    for name in ["apiVersion", "type"] {
        text(body, name, "")?;
    }
    if !matches!(body.get("immutable"), None | Some(Value::Null | Value::Bool(_))) {
        bail!("`immutable` is neither true nor false; write it without quotes");
    }
    let metadata = match body.get("metadata") {
        None | Some(Value::Null) => return Ok(()),
        Some(metadata) if metadata.is_object() => metadata,
        Some(_) => bail!("`metadata` is no mapping; write `name: …` under it"),
    };
    for name in
        ["name", "generateName", "namespace", "uid", "resourceVersion", "selfLink", "creationTimestamp"]
    {
        text(metadata, name, "metadata.")?;
    }
    if !matches!(metadata.get("generation"), None | Some(Value::Null | Value::Number(_))) {
        bail!("`metadata.generation` is no number");
    }
    for name in ["labels", "annotations"] {
        texts(metadata, name).context("`metadata`")?;
    }
    Ok(())
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
        assert_eq!(names("{\"kind\": \"A\"}\n---\nkind: B\n"), [" A ", " B "]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn every_document_must_be_an_object_with_a_kind() {
        for (text, says) in [
            ("kind: A\n---\na: [\n", "line 3"),
            ("just text", "found something else"),
            ("metadata: {name: a}", "no `kind`"),
            ("{\"kind\": \"A\"} more", "follows the JSON object"),
            ("kind: A\napiVersion: a/b/c\n", "`group/version`"),
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

    #[test]
    fn what_a_cluster_refuses_is_refused() {
        for body in [
            serde_json::json!({"metadata": {"labels": {"version": 1.4}}}),
            serde_json::json!({"metadata": {"annotations": ["a"]}}),
            serde_json::json!({"metadata": {"resourceVersion": 5}}),
            serde_json::json!({"metadata": "argocd-notifications-cm"}),
            serde_json::json!({"immutable": "yes"}),
            serde_json::json!({"binaryData": {"a": "!"}}),
            serde_json::json!({"apiVersion": 1}),
        ] {
            assert!(config_map(&body).is_err(), "{body}");
        }
        let fine = serde_json::json!({"metadata": {"labels": null, "generation": 3}, "immutable": true});
        assert!(config_map(&fine).is_ok());
        assert!(secret(&serde_json::json!({"type": 5})).is_err());
    }
}
