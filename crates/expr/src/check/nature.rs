//! What is known of a value before the program runs: the type lattice of the load-time check.
//!
//! Variables are unknown (nobody declares them), so only literals, operators, builtins and the methods of times have a type here.
//! The lattice follows Go's types, because what fails at load and what fails later depends on them (core.md 3.2, languages.md 8).

/// A static type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    /// Nothing is known.
    Unknown,
    /// `interface {}`: nothing is known, but it is a type and can be assigned to.
    Any,
    Nil,
    Bool,
    Int,
    Int64,
    Uint8,
    Float,
    Str,
    Bytes,
    /// `[]string`.
    Strings,
    /// `[]interface {}`; the nature may know more of the elements.
    List,
    /// `map[string]interface {}`.
    Map,
    /// `map[interface {}]interface {}`, from `fromPairs`.
    AnyMap,
    /// `map[interface {}][]interface {}`, from `groupBy`.
    Groups,
    Time,
    Duration,
    Month,
    Weekday,
    /// `*time.Location`.
    Location,
    /// A function, with its Go type.
    Func(&'static str),
    /// The body of a predicate; holds how many values it gives.
    Predicate,
}

/// Go's kind of a type: what many checks look at instead of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TyKind {
    Invalid,
    Bool,
    Int,
    Int64,
    Uint8,
    Float,
    Str,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
    Interface,
}

impl Ty {
    pub(crate) const fn kind(self) -> TyKind {
        match self {
            Self::Unknown | Self::Nil => TyKind::Invalid,
            Self::Any => TyKind::Interface,
            Self::Bool => TyKind::Bool,
            Self::Int | Self::Month | Self::Weekday => TyKind::Int,
            Self::Int64 | Self::Duration => TyKind::Int64,
            Self::Uint8 => TyKind::Uint8,
            Self::Float => TyKind::Float,
            Self::Str => TyKind::Str,
            Self::Bytes | Self::Strings | Self::List => TyKind::Slice,
            Self::Map | Self::AnyMap | Self::Groups => TyKind::Map,
            Self::Time => TyKind::Struct,
            Self::Location => TyKind::Ptr,
            Self::Func(_) | Self::Predicate => TyKind::Func,
        }
    }

    /// How messages name the type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown | Self::Any => "unknown",
            Self::Nil => "nil",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "byte",
            Self::Float => "float",
            Self::Str => "string",
            Self::Bytes => "bytes",
            Self::Strings => "list of strings",
            Self::List => "list",
            Self::Map | Self::AnyMap | Self::Groups => "map",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Month => "month",
            Self::Weekday => "weekday",
            Self::Location => "time zone",
            Self::Func(_) | Self::Predicate => "function",
        }
    }

    pub(crate) const fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown | Self::Any)
    }

    /// Go's integers; months and weekdays are types of their own.
    pub(crate) const fn is_integer(self) -> bool {
        matches!(self, Self::Int | Self::Int64 | Self::Uint8)
    }

    pub(crate) const fn is_number(self) -> bool {
        self.is_integer() || matches!(self, Self::Float)
    }

    pub(crate) const fn is_array(self) -> bool {
        matches!(self.kind(), TyKind::Slice)
    }

    pub(crate) const fn is_map(self) -> bool {
        matches!(self.kind(), TyKind::Map)
    }

    /// Whether a value of this type can go where `target` is wanted, by Go's rules of assignment.
    pub(crate) fn assignable_to(self, target: Self) -> bool {
        match (self, target) {
            (Self::Nil, _) => matches!(
                target.kind(),
                TyKind::Ptr | TyKind::Interface | TyKind::Func | TyKind::Map | TyKind::Slice
            ),
            (Self::Unknown, _) | (_, Self::Unknown | Self::Nil) => false,
            (_, Self::Any) => true,
            (_, _) => self == target,
        }
    }

    /// Whether `==` makes sense between the two.
    pub(crate) fn comparable_to(self, other: Self) -> bool {
        self.is_unknown()
            || other.is_unknown()
            || self == Self::Nil
            || other == Self::Nil
            || self.is_number() && other.is_number()
            || self.is_array() && other.is_array()
            || self.assignable_to(other)
    }

    /// Whether at least one side is unknown and the other, if known, passes `check`.
    pub(crate) fn maybe_with(self, other: Self, check: fn(Self) -> bool) -> bool {
        match (self.is_unknown(), other.is_unknown()) {
            (true, true) => true,
            (true, false) => check(other),
            (false, true) => check(self),
            (false, false) => false,
        }
    }

    /// The type of an element, as far as the type alone tells.
    pub(crate) const fn element(self) -> Self {
        match self {
            Self::Bytes => Self::Uint8,
            Self::Strings => Self::Str,
            Self::List | Self::Map | Self::AnyMap => Self::Any,
            Self::Groups => Self::List,
            _ => Self::Unknown,
        }
    }
}

/// A static type with what is known beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nature {
    pub(crate) ty: Ty,
    /// Of a list or predicate: where the checker keeps the nature of its elements or of its result.
    pub(crate) inner: Option<u32>,
    /// Of a builtin's bare name: the builtin.
    pub(crate) builtin: Option<crate::builtins::Builtin>,
}

impl Nature {
    pub(crate) const UNKNOWN: Self = Self::of(Ty::Unknown);

    pub(crate) const fn of(ty: Ty) -> Self {
        Self { ty, inner: None, builtin: None }
    }
}

#[cfg(test)]
mod tests {
    use super::Ty;

    #[test]
    fn nil_goes_where_go_has_a_nil() {
        assert!(Ty::Nil.assignable_to(Ty::List));
        assert!(Ty::Nil.assignable_to(Ty::Any));
        assert!(!Ty::Nil.assignable_to(Ty::Int));
        assert!(!Ty::Unknown.assignable_to(Ty::Any));
    }

    #[test]
    fn named_integers_are_not_numbers() {
        assert!(!Ty::Month.comparable_to(Ty::Int));
        assert!(Ty::Int.comparable_to(Ty::Float));
    }
}
