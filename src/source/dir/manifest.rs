//! The text of a manifest file becomes objects in JSON.

use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::config::yaml;
use crate::model::{ObjectKey, Position};

/// One object of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Manifest {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) key: ObjectKey,
    /// The whole object; `metadata.namespace` is filled in.
    pub(super) body: Value,
    /// Of the whole object.
    pub(super) digest: [u8; 20],
}

/// Why a file cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: Position,
    pub(super) message: String,
}

/// Reads all documents. Those that are no objects of Kubernetes (no `apiVersion` and `kind`) are left out: folders have other files too.
/// Objects without a namespace are in `namespace`, as with `kubectl apply`.
pub(super) fn read(text: &str, namespace: &str) -> Result<Vec<Manifest>, Problem> {
    let mut manifests = Vec::new();
    for (first_line, document) in yaml::documents(text) {
        let node = yaml::parse_node(document).map_err(|error| Problem {
            at: Position { line: error.at.line + first_line, column: error.at.column },
            message: error.message,
        })?;
        let at = Position { line: node.at.line.max(1) + first_line, column: node.at.column };
        let problem = |message: String| Problem { at, message };
        add(node.to_json(), namespace, &mut manifests).map_err(problem)?;
    }
    Ok(manifests)
}

fn add(mut body: Value, namespace: &str, manifests: &mut Vec<Manifest>) -> Result<(), String> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else { return Ok(()) };
    if kind == "List" && api_version == "v1" {
        let items = body.get_mut("items").map(Value::take);
        for item in items.as_ref().and_then(Value::as_array).into_iter().flatten() {
            // A list inside a list is no manifest that anybody writes; it would be the only recursion here.
            if item.get("kind").and_then(Value::as_str) != Some("List") {
                add(item.clone(), namespace, manifests)?;
            }
        }
        return Ok(());
    }
    let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Err(format!("the {kind} has no `metadata`; it needs at least a name"));
    };
    let Some(name) =
        metadata.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
    else {
        return Err(format!("the {kind} has no `metadata.name`, or it is no text"));
    };
    let unplaced = metadata.get("namespace").and_then(Value::as_str).is_none_or(str::is_empty);
    if unplaced && !namespace.is_empty() {
        metadata.insert("namespace".into(), namespace.into());
    }
    let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let key = ObjectKey::new(namespace, name);
    let digest = Sha1::digest(body.to_string()).into();
    manifests.push(Manifest { api_version, kind, key, body, digest });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        read(text, "default")
            .unwrap()
            .iter()
            .map(|manifest| format!("{} {}", manifest.kind, manifest.key))
            .collect()
    }

    #[test]
    fn a_file_may_have_several_documents() {
        let text = "# a comment\n---\napiVersion: v1\nkind: A\nmetadata: {name: a}\n--- # next\napiVersion: v1\nkind: B\nmetadata:\n  name: b\n  namespace: x\n---\n---\nvalues: 1\n";
        assert_eq!(keys(text), ["A default/a", "B x/b"]);
        assert_eq!(keys(""), Vec::<String>::new());
        assert_eq!(keys("---\n"), Vec::<String>::new());
    }

    #[test]
    fn a_list_is_its_items() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}}\n- {apiVersion: v1, kind: A, metadata: {name: b}}\n";
        assert_eq!(keys(text), ["A default/a", "A default/b"]);
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        let text = "apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\napiVersion: v1\nkind: [\n";
        assert!(read(text, "").unwrap_err().at.line >= 6, "{:?}", read(text, ""));
        let nameless = "---\napiVersion: v1\nkind: A\nmetadata: {}\n";
        let problem = read(nameless, "").unwrap_err();
        assert_eq!(
            (problem.at.line, problem.message.as_str()),
            (2, "the A has no `metadata.name`, or it is no text")
        );
    }

    #[test]
    fn json_is_yaml_too() {
        assert_eq!(
            keys("{\"apiVersion\": \"v1\", \"kind\": \"A\", \"metadata\": {\"name\": \"a\"}}"),
            ["A default/a"]
        );
    }
}
