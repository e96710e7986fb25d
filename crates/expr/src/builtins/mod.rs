//! The builtin functions: one row each, with what the load-time check demands and the code that runs.
//!
//! Functions that evaluate an expression for each item (`filter`, `any`, …) are compiled to loops (`code/loops.rs`) and have no code here.

mod aggregate;
mod bits;
mod collections;
mod encode;
mod numbers;
mod table;
mod text;
mod time;

use dodona_value::{GoType, List, UintKind, Value};

use crate::check::nature::Ty;
use crate::vm::arithmetic::to_int;
use crate::vm::slot::{Slot, view_value};
use crate::vm::{Cx, Fault};
use table::TABLE;

/// How a call looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any number of expressions.
    Plain,
    /// A list and a predicate, which may be `optional`; then perhaps one `extra` argument, never demanded.
    Predicate { optional: bool, extra: bool },
}

/// The functions that are compiled to loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    All,
    None,
    Any,
    One,
    Filter,
    Map,
    Count,
    Sum,
    Find,
    FindIndex,
    FindLast,
    FindLastIndex,
    GroupBy,
    SortBy,
    Reduce,
}

/// One way in which a function may be called.
#[derive(Debug)]
pub(crate) struct Overload {
    pub(crate) params: &'static [Ty],
    pub(crate) result: Ty,
}

/// What the load-time check demands of the arguments.
#[derive(Debug)]
pub(crate) enum Check {
    /// One of these.
    Overloads(&'static [Overload]),
    Len,
    Abs,
    Round,
    ToInt,
    ToFloat,
    Aggregate,
    Now,
    Date,
    FirstLast,
    Get,
    Take,
    /// A map; gives a list.
    OfMap,
    /// A list of pairs; gives a map.
    FromPairs,
    /// A list; gives a list.
    OfList,
    /// Lists; gives a list.
    Concat,
}

/// The code of a function. The count of arguments may be anything where the check did not look.
pub(crate) type Code = fn(&mut Cx<'_, '_>, &[Value]) -> Result<Value, Fault>;

/// What a row of the table says.
pub(crate) struct Row {
    name: &'static str,
    /// The Go type of the bare name.
    go_type: &'static str,
    check: Check,
    run: Run,
}

enum Run {
    Code(Code),
    Loop(Loop, Shape),
}

/// A builtin function.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Builtin(u8);

impl Builtin {
    /// The function of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let position = TABLE.iter().position(|row| row.name == name)?;
        u8::try_from(position).ok().map(Self)
    }

    #[expect(clippy::indexing_slicing, reason = "the number comes from a position in the table")]
    fn row(self) -> &'static Row {
        &TABLE[usize::from(self.0)]
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn is(self, name: &str) -> bool {
        self.name() == name
    }

    pub(crate) fn ty(self) -> Ty {
        Ty::Func(self.row().go_type)
    }

    pub(crate) fn check(self) -> &'static Check {
        &self.row().check
    }

    pub(crate) fn shape(self) -> Shape {
        match self.row().run {
            Run::Code(_) => Shape::Plain,
            Run::Loop(_, shape) => shape,
        }
    }

    /// The loop that this function is compiled to.
    pub(crate) fn as_loop(self) -> Option<Loop> {
        match self.row().run {
            Run::Code(_) => None,
            Run::Loop(kind, _) => Some(kind),
        }
    }

    /// The code that this function runs.
    pub(crate) fn code(self) -> Option<Code> {
        match self.row().run {
            Run::Code(code) => Some(code),
            Run::Loop(..) => None,
        }
    }
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What messages call the type of a value.
fn name(value: &Value) -> String {
    Slot::Ref(value).type_name()
}

/// The failure of an argument of the wrong type.
#[cold]
fn wrong(wanted: &str, given: &Value) -> Fault {
    Fault::ty(format!("{wanted} is needed here, not {}", name(given)))
}

/// A number as Go's `int`.
fn number(value: &Value) -> Result<i64, Fault> {
    to_int(&view_value(value)).ok_or_else(|| wrong("a number", value))
}

fn byte(byte: u8) -> Value {
    Value::Uint(u64::from(byte), UintKind::Uint8)
}

/// Whether the elements are declared as anything or as text.
fn is_any_or_text(list: &List) -> bool {
    matches!(list.element_type(), GoType::Any | GoType::Str)
}
