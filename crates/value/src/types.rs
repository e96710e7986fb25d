//! Go's types as far as a program can notice them: in `%T`, in argument checks, in `kindOf` and in comparisons.

use std::fmt;
use std::sync::Arc;

/// Which signed integer type a [`crate::Value::Int`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum IntKind {
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    /// `time.Month`: prints as the name of the month.
    Month,
    /// `time.Weekday`: prints as the name of the day.
    Weekday,
}

/// Which unsigned integer type a [`crate::Value::Uint`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum UintKind {
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}

/// Which float type a [`crate::Value::Float`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum FloatKind {
    Float32,
    Float64,
}

impl IntKind {
    /// Go's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
        }
    }

    /// Go's name of the kind (`reflect.Kind`): named types show what is below them.
    pub const fn kind_name(self) -> &'static str {
        match self {
            Self::Month | Self::Weekday => "int",
            other => other.name(),
        }
    }
}

impl UintKind {
    /// Go's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        }
    }
}

impl FloatKind {
    /// Go's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}

/// The coarse kind of a value, as `reflect.Kind` tells it, with the integer and float sizes folded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum Kind {
    /// No value at all: missing or nil.
    Invalid,
    Bool,
    Int,
    Uint,
    Float,
    String,
    Slice,
    Map,
    Func,
    Struct,
    Ptr,
}

/// A Go type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Go's")]
pub enum GoType {
    /// `interface {}`: anything.
    Any,
    Bool,
    Int(IntKind),
    Uint(UintKind),
    Float(FloatKind),
    Str,
    Time,
    Duration,
    /// `[]T`. A byte list is `List(Uint(Uint8))`.
    List(Arc<GoType>),
    /// `map[K]V`.
    Map(Arc<(GoType, GoType)>),
    /// A function, with its whole Go type as text.
    Func(Arc<str>),
    /// Any other named type, as `%T` prints it (`*semver.Version`).
    Named(Arc<str>),
}

impl GoType {
    /// `int`, the type of whole-number literals.
    pub const INT: Self = Self::Int(IntKind::Int);
    /// `int64`, the type of whole numbers in a watched object.
    pub const INT64: Self = Self::Int(IntKind::Int64);
    /// `float64`.
    pub const FLOAT64: Self = Self::Float(FloatKind::Float64);

    /// `[]T`.
    pub fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    /// `map[K]V`.
    pub fn map(key: Self, element: Self) -> Self {
        Self::Map(Arc::new((key, element)))
    }

    /// `[]uint8`.
    pub fn bytes() -> Self {
        Self::list(Self::Uint(UintKind::Uint8))
    }

    /// Whether this is `[]uint8`.
    pub fn is_bytes(&self) -> bool {
        matches!(self, Self::List(element) if **element == Self::Uint(UintKind::Uint8))
    }
}

impl fmt::Display for GoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Bool => f.write_str("bool"),
            Self::Int(kind) => f.write_str(kind.name()),
            Self::Uint(kind) => f.write_str(kind.name()),
            Self::Float(kind) => f.write_str(kind.name()),
            Self::Str => f.write_str("string"),
            Self::Time => f.write_str("time.Time"),
            Self::Duration => f.write_str("time.Duration"),
            Self::List(element) => write!(f, "[]{element}"),
            Self::Map(pair) => write!(f, "map[{}]{}", pair.0, pair.1),
            Self::Func(text) | Self::Named(text) => f.write_str(text),
        }
    }
}
