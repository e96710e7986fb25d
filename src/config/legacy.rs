//! The bundles of v0.x (core 1.8): `config.yaml` in the ConfigMap, `notifiers.yaml` in the Secret; Argo CD binding only.
//!
//! Both are deprecated and say so. They are read after the modern keys and change what those made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::{self, Definitions};
use super::notes::Notes;
use super::service::{self, ConfiguredService, Given};
use super::{subscription, template, trigger, yaml};
use crate::delivery::client::Clients;
use crate::engine::{ConditionText, GlobalSubscription, Policy, Template};
use crate::model::{Fields, Key, Node, NodeError, NodeKind, Position, Secrets};

/// The contents of `config.yaml`.
pub(super) struct Bundle {
    context: Vec<(String, String)>,
    subscriptions: Option<Vec<GlobalSubscription>>,
    templates: Vec<Template>,
    triggers: Vec<LegacyTrigger>,
}

struct LegacyTrigger {
    name: String,
    condition: String,
    template: String,
    description: String,
    enabled: bool,
}

/// Reads `config.yaml`. Everything in it is compiled, so that what is accepted can be applied.
pub(super) fn decode(text: &str, lenient: bool, notes: &mut Notes) -> Result<Bundle, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    let message = "`config.yaml` is deprecated; move its parts to `context`, `subscriptions`, `template.<name>` and `trigger.<name>`";
    notes.warn("deprecated-bundle", Position { line: 1, column: 1 }, "", message);
    let fields = parsed.node.fields()?;
    let subscriptions = match fields.get("subscriptions").filter(|list| !list.is_null()) {
        Some(list) => Some(
            subscription::entries(list, text, lenient, notes)
                .map_err(|error| error.inside("subscriptions"))?,
        ),
        None => None,
    };
    Ok(Bundle {
        context: fields.text_map("context")?,
        subscriptions,
        templates: each(&fields, "templates", |item| legacy_template(item, text, notes))?,
        triggers: each(&fields, "triggers", |item| legacy_trigger(&item.fields()?))?,
    })
}

fn each<T>(
    fields: &Fields<'_>,
    name: &str,
    mut read: impl FnMut(&Node) -> Result<T, NodeError>,
) -> Result<Vec<T>, NodeError> {
    let items = fields.list(name)?.iter().enumerate();
    items.map(|(index, item)| read(item).map_err(|error| error.item(index).inside(name))).collect()
}

fn legacy_trigger(fields: &Fields<'_>) -> Result<LegacyTrigger, NodeError> {
    let legacy = LegacyTrigger {
        name: fields.text("name")?,
        condition: fields.text("condition")?,
        template: fields.text("template")?,
        description: fields.text("description")?,
        enabled: fields.bool("enabled")?,
    };
    let alone = legacy.over(Vec::new());
    trigger::compile(&alone).map_err(|error| {
        let message = format!("the expression cannot be compiled: {}; correct it", error.error.message());
        fields.error("condition", message)
    })?;
    Ok(legacy)
}

impl LegacyTrigger {
    /// The conditions of the modern trigger, the first one changed or made.
    fn over(&self, mut conditions: Vec<ConditionText>) -> Vec<ConditionText> {
        if conditions.is_empty() {
            conditions.push(ConditionText::default());
        }
        if let Some(first) = conditions.first_mut() {
            let set = |field: &mut String, value: &String| {
                if !value.is_empty() {
                    field.clone_from(value);
                }
            };
            set(&mut first.when, &self.condition);
            set(&mut first.description, &self.description);
            if !self.template.is_empty() {
                first.send = vec![self.template.clone()];
            }
        }
        conditions
    }
}

/// A template of the bundle, compiled.
fn legacy_template(item: &Node, source: &str, notes: &mut Notes) -> Result<Template, NodeError> {
    let (name, modern) = modern_template(item, true)?;
    template::compile(&name, &modern, source, notes)
}

