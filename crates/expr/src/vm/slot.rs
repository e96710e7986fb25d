//! What lies on the stack: values, and views of the watched object that cost nothing to take.

use dodona_value::{FloatKind, IntKind, NodeKind, NodeRef, Str, UintKind, Value};

/// A place on the stack.
#[derive(Clone)]
pub(crate) enum Slot<'a> {
    Value(Value),
    /// A constant of the program or a variable of the scope.
    Ref(&'a Value),
    /// A part of a document.
    Node(NodeRef<'a>),
}

/// What operators look at.
#[derive(Clone, Copy)]
pub(crate) enum View<'s> {
    Nil,
    Bool(bool),
    /// Integers that take part in arithmetic, so no months and no weekdays.
    Int(i64, IntKind),
    Uint(u64, UintKind),
    Float(f64, FloatKind),
    Str(&'s [u8]),
    /// A list or map of a document.
    Node(NodeRef<'s>),
    Other(&'s Value),
}

impl<'a> Slot<'a> {
    pub(crate) const fn int(number: i64) -> Self {
        Self::Value(Value::int(number))
    }

    pub(crate) const fn float(number: f64) -> Self {
        Self::Value(Value::float(number))
    }

    pub(crate) const fn bool(truth: bool) -> Self {
        Self::Value(Value::Bool(truth))
    }

    pub(crate) const fn nil() -> Self {
        Self::Value(Value::Nil)
    }

    /// A borrowed value; what came from a document is looked at in place.
    pub(crate) fn borrowed(value: &'a Value) -> Self {
        match value {
            Value::Map(map) => map.as_node().map_or(Self::Ref(value), Self::Node),
            Value::List(list) => list.as_node().map_or(Self::Ref(value), Self::Node),
            _ => Self::Ref(value),
        }
    }

    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Self::Node(node) => view_node(*node),
            Self::Value(value) => view_value(value),
            Self::Ref(value) => view_value(value),
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Ref(value) => value.clone(),
            Self::Node(node) => node.to_value(),
        }
    }

    /// Whether Go would call it nil: also nil slices, maps and pointers.
    pub(crate) fn is_nil(&self) -> bool {
        match self {
            Self::Node(node) => node.is_null(),
            Self::Value(value) => is_nil(value),
            Self::Ref(value) => is_nil(value),
        }
    }

    /// The text, of a string.
    pub(crate) fn as_text(&self) -> Option<&[u8]> {
        match self.view() {
            View::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A string as a value that shares its memory.
    pub(crate) fn to_str_value(&self) -> Option<Str> {
        match self {
            Self::Node(node) if node.kind() == NodeKind::Text => Some(node.to_str_value()),
            Self::Value(Value::Str(text)) | Self::Ref(Value::Str(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The Go type, for messages.
    pub(crate) fn type_name(&self) -> String {
        match self.view() {
            View::Nil => "nil".to_owned(),
            View::Bool(_) => "bool".to_owned(),
            View::Int(..) | View::Uint(..) => "integer".to_owned(),
            View::Float(..) => "float".to_owned(),
            View::Str(_) => "string".to_owned(),
            View::Node(node) if node.kind() == NodeKind::List => "list".to_owned(),
            View::Node(_) | View::Other(Value::Map(_)) => "map".to_owned(),
            View::Other(Value::List(_)) => "list".to_owned(),
            View::Other(Value::Bytes(_)) => "byte list".to_owned(),
            View::Other(Value::Func(_)) => "function".to_owned(),
            View::Other(Value::Time(_)) => "time".to_owned(),
            View::Other(Value::Duration(_)) => "duration".to_owned(),
            View::Other(value) => value.type_name(),
        }
    }
}

/// Whether Go would call it nil.
pub(crate) fn is_nil(value: &Value) -> bool {
    match value {
        Value::Missing | Value::Nil | Value::Bytes(None) => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        Value::Host(host) => host.is_nil(),
        _ => false,
    }
}

fn view_node(node: NodeRef<'_>) -> View<'_> {
    match node.kind() {
        NodeKind::Null => View::Nil,
        NodeKind::Bool => View::Bool(node.as_bool().unwrap_or(false)),
        NodeKind::Int => View::Int(node.as_i64().unwrap_or(0), IntKind::Int64),
        NodeKind::Float => View::Float(node.as_f64().unwrap_or(0.0), FloatKind::Float64),
        NodeKind::Text | NodeKind::Key => View::Str(node.as_bytes().unwrap_or_default()),
        NodeKind::List | NodeKind::Map => View::Node(node),
    }
}

pub(crate) fn view_value(value: &Value) -> View<'_> {
    match value {
        Value::Missing | Value::Nil => View::Nil,
        Value::Bool(truth) => View::Bool(*truth),
        Value::Int(_, IntKind::Month | IntKind::Weekday) => View::Other(value),
        Value::Int(number, kind) => View::Int(*number, *kind),
        Value::Uint(number, kind) => View::Uint(*number, *kind),
        Value::Float(number, kind) => View::Float(*number, *kind),
        Value::Str(text) => View::Str(text),
        _ => View::Other(value),
    }
}
