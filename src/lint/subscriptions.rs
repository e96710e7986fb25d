//! Subscriptions of the ConfigMap that lead nowhere. The rules about destinations serve annotations too.

use super::Findings;
use super::groups::Configuration;
use crate::config::yaml;
use crate::engine::subscribe;
use crate::model::{Destination, Node, NodeKind};

/// Services whose recipients have no commas in their names.
const CHATS: &[&str] =
    &["slack", "mattermost", "rocketchat", "teams", "teams-workflows", "googlechat", "telegram", "webex"];

/// Looks at `subscriptions`.
pub(super) fn check(configuration: &Configuration<'_>, findings: &mut Findings) {
    const KEY: &str = "subscriptions";
    let Some(value) = configuration.keys.get(KEY).filter(|value| value.own) else { return };
    let Ok(node) = yaml::parse_node(&value.text) else { return };
    for (index, item) in node.items().unwrap_or_default().iter().enumerate() {
        let Ok(fields) = item.fields() else { continue };
        let named = fields.get("triggers").or_else(|| fields.get("trigger"));
        let mut triggers = named.and_then(|list| list.text_list().ok()).unwrap_or_default();
        if triggers.is_empty() {
            triggers.clone_from(&configuration.config.policy.default_triggers);
            if triggers.is_empty() {
                let message = "this subscription names no trigger, and there is no `defaultTriggers`, so nothing is sent; write `triggers: [on-…]`";
                let subject = format!("{KEY}: [{index}]");
                configuration.add("no-default-trigger", KEY, Some(fields.at()), &subject, message, findings);
            }
        }
        let recipients = fields.get("recipients");
        for recipient in recipients.map(texts).unwrap_or_default() {
            let Ok(text) = recipient.text() else { continue };
            let destination = subscribe::recipient(&text);
            let subject = format!("{KEY}: [{index}].recipients");
            for (rule, message) in about(configuration, &destination, &triggers) {
                configuration.add(rule, KEY, Some(recipient.at), &subject, message, findings);
            }
        }
    }
}

fn texts(list: &Node) -> &[Node] {
    match &list.kind {
        NodeKind::List(items) => items,
        _ => std::slice::from_ref(list),
    }
}

/// What is wrong with sending the messages of `triggers` to `destination`, apart from names that do not exist.
pub(super) fn about(
    configuration: &Configuration<'_>,
    destination: &Destination,
    triggers: &[String],
) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let service = &*destination.service;
    let Some(configured) = configuration.config.services.get(service) else { return found };
    if destination.recipient.is_empty() && configured.needs_recipient() {
        let message = format!(
            "`{service}` needs a recipient, and none is named; write `{service}:<recipient>` in `subscriptions`, or the recipient as value of the annotation"
        );
        found.push(("missing-recipient", message));
    }
    if CHATS.contains(&configured.kind.as_str())
        && let Some((first, _)) = destination.recipient.split_once(',')
    {
        let message = format!(
            "`{}` is taken for one recipient; write a list in `subscriptions`, or `{first};…` in an annotation",
            destination.recipient
        );
        found.push(("recipient-list", message));
    }
    if configured.kind == "webhook" {
        for trigger in triggers {
            let gaps = without_block(configuration, trigger, service);
            if !gaps.is_empty() {
                let message = format!(
                    "`{trigger}` sends {} to the webhook `{service}`, for which {} no block, so a GET with the plain text is sent; add `webhook: {{{service}: {{method: POST, body: …}}}}`",
                    gaps.join(", "),
                    if gaps.len() == 1 { "it has" } else { "they have" }
                );
                found.push(("webhook-block", message));
            }
        }
    }
    found
}

/// The templates of `trigger`, if none of those of a condition has a block for the webhook `service`.
fn without_block(configuration: &Configuration<'_>, trigger: &str, service: &str) -> Vec<String> {
    let Some(trigger) = configuration.config.policy.triggers.get(trigger) else { return Vec::new() };
    let has_block = |name: &String| {
        let value = configuration.keys.get(&format!("template.{name}"));
        let node = value.and_then(|value| yaml::parse_node(&value.text).ok());
        let blocks = node.and_then(|node| {
            let blocks = node.fields().ok()?.fields("webhook").ok()??;
            Some(blocks.iter().any(|(key, _)| key.text == service))
        });
        blocks.unwrap_or_default()
    };
    // A template that does not exist has a report of its own.
    let exists = |name: &&String| configuration.config.policy.templates.contains_key(*name);
    for condition in &trigger.conditions {
        let templates: Vec<&String> = condition.send.iter().filter(exists).collect();
        if !templates.is_empty() && !templates.iter().any(|name| has_block(name)) {
            return templates.iter().map(|name| format!("`{name}`")).collect();
        }
    }
    Vec::new()
}
