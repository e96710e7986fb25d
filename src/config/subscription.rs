//! `subscriptions` (core 2.4) and the lists of default triggers (core 2.5).

use super::notes::{Notes, Reference, Referred};
use super::{place, yaml};
use crate::engine::{GlobalSubscription, Selector, subscribe};
use crate::model::{Fields, Node, NodeError};

/// Reads the value of `subscriptions`.
pub(super) fn decode(
    text: &str,
    lenient: bool,
    notes: &mut Notes,
) -> Result<Vec<GlobalSubscription>, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    entries(&parsed.node, text, lenient, notes)
}

/// Reads a list of subscriptions that stands in `source`.
pub(super) fn entries(
    list: &Node,
    source: &str,
    lenient: bool,
    notes: &mut Notes,
) -> Result<Vec<GlobalSubscription>, NodeError> {
    let entry = |(index, node): (usize, &Node)| {
        let fields = node.fields().map_err(|error| error.item(index))?;
        entry(&fields, source, lenient, notes).map_err(|error| error.item(index))
    };
    list.items()?.iter().enumerate().map(entry).collect()
}

/// Reads the value of `defaultTriggers` and `defaultTriggers.<service>`.
pub(super) fn decode_names(text: &str, lenient: bool, notes: &mut Notes) -> Result<Vec<String>, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    let names = notes.names(&parsed.node, "", lenient)?;
    notes.refer(Referred::Trigger, &parsed.node);
    Ok(names)
}

fn entry(
    fields: &Fields<'_>,
    source: &str,
    lenient: bool,
    notes: &mut Notes,
) -> Result<GlobalSubscription, NodeError> {
    let recipients = match fields.get("recipients") {
        Some(list) => notes.names(list, "recipients", lenient).map_err(|error| error.inside("recipients"))?,
        None => Vec::new(),
    };
    let triggers = match fields.get("triggers") {
        Some(list) => {
            notes.refer(Referred::Trigger, list);
            notes.names(list, "triggers", lenient).map_err(|error| error.inside("triggers"))?
        }
        None => singular(fields, lenient, notes)?,
    };
    let destinations: Vec<_> = recipients.iter().map(|text| subscribe::recipient(text)).collect();
    let at = fields.get("recipients").map_or(fields.at(), |list| list.at);
    notes.references.extend(destinations.iter().map(|destination| Reference {
        to: Referred::Service,
        name: destination.service.to_string(),
        at,
    }));
    if destinations.is_empty() {
        notes.warn(
            "no-recipients",
            fields.at(),
            "",
            "this subscription has no recipients and does nothing; list them under `recipients`",
        );
    }
    Ok(GlobalSubscription { destinations, triggers, selector: selector(fields, source)? })
}

/// `trigger` where `triggers` is meant (core 2.4.4).
fn singular(fields: &Fields<'_>, lenient: bool, notes: &mut Notes) -> Result<Vec<String>, NodeError> {
    let Some(list) = fields.get("trigger").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    if !lenient {
        notes.warn(
            "singular-trigger",
            list.at,
            "trigger",
            "`trigger` is ignored, as upstream does; the field is called `triggers` and is a list",
        );
        return Ok(Vec::new());
    }
    notes.warn(
        "singular-trigger",
        list.at,
        "trigger",
        "the field is called `triggers` and is a list; upstream ignores `trigger`",
    );
    notes.refer(Referred::Trigger, list);
    list.text_list().map_err(|error| error.inside("trigger"))
}

fn selector(fields: &Fields<'_>, source: &str) -> Result<Selector, NodeError> {
    let text = fields.text("selector")?;
    Selector::parse(&text).map_err(|message| {
        let begin = fields.get("selector").map_or(fields.at(), |value| value.at);
        let at = place::inside(source, begin, 1, 1);
        let advice = "write a label selector such as `team=a,tier in (web, db),!legacy`";
        NodeError::new(at, format!("`{text}` is no label selector: {message}; {advice}"))
            .inside("selector")
            .rule("selector")
    })
}
