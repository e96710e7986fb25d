//! Rich content that the user writes: JSON (or YAML) as text, or a YAML structure with templates in it; checked, and never
//! a reason to lose a message.
//!
//! What the content means is its service's affair; what is valid and not known to the service goes out as it was written.

use serde_json::Value;

use super::options::Options;
use super::{BuildContext, DeliveryError, ErrorKind};
use crate::model::{NodeError, yaml};

/// Content that cannot be read, or has another shape than the receiver takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPayload {
    /// The field: `attachments`.
    pub field: &'static str,
    /// The beginning of the text.
    text: String,
    /// What is wrong and where.
    problem: String,
    /// The words before `problem` when the message is refused, where the service has its own.
    words: Option<&'static str>,
}

/// The most characters of an invalid text that an error repeats.
const LONGEST_TEXT: usize = 200;

impl InvalidPayload {
    fn new(field: &'static str, text: &str, problem: String) -> Self {
        Self { field, text: beginning(text), problem, words: None }
    }

    /// The same with the words with which upstream refuses content of this field.
    #[must_use]
    pub fn in_words(self, words: &'static str) -> Self {
        Self { words: Some(words), ..self }
    }

    /// The error that refuses the message.
    pub fn refuse(&self) -> DeliveryError {
        let Self { field, text, problem, words } = self;
        let detail = match words {
            Some(words) => format!("{words} {problem}"),
            None => format!("failed to unmarshal {field} '{text}' : {problem}"),
        };
        DeliveryError::permanent(ErrorKind::Rejected, detail)
    }

    /// The note that is appended to the plain message instead; none where a template rendered only blanks, which is how
    /// a condition that does not hold looks.
    pub fn note(&self) -> Option<String> {
        (!self.text.trim().is_empty()).then(|| format!("({} left out: {})", self.field, self.problem))
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
    /// Reads `onInvalidJSON`: `send` or `fail`; what the process says if absent.
    pub fn read(context: &BuildContext<'_>, options: &Options<'_>) -> Result<Self, NodeError> {
        match options.text("onInvalidJSON")?.as_str() {
            "" if context.clients.reach().strict_payloads => Ok(Self::Fail),
            "" | "send" => Ok(Self::Note),
            "fail" => Ok(Self::Fail),
            other => {
                Err(options.error("onInvalidJSON", format!("expected `send` or `fail`, found `{other}`")))
            }
        }
    }

    /// The content; content that is invalid becomes nothing and a note at the end of `text`, or refuses the message.
    pub fn settle<T: Default>(
        self,
        content: Result<T, InvalidPayload>,
        text: &mut String,
    ) -> Result<T, DeliveryError> {
        match (content, self) {
            (Ok(content), _) => Ok(content),
            (Err(problem), Self::Fail) => Err(problem.refuse()),
            (Err(problem), Self::Note) => {
                if let Some(note) = problem.note() {
                    tracing::warn!("a message goes out without its `{}`: {}", problem.field, problem.problem);
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    text.push_str(&note);
                }
                Ok(T::default())
            }
        }
    }
}

/// What a field that takes a list holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum List {
    /// Nothing: no such field, or an empty text.
    #[default]
    Absent,
    /// The word `null`.
    Null,
    /// A list.
    Items(Vec<Value>),
}

impl List {
    /// The items; none where there is no list.
    pub fn items(self) -> Vec<Value> {
        match self {
            Self::Absent | Self::Null => Vec::new(),
            Self::Items(items) => items,
        }
    }
}

/// Reads a field of a rendered section: a structure as it is, a text as JSON; empty text is `None`.
pub fn read(section: Option<&Value>, field: &'static str) -> Result<Option<Value>, InvalidPayload> {
    read_as(section, field, json)
}

/// `text` as JSON. Halves of characters (`\ud83d` alone), as they are left where somebody cut an escaped text, count as the
/// replacement character, as upstream reads them.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).or_else(|error| {
        let whole = without_half_characters(text);
        let again = whole.filter(|whole| whole != text).and_then(|whole| serde_json::from_str(&whole).ok());
        again.ok_or_else(|| error.to_string())
    })
}

