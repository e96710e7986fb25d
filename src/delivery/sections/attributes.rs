//! awssqs and gcppubsub: a map of templated texts (services 2.20, 2.21). Rendered anew for each object (core 4.4.4, FIX).

use serde_json::{Map, Value};

use crate::delivery::section::{Field, FieldSection, object};
use crate::delivery::template::Text;
use crate::model::{Node, NodeError, Section, SectionContext, SectionError};

/// Keys and templated values.
pub(super) struct TextMap(Vec<(String, Text)>);

impl TextMap {
    /// Compiles the mapping `node`; a node that is not there has no entries.
    pub(super) fn compile(template: &str, node: Option<&Node>) -> Result<Self, NodeError> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(Self(Vec::new())) };
        let compile = |(key, value): (&crate::model::Key, &Node)| {
            let text = Text::compile(template, value).map_err(|error| error.inside(&key.text))?;
            Ok((key.text.clone(), text))
        };
        node.fields()?.iter().map(compile).collect::<Result<_, NodeError>>().map(Self)
    }

    /// Renders all values; one that renders empty is left out (services 2.16, FIX).
    pub(super) fn render(
        &self,
        field: &str,
        context: &mut SectionContext<'_>,
    ) -> Result<Map<String, Value>, SectionError> {
        let mut map = Map::new();
        for (key, text) in &self.0 {
            let text = text.render(&format!("{field}.{key}"), context)?;
            if !text.is_empty() {
                map.insert(key.clone(), text.into());
            }
        }
        Ok(map)
    }

    pub(super) fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|(_, text)| text.mentions(name))
    }
}

struct Attributes {
    fields: FieldSection,
    name: &'static str,
    /// Whether the field is there even if it is empty, as `null`.
    shown: bool,
    map: TextMap,
}

pub(super) fn awssqs(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    compile(template, section, &[Field::text("messageGroupId")], "messageAttributes", true)
}

pub(super) fn gcppubsub(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    compile(template, section, &[], "attributes", false)
}

fn compile(
    template: &str,
    section: &Node,
    fields: &[Field],
    name: &'static str,
    shown: bool,
) -> Result<Box<dyn Section>, NodeError> {
    let map = TextMap::compile(template, section.fields()?.get(name)).map_err(|error| error.inside(name))?;
    Ok(Box::new(Attributes { fields: FieldSection::new(template, section, fields)?, name, shown, map }))
}

impl Section for Attributes {
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let into = object(into);
        self.fields.render_into(context, into)?;
        let map = self.map.render(self.name, context)?;
        if !map.is_empty() {
            into.insert(self.name.to_owned(), Value::Object(map));
        } else if self.shown {
            into.entry(self.name).or_insert(Value::Null);
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.fields.mentions(name) || self.map.mentions(name)
    }
}
