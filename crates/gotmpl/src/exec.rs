//! Runs compiled templates: a machine with a stack of values, numbered slots and lists of open loops and calls.
//!
//! Nothing here recurses, so nesting cannot exhaust the native stack. Every step is charged to the budget.

use std::sync::Arc;

use dodona_value::{
    Budget, CallCx, GoType, IntKind, Key, Limit, LimitError, List, NodeKind, NodeRef, Runtime, Scope, Text,
    UintKind, Value, format,
};

use crate::call;
use crate::code::{Address, Chain, Code, Loop, Name, Op, ROOT, Slot};
use crate::error::{Failure, RenderError, RenderErrorKind};
use crate::function::{Args, Callee};
use crate::hint;
use crate::walk::{self, Found};

/// How deeply templates may call each other: Go's limit.
const MAX_CALLS: usize = 100_000;

type Run<T> = Result<T, Box<Failure>>;

/// What a rendering works with.
pub(crate) struct Input<'a> {
    pub(crate) name: &'a Arc<str>,
    pub(crate) source: &'a str,
    pub(crate) code: &'a Code,
    pub(crate) root: Root<'a>,
    pub(crate) runtime: &'a Runtime,
}

/// What `$` of the outermost body is.
#[derive(Clone, Copy)]
pub(crate) enum Root<'a> {
    /// The root variables.
    Scope(&'a Scope),
    /// Any value.
    Value(&'a Value),
}

/// Runs a template; what it writes goes to `out`.
pub(crate) fn run(input: &Input<'_>, budget: &mut Budget, out: &mut Text) -> Result<(), RenderError> {
    let slots = input.code.bodies.get(input.code.main as usize).map_or(1, |body| usize::from(body.slots));
    let mut machine = Machine {
        input,
        budget,
        out,
        stack: Vec::new(),
        slots: vec![Value::Missing; slots],
        base: 0,
        at: 0,
        calls: Vec::new(),
        loops: Vec::new(),
    };
    machine.run().map_err(|mut failure| {
        let step = machine.at.saturating_sub(1) as usize;
        if failure.kind != RenderErrorKind::Limit && failure.hint.is_none() {
            let slots = machine.slots.get(machine.base..).unwrap_or_default();
            if let Some(lost) = hint::look(input.code, step, input.root, slots) {
                failure.message = format!("{}; `{}` does not exist", failure.message, lost.path);
                failure.hint = lost.meant;
            }
        }
        let span = failure.span.or_else(|| input.code.spans.get(step).copied()).unwrap_or_default();
        RenderError::new(input.name, *failure, input.source, span)
    })
}

struct Machine<'a, 'b> {
    input: &'a Input<'a>,
    budget: &'b mut Budget,
    out: &'b mut Text,
    stack: Vec<Value>,
    /// The slots of all open bodies; those of the innermost begin at `base`.
    slots: Vec<Value>,
    base: usize,
    /// The step after the one at hand.
    at: Address,
    calls: Vec<Call>,
    loops: Vec<Items>,
}

/// Where a called body returns to.
struct Call {
    back: Address,
    base: usize,
}

/// What is left of a loop.
enum Items {
    Ints { next: i64, end: i64, kind: IntKind },
    Uints { next: u64, end: u64, kind: UintKind },
    List { list: List, next: usize },
    Bytes { bytes: dodona_value::Str, next: usize },
    Entries(std::vec::IntoIter<(Key, Value)>),
}

impl Machine<'_, '_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    fn run(&mut self) -> Run<()> {
        let code = self.input.code;
        self.at = code.bodies.get(code.main as usize).map_or(0, |body| body.entry);
        if self.at != 0 {
            // A `define` of the template's own name stands in for an empty template; its dot is a slot like any other.
            let root = self.load(ROOT);
            self.store(0, root);
        }
        loop {
            let op = code.ops.get(self.at as usize).copied().unwrap_or(Op::Return);
            self.at += 1;
            self.budget.step(1)?;
            match op {
                Op::Text { start, end } => {
                    let text = self.input.source.as_bytes().get(start as usize..end as usize);
                    self.write(text.unwrap_or_default())?;
                }
                Op::Const(number) => {
                    let value = code.constants.get(number as usize).cloned().unwrap_or_default();
                    self.stack.push(value);
                }
                Op::Load(slot) => {
                    let value = self.load(slot);
                    self.stack.push(value);
                }
                Op::Field { slot, chain } => self.field(slot, names(&code.chains, chain))?,
                Op::Chain(chain) => self.chain(names(&code.chains, chain))?,
                Op::Settle => self.settle(),
                Op::Call { callee, argc, piped } => self.call(callee, usize::from(argc), piped)?,
                Op::Method { name, argc, piped } => {
                    self.method(names(&code.chains, name), usize::from(argc), piped)?;
                }
                Op::Decide { stop_on, to } => {
                    if self.stack.last().is_some_and(|value| value.truth() == stop_on) {
                        self.at = to;
                    } else {
                        self.stack.pop();
                    }
                }
                Op::DropUnder => {
                    let top = self.stack.pop().unwrap_or_default();
                    self.stack.pop();
                    self.stack.push(top);
                }
                Op::Store(slot) => {
                    let value = self.stack.last().cloned().unwrap_or_default();
                    self.store(slot, value);
                }
                Op::Pop => {
                    self.stack.pop();
                }
                Op::Print => {
                    let value = self.stack.pop().unwrap_or_default();
                    print(self.out, &value)?;
                }
                Op::PrintField { slot, chain } => self.print_field(slot, names(&code.chains, chain))?,
                Op::Jump(to) => self.at = to,
                Op::JumpUnless(to) => {
                    if !self.stack.pop().is_some_and(|value| value.truth()) {
                        self.at = to;
                    }
                }
                Op::With(to) => {
                    if !self.stack.last().is_some_and(Value::truth) {
                        self.stack.pop();
                        self.at = to;
                    }
                }
                Op::RangeStart(number) => self.range(code.loops.get(number as usize))?,
                Op::RangeNext(number) => self.next(code.loops.get(number as usize)),
                Op::RangeDrop => {
                    self.loops.pop();
                }
                Op::Template { name, dot } => self.template(name, dot)?,
                Op::Return => match self.calls.pop() {
                    None => return Ok(()),
                    Some(call) => {
                        self.slots.truncate(self.base);
                        self.base = call.base;
                        self.at = call.back;
                    }
                },
                Op::Fail(number) => {
                    return Err(Failure::value(
                        code.failures.get(number as usize).cloned().unwrap_or_default(),
                    ));
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Run<()> {
        self.out.push(bytes);
        check_room(self.out)
    }

    fn load(&self, slot: Slot) -> Value {
        if slot == ROOT {
            return match self.input.root {
                Root::Scope(scope) => Value::Map(scope.to_map()),
                Root::Value(value) => value.clone(),
            };
        }
        self.slots.get(self.base + usize::from(slot)).cloned().unwrap_or_default()
    }

    fn store(&mut self, slot: Slot, value: Value) {
        if let Some(place) = self.slots.get_mut(self.base + usize::from(slot)) {
            *place = value;
        }
    }

    /// An explicit nil that leaves a pipeline is no value any more.
    fn settle(&mut self) {
        if let Some(top @ Value::Nil) = self.stack.last_mut() {
            *top = Value::Missing;
        }
    }

    fn field(&mut self, slot: Slot, names: &[Name]) -> Run<()> {
        let mut cx = CallCx { runtime: self.input.runtime, budget: self.budget };
        let found = find(&mut cx, self.input.root, &self.slots, self.base, slot, names)?;
        let value = found.into_value();
        self.stack.push(value);
        Ok(())
    }

    fn print_field(&mut self, slot: Slot, names: &[Name]) -> Run<()> {
        let mut cx = CallCx { runtime: self.input.runtime, budget: self.budget };
        match find(&mut cx, self.input.root, &self.slots, self.base, slot, names)? {
            Found::Node(node) => print_node(self.out, node),
            Found::Borrowed(value) => print(self.out, value),
            Found::Owned(value) => print(self.out, &value),
        }
    }

    fn chain(&mut self, names: &[Name]) -> Run<()> {
        let start = self.stack.pop().unwrap_or_default();
        let mut cx = CallCx { runtime: self.input.runtime, budget: self.budget };
        let value = walk::follow(&mut cx, start, names)?;
        self.stack.push(value);
        Ok(())
    }

    /// Where the arguments of a call begin on the stack. A piped value, which lies below, becomes the last of them.
    fn arguments(&mut self, below: usize, argc: usize, piped: bool) -> usize {
        let at = self.stack.len().saturating_sub(below + argc + usize::from(piped));
        if piped && let Some(values) = self.stack.get_mut(at..) {
            values.rotate_left(1);
        }
        at
    }

    fn call(&mut self, callee: u16, argc: usize, piped: bool) -> Run<()> {
        let at = self.arguments(0, argc, piped);
        let Some(callee) = self.input.code.callees.get(usize::from(callee)) else { return Ok(()) };
        let values = self.stack.get_mut(at..).unwrap_or_default();
        let mut cx = CallCx { runtime: self.input.runtime, budget: self.budget };
        let result = match callee {
            Callee::Native(def) => {
                for (index, value) in values.iter_mut().enumerate() {
                    if let Some(param) = def.param(index) {
                        param.check(value).map_err(|message| {
                            Failure::value(format!("argument {} of {}: {message}", index + 1, def.name))
                        })?;
                    }
                }
                (def.run)(&mut cx, Args::new(values)).map_err(|error| Failure::call(def.name, &error))?
            }
            Callee::Host(func) => {
                let name = func.0.name().to_string_lossy();
                call::check_all(func.0.signature(), values, &name)?;
                func.0.call(&mut cx, values).map_err(|error| Failure::call(&name, &error))?
            }
        };
        self.stack.truncate(at);
        self.stack.push(result);
        Ok(())
    }

    /// A method with arguments: `[last] receiver args`.
    fn method(&mut self, names: &[Name], argc: usize, piped: bool) -> Run<()> {
        // The receiver lies right below the written arguments, a piped value below the receiver.
        let receiver_at = self.stack.len().saturating_sub(argc + 1);
        let receiver = self.stack.get_mut(receiver_at).map(std::mem::take).unwrap_or_default();
        self.stack.remove(receiver_at.min(self.stack.len().saturating_sub(1)));
        let at = self.arguments(0, argc, piped);
        let Some(name) = names.first() else { return Ok(()) };
        let values = self.stack.get_mut(at..).unwrap_or_default();
        let mut cx = CallCx { runtime: self.input.runtime, budget: self.budget };
        let literals = self.input.code.literals.get(&self.at).copied().unwrap_or_default();
        let value = call::method(&mut cx, &receiver, name, values, literals)?;
        self.stack.truncate(at);
        self.stack.push(value);
        Ok(())
    }

    fn template(&mut self, target: u32, dot: bool) -> Run<()> {
        let code = self.input.code;
        let dot = if dot { self.stack.pop().unwrap_or_default() } else { Value::Missing };
        let Some(target) = code.targets.get(target as usize) else { return Ok(()) };
        let body = target.body.and_then(|body| code.bodies.get(body as usize));
        let Some(body) = body else {
            return Err(Failure::value(format!("template {:?} not defined", target.name)));
        };
        if self.calls.len() >= MAX_CALLS {
            return Err(LimitError(Limit::Depth).into());
        }
        let size = usize::from(body.slots);
        self.budget.memory(size * size_of::<Value>())?;
        self.calls.push(Call { back: self.at, base: self.base });
        self.base = self.slots.len();
        self.slots.resize(self.base + size, Value::Missing);
        self.store(0, dot);
        self.at = body.entry;
        Ok(())
    }

    /// Begins a loop over the value on the stack.
    fn range(&mut self, info: Option<&Loop>) -> Run<()> {
        let value = self.stack.pop().unwrap_or_default();
        let Some(info) = info else { return Ok(()) };
        let two = info.index.is_some();
        let items = match value {
            Value::Missing | Value::Nil => None,
            Value::Int(..) | Value::Uint(..) | Value::Duration(_) if two => {
                return Err(Failure::value(format!(
                    "can't use {value} to iterate over more than one variable"
                )));
            }
            Value::Int(end, kind) => (end > 0).then_some(Items::Ints { next: 0, end, kind }),
            Value::Duration(length) => {
                let end = length.nanoseconds();
                (end > 0).then_some(Items::Ints { next: 0, end, kind: IntKind::Int64 })
            }
            Value::Uint(end, kind) => (end > 0).then_some(Items::Uints { next: 0, end, kind }),
            Value::List(list) => (!list.is_empty()).then_some(Items::List { list, next: 0 }),
            Value::Bytes(bytes) => {
                bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| Items::Bytes { bytes, next: 0 })
            }
            Value::Map(map) => {
                self.budget.memory(map.len() * size_of::<(Key, Value)>())?;
                let entries = map.entries();
                (!entries.is_empty()).then(|| Items::Entries(entries.into_iter()))
            }
            other => {
                let message = format!("range can't iterate over a value of type {}", other.type_name());
                return Err(Failure::value(message));
            }
        };
        match items {
            Some(items) => self.loops.push(items),
            None => self.at = info.otherwise,
        }
        Ok(())
    }

    /// Takes the next element of the innermost loop, or leaves the loop.
    fn next(&mut self, info: Option<&Loop>) {
        let Some(info) = info else { return };
        let Some((index, element)) = self.loops.last_mut().and_then(Items::next) else {
            self.loops.pop();
            self.at = info.done;
            return;
        };
        if let Some(slot) = info.index {
            self.store(slot, index);
        }
        if let Some(slot) = info.element {
            self.store(slot, element.clone());
        }
        self.store(info.dot, element);
    }
}

impl Items {
    /// The next index or key, and the next element.
    fn next(&mut self) -> Option<(Value, Value)> {
        match self {
            Self::Ints { next, end, kind } => {
                let number = *next;
                *next += i64::from(number < *end);
                (number < *end).then_some((Value::Missing, Value::Int(number, *kind)))
            }
            Self::Uints { next, end, kind } => {
                let number = *next;
                *next += u64::from(number < *end);
                (number < *end).then_some((Value::Missing, Value::Uint(number, *kind)))
            }
            Self::List { list, next } => {
                let index = *next;
                *next += 1;
                list.get(index).map(|element| (position(index), element))
            }
            Self::Bytes { bytes, next } => {
                let index = *next;
                *next += 1;
                let byte = bytes.get(index)?;
                Some((position(index), Value::Uint(u64::from(*byte), UintKind::Uint8)))
            }
            Self::Entries(entries) => entries.next().map(|(key, value)| (key.to_value(), value)),
        }
    }
}

fn position(index: usize) -> Value {
    Value::int(i64::try_from(index).unwrap_or(i64::MAX))
}

fn names(chains: &[Chain], number: u32) -> &[Name] {
    chains.get(number as usize).map(|chain| chain.names.as_slice()).unwrap_or_default()
}

/// Walks a chain that begins at a slot.
#[inline]
fn find<'v>(
    cx: &mut CallCx<'_>,
    root: Root<'v>,
    slots: &'v [Value],
    base: usize,
    slot: Slot,
    names: &[Name],
) -> Run<Found<'v>> {
    if slot != ROOT {
        return match slots.get(base + usize::from(slot)) {
            Some(value) => walk::walk(cx, value, names),
            None => Ok(Found::Owned(Value::Missing)),
        };
    }
    let scope = match root {
        Root::Scope(scope) => scope,
        Root::Value(value) => return walk::walk(cx, value, names),
    };
    let Some((first, rest)) = names.split_first() else { return Ok(Found::Owned(Value::Missing)) };
    let variable = first.text.to_str().unwrap_or_default();
    if let Some(value) = scope.borrow(variable) {
        return walk::walk(cx, value, rest);
    }
    let value = scope.get(variable).unwrap_or(Value::Missing);
    walk::follow(cx, value, rest).map(Found::Owned)
}

fn check_room(out: &Text) -> Run<()> {
    if out.is_full() { Err(LimitError(Limit::Output).into()) } else { Ok(()) }
}

/// Writes a value as `{{.}}` does.
fn print(out: &mut Text, value: &Value) -> Run<()> {
    match value {
        Value::Missing | Value::Nil => out.push(b"<no value>"),
        Value::Str(text) => out.push(text),
        Value::Func(func) => {
            let go_type = GoType::Func(func.signature().go_type().into());
            let message = format!("can't print a function of type {go_type}; use `call` to call it");
            return Err(Failure::value(message));
        }
        value => format::value(out, &call::printable(value)),
    }
    check_room(out)
}

/// Writes a node of a watched object, texts straight from its memory.
fn print_node(out: &mut Text, node: NodeRef<'_>) -> Run<()> {
    match node.kind() {
        NodeKind::Text => out.push(node.as_bytes().unwrap_or_default()),
        NodeKind::Null => out.push(b"<no value>"),
        _ => format::value(out, &node.to_value()),
    }
    check_room(out)
}
