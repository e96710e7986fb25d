//! `template.<name>` (core 1.6): the common text and one section for each kind of service.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::notes::Notes;
use super::{place, yaml};
use crate::delivery::{SectionType, section_types, service_types};
use crate::engine::Template;
use crate::model::{Fields, Node, NodeError, NodeKind, Notation, Position};

/// Keys of the sections in the order in which they are rendered (core 4.4).
const ORDER: &[&str] = &[
    "awssqs",
    "gcppubsub",
    "slack",
    "mattermost",
    "rocketchat",
    "email",
    "webhook",
    "opsgenie",
    "github",
    "teams",
    "teams-workflows",
    "alertmanager",
    "googlechat",
    "pagerduty",
    "pagerdutyv2",
    "newrelic",
];

/// Reads and compiles the value of a template key.
pub(super) fn decode(name: &str, text: &str, notes: &mut Notes) -> Result<Template, NodeError> {
    let parsed = yaml::parse(text)?;
    notes.warnings.extend(parsed.warnings);
    compile(name, &parsed.node, text, notes)
}

/// Compiles `node`, which stands in `source`.
pub(super) fn compile(
    name: &str,
    node: &Node,
    source: &str,
    notes: &mut Notes,
) -> Result<Template, NodeError> {
    let fields = node.fields()?;
    let rows = rows();
    warn_about_unknown(&fields, &rows, notes);
    let mut sections = Vec::new();
    for row in rows {
        if let Some(section) = fields.get(row.key).filter(|section| !section.is_null()) {
            let compiled = (row.compile)(name, section).map_err(|error| error.inside(row.key))?;
            sections.push((row.key, compiled));
        }
    }
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    Ok(Template {
        name: name.to_owned(),
        message: message(name, &fields, source)?,
        sections,
        demands_answers: demands_answers(&fields, notes)?,
        fingerprint: hasher.finish(),
    })
}

/// `required: [repo]`: the message waits for what the repo server knows, instead of leaving with marks. Upstream ignores the field.
fn demands_answers(fields: &Fields<'_>, notes: &mut Notes) -> Result<bool, NodeError> {
    let wanted = fields.text_list("required")?;
    if let (Some(node), Some(unknown)) = (fields.get("required"), wanted.iter().find(|name| *name != "repo"))
    {
        let message = format!("`{unknown}` cannot be required, it is always there; only `repo` can");
        notes.warn("unknown-field", node.at, "required", message);
    }
    Ok(wanted.iter().any(|name| name == "repo"))
}

fn message(
    name: &str,
    fields: &Fields<'_>,
    source: &str,
) -> Result<Option<dodona_gotmpl::Template>, NodeError> {
    let text = fields.text("message")?;
    if text.is_empty() {
        return Ok(None);
    }
    let begin = fields.get("message").map_or(fields.at(), |value| value.at);
    dodona_gotmpl::Template::parse(name, &text).map(Some).map_err(|error| {
        let at = place::inside(source, begin, error.location().line, error.location().column);
        let hint = error.hint().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
        let message = format!("the text cannot be used as a template: {}{hint}; correct it", error.message());
        NodeError::new(at, message).inside("message").rule("template-syntax")
    })
}

/// The section types: those of core 4.4 in its order, then those of services that upstream does not have.
fn rows() -> Vec<&'static SectionType> {
    let mut rows: Vec<_> = section_types().collect();
    rows.sort_by_key(|row| ORDER.iter().position(|key| *key == row.key).unwrap_or(ORDER.len()));
    rows.dedup_by_key(|row| row.key);
    rows
}

/// The fields of templates that may hold a structure as a text, as paths (`slack.attachments`), and how it is written there.
pub fn structures() -> Vec<(String, Notation)> {
    let nothing = Node::new(NodeKind::Map(Vec::new()), Position::default());
    // A section that cannot be empty has no such field.
    let sections = rows().into_iter().filter_map(|row| Some((row.key, (row.compile)("", &nothing).ok()?)));
    let fields = sections.flat_map(|(key, section)| {
        section.structures().into_iter().map(move |(field, notation)| (format!("{key}.{field}"), notation))
    });
    fields.collect()
}

fn warn_about_unknown(fields: &Fields<'_>, rows: &[&SectionType], notes: &mut Notes) {
    for (key, _) in fields.iter() {
        let name = key.text.as_str();
        let known = |known: &str| known.eq_ignore_ascii_case(name);
        if known("message")
            || known("required")
            || ORDER.iter().any(|key| known(key))
            || rows.iter().any(|row| known(row.key))
        {
            continue;
        }
        let message = if service_types().iter().any(|row| row.name == name) {
            format!("`{name}` has no section of its own, it sends `message`; this is ignored")
        } else {
            format!(
                "`{name}` is no section of a template and is ignored; write `message` or the type of a service, such as `slack`"
            )
        };
        notes.warn("unknown-section", key.at, "", message);
    }
}
