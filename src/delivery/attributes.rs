//! Attributes of a queue's message: names with templated texts or structures (services 2.20, 2.21).
//!
//! They are rendered anew for each object (core 4.4.4, FIX).

use serde_json::{Map, Value};

use super::section::{Field, FieldSection, object};
use super::template::{Text, Tree};
use crate::model::{Key, Node, NodeError, Section, SectionContext, SectionError};

/// What sets the attributes of one service apart from those of another.
pub(super) struct Shape {
    /// The fields besides the attributes.
    pub(super) fields: &'static [Field],
    /// The field of the attributes.
    pub(super) name: &'static str,
    /// Whether it is there even if it is empty, as `null`.
    pub(super) shown: bool,
    /// Compiles an attribute that is no text.
    pub(super) structure: fn(&str, &Node) -> Result<Tree, NodeError>,
}

/// A section with fields and a map of attributes.
struct Attributes {
    fields: FieldSection,
    named: Vec<(String, Tree)>,
    shape: &'static Shape,
}

/// Compiles a section of attributes.
pub(super) fn compile(
    template: &str,
    section: &Node,
    shape: &'static Shape,
) -> Result<Box<dyn Section>, NodeError> {
    let node = section.fields()?.get(shape.name).filter(|node| !node.is_null());
    let compile = |(key, value): (&Key, &Node)| {
        let tree = if value.is_scalar() {
            Text::compile(template, value).map(Tree::Text)
        } else {
            (shape.structure)(template, value)
        };
        Ok((key.text.clone(), tree.map_err(|error| error.inside(&key.text))?))
    };
    let named = match node.map(Node::fields) {
        None => Ok(Vec::new()),
        Some(fields) => fields.and_then(|fields| fields.iter().map(compile).collect()),
    };
    let named = named.map_err(|error: NodeError| error.inside(shape.name))?;
    let fields = FieldSection::new(template, section, shape.fields)?;
    Ok(Box::new(Attributes { fields, named, shape }))
}

impl Section for Attributes {
    /// A later template's attributes replace the earlier ones unless they are empty (core 4.4).
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let into = object(into);
        self.fields.render_into(context, into)?;
        let mut map = Map::new();
        for (key, tree) in &self.named {
            let value = tree.render(&format!("{}.{key}", self.shape.name), context)?;
            // Receivers refuse attributes without a value.
            if value != "" {
                map.insert(key.clone(), value);
            }
        }
        if !map.is_empty() {
            into.insert(self.shape.name.to_owned(), Value::Object(map));
        } else if self.shape.shown {
            into.entry(self.shape.name).or_insert(Value::Null);
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.fields.mentions(name) || self.named.iter().any(|(_, tree)| tree.mentions(name))
    }
}
