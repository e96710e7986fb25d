//! Rich content that the user writes: JSON as text or a YAML structure; checked, and never a reason to lose a message.

use serde_json::Value;

use super::{DeliveryError, ErrorKind};

/// Content that is no JSON, or JSON of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPayload {
    /// The field: `attachments`.
    pub field: &'static str,
    /// The beginning of the text.
    text: String,
    /// What is wrong and where.
    problem: String,
}

/// The most characters of an invalid text that an error repeats.
const LONGEST_TEXT: usize = 200;

impl InvalidPayload {
    /// The error that refuses the message (upstream's words, services 2.1).
    pub fn refuse(&self) -> DeliveryError {
        let Self { field, text, problem } = self;
        DeliveryError::permanent(
            ErrorKind::Rejected,
            format!("failed to unmarshal {field} '{text}' : {problem}"),
        )
    }

    /// The note that is appended to the plain message instead.
    pub fn note(&self) -> String {
        format!("({} left out: {})", self.field, self.problem)
    }
}

/// What to do with content that is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnInvalid {
    /// Send the plain message with a note.
    Note,
    /// Refuse the message, as upstream does.
    Fail,
}

impl OnInvalid {
    /// Reads `onInvalidJSON`: `send` or `fail`; `otherwise` if absent.
    pub fn read(
        options: &super::options::Options<'_>,
        otherwise: Self,
    ) -> Result<Self, crate::model::NodeError> {
        match options.text("onInvalidJSON")?.as_str() {
            "" => Ok(otherwise),
            "send" => Ok(Self::Note),
            "fail" => Ok(Self::Fail),
            other => {
                Err(options.error("onInvalidJSON", format!("expected `send` or `fail`, found `{other}`")))
            }
        }
    }
}

/// Reads a payload field of a rendered section: a structure as it is, a text as JSON; empty text is `None`.
pub fn read(section: Option<&Value>, field: &'static str) -> Result<Option<Value>, InvalidPayload> {
    match section.and_then(|section| section.get(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|error| InvalidPayload {
            field,
            text: beginning(text),
            problem: error.to_string(),
        }),
        Some(value) => Ok(Some(value.clone())),
    }
}

/// The error about a payload of the wrong shape.
pub fn wrong_shape(
    section: Option<&Value>,
    field: &'static str,
    expected: &str,
    found: &Value,
) -> InvalidPayload {
    let text = match section.and_then(|section| section.get(field)) {
        Some(Value::String(text)) => beginning(text),
        other => beginning(&other.map(ToString::to_string).unwrap_or_default()),
    };
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    InvalidPayload { field, text, problem: format!("expected {expected}, found {found}") }
}

fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(LONGEST_TEXT).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
