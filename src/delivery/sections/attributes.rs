//! awssqs and gcppubsub: a map of templated texts (services 2.20, 2.21).

use serde_json::Value;

use crate::delivery::section::{Field, FieldSection, object};
use crate::delivery::text_map::TextMap;
use crate::model::{Node, NodeError, Section, SectionContext, SectionError};

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
        let map = self.map.render_filled(self.name, context)?;
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
