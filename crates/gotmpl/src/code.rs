//! What a template is compiled to: one flat list of steps for a machine with a value stack.
//!
//! Flat code keeps the native stack out of the game: neither parsing, running nor dropping a template recurses, however
//! deeply its blocks and parentheses nest. Variables and the dot are numbered slots of a frame, found when the template
//! is compiled.

use std::collections::BTreeMap;

use dodona_value::{Str, Value};

use crate::function::Callee;

/// A slot of a frame. Slot 0 is `$`.
pub(crate) type Slot = u16;
/// Stands for slot 0 of the outermost body: the scope that the template was called with, which is not a value yet.
pub(crate) const ROOT: Slot = Slot::MAX;
/// The number of a step; jumps go there.
pub(crate) type Address = u32;

/// One step. The stack effects are written as `before -> after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Writes a piece of the source. `->`
    Text { start: u32, end: u32 },
    /// `-> constant`
    Const(u32),
    /// `-> slot`
    Load(Slot),
    /// Walks a chain of fields from a slot. `-> value`
    Field { slot: Slot, chain: u32 },
    /// Walks a chain of fields from the top. `receiver -> value`
    Chain(u32),
    /// Turns an explicit nil into no value, as the end of a pipeline does. `value -> value`
    Settle,
    /// Calls a function; with `piped`, the lowest value is the last argument. `[last] args -> result`
    Call { callee: u16, argc: u16, piped: bool },
    /// Calls a method with arguments. `[last] receiver args -> result`
    Method { name: u32, argc: u16, piped: bool },
    /// Leaves an `and` (`stop_on` false) or `or` (true): jumps if the top decides, else drops it. `value -> [value]`
    Decide { stop_on: bool, to: Address },
    /// Drops the value below the top. `a b -> b`
    DropUnder,
    /// Copies the top to a slot. `value -> value`
    Store(Slot),
    /// Drops the top. `value ->`
    Pop,
    /// Writes the top as text. `value ->`
    Print,
    /// Writes the end of a chain of fields as text. `->`
    PrintField { slot: Slot, chain: u32 },
    /// `->`
    Jump(Address),
    /// Jumps if the top counts as false. `value ->`
    JumpUnless(Address),
    /// Jumps if the top counts as false, and keeps it otherwise. `value -> [value]`
    With(Address),
    /// Begins a loop over the top. `value ->`
    RangeStart(u32),
    /// Takes the next element or leaves the loop. `->`
    RangeNext(u32),
    /// Forgets the innermost loop. `->`
    RangeDrop,
    /// Runs another body with the top (or nothing) as its dot. `[dot] ->`
    Template { name: u32, dot: bool },
    /// Returns from a body.
    Return,
    /// Fails with a text known since compilation.
    Fail(u32),
}

/// A chain of field names as in `.app.status.phase`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) names: Vec<Name>,
}

/// One field name, and where it stands in the source (without the dot before it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: Str,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// What a `range` needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loop {
    /// Where the index or key goes, with two variables.
    pub(crate) index: Option<Slot>,
    /// Where the element goes, with one or two variables.
    pub(crate) element: Option<Slot>,
    /// The dot of the loop's body.
    pub(crate) dot: Slot,
    /// Where the next element is taken.
    pub(crate) head: Address,
    /// Where to go on when there is nothing to loop over.
    pub(crate) otherwise: Address,
    /// Where to go on after the last element.
    pub(crate) done: Address,
}

/// One body: the template itself, a `define` or a `block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    /// The first step.
    pub(crate) entry: Address,
    /// How many slots its frame has.
    pub(crate) slots: Slot,
}

/// A call of another body by name, resolved when the whole source has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) body: Option<u32>,
}

/// A compiled source with all its bodies.
#[derive(Debug, Default)]
pub(crate) struct Code {
    pub(crate) ops: Vec<Op>,
    /// For each step the piece of the source it came from.
    pub(crate) spans: Vec<(u32, u32)>,
    pub(crate) constants: Vec<Value>,
    pub(crate) chains: Vec<Chain>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) targets: Vec<Target>,
    pub(crate) failures: Vec<String>,
    pub(crate) callees: Vec<Callee>,
    pub(crate) bodies: Vec<Body>,
    /// For the step after a method call: which arguments were written as numbers, one bit each.
    pub(crate) literals: BTreeMap<Address, u64>,
    /// The body that runs first.
    pub(crate) main: u32,
}
