//! The mould of template sections: a list of fields, each with its merge rule; compiled once, rendered per message.
//!
//! A section renders to a JSON object, which its service reads back and which the console prints as it is.

use serde_json::{Map, Value};

use super::template::{Text, Tree};
use crate::model::{Node, NodeError, Notation, Section, SectionContext, SectionError};

/// One field of a section.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name, as upstream prints it; matched without case.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What a later template of one `send` list does to it (core 4.4).
    pub merge: Merge,
    /// Whether it is there even if empty (services 2.22).
    pub shown: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A templated text.
    Text,
    /// A templated text which is this one if absent or empty.
    TextOr(&'static str),
    /// JSON as a templated text, or a YAML structure with templated leaves.
    Payload,
    /// The same, where the text may be YAML too.
    YamlPayload,
    /// A literal boolean.
    Flag,
    /// A literal text, put into one of the forms that the service knows.
    Word(fn(&str) -> &'static str),
}

/// What a later template that has the section does to a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Overwrites, also with nothing.
    Always,
    /// Overwrites unless it is empty.
    IfFilled,
}

impl Field {
    /// A templated text that a later template overwrites only if it is not empty.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text, merge: Merge::IfFilled, shown: false }
    }

    /// The same field, holding something else.
    #[must_use]
    pub const fn holds(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same field, overwritten always.
    #[must_use]
    pub const fn always(self) -> Self {
        Self { merge: Merge::Always, ..self }
    }

    /// The same field, there even if empty.
    #[must_use]
    pub const fn shown(self) -> Self {
        Self { shown: true, ..self }
    }

    /// How a structure is written in it, if it may hold one as a text.
    pub fn notation(&self) -> Option<Notation> {
        match self.kind {
            Kind::Payload => Some(Notation::Json),
            Kind::YamlPayload => Some(Notation::Yaml),
            Kind::Text | Kind::TextOr(_) | Kind::Flag | Kind::Word(_) => None,
        }
    }
}

/// A compiled section made of [`Field`]s.
pub struct FieldSection {
    fields: Vec<(Field, Content)>,
}

/// The compiled content of a field.
enum Content {
    Text(Text),
    Tree(Tree),
    Fixed(Value),
}

impl FieldSection {
    /// Compiles `section`. Unknown fields are ignored, as upstream does.
    pub fn compile(template: &str, section: &Node, fields: &[Field]) -> Result<Box<dyn Section>, NodeError> {
        Ok(Box::new(Self::new(template, section, fields)?))
    }

    /// The same without the box, for sections that have more than fields.
    pub fn new(template: &str, section: &Node, fields: &[Field]) -> Result<Self, NodeError> {
        let given = section.fields()?;
        let compile = |field: &Field| {
            let node = given.get(field.name).filter(|node| !node.is_null());
            let content =
                Content::compile(template, field.kind, node).map_err(|error| error.inside(field.name))?;
            Ok((*field, content))
        };
        Ok(Self { fields: fields.iter().map(compile).collect::<Result<_, NodeError>>()? })
    }

    /// Renders into the object `into`.
    pub fn render_into(
        &self,
        context: &mut SectionContext<'_>,
        into: &mut Map<String, Value>,
    ) -> Result<(), SectionError> {
        for (field, content) in &self.fields {
            let value = content.render(field.name, context)?;
            let empty = is_empty(&value);
            if empty && field.merge == Merge::IfFilled && into.contains_key(field.name) {
                continue;
            }
            if empty && !field.shown {
                into.shift_remove(field.name);
            } else {
                into.insert(field.name.to_owned(), value);
            }
        }
        Ok(())
    }
}

impl Section for FieldSection {
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        self.render_into(context, object(into))
    }

    fn mentions(&self, name: &str) -> bool {
        self.fields.iter().any(|(_, content)| match content {
            Content::Text(text) => text.mentions(name),
            Content::Tree(tree) => tree.mentions(name),
            Content::Fixed(_) => false,
        })
    }

    fn structures(&self) -> Vec<(String, Notation)> {
        self.fields.iter().filter_map(|(field, _)| Some((field.name.to_owned(), field.notation()?))).collect()
    }
}

impl Content {
    fn compile(template: &str, kind: Kind, node: Option<&Node>) -> Result<Self, NodeError> {
        let plain = |text: &str| Ok(Self::Text(Text::Plain(text.to_owned())));
        match (kind, node) {
            (Kind::Text | Kind::Payload | Kind::YamlPayload, None) => plain(""),
            (Kind::Text, Some(node)) => Text::compile(template, node).map(Self::Text),
            (Kind::TextOr(default), node) => {
                let source = node.map_or_else(|| Ok(String::new()), Node::text)?;
                let source = if source.is_empty() { default } else { &source };
                let at = node.map_or_else(Default::default, |node| node.at);
                Text::from_source(template, source)
                    .map(Self::Text)
                    .map_err(|message| NodeError::new(at, message))
            }
            (Kind::Payload | Kind::YamlPayload, Some(node)) if node.is_scalar() => {
                Text::compile(template, node).map(Self::Text)
            }
            (Kind::Payload | Kind::YamlPayload, Some(node)) => Tree::compile(template, node).map(Self::Tree),
            (Kind::Flag, node) => node.map_or(Ok(false), Node::bool).map(|flag| Self::Fixed(flag.into())),
            (Kind::Word(known), None) => Ok(Self::Fixed(known("").into())),
            (Kind::Word(known), Some(node)) => match &node.kind {
                crate::model::NodeKind::Text(text) => Ok(Self::Fixed(known(text).into())),
                _ => Err(node.expected("a text")),
            },
        }
    }

    fn render(&self, field: &str, context: &mut SectionContext<'_>) -> Result<Value, SectionError> {
        match self {
            Self::Text(text) => text.render(field, context).map(Value::String),
            Self::Tree(tree) => tree.render(field, context),
            Self::Fixed(value) => Ok(value.clone()),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Null | Value::Bool(false) => true,
        _ => false,
    }
}

/// The object in `into`, which becomes one if it is something else (the first template finds `null`).
pub fn object(into: &mut Value) -> &mut Map<String, Value> {
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    match into {
        Value::Object(map) => map,
        // Made an object above.
        _ => unreachable!("a value that is an object"),
    }
}

/// A text field of a rendered section; empty if absent.
pub fn text<'a>(section: Option<&'a Value>, field: &str) -> &'a str {
    section.and_then(|section| section.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// A text field of a rendered section, or `otherwise` where it is empty.
pub fn text_or<'a>(section: Option<&'a Value>, field: &str, otherwise: &'a str) -> &'a str {
    Some(text(section, field)).filter(|text| !text.is_empty()).unwrap_or(otherwise)
}

/// A boolean field of a rendered section; false if absent.
pub fn flag(section: Option<&Value>, field: &str) -> bool {
    section.and_then(|section| section.get(field)).and_then(Value::as_bool).unwrap_or_default()
}
