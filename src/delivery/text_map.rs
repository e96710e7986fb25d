//! A map of templated texts: labels, details, attributes. Rendered anew for each object (core 4.4.4, FIX).

use serde_json::{Map, Value};

use super::template::Text;
use crate::model::{Key, Node, NodeError, SectionContext, SectionError};

/// Keys, which are literal, and templated values.
pub struct TextMap(Vec<(String, Text)>);

impl TextMap {
    /// Compiles the mapping `node`; a node that is not there has no entries.
    pub fn compile(template: &str, node: Option<&Node>) -> Result<Self, NodeError> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(Self(Vec::new())) };
        let compile = |(key, value): (&Key, &Node)| {
            let text = Text::compile(template, value).map_err(|error| error.inside(&key.text))?;
            Ok((key.text.clone(), text))
        };
        node.fields()?.iter().map(compile).collect::<Result<_, NodeError>>().map(Self)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Renders all values; `field` names the map in errors.
    pub fn render(
        &self,
        field: &str,
        context: &mut SectionContext<'_>,
    ) -> Result<Map<String, Value>, SectionError> {
        let mut map = Map::new();
        for (key, text) in &self.0 {
            map.insert(key.clone(), text.render(&format!("{field}.{key}"), context)?.into());
        }
        Ok(map)
    }

    /// Renders all values and leaves out those that render empty, for receivers to which empty means absent.
    pub fn render_filled(
        &self,
        field: &str,
        context: &mut SectionContext<'_>,
    ) -> Result<Map<String, Value>, SectionError> {
        let mut map = self.render(field, context)?;
        map.retain(|_, value| value != "");
        Ok(map)
    }

    /// Whether some value may use the root variable `name`.
    pub fn mentions(&self, name: &str) -> bool {
        self.0.iter().any(|(_, text)| text.mentions(name))
    }
}
