//! Any kind by a file (`--binding FILE`, design 4).

use std::sync::Arc;
use std::time::Duration;

use dodona_value::{Scope, Str, Value};

use super::func::{strings, time};
use super::{Binding, DEFAULT_PREFIX, Facts};
use crate::model::{Fields, Node, NodeError, Object, ObjectError, Resource};

/// A binding that was described in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct GenericBinding {
    name: String,
    resource: Resource,
    variable: String,
    config_map: String,
    secret: String,
    prefix: String,
    namespaces: Vec<String>,
    label_selector: String,
    resync: Duration,
    deletions: bool,
}

/// The fields of a binding file, for the error about an unknown one.
const FIELDS: &[&str] = &[
    "name",
    "resource",
    "variable",
    "configMap",
    "secret",
    "prefix",
    "namespaces",
    "labelSelector",
    "resync",
    "deletions",
];

/// The fields of `resource`.
const RESOURCE_FIELDS: &[&str] = &["group", "version", "plural", "kind"];

/// Variables that every evaluation has, so that no object can be called like one of them.
const TAKEN: &[&str] =
    &["secrets", "context", "time", "strings", "serviceType", "recipient", "deleted", "true", "false", "nil"];

impl GenericBinding {
    /// Reads a binding file. Unlike the configuration of upstream, an unknown field is an error here: a typo in a binding
    /// must not watch the wrong thing in silence.
    pub fn from_node(file: &Node) -> Result<Self, NodeError> {
        let fields = file.fields()?;
        refuse_unknown(&fields, FIELDS, "a binding")?;
        let required = |name: &str, example: &str| -> Result<String, NodeError> {
            let text = fields.text(name)?;
            if text.is_empty() {
                return Err(fields.error(name, format!("`{name}` is missing: add `{name}: {example}`")));
            }
            Ok(text)
        };
        let name = required("name", "cert")?;
        if !is_label(&name) {
            let message = format!("`{name}` cannot be a name: use small letters, digits and `-`");
            return Err(fields.error("name", message));
        }
        if matches!(name.as_str(), "app" | "rollout") {
            let message = format!("`{name}` is the name of a built-in binding: choose another one");
            return Err(fields.error("name", message));
        }
        let resource = resource(&fields)?;
        let variable = required("variable", if is_identifier(&name) { &name } else { "object" })?;
        check_variable(&fields, &variable)?;
        let prefix = fields.text("prefix")?;
        if !prefix.is_empty() && !is_subdomain(&prefix) {
            let message = format!(
                "`{prefix}` cannot be a prefix of annotations: write it like `notifications.argoproj.io`"
            );
            return Err(fields.error("prefix", message));
        }
        let config_map = required("configMap", &format!("{name}-notifications-cm"))?;
        let secret = required("secret", &format!("{name}-notifications-secret"))?;
        for (field, value) in [("configMap", &config_map), ("secret", &secret)] {
            if !is_subdomain(value) {
                let message = format!(
                    "`{value}` cannot be the name of an object: use small letters, digits, `-` and `.`"
                );
                return Err(fields.error(field, message));
            }
        }
        Ok(Self {
            config_map,
            secret,
            prefix: if prefix.is_empty() { DEFAULT_PREFIX.into() } else { prefix },
            namespaces: namespaces(&fields)?,
            label_selector: fields.text("labelSelector")?,
            resync: resync(&fields)?,
            deletions: fields.bool("deletions")?,
            name,
            resource,
            variable,
        })
    }
}

fn refuse_unknown(fields: &Fields<'_>, known: &[&str], what: &str) -> Result<(), NodeError> {
    for (key, _) in fields.iter() {
        if !known.iter().any(|known| known.eq_ignore_ascii_case(&key.text)) {
            let message = format!("unknown field `{}`; {what} has {}", key.text, known.join(", "));
            return Err(NodeError::new(key.at, message).inside(&key.text));
        }
    }
    Ok(())
}

fn check_variable(fields: &Fields<'_>, variable: &str) -> Result<(), NodeError> {
    if !is_identifier(variable) {
        let message = format!(
            "`{variable}` cannot be a variable: use letters, digits and `_`, and begin with a letter"
        );
        return Err(fields.error("variable", message));
    }
    if TAKEN.contains(&variable) {
        let message =
            format!("`{variable}` is there already and means something else: choose another variable");
        return Err(fields.error("variable", message));
    }
    Ok(())
}

