//! Any kind by a file (`--binding FILE`, design 4).

use std::sync::Arc;
use std::time::Duration;

use dodona_value::{Scope, Str};

use super::func::{strings, time};
use super::{Binding, DEFAULT_PREFIX, Facts};
use crate::model::{Node, NodeError, Object, ObjectError, Resource};

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
}

/// The fields of a binding file, for the error about an unknown one.
const FIELDS: [&str; 9] = [
    "name",
    "resource",
    "variable",
    "configMap",
    "secret",
    "prefix",
    "namespaces",
    "labelSelector",
    "resync",
];

impl GenericBinding {
    /// Reads a binding file. Unlike the configuration of upstream, an unknown field is an error here: a typo in a binding
    /// must not watch the wrong thing in silence.
    pub fn from_node(file: &Node) -> Result<Self, NodeError> {
        let fields = file.fields()?;
        for (key, _) in fields.iter() {
            if !FIELDS.iter().any(|known| known.eq_ignore_ascii_case(&key.text)) {
                let message = format!("unknown field `{}`; a binding has {}", key.text, FIELDS.join(", "));
                return Err(NodeError::new(key.at, message).inside(&key.text));
            }
        }
        let required = |name: &str, example: &str| -> Result<String, NodeError> {
            let text = fields.text(name)?;
            if text.is_empty() {
                let message = format!("`{name}` is missing: add `{name}: {example}`");
                return Err(NodeError::new(file.at, message).inside(name));
            }
            Ok(text)
        };
        let name = required("name", "cert")?;
        let resource = resource(file)?;
        let variable = required("variable", &name)?;
        if !is_identifier(&variable) {
            let at = fields.get("variable").map_or(file.at, |node| node.at);
            let message = format!(
                "`{variable}` cannot be a variable: use letters, digits and `_`, and begin with a letter"
            );
            return Err(NodeError::new(at, message).inside("variable"));
        }
        let prefix = fields.text("prefix")?;
        Ok(Self {
            config_map: required("configMap", &format!("{name}-notifications-cm"))?,
            secret: required("secret", &format!("{name}-notifications-secret"))?,
            prefix: if prefix.is_empty() { DEFAULT_PREFIX.into() } else { prefix },
            namespaces: fields.text_list("namespaces")?,
            label_selector: fields.text("labelSelector")?,
            resync: fields.duration("resync")?.unwrap_or(Duration::from_mins(1)),
            name,
            resource,
            variable,
        })
    }
}

fn resource(file: &Node) -> Result<Resource, NodeError> {
    let fields = file.fields()?;
    let hint = "add `resource: {group: cert-manager.io, version: v1, plural: certificates}`";
    let missing =
        |what: &str| NodeError::new(file.at, format!("`{what}` is missing: {hint}")).inside("resource");
    let node = fields.get("resource").ok_or_else(|| missing("resource"))?;
    let parts = node.fields()?;
    let (version, plural, kind) = (parts.text("version")?, parts.text("plural")?, parts.text("kind")?);
    if version.is_empty() || plural.is_empty() {
        return Err(missing(if version.is_empty() { "resource.version" } else { "resource.plural" }));
    }
    if plural.chars().any(char::is_uppercase) {
        let message = format!(
            "`{plural}` is a kind, not the plural of the URL; `kubectl api-resources` lists the plurals in the first column"
        );
        return Err(NodeError::new(node.at, message).inside("resource.plural"));
    }
    Ok(Resource::new(&parts.text("group")?, &version, &plural, (!kind.is_empty()).then_some(kind.as_str())))
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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

    fn scope(&self, object: &Arc<Object>, facts: &Facts<'_>) -> Result<Scope, ObjectError> {
        let mut variables = vec![
            (Str::copy(self.variable.as_bytes()), object.document()?.to_value()),
            (Str::from_static("secrets"), facts.secrets()),
            (Str::from_static("time"), time::time()),
            (Str::from_static("strings"), strings::strings()),
        ];
        variables.extend(facts.context_if_any());
        Ok(facts.finish(variables))
    }
}