/// `text` with `\ufffd` in the place of escapes that are one half of a pair; `None` if there are no escapes.
fn without_half_characters(text: &str) -> Option<String> {
    let unit = |at: &str| {
        let digits = at.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, _)) = rest.split_once('\\') {
        let at = rest.get(before.len()..)?;
        whole.push_str(before);
        let pair = || matches!(at.get(6..).and_then(unit), Some(0xdc00..=0xdfff));
        let (escape, length) = match unit(at) {
            Some(0xd800..=0xdbff) if pair() => (at.get(..12)?, 12),
            Some(0xd800..=0xdfff) => ("\\ufffd", 6),
            _ => (at.get(..2)?, 2),
        };
        whole.push_str(escape);
        rest = at.get(length..)?;
    }
    whole.push_str(rest);
    Some(whole)
}

/// The same for a text that may be YAML, of which JSON is a part (services 2.9). Blanks are nothing.
pub fn read_yaml(section: Option<&Value>, field: &'static str) -> Result<Option<Value>, InvalidPayload> {
    let value = read_as(section, field, |text| {
        let node = yaml::parse_node(text).map_err(|error| format!("{}: {error}", error.at))?;
        Ok(node.to_json())
    })?;
    let blank = super::section::text(section, field).trim().is_empty();
    Ok(value.filter(|value| !(value.is_null() && blank)))
}

fn read_as(
    section: Option<&Value>,
    field: &'static str,
    parse: impl Fn(&str) -> Result<Value, String>,
) -> Result<Option<Value>, InvalidPayload> {
    match section.and_then(|section| section.get(field)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            parse(text).map(Some).map_err(|problem| InvalidPayload::new(field, text, problem))
        }
        Some(value) => Ok(Some(value.clone())),
    }
}

/// Reads a field that takes a list.
pub fn list(section: Option<&Value>, field: &'static str) -> Result<List, InvalidPayload> {
    as_list(section, field, read(section, field)?)
}

/// Reads a field that takes a list of objects; `null` in the place of one counts.
pub fn objects(section: Option<&Value>, field: &'static str) -> Result<List, InvalidPayload> {
    only_objects(section, field, list(section, field)?)
}

/// The same for a text that may be YAML.
pub fn yaml_objects(section: Option<&Value>, field: &'static str) -> Result<List, InvalidPayload> {
    let list = as_list(section, field, read_yaml(section, field)?)?;
    only_objects(section, field, list)
}

fn as_list(
    section: Option<&Value>,
    field: &'static str,
    value: Option<Value>,
) -> Result<List, InvalidPayload> {
    match value {
        None => Ok(List::Absent),
        Some(Value::Null) => Ok(List::Null),
        Some(Value::Array(items)) => Ok(List::Items(items)),
        Some(other) => Err(wrong_shape(section, field, "an array", &other)),
    }
}

fn only_objects(section: Option<&Value>, field: &'static str, list: List) -> Result<List, InvalidPayload> {
    let List::Items(items) = &list else { return Ok(list) };
    let fits = |item: &Value| item.is_object() || item.is_null();
    match items.iter().enumerate().find(|(_, item)| !fits(item)) {
        Some((index, item)) => {
            let expected = format!("an object as item {}", index + 1);
            Err(wrong_shape(section, field, &expected, item))
        }
        None => Ok(list),
    }
}

/// The error about content of the wrong shape.
pub fn wrong_shape(
    section: Option<&Value>,
    field: &'static str,
    expected: &str,
    found: &Value,
) -> InvalidPayload {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let problem = format!("expected {expected}, found {found}");
    match section.and_then(|section| section.get(field)) {
        Some(Value::String(text)) => InvalidPayload::new(field, text, problem),
        other => InvalidPayload::new(field, &other.map(ToString::to_string).unwrap_or_default(), problem),
    }
}

fn beginning(text: &str) -> String {
    let mut beginning: String = text.chars().take(LONGEST_TEXT).collect();
    if beginning.len() < text.len() {
        beginning.push('…');
    }
    beginning
}
