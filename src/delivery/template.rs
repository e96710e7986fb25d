//! One templated text of a section, and YAML structures whose leaves are such texts.

use serde_json::{Map, Value};

use crate::model::{Node, NodeError, NodeKind, SectionContext, SectionError};

/// The deepest structure that is accepted.
const DEEPEST: usize = 64;

/// A compiled text. What has no `{{` needs no template.
pub enum Text {
    /// A text as it is.
    Plain(String),
    /// A template.
    Template(dodona_gotmpl::Template),
}

impl Text {
    /// Compiles the scalar `node`; `name` is the template's name in error texts.
    pub fn compile(name: &str, node: &Node) -> Result<Self, NodeError> {
        Self::from_source(name, &node.text()?)
            .map_err(|message| NodeError::new(node.at, message).rule("template-syntax"))
    }

    /// Compiles `source`.
    pub fn from_source(name: &str, source: &str) -> Result<Self, String> {
        if !source.contains("{{") {
            return Ok(Self::Plain(source.to_owned()));
        }
        dodona_gotmpl::Template::parse(name, source).map(Self::Template).map_err(|error| error.to_string())
    }

    /// Whether the root variable `name` may be used.
    pub fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Template(template) => template.mentions(name),
        }
    }

    /// Renders; `field` names the place in errors.
    pub fn render(&self, field: &str, context: &mut SectionContext<'_>) -> Result<String, SectionError> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Template(template) => template
                .render(context.scope, context.runtime)
                .map(|text| String::from_utf8_lossy(&text).into_owned())
                .map_err(|error| SectionError { field: field.to_owned(), message: error.to_string() }),
        }
    }
}

/// A YAML structure with templates in the place of its texts (quotes and line breaks in data cannot break it).
pub enum Tree {
    /// A value without templates.
    Fixed(Value),
    /// A text.
    Text(Text),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping; keys are literal.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Compiles the structure `node`.
    pub fn compile(name: &str, node: &Node) -> Result<Self, NodeError> {
        Self::compile_at(name, node, DEEPEST)
    }

    fn compile_at(name: &str, node: &Node, deeper: usize) -> Result<Self, NodeError> {
        let Some(deeper) = deeper.checked_sub(1) else {
            return Err(NodeError::new(node.at, format!("nested deeper than {DEEPEST} levels")));
        };
        match &node.kind {
            NodeKind::Text(_) => Text::compile(name, node).map(Self::Text),
            NodeKind::List(items) => {
                let compile = |(index, item)| {
                    Self::compile_at(name, item, deeper).map_err(|error: NodeError| error.item(index))
                };
                items.iter().enumerate().map(compile).collect::<Result<_, _>>().map(Self::List)
            }
            NodeKind::Map(pairs) => {
                let compile = |(key, item): &(crate::model::Key, Node)| {
                    let tree =
                        Self::compile_at(name, item, deeper).map_err(|error| error.inside(&key.text))?;
                    Ok((key.text.clone(), tree))
                };
                pairs.iter().map(compile).collect::<Result<_, NodeError>>().map(Self::Map)
            }
            NodeKind::Null => Ok(Self::Fixed(Value::Null)),
            NodeKind::Bool(value) => Ok(Self::Fixed((*value).into())),
            NodeKind::Int(value) => Ok(Self::Fixed((*value).into())),
            NodeKind::Uint(value) => Ok(Self::Fixed((*value).into())),
            NodeKind::Float(value) => Ok(Self::Fixed((*value).into())),
        }
    }

    /// Whether some text may use the root variable `name`.
    pub fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Text(text) => text.mentions(name),
            Self::List(items) => items.iter().any(|item| item.mentions(name)),
            Self::Map(pairs) => pairs.iter().any(|(_, item)| item.mentions(name)),
        }
    }

    /// Renders all texts; `field` names the place in errors.
    pub fn render(&self, field: &str, context: &mut SectionContext<'_>) -> Result<Value, SectionError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(text) => text.render(field, context).map(Value::String),
            Self::List(items) => {
                let render =
                    |(index, item): (usize, &Self)| item.render(&format!("{field}[{index}]"), context);
                items.iter().enumerate().map(render).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(pairs) => {
                let mut map = Map::new();
                for (key, item) in pairs {
                    map.insert(key.clone(), item.render(&format!("{field}.{key}"), context)?);
                }
                Ok(Value::Object(map))
            }
        }
    }
}
