//! `service.<type>` and `service.<type>.<name>` (core 1.2, 1.5; services 1.1, 1.2).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::notes::Notes;
use super::{secrets, yaml};
use crate::delivery::client::Clients;
use crate::delivery::{BuildContext, Service, service_type, service_types};
use crate::model::{Node, NodeError, NodeKind, Position, Redactor, Secrets};

/// One service as the configuration has it.
#[derive(Clone)]
pub struct ConfiguredService {
    /// Its type: `slack`.
    pub kind: String,
    /// Its name, under which everybody refers to it (core 1.2.3).
    pub name: String,
    /// The key that it comes from.
    pub key: String,
    /// The service, or why there is none and what to do.
    pub service: Result<Arc<dyn Service>, String>,
    /// The section of a template that it reads, if its type has one.
    pub section: Option<&'static str>,
    /// A hash of its settings, secrets put in: a refused message waits for it to change (design 2).
    pub fingerprint: u64,
    /// Keys of the Secret whose values are in the settings.
    pub secrets: BTreeSet<String>,
}

impl ConfiguredService {
    /// Whether a message without a recipient goes nowhere.
    pub fn needs_recipient(&self) -> bool {
        service_type(&self.kind).is_some_and(|row| row.needs_recipient)
    }
}

impl std::fmt::Debug for ConfiguredService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ConfiguredService({} as {}, {})",
            self.kind,
            self.name,
            if self.service.is_ok() { "ready" } else { "refused" }
        )
    }
}

/// What a service is built with.
pub(super) struct Given<'a> {
    /// The key, its type and its name.
    pub(super) key: &'a str,
    /// The type.
    pub(super) kind: &'a str,
    /// The name.
    pub(super) name: &'a str,
    /// The Secret.
    pub(super) secrets: &'a Secrets,
    /// HTTP clients.
    pub(super) clients: &'a Clients,
}

/// Reads the value of a service key, puts the secrets in and builds the service.
pub(super) fn decode(
    text: &str,
    given: &Given<'_>,
    notes: &mut Notes,
) -> Result<ConfiguredService, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings.iter().cloned());
    let filled = secrets::interpolate(parsed, given.secrets)?;
    notes.warnings.extend(filled.missing);
    let mask = Mask::new(given.secrets, &filled.used);
    let mut own = Notes::default();
    let built = build(&filled.node, given, &mut own).map_err(|error| mask.apply(&error));
    notes.warnings.extend(own.warnings.iter().map(|warning| mask.apply(warning)));
    let mut built = built?;
    built.secrets = filled.used;
    Ok(built)
}

/// Keeps secrets out of what is said about settings that they were put into.
struct Mask(Redactor);

impl Mask {
    fn new(secrets: &Secrets, used: &BTreeSet<String>) -> Self {
        let redactor = Redactor::default();
        redactor.set("settings", used.iter().filter_map(|key| secrets.get(key)));
        Self(redactor)
    }

    fn apply(&self, error: &NodeError) -> NodeError {
        let masked = |text: &str| self.0.redact(text).into_owned();
        NodeError {
            path: masked(&error.path),
            at: error.at,
            message: masked(&error.message),
            rule: error.rule,
        }
    }
}

/// Builds a service from settings that are complete.
pub(super) fn build(
    settings: &Node,
    given: &Given<'_>,
    notes: &mut Notes,
) -> Result<ConfiguredService, NodeError> {
    let Some(row) = service_type(given.kind) else { return Err(unsupported(given.kind)) };
    if !matches!(settings.kind, NodeKind::Map(_) | NodeKind::Null) {
        return Err(settings.expected("the settings of the service (`name: value` lines)"));
    }
    let mut context =
        BuildContext { name: given.name, clients: given.clients, warnings: &mut notes.warnings };
    let service = (row.build)(&mut context, settings)?;
    Ok(ConfiguredService {
        kind: given.kind.to_owned(),
        name: given.name.to_owned(),
        key: given.key.to_owned(),
        service: Ok(service),
        section: row.section.as_ref().map(|section| section.key),
        fingerprint: fingerprint(given.kind, settings),
        secrets: BTreeSet::new(),
    })
}

/// A service that cannot be had, so that a message to it says why.
pub(super) fn refused(given: &Given<'_>, reason: String) -> ConfiguredService {
    ConfiguredService {
        kind: given.kind.to_owned(),
        name: given.name.to_owned(),
        key: given.key.to_owned(),
        service: Err(reason),
        section: None,
        fingerprint: 0,
        secrets: BTreeSet::new(),
    }
}

fn unsupported(kind: &str) -> NodeError {
    let known: Vec<_> =
        service_types().iter().map(|row| row.name).filter(|name| *name != "console").collect();
    let message = format!("service type '{kind}' is not supported; the types are {}", known.join(", "));
    NodeError::new(Position { line: 1, column: 1 }, message).rule("unsupported-service")
}

fn fingerprint(kind: &str, settings: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    hash(settings, &mut hasher);
    hasher.finish()
}

/// The value alone: where it stands does not count. Recurses as deep as the tree, which the parser bounds.
fn hash(node: &Node, into: &mut DefaultHasher) {
    std::mem::discriminant(&node.kind).hash(into);
    match &node.kind {
        NodeKind::Null => {}
        NodeKind::Bool(value) => value.hash(into),
        NodeKind::Int(value) => value.hash(into),
        NodeKind::Uint(value) => value.hash(into),
        NodeKind::Float(value) => value.to_bits().hash(into),
        NodeKind::Text(text) => text.hash(into),
        NodeKind::List(items) => {
            items.len().hash(into);
            for item in items {
                hash(item, into);
            }
        }
        NodeKind::Map(pairs) => {
            pairs.len().hash(into);
            for (key, value) in pairs {
                key.text.hash(into);
                hash(value, into);
            }
        }
    }
}
