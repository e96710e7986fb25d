//! Decoded YAML as the configuration sees it: a tree that remembers where each part stood, read leniently by field name.
//!
//! Parsing text into this tree is `yaml`'s work. Reading it here follows Go's JSON decoder behind YAML 1.1, as
//! upstream does (core 1.4, services 1.2): names without case, numbers and booleans accepted as text, unknown fields ignored.
//! Two things are read more generously, as no working configuration can depend on the refusal: a quoted number or boolean
//! counts as what it says, and one text counts as a list of one (services 1.2).

use std::fmt;
use std::time::Duration;

use super::go_text::{go_duration, go_float32};

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

/// A value and where it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: NodeKind,
    /// Where it begins.
    pub at: Position,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `null`, `~`, nothing.
    Null,
    /// A YAML 1.1 boolean.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Int(i64),
    /// A whole number above `i64::MAX` that fits 64 bits.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the text; keys are text already (core 1.4.22); duplicates are resolved (last wins).
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it stood.
    pub at: Position,
}

/// A value that does not fit where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// Path of the field inside the key: `send`, `email.subject`, `headers[1].value`; empty for the whole value.
    pub path: String,
    /// Where it stood.
    pub at: Position,
    /// What is wrong and what is expected instead.
    pub message: String,
    /// The rule of `dodona lint` under which it is known; empty for the general one of its place.
    pub rule: &'static str,
}

impl NodeError {
    /// An error about the whole of what stands at `at`.
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self { path: String::new(), at, message: message.into(), rule: "" }
    }

    /// The same error, known to `dodona lint` as `rule`.
    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    /// The same error seen from the mapping whose field `name` holds the value.
    #[must_use]
    pub fn inside(mut self, name: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => name.to_owned(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        self
    }

    /// The same error seen from the list whose item `index` (from 0) holds the value.
    #[must_use]
    pub fn item(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }
}

