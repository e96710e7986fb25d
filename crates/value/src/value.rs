//! [`Value`]: one value of either language.

use std::sync::Arc;

use crate::format::{self, Text};
use crate::func::{Func, Host};
use crate::list::List;
use crate::map::Map;
use crate::str::Str;
use crate::time::{Duration, Time};
use crate::types::{FloatKind, GoType, IntKind, Kind, UintKind};

/// One value. Cloning is cheap; lists and maps are shared, and a map that is changed is changed for everybody who holds it, as in Go.
#[derive(Clone, Default)]
pub enum Value {
    /// No value at all, such as the value of a key that a map does not have. Templates print `<no value>`; in conditions it is nil.
    #[default]
    Missing,
    /// An explicit nil (JSON null).
    Nil,
    /// `bool`.
    Bool(bool),
    /// A signed integer.
    Int(i64, IntKind),
    /// An unsigned integer.
    Uint(u64, UintKind),
    /// A float. A `Float32` holds the exact value of the 32-bit float.
    Float(f64, FloatKind),
    /// `string`.
    Str(Str),
    /// `[]byte`; `None` is the nil slice.
    Bytes(Option<Str>),
    /// A list of any element type but bytes.
    List(List),
    /// A map.
    Map(Map),
    /// `time.Time`.
    Time(Time),
    /// `time.Duration`.
    Duration(Duration),
    /// A function.
    Func(Func),
    /// An object with fields or methods that the product supplies.
    Host(Arc<dyn Host>),
}

impl Value {
    /// A Go `int`.
    pub const fn int(number: i64) -> Self {
        Self::Int(number, IntKind::Int)
    }

    /// A Go `int64`.
    pub const fn int64(number: i64) -> Self {
        Self::Int(number, IntKind::Int64)
    }

    /// A Go `float64`.
    pub const fn float(number: f64) -> Self {
        Self::Float(number, FloatKind::Float64)
    }

    /// A string that lives as long as the program.
    pub const fn text(text: &'static str) -> Self {
        Self::Str(Str::from_static(text))
    }

    /// A `[]byte`.
    pub fn bytes(bytes: impl Into<Str>) -> Self {
        Self::Bytes(Some(bytes.into()))
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(GoType::Any, items))
    }

    /// A host object.
    pub fn host(host: impl Host) -> Self {
        Self::Host(Arc::new(host))
    }

    /// Whether this is missing or an explicit nil (not: a nil slice or map inside a typed value).
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// The text, of a string.
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The truth, of a bool.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, of any integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number, _) => Some(*number),
            Self::Uint(number, _) => i64::try_from(*number).ok(),
            Self::Duration(duration) => Some(duration.nanoseconds()),
            _ => None,
        }
    }

    /// The number, of any number, as a float.
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number, _) => Some(*number as f64),
            Self::Uint(number, _) => Some(*number as f64),
            Self::Float(number, _) => Some(*number),
            _ => None,
        }
    }

    /// The list, of a list other than bytes.
    pub const fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The map.
    pub const fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// What Go's `reflect` calls the kind, sizes folded together.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Missing | Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(..) | Self::Duration(_) => Kind::Int,
            Self::Uint(..) => Kind::Uint,
            Self::Float(..) => Kind::Float,
            Self::Str(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Time(_) => Kind::Struct,
            Self::Func(_) => Kind::Func,
            Self::Host(host) => host.kind(),
        }
    }

    /// The exact name of the kind as Sprig's `kindOf` prints it (`int64`, `slice`, `invalid`).
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Int(_, kind) => kind.kind_name(),
            Self::Uint(_, kind) => kind.name(),
            Self::Float(_, kind) => kind.name(),
            Self::Duration(_) => "int64",
            other => match other.kind() {
                Kind::Invalid => "invalid",
                Kind::Bool => "bool",
                Kind::Int => "int",
                Kind::Uint => "uint",
                Kind::Float => "float64",
                Kind::String => "string",
                Kind::Slice => "slice",
                Kind::Map => "map",
                Kind::Func => "func",
                Kind::Struct => "struct",
                Kind::Ptr => "ptr",
            },
        }
    }

    /// The Go type; `None` for missing and nil.
    pub fn go_type(&self) -> Option<GoType> {
        Some(match self {
            Self::Missing | Self::Nil => return None,
            Self::Bool(_) => GoType::Bool,
            Self::Int(_, kind) => GoType::Int(*kind),
            Self::Uint(_, kind) => GoType::Uint(*kind),
            Self::Float(_, kind) => GoType::Float(*kind),
            Self::Str(_) => GoType::Str,
            Self::Bytes(_) => GoType::bytes(),
            Self::List(list) => GoType::list(list.element_type()),
            Self::Map(map) => map.go_type(),
            Self::Time(_) => GoType::Time,
            Self::Duration(_) => GoType::Duration,
            Self::Func(func) => GoType::Func(func.signature().go_type().into()),
            Self::Host(host) => GoType::Named(host.type_name().into()),
        })
    }

    /// `%T`: the name of the Go type, `<nil>` for nil.
    pub fn type_name(&self) -> String {
        self.go_type().map_or_else(|| "<nil>".to_owned(), |go_type| go_type.to_string())
    }

    /// Whether a template's `if` takes this as true: not zero, not empty, not nil.
    pub fn truth(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number, _) => *number != 0,
            Self::Uint(number, _) => *number != 0,
            Self::Float(number, _) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => bytes.as_ref().is_some_and(|bytes| !bytes.is_empty()),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Duration(duration) => duration.nanoseconds() != 0,
            Self::Time(_) | Self::Func(_) => true,
            Self::Host(host) => !host.is_nil(),
        }
    }

    /// The value at the end of a chain of map keys; missing where a key or a map is missing. Watched objects are walked without copying.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Self {
        match (self, keys) {
            (_, []) => self.clone(),
            (Self::Map(map), [first, rest @ ..]) => {
                if let Some(node) = map.as_node() {
                    return node.path(keys).map_or(Self::Missing, crate::NodeRef::to_value);
                }
                map.get(first.as_bytes()).map_or(Self::Missing, |value| value.path(rest))
            }
            _ => Self::Missing,
        }
    }
}

impl std::fmt::Display for Value {
    /// Go's `%v`, cut at one mebibyte.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Text::new(1 << 20);
        format::value(&mut text, self);
        f.write_str(&String::from_utf8_lossy(text.as_bytes()))
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {self}", self.type_name())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Time(time)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl From<Func> for Value {
    fn from(func: Func) -> Self {
        Self::Func(func)
    }
}