fn namespaces(fields: &Fields<'_>) -> Result<Vec<String>, NodeError> {
    let namespaces = fields.text_list("namespaces")?;
    for (index, namespace) in namespaces.iter().enumerate() {
        if !is_label(namespace) {
            let message =
                format!("`{namespace}` cannot be a namespace; leave `namespaces` out to watch all of them");
            return Err(fields.error("namespaces", message).item(index));
        }
        if namespaces.iter().take(index).any(|former| former == namespace) {
            let message = format!("`{namespace}` is in the list twice, and would be watched twice");
            return Err(fields.error("namespaces", message).item(index));
        }
    }
    Ok(namespaces)
}

fn resync(fields: &Fields<'_>) -> Result<Duration, NodeError> {
    let resync = fields.duration("resync")?.unwrap_or(Duration::from_mins(1));
    if resync < Duration::from_secs(1) {
        let message = "at least `1s`: conditions that read the clock are evaluated this often";
        return Err(fields.error("resync", message));
    }
    Ok(resync)
}

fn resource(file: &Fields<'_>) -> Result<Resource, NodeError> {
    let hint = "add `resource: {group: cert-manager.io, version: v1, plural: certificates}`";
    let node = file
        .get("resource")
        .ok_or_else(|| file.error("resource", format!("`resource` is missing: {hint}")))?;
    let parts = node.fields().map_err(|error| error.inside("resource"))?;
    let read = || -> Result<Resource, NodeError> {
        refuse_unknown(&parts, RESOURCE_FIELDS, "a resource")?;
        let (group, version) = (parts.text("group")?, parts.text("version")?);
        let (plural, kind) = (parts.text("plural")?, parts.text("kind")?);
        for (field, value) in [("version", &version), ("plural", &plural)] {
            if value.is_empty() {
                return Err(parts.error(field, format!("`resource.{field}` is missing: {hint}")));
            }
        }
        if plural.chars().any(char::is_uppercase) {
            let message = format!(
                "`{plural}` is a kind, not the plural of the URL; `kubectl api-resources` lists the plurals in the first column"
            );
            return Err(parts.error("plural", message));
        }
        if version.contains('/') {
            let message = format!("`{version}` has a group in it: write what is before the `/` as `group`");
            return Err(parts.error("version", message));
        }
        for (field, value) in [("version", &version), ("plural", &plural)] {
            if !is_label(value) {
                return Err(parts.error(field, format!("`{value}` cannot be a part of a URL")));
            }
        }
        if !group.is_empty() && !is_subdomain(&group) {
            let message = format!("`{group}` is no group; leave it out for the core kinds, such as pods");
            return Err(parts.error("group", message));
        }
        Ok(Resource::new(&group, &version, &plural, (!kind.is_empty()).then_some(kind.as_str())))
    };
    read().map_err(|error| error.inside("resource"))
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A label of a DNS name: names of namespaces, versions and plurals are such.
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS name: names of objects, groups and prefixes are such.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

impl Binding for GenericBinding {
    fn name(&self) -> &str {
        &self.name
    }

    fn resource(&self) -> &Resource {
        &self.resource
    }

    fn settings_names(&self) -> (&str, &str) {
        (&self.config_map, &self.secret)
    }

    fn annotation_prefix(&self) -> &str {
        &self.prefix
    }

    fn resync(&self) -> Duration {
        self.resync
    }

    fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    fn label_selector(&self) -> &str {
        &self.label_selector
    }

    fn tells_deletions(&self) -> bool {
        self.deletions
    }

    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError> {
        let mut variables = vec![
            (Str::copy(self.variable.as_bytes()), object.document()?.to_value()),
            (Str::from_static("secrets"), facts.secrets()),
            (Str::from_static("time"), time::time()),
            (Str::from_static("strings"), strings::strings()),
        ];
        if self.deletions {
            variables.push((Str::from_static("deleted"), Value::Bool(object.is_gone())));
        }
        variables.extend(facts.context_if_any());
        Ok(facts.finish(variables))
    }
}