impl Node {
    /// The value as JSON; a float that JSON cannot hold becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            NodeKind::Null => serde_json::Value::Null,
            NodeKind::Bool(truth) => (*truth).into(),
            NodeKind::Int(number) => (*number).into(),
            NodeKind::Uint(number) => (*number).into(),
            NodeKind::Float(number) => (*number).into(),
            NodeKind::Text(text) => text.as_str().into(),
            NodeKind::List(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(pairs) => {
                let members = pairs.iter().map(|(key, value)| (key.text.clone(), value.to_json()));
                serde_json::Value::Object(members.collect())
            }
        }
    }

    /// A node of `kind` that stood at `at`.
    pub fn new(kind: NodeKind, at: Position) -> Self {
        Self { kind, at }
    }

    /// Whether nothing is there: `null`, `~`, an empty value.
    pub fn is_null(&self) -> bool {
        self.kind == NodeKind::Null
    }

    /// Whether the value is one text, number or boolean.
    pub fn is_scalar(&self) -> bool {
        !matches!(self.kind, NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_))
    }

    /// What the value is, in words for an error text.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Int(_) | NodeKind::Uint(_) | NodeKind::Float(_) => "a number",
            NodeKind::Text(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }

    /// An error that says what was expected here and what was found.
    pub fn expected(&self, what: &str) -> NodeError {
        NodeError::new(self.at, format!("expected {what}, found {}", self.describe()))
    }

    /// The fields of a mapping; `null` has none.
    pub fn fields(&self) -> Result<Fields<'_>, NodeError> {
        match &self.kind {
            NodeKind::Map(pairs) => Ok(Fields { pairs, at: self.at }),
            NodeKind::Null => Ok(Fields { pairs: &[], at: self.at }),
            _ => Err(self.expected("a mapping (`name: value` lines)")),
        }
    }

    /// Text; numbers and booleans are printed as upstream prints them (core 1.4.2, 1.4.3), `null` is the empty text.
    pub fn text(&self) -> Result<String, NodeError> {
        Ok(match &self.kind {
            NodeKind::Null => String::new(),
            NodeKind::Bool(value) => value.to_string(),
            NodeKind::Int(value) => value.to_string(),
            NodeKind::Uint(value) => value.to_string(),
            NodeKind::Float(value) => go_float32(*value),
            NodeKind::Text(text) => text.clone(),
            NodeKind::List(_) => return Err(self.expected("text; write one value without `-` and brackets")),
            NodeKind::Map(_) => {
                return Err(self.expected("text; put quotes around it if it is meant as text"));
            }
        })
    }

    /// A boolean; `null` is `false`. A quoted boolean counts (services 1.2).
    pub fn bool(&self) -> Result<bool, NodeError> {
        match &self.kind {
            NodeKind::Null => Ok(false),
            NodeKind::Bool(value) => Ok(*value),
            NodeKind::Text(text) => match text.trim() {
                "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Ok(true),
                "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Ok(false),
                _ => Err(self.expected("true or false")),
            },
            _ => Err(self.expected("true or false")),
        }
    }

    /// A whole number; `null` is 0. `465.0` and a quoted number count (services 1.2).
    pub fn int(&self) -> Result<i64, NodeError> {
        const EXPECTED: &str = "a whole number";
        match &self.kind {
            NodeKind::Null => Ok(0),
            NodeKind::Int(value) => Ok(*value),
            NodeKind::Float(value) => whole(*value).ok_or_else(|| self.expected(EXPECTED)),
            NodeKind::Text(text) => text.trim().parse().map_err(|_| self.expected(EXPECTED)),
            _ => Err(self.expected(EXPECTED)),
        }
    }

    /// A number; `null` is 0. A quoted number counts.
    pub fn float(&self) -> Result<f64, NodeError> {
        match &self.kind {
            NodeKind::Null => Ok(0.0),
            #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for, as in Go")]
            NodeKind::Int(value) => Ok(*value as f64),
            #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for, as in Go")]
            NodeKind::Uint(value) => Ok(*value as f64),
            NodeKind::Float(value) if value.is_finite() => Ok(*value),
            NodeKind::Text(text) => match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                _ => Err(self.expected("a number")),
            },
            _ => Err(self.expected("a number")),
        }
    }

    /// The items of a list; `null` has none.
    pub fn items(&self) -> Result<&[Node], NodeError> {
        match &self.kind {
            NodeKind::List(items) => Ok(items),
            NodeKind::Null => Ok(&[]),
            _ => Err(self.expected("a list (`- ` before each item)")),
        }
    }

    /// A list of texts; `null` has none. One text, number or boolean counts as a list of one; a caller that wants to
    /// warn about it asks [`Node::is_scalar`].
    pub fn text_list(&self) -> Result<Vec<String>, NodeError> {
        if self.is_scalar() {
            return Ok(vec![self.text()?]);
        }
        self.items()?
            .iter()
            .enumerate()
            .map(|(index, item)| item.text().map_err(|error| error.item(index)))
            .collect()
    }

    /// A mapping of names (with case) to texts, in the order of the text; `null` has none.
    pub fn text_map(&self) -> Result<Vec<(String, String)>, NodeError> {
        let pair = |(key, value): (&Key, &Node)| match value.text() {
            Ok(text) => Ok((key.text.clone(), text)),
            Err(error) => Err(error.inside(&key.text)),
        };
        self.fields()?.iter().map(pair).collect()
    }

    /// A span of time: Go's form (`5s`, `1m30s`, `500ms`) or a whole number of nanoseconds; `None` for `null` and the
    /// empty text.
    pub fn duration(&self) -> Result<Option<Duration>, NodeError> {
        const EXPECTED: &str = "a span of time such as `5s` or `1m30s`";
        match &self.kind {
            NodeKind::Null => Ok(None),
            NodeKind::Text(text) if text.is_empty() => Ok(None),
            NodeKind::Text(text) => match go_duration(text) {
                Some(span) => Ok(Some(span)),
                None => Err(NodeError::new(self.at, format!("expected {EXPECTED}, found `{text}`"))),
            },
            NodeKind::Int(_) | NodeKind::Float(_) => match u64::try_from(self.int()?) {
                Ok(nanoseconds) => Ok(Some(Duration::from_nanos(nanoseconds))),
                Err(_) => {
                    Err(NodeError::new(self.at, format!("expected {EXPECTED}, found a negative number")))
                }
            },
            _ => Err(self.expected(EXPECTED)),
        }
    }
}

/// The fields of a mapping, looked up by name without case (core 1.4.9, 1.4.12).
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    pairs: &'a [(Key, Node)],
    at: Position,
}

impl<'a> Fields<'a> {
    /// Where the mapping begins.
    pub fn at(&self) -> Position {
        self.at
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value of field `name`. Several spellings of one name: the last in byte order that is not `null` wins, as in
    /// Go, where the fields arrive sorted and `null` changes nothing. A field that is `null` counts as present.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        let spelled = self.pairs.iter().filter(|(key, _)| same_name(&key.text, name));
        spelled.max_by_key(|(key, value)| (!value.is_null(), key.text.as_str())).map(|(_, value)| value)
    }

