//! The `awssqs` section of a template, and its attributes as SQS wants them.

use serde_json::{Map, Value, json};

use crate::delivery::attributes::{self, Shape};
use crate::delivery::section::Field;
use crate::delivery::template::{Text, Tree};
use crate::model::{Node, NodeError, Section};

static SHAPE: Shape = Shape {
    fields: &[Field::text("messageGroupId"), Field::text("messageDeduplicationId")],
    name: "messageAttributes",
    shown: true,
    structure: typed,
};

/// Compiles the section.
pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    attributes::compile(template, section, &SHAPE)
}

/// An attribute with a type of its own: `{dataType: Number, stringValue: "{{ … }}"}`, or `binaryValue` in base64.
fn typed(template: &str, node: &Node) -> Result<Tree, NodeError> {
    let wanted = || node.expected("a text, or `dataType` with `stringValue` or `binaryValue`");
    if !matches!(node.kind, crate::model::NodeKind::Map(_)) {
        return Err(wanted());
    }
    let fields = node.fields()?;
    let known = [("stringValue", "StringValue"), ("binaryValue", "BinaryValue")];
    let value = known.iter().find_map(|(field, wire)| Some((*wire, fields.get(field)?)));
    let (Some(kind), Some((wire, value))) = (fields.get("dataType"), value) else { return Err(wanted()) };
    let text = |name: &str, node: &Node| {
        Text::compile(template, node).map(Tree::Text).map_err(|error| error.inside(name))
    };
    Ok(Tree::Map(vec![
        ("DataType".to_owned(), text("dataType", kind)?),
        (wire.to_owned(), text(wire, value)?),
    ]))
}

/// The attributes of a rendered section as SQS wants them; texts are of type `String` (services 2.20, FIX!). Those without
/// a value are left out, as SQS refuses them.
pub(super) fn message_attributes(section: Option<&Value>) -> Option<Value> {
    let given = section?.get("messageAttributes")?.as_object()?;
    let is_empty = |value: &Value| ["StringValue", "BinaryValue"].iter().any(|name| value[*name] == "");
    let attributes: Map<String, Value> = given
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name.clone(), json!({"DataType": "String", "StringValue": text})),
            typed => (name.clone(), typed.clone()),
        })
        .filter(|(_, value)| !is_empty(value))
        .collect();
    (!attributes.is_empty()).then_some(Value::Object(attributes))
}
