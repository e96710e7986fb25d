//! `trigger.<name>` (core 3.1): a list of conditions.

use dodona_expr::CompileError;

use super::notes::{Notes, Referred};
use super::{place, yaml};
use crate::engine::{Condition, ConditionText, Trigger};
use crate::model::{Fields, Node, NodeError, NodeKind};

/// Fields of a condition; others are ignored, as upstream does (core 1.4.10).
const FIELDS: &[&str] = &["when", "send", "oncePer", "description", "for", "resolved"];

/// A trigger with the texts that made it, which a legacy bundle may change (core 1.8).
pub(super) struct Decoded {
    /// Texts of the conditions.
    pub(super) texts: Vec<ConditionText>,
    /// The same, compiled.
    pub(super) trigger: Trigger,
}

/// Reads and compiles the value of a trigger key.
pub(super) fn decode(text: &str, lenient: bool, notes: &mut Notes) -> Result<Decoded, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    let conditions = conditions(&parsed.node, lenient, notes)?;
    let mut decoded = Decoded { texts: Vec::new(), trigger: Trigger::default() };
    for (index, node) in conditions.iter().enumerate() {
        let inside = |error: NodeError| error.item(index);
        let fields = node.fields().map_err(inside)?;
        let texts = condition(&fields, index, lenient, notes).map_err(inside)?;
        let compiled = Condition::compile(index, texts.clone())
            .map_err(|error| uncompiled(text, &fields, error.field, &error.error))
            .map_err(inside)?;
        decoded.texts.push(texts);
        decoded.trigger.conditions.push(compiled);
    }
    Ok(decoded)
}

/// The conditions of a trigger key that loads, as texts; `None` if there are none because its value is `null`.
pub(super) fn texts(text: &str) -> Result<Option<Vec<ConditionText>>, NodeError> {
    let node = yaml::parse_node(text)?;
    if node.is_null() {
        return Ok(None);
    }
    let mut notes = Notes::default();
    let conditions = conditions(&node, true, &mut notes)?.iter().enumerate();
    conditions
        .map(|(index, node)| condition(&node.fields()?, index, true, &mut notes))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Compiles conditions whose texts were put together elsewhere.
pub(super) fn compile(texts: &[ConditionText]) -> Result<Trigger, crate::engine::ConditionError> {
    let compile = |(index, text): (usize, &ConditionText)| Condition::compile(index, text.clone());
    Ok(Trigger { conditions: texts.iter().enumerate().map(compile).collect::<Result<_, _>>()? })
}

/// The list of conditions; a mere mapping counts as a list of one (core 1.4.24).
fn conditions<'a>(node: &'a Node, lenient: bool, notes: &mut Notes) -> Result<&'a [Node], NodeError> {
    match &node.kind {
        NodeKind::Map(_) if lenient => {
            let message = "a trigger is a list of conditions, and upstream refuses this; put `- ` before its first line and indent the others";
            notes.warn("list-expected", node.at, "", message);
            Ok(std::slice::from_ref(node))
        }
        NodeKind::List(items) => Ok(items),
        NodeKind::Null => Ok(&[]),
        _ => {
            Err(node
                .expected("a list of conditions such as `- when: app.status.health.status == 'Degraded'`"))
        }
    }
}

fn condition(
    fields: &Fields<'_>,
    index: usize,
    lenient: bool,
    notes: &mut Notes,
) -> Result<ConditionText, NodeError> {
    let item = format!("[{index}]");
    for (key, _) in fields.iter() {
        if !FIELDS.iter().any(|name| name.eq_ignore_ascii_case(&key.text)) {
            let message = format!(
                "`{}` is no field of a condition and is ignored; the fields are {}",
                key.text,
                FIELDS.join(", ")
            );
            notes.warn("unknown-field", key.at, &item, message);
        }
    }
    let mut templates = |field: &str| match fields.get(field) {
        Some(list) => {
            notes.refer(Referred::Template, list);
            notes.names(list, field, lenient).map_err(|error| error.inside(field))
        }
        None => Ok(Vec::new()),
    };
    let (send, resolved) = (templates("send")?, templates("resolved")?);
    if send.is_empty() {
        notes.warn(
            "empty-send",
            fields.at(),
            &item,
            "`send` names no template, so that an empty notification is sent; name at least one",
        );
    }
    Ok(ConditionText {
        when: fields.text("when")?,
        once_per: fields.text("oncePer")?,
        send,
        lasting: fields.duration("for")?,
        resolved,
        description: fields.text("description")?,
    })
}

/// An expression that does not compile, with the place in the YAML.
fn uncompiled(source: &str, fields: &Fields<'_>, field: &str, error: &CompileError) -> NodeError {
    let begin = fields.get(field).map_or(fields.at(), |value| value.at);
    let at = place::inside(source, begin, error.line(), error.column());
    NodeError::new(at, format!("the expression cannot be compiled: {}; correct it", error.message()))
        .inside(field)
        .rule("expression")
}