    /// All fields in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Key, &'a Node)> + use<'a> {
        self.pairs.iter().map(|(key, value)| (key, value))
    }

    /// Text; empty if absent.
    pub fn text(&self, name: &str) -> Result<String, NodeError> {
        self.read(name, Node::text).map(Option::unwrap_or_default)
    }

    /// A boolean; `false` if absent.
    pub fn bool(&self, name: &str) -> Result<bool, NodeError> {
        self.read(name, Node::bool).map(Option::unwrap_or_default)
    }

    /// A whole number; 0 if absent.
    pub fn int(&self, name: &str) -> Result<i64, NodeError> {
        self.read(name, Node::int).map(Option::unwrap_or_default)
    }

    /// A whole number, or `None` if absent or `null`.
    pub fn opt_int(&self, name: &str) -> Result<Option<i64>, NodeError> {
        self.read_present(name, Node::int)
    }

    /// A boolean, or `None` if absent or `null`.
    pub fn opt_bool(&self, name: &str) -> Result<Option<bool>, NodeError> {
        self.read_present(name, Node::bool)
    }

    /// A number, or `None` if absent or `null`.
    pub fn opt_float(&self, name: &str) -> Result<Option<f64>, NodeError> {
        self.read_present(name, Node::float)
    }

    /// Text, or `None` if absent or `null`.
    pub fn opt_text(&self, name: &str) -> Result<Option<String>, NodeError> {
        self.read_present(name, Node::text)
    }

    /// A list of texts (see [`Node::text_list`]); empty if absent.
    pub fn text_list(&self, name: &str) -> Result<Vec<String>, NodeError> {
        self.read(name, Node::text_list).map(Option::unwrap_or_default)
    }

    /// A mapping of texts; empty if absent.
    pub fn text_map(&self, name: &str) -> Result<Vec<(String, String)>, NodeError> {
        self.read(name, Node::text_map).map(Option::unwrap_or_default)
    }

    /// The items of a list; empty if absent.
    pub fn list(&self, name: &str) -> Result<&'a [Node], NodeError> {
        self.read(name, Node::items).map(Option::unwrap_or_default)
    }

    /// The fields of a mapping inside; `None` if absent or `null`.
    pub fn fields(&self, name: &str) -> Result<Option<Fields<'a>>, NodeError> {
        self.read_present(name, Node::fields)
    }

    /// A span of time (see [`Node::duration`]).
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, NodeError> {
        self.read(name, Node::duration).map(Option::flatten)
    }

    /// An error about field `name`, at its value if it is there, else at the mapping.
    pub fn error(&self, name: &str, message: impl Into<String>) -> NodeError {
        NodeError::new(self.get(name).map_or(self.at, |value| value.at), message).inside(name)
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl Fn(&'a Node) -> Result<T, NodeError>,
    ) -> Result<Option<T>, NodeError> {
        self.get(name).map(read).transpose().map_err(|error| error.inside(name))
    }

    fn read_present<T>(
        &self,
        name: &str,
        read: impl Fn(&'a Node) -> Result<T, NodeError>,
    ) -> Result<Option<T>, NodeError> {
        self.get(name)
            .filter(|value| !value.is_null())
            .map(read)
            .transpose()
            .map_err(|error| error.inside(name))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Go's fold for field names: ASCII without case, plus the two letters outside ASCII that fold into it.
fn same_name(left: &str, right: &str) -> bool {
    fn fold(letter: char) -> char {
        match letter {
            'ſ' => 's',
            '\u{212a}' => 'k',
            _ => letter.to_ascii_lowercase(),
        }
    }
    left.eq_ignore_ascii_case(right)
        || (!left.is_ascii() && left.chars().map(fold).eq(right.chars().map(fold)))
}

/// The whole number that `value` is, if it is one inside 64 bits.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and inside the range")]
    let number = (value.fract() == 0.0 && value.abs() < 9.2e18).then_some(value as i64);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: NodeKind) -> Node {
        Node::new(kind, Position { line: 3, column: 5 })
    }

    fn text(text: &str) -> Node {
        node(NodeKind::Text(text.into()))
    }

    fn map(pairs: Vec<(&str, Node)>) -> Node {
        let key = |text: &str| Key { text: text.into(), at: Position::default() };
        node(NodeKind::Map(pairs.into_iter().map(|(name, value)| (key(name), value)).collect()))
    }

    #[test]
    fn scalars_are_read_as_text_as_upstream_prints_them() {
        let printed = |kind| node(kind).text().unwrap();
        assert_eq!(printed(NodeKind::Bool(true)), "true");
        assert_eq!(printed(NodeKind::Int(8)), "8");
        assert_eq!(printed(NodeKind::Uint(u64::MAX)), "18446744073709551615");
        assert_eq!(printed(NodeKind::Float(1.123_456_789)), "1.1234568");
        assert_eq!(printed(NodeKind::Null), "");
        assert!(node(NodeKind::List(vec![])).text().is_err());
        assert!(node(NodeKind::Map(vec![])).text().is_err());
    }

    #[test]
    fn field_names_match_without_case_and_the_last_in_byte_order_wins() {
        let config = map(vec![("when", text("c")), ("WHEN", text("a")), ("When", text("b"))]);
        assert_eq!(config.fields().unwrap().text("when").unwrap(), "c");
        let config = map(vec![("apiUrl", text("b")), ("apiURL", text("a"))]);
        assert_eq!(config.fields().unwrap().text("apiURL").unwrap(), "b");
        let config = map(vec![("apiUrl", node(NodeKind::Null)), ("apiURL", text("a"))]);
        assert_eq!(config.fields().unwrap().text("apiURL").unwrap(), "a");
        let config = map(vec![("tOKen", node(NodeKind::Null)), ("\u{212a}ey", text("a"))]);
        let fields = config.fields().unwrap();
        assert!(fields.get("token").is_some_and(Node::is_null));
        assert_eq!(fields.text("token").unwrap(), "");
        assert_eq!(fields.text("key").unwrap(), "a");
        assert!(fields.get("absent").is_none());
    }

    #[test]
    fn numbers_and_booleans_are_also_read_from_quotes() {
        assert_eq!(text("465").int().unwrap(), 465);
        assert_eq!(node(NodeKind::Float(465.0)).int().unwrap(), 465);
        assert!(node(NodeKind::Float(1.5)).int().is_err());
        assert!(node(NodeKind::Float(f64::INFINITY)).int().is_err());
        assert!(node(NodeKind::Bool(true)).int().is_err());
        assert!(text("$port").int().is_err());
        assert!(text("true").bool().unwrap());
        assert!(!text("off").bool().unwrap());
        assert!(node(NodeKind::Int(1)).bool().is_err());
        assert!((text("1.5").float().unwrap() - 1.5).abs() < f64::EPSILON);
        assert!(text("nan").float().is_err());
    }

    #[test]
    fn a_scalar_counts_as_a_list_of_one() {
        assert_eq!(text("a").text_list().unwrap(), ["a"]);
        assert!(node(NodeKind::Null).text_list().unwrap().is_empty());
        let list = node(NodeKind::List(vec![text("a"), node(NodeKind::Null), node(NodeKind::Float(2.5))]));
        assert_eq!(list.text_list().unwrap(), ["a", "", "2.5"]);
        assert!(map(vec![]).text_list().is_err());
    }

    #[test]
    fn errors_name_path_place_and_what_is_expected() {
        let header = map(vec![("value", node(NodeKind::List(vec![])))]);
        let config = map(vec![("headers", node(NodeKind::List(vec![text("x"), header])))]);
        let items = config.fields().unwrap().list("headers").unwrap();
        let error = items[1].fields().unwrap().text("value").unwrap_err().item(1).inside("headers");
        assert_eq!(error.path, "headers[1].value");
        assert_eq!(error.at, Position { line: 3, column: 5 });
        assert!(error.message.starts_with("expected text"), "{error}");
        assert_eq!(config.fields().unwrap().text("headers").unwrap_err().path, "headers");
    }

    #[test]
    fn spans_of_time() {
        let span = |node: Node| node.duration().unwrap();
        assert_eq!(span(text("1m30s")), Some(Duration::from_secs(90)));
        assert_eq!(span(node(NodeKind::Int(5))), Some(Duration::from_nanos(5)));
        assert_eq!(span(text("")), None);
        assert_eq!(span(node(NodeKind::Null)), None);
        assert!(text("5 minutes").duration().is_err());
        assert!(node(NodeKind::Int(-5)).duration().is_err());
    }
}