/// A template of the bundle in the modern shape, with its name: `body` is `message`, `subject` is `email.subject`, and so is
/// the `title` of v0.7 where `titles` count (core 1.8.1).
fn modern_template(item: &Node, titles: bool) -> Result<(String, Node), NodeError> {
    let fields = item.fields()?;
    let name = fields.text("name")?;
    let (subject, body) = (fields.text("subject")?, fields.text("body")?);
    let subject = if subject.is_empty() && titles { fields.text("title")? } else { subject };
    let own = ["name", "subject", "title", "body"];
    let is_own = |key: &Key| own.iter().any(|name| name.eq_ignore_ascii_case(&key.text));
    let mut pairs: Vec<_> = fields
        .iter()
        .filter(|(key, _)| !is_own(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let at_of = |name| fields.get(name).map_or(item.at, |value| value.at);
    if !body.is_empty() {
        set(&mut pairs, "message", Node::new(NodeKind::Text(body), at_of("body")));
    }
    if !subject.is_empty() {
        let at = at_of("subject");
        let mut email = match fields.get("email").map(|email| email.kind.clone()) {
            Some(NodeKind::Map(email)) => email,
            _ => Vec::new(),
        };
        set(&mut email, "subject", Node::new(NodeKind::Text(subject), at));
        set(&mut pairs, "email", Node::new(NodeKind::Map(email), at));
    }
    Ok((name, Node::new(NodeKind::Map(pairs), item.at)))
}

/// Adds what the bundle `text` defines, which loads. A `title` is left out: what is printed is what upstream would read.
pub(super) fn define(text: &str, into: &mut Definitions) {
    let Ok(node) = yaml::parse_node(text) else { return };
    let Ok(fields) = node.fields() else { return };
    for item in fields.list("templates").unwrap_or_default() {
        let defined =
            modern_template(item, false).and_then(|(name, node)| Ok((name, definition::template(&node)?)));
        into.templates.extend(defined);
    }
    for item in fields.list("triggers").unwrap_or_default() {
        if let Ok(legacy) = item.fields().and_then(|fields| legacy_trigger(&fields)) {
            let conditions = into.triggers.remove(&legacy.name).flatten().unwrap_or_default();
            into.triggers.insert(legacy.name.clone(), Some(legacy.over(conditions)));
        }
    }
}

fn set(pairs: &mut Vec<(Key, Node)>, name: &str, value: Node) {
    pairs.retain(|(key, _)| !key.text.eq_ignore_ascii_case(name));
    pairs.push((Key { text: name.to_owned(), at: value.at }, value));
}

impl Bundle {
    /// Merges the bundle into what the modern keys made. `texts` are the conditions of the modern triggers.
    pub(super) fn apply(
        self,
        policy: &mut Policy,
        texts: &BTreeMap<String, Vec<ConditionText>>,
        context: &mut BTreeMap<String, String>,
    ) {
        context.extend(self.context);
        if let Some(subscriptions) = self.subscriptions {
            policy.global = subscriptions;
        }
        for template in self.templates {
            policy.templates.insert(template.name.clone(), Arc::new(template));
        }
        for legacy in self.triggers {
            let conditions = legacy.over(texts.get(&legacy.name).cloned().unwrap_or_default());
            // Each part was compiled by itself, so that the whole cannot fail.
            if let Ok(trigger) = trigger::compile(&conditions) {
                policy.triggers.insert(legacy.name.clone(), trigger);
            }
            if legacy.enabled {
                policy.default_triggers.push(legacy.name);
            }
        }
    }
}

/// Reads the Secret's `notifiers.yaml`: services that replace the modern ones of their names. References are not filled in.
pub(super) fn notifiers(
    text: &str,
    secrets: &Secrets,
    clients: &Clients,
    notes: &mut Notes,
) -> Result<Vec<ConfiguredService>, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    let message = "`notifiers.yaml` is deprecated; move its parts to keys `service.<type>` of the ConfigMap";
    notes.warn("deprecated-bundle", Position { line: 1, column: 1 }, "", message);
    let fields = parsed.node.fields()?;
    let mut services = Vec::new();
    for kind in ["email", "slack", "opsgenie", "grafana"] {
        if let Some(settings) = fields.get(kind).filter(|settings| !settings.is_null()) {
            let given = Given { key: "notifiers.yaml", kind, name: kind, secrets, clients };
            services.push(service::build(settings, &given, notes).map_err(|error| error.inside(kind))?);
        }
    }
    for (index, settings) in fields.list("webhook")?.iter().enumerate() {
        let inside = |error: NodeError| error.item(index).inside("webhook");
        let name = settings.fields().and_then(|fields| fields.text("name")).map_err(inside)?;
        let given = Given { key: "notifiers.yaml", kind: "webhook", name: &name, secrets, clients };
        services.push(service::build(settings, &given, notes).map_err(inside)?);
    }
    Ok(services)
}
