//! From the checked tree to a flat list of instructions, so that running never recurses, however deep the source was nested.

mod describe;
mod emit;
mod loops;
mod path;

use dodona_value::regex::Regex;
use dodona_value::{Str, Value};

use crate::builtins::Builtin;
use crate::error::Span;

pub(crate) use emit::generate;

/// Places in the code; absolute.
pub(crate) type Target = u32;

/// An instruction. What it works on lies on the stack; numbers point into the tables of [`Code`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Pushes a constant.
    Const(u32),
    Nil,
    /// Pushes the variable of a root name.
    Root(u32),
    /// Pushes all variables as a map.
    Env,
    /// Pushes what is at the end of a chain of fields, which begins at a root name, the item of a predicate or a declared variable.
    Path(u32),
    Load(u32),
    Store(u32),
    Pop,
    /// The field with the name of a constant.
    Field(u32),
    /// `object[key]`.
    Index,
    Not,
    Negate,
    Equal,
    /// `==` with a constant text.
    EqualText(u32),
    /// `==` where both sides were known to be `int` at load; anything else fails.
    EqualInts,
    /// `==` where both sides were known to be `string` at load; anything else fails.
    EqualStrs,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    In,
    /// `in` a set of constants.
    InSet(u32),
    Matches,
    /// `matches` with a constant pattern.
    MatchesConst(u32),
    Contains,
    StartsWith,
    EndsWith,
    Range,
    Slice,
    /// Pushes the length in bytes or elements, for a slice without end.
    Length,
    Jump(Target),
    /// These leave the value on the stack.
    JumpIfTrue(Target),
    JumpIfFalse(Target),
    JumpIfNil(Target),
    JumpIfNotNil(Target),
    /// Makes a typed nil (such as an empty `[]byte`) a plain one.
    PlainNil,
    /// Fails on a time zone.
    NoZone,
    /// Calls the value on top with that many arguments from under it.
    Call(u32),
    /// Calls a method, or a function in a field, of the object on top with the arguments from under it.
    CallMember {
        name: u32,
        args: u16,
        typed: bool,
    },
    Builtin {
        function: Builtin,
        args: u16,
    },
    List(u32),
    Map(u32),
    /// Starts a loop over the list on top.
    Begin,
    End,
    JumpIfEnd(Target),
    /// Next item; back to the start of the loop.
    Next(Target),
    /// Starts from the last item.
    ToLast,
    /// Leaves a backward loop that has passed the first item. Pushes whether there is one more, and nothing takes that away.
    JumpIfStart(Target),
    /// Previous item; back to the start of the loop.
    Previous(Target),
    Item,
    /// Goes to the next item without a jump.
    Skip,
    ItemIndex,
    /// Counts a hit.
    Hit,
    Hits,
    /// Leaves the loop if that many hits were counted.
    JumpIfHits {
        number: u32,
        target: Target,
    },
    Acc,
    SetAcc,
    SetAccInt,
    /// Makes a list of as many values as there were hits, or items.
    ListOf {
        hits: bool,
    },
    /// Adds the item to the group whose key is on top.
    Group,
    Groups,
    /// Reads the order from the stack and starts collecting.
    SortStart,
    SortAdd,
    SortEnd,
    /// Fails.
    Throw(Failure),
}

/// What [`Op::Throw`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NothingFound,
    EmptyReduce,
}

/// Where a [`Path`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Root(u32),
    Item,
    Variable(u32),
}

/// A chain of fields.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) start: Start,
    pub(crate) keys: Vec<(Str, Span)>,
}

/// A compiled expression.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) ops: Vec<Op>,
    /// What an error in the instruction of the same number marks.
    pub(crate) spans: Vec<Span>,
    pub(crate) consts: Vec<Value>,
    /// Root names.
    pub(crate) roots: Vec<String>,
    pub(crate) paths: Vec<Path>,
    pub(crate) patterns: Vec<Regex>,
    pub(crate) sets: Vec<Set>,
    /// Number of declared variables.
    pub(crate) variables: usize,
    /// What the object of a field, index or call is called in the source, by number of the instruction; for messages.
    pub(crate) objects: Vec<(u32, String)>,
    /// Members called on variables: the number of the instruction that pushes the variable, and the name of the member.
    pub(crate) member_calls: Vec<(u32, Str)>,
    /// Whether the whole scope may be looked at (`$env`).
    pub(crate) uses_env: bool,
}

/// The constants on the right of `in`.
#[derive(Debug)]
pub(crate) enum Set {
    Ints(Vec<i64>),
    Strs(Vec<Str>),
}
