//! Decoded YAML as the configuration sees it: a tree that remembers where each part stood, read leniently by field name.
//!
//! Parsing text into this tree is `config::yaml`'s work. Reading it here follows Go's JSON decoder behind YAML 1.1, as
//! upstream does (core 1.4, services 1.2): names without case, numbers and booleans accepted as text, unknown fields ignored.

use std::fmt;

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
}

/// The fields of a mapping, looked up by name without case (core 1.4.9, 1.4.12).
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    pairs: &'a [(Key, Node)],
    at: Position,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
