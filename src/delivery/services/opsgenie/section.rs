//! The template section of opsgenie: texts, lists and a map (services 2.12).

use serde_json::{Map, Value, json};

use crate::delivery::section::{Field, FieldSection, object};
use crate::delivery::template::Text;
use crate::delivery::text_map::TextMap;
use crate::model::{Node, NodeError, Section, SectionContext, SectionError};

const FIELDS: &[Field] = &[
    Field::text("description").always().shown(),
    Field::text("priority").always(),
    Field::text("alias").always(),
    Field::text("note").always(),
    Field::text("entity").always(),
    Field::text("user").always(),
];

struct Opsgenie {
    fields: FieldSection,
    actions: Option<Vec<Text>>,
    tags: Option<Vec<Text>>,
    details: Option<TextMap>,
    visible_to: Option<Vec<FieldSection>>,
}

/// The fields of somebody who may see the alert.
const PERSON: &[Field] = &[
    Field::text("type").always().shown(),
    Field::text("name").always(),
    Field::text("id").always(),
    Field::text("username").always().shown(),
];

pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let fields = section.fields()?;
    let items = |name: &str| match fields.get(name).filter(|node| !node.is_null()) {
        Some(node) => node.items().map(Some).map_err(|error| error.inside(name)),
        None => Ok(None),
    };
    let texts = |name: &str| -> Result<Option<Vec<Text>>, NodeError> {
        let compile =
            |(index, item)| Text::compile(template, item).map_err(|error| error.item(index).inside(name));
        items(name)?.map(|items| items.iter().enumerate().map(compile).collect()).transpose()
    };
    let people = |name: &str| -> Result<Option<Vec<FieldSection>>, NodeError> {
        let compile = |(index, item)| {
            FieldSection::new(template, item, PERSON).map_err(|error| error.item(index).inside(name))
        };
        items(name)?.map(|items| items.iter().enumerate().map(compile).collect()).transpose()
    };
    let details = fields.get("details").filter(|node| !node.is_null());
    let details = details.map(|node| TextMap::compile(template, Some(node))).transpose();
    Ok(Box::new(Opsgenie {
        fields: FieldSection::new(template, section, FIELDS)?,
        actions: texts("actions")?,
        tags: texts("tags")?,
        details: details.map_err(|error| error.inside("details"))?,
        visible_to: people("visibleTo")?,
    }))
}

/// Puts a list or map in the place of an earlier one; nothing takes the place of it if there is nothing in it.
fn replace(into: &mut Map<String, Value>, name: &str, filled: bool, value: Value) {
    if filled {
        into.insert(name.to_owned(), value);
    } else {
        into.shift_remove(name);
    }
}

impl Section for Opsgenie {
    /// Lists and maps are replaced only by a template that has them (core 4.4).
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let into = object(into);
        self.fields.render_into(context, into)?;
        for (name, texts) in [("actions", &self.actions), ("tags", &self.tags)] {
            if let Some(texts) = texts {
                let render =
                    |(index, text): (usize, &Text)| text.render(&format!("{name}[{index}]"), context);
                let items = texts.iter().enumerate().map(render).collect::<Result<Vec<_>, _>>()?;
                replace(into, name, !items.is_empty(), json!(items));
            }
        }
        if let Some(details) = &self.details {
            let details = details.render("details", context)?;
            replace(into, "details", !details.is_empty(), details.into());
        }
        if let Some(people) = &self.visible_to {
            let mut list = Vec::new();
            for person in people {
                let mut one = Value::Null;
                person.render(context, &mut one)?;
                list.push(one);
            }
            replace(into, "visibleTo", !list.is_empty(), list.into());
        }
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        let in_texts = |texts: &Option<Vec<Text>>| texts.iter().flatten().any(|text| text.mentions(name));
        self.fields.mentions(name)
            || in_texts(&self.actions)
            || in_texts(&self.tags)
            || self.details.as_ref().is_some_and(|details| details.mentions(name))
            || self.visible_to.iter().flatten().any(|person| person.mentions(name))
    }
}
