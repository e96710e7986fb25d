//! Runs compiled code: a loop over instructions, a stack of slots, a stack of loops. No recursion, whatever the program.

pub(crate) mod arithmetic;
pub(crate) mod call;
pub(crate) mod compare;
mod fault;
pub(crate) mod fetch;
mod frame;
mod pdq;
mod reach;
pub(crate) mod slot;
pub(crate) mod sort;

use std::cmp::Ordering;

use dodona_value::methods::Location;
use dodona_value::regex::Regex;
use dodona_value::{Budget, CallCx, GoType, Key, List, Map, Scope, Value};

use crate::code::{Code, Failure, Op};
use crate::error::{RunErrorKind, Span};
use crate::limit::MEMORY;
pub(crate) use fault::{Fault, out_of_memory};
use frame::{Collected, Frame};
use slot::{Slot, View};

/// What builtin functions work with: the host, the budget, and the memory units of upstream.
pub(crate) struct Cx<'c, 'h> {
    pub(crate) call: &'c mut CallCx<'h>,
    units: u64,
}

impl<'h> Cx<'_, 'h> {
    /// The budget of this evaluation.
    pub(crate) fn budget(&mut self) -> &mut Budget {
        self.call.budget
    }

    /// Takes `count` steps.
    #[inline]
    pub(crate) fn step(&mut self, count: u64) -> Result<(), Fault> {
        Ok(self.call.budget.step(count)?)
    }

    /// Takes bytes of memory.
    pub(crate) fn memory(&mut self, bytes: usize) -> Result<(), Fault> {
        Ok(self.call.budget.memory(bytes)?)
    }

    /// Goes one level down into nested values.
    pub(crate) fn enter(&mut self) -> Result<(), Fault> {
        Ok(self.call.budget.enter()?)
    }

    /// Goes one level up.
    pub(crate) fn leave(&mut self) {
        self.call.budget.leave();
    }

    /// Takes memory units: an element each. Upstream's budget; a program that reaches it fails there as well.
    pub(crate) fn grow(&mut self, units: usize) -> Result<(), Fault> {
        self.units = self.units.saturating_add(units as u64);
        if self.units >= MEMORY {
            return Err(out_of_memory());
        }
        self.memory(units.saturating_mul(size_of::<Value>()))
    }

    /// Takes a memory unit for each byte of a text that is made of copies.
    pub(crate) fn grow_bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.units = self.units.saturating_add(bytes as u64);
        if self.units >= MEMORY {
            return Err(out_of_memory());
        }
        self.memory(bytes)
    }

    /// The host.
    pub(crate) fn runtime(&self) -> &'h dodona_value::Runtime {
        self.call.runtime
    }
}

/// Runs `code`. A failure comes with the place that it marks.
pub(crate) fn run(code: &Code, scope: &Scope, call: &mut CallCx<'_>) -> Result<Value, (Fault, Span)> {
    let mut machine = Machine {
        code,
        scope,
        cx: Cx { call, units: 0 },
        at: 0,
        executed: 0,
        stack: Vec::with_capacity(8),
        variables: vec![Slot::nil(); code.variables],
        frames: Vec::new(),
        charged: 64,
    };
    match machine.run() {
        Ok(()) => Ok(machine.stack.pop().map_or(Value::Nil, Slot::into_value)),
        Err(fault) => {
            let instruction = machine.at.saturating_sub(1);
            let span = fault.span().or_else(|| code.spans.get(instruction).copied()).unwrap_or_default();
            Err((fault, span))
        }
    }
}

struct Machine<'a, 'c, 'h> {
    code: &'a Code,
    scope: &'a Scope,
    cx: Cx<'c, 'h>,
    /// The next instruction.
    at: usize,
    /// Instructions since the budget was charged for them last. Without a loop there are never many.
    executed: u64,
    stack: Vec<Slot<'a>>,
    variables: Vec<Slot<'a>>,
    frames: Vec<Frame<'a>>,
    /// The height of the stack that is paid for. What loops leave on it can be much.
    charged: usize,
}

/// The stack was empty where an operand was needed. The code generator keeps it balanced; this exists so that nothing can panic.
#[cold]
fn unbalanced() -> Fault {
    Fault::call("the expression has no value here")
}

impl<'a> Machine<'a, '_, '_> {
    #[inline]
    fn push(&mut self, slot: Slot<'a>) {
        self.stack.push(slot);
    }

    #[inline]
    fn pop(&mut self) -> Result<Slot<'a>, Fault> {
        self.stack.pop().ok_or_else(unbalanced)
    }

    #[inline]
    fn top(&self) -> Result<&Slot<'a>, Fault> {
        self.stack.last().ok_or_else(unbalanced)
    }

    fn replace_top(&mut self, slot: Slot<'a>) {
        if let Some(top) = self.stack.last_mut() {
            *top = slot;
        }
    }

    fn two(&mut self) -> Result<(Slot<'a>, Slot<'a>), Fault> {
        let right = self.pop()?;
        Ok((self.pop()?, right))
    }

    fn frame(&mut self) -> Result<&mut Frame<'a>, Fault> {
        self.frames.last_mut().ok_or_else(unbalanced)
    }

    fn const_at(&self, number: u32) -> &'a Value {
        static NIL: Value = Value::Nil;
        self.code.consts.get(number as usize).unwrap_or(&NIL)
    }

    #[inline]
    fn jump(&mut self, target: u32) {
        self.at = target as usize;
    }

    /// Whether the value on top is true; anything but a bool fails.
    #[inline]
    fn truth(&self) -> Result<bool, Fault> {
        let top = self.top()?;
        match top.view() {
            View::Bool(truth) => Ok(truth),
            _ => Err(not_bool(top)),
        }
    }

    fn run(&mut self) -> Result<(), Fault> {
        let ops = &self.code.ops;
        while let Some(op) = ops.get(self.at) {
            self.at += 1;
            self.executed += 1;
            self.execute(*op)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "the dispatch over all instructions")]
    #[inline]
    fn execute(&mut self, op: Op) -> Result<(), Fault> {
        match op {
            Op::Const(number) => self.push(Slot::Ref(self.const_at(number))),
            Op::Nil => self.push(Slot::nil()),
            Op::Root(number) => {
                let slot = self.root(number);
                self.push(slot);
            }
            Op::Env => self.push(Slot::Value(Value::Map(self.scope.to_map()))),
            Op::Path(number) => {
                let slot = self.walk(number)?;
                self.push(slot);
            }
            Op::Load(number) => {
                let slot = self.variables.get(number as usize).cloned().unwrap_or(Slot::nil());
                self.push(slot);
            }
            Op::Store(number) => {
                let slot = self.pop()?;
                if let Some(variable) = self.variables.get_mut(number as usize) {
                    *variable = slot;
                }
            }
            Op::Pop => {
                self.pop()?;
            }
            Op::Field(number) => self.field(number)?,
            Op::Index => self.index()?,
            Op::Not => {
                let truth = self.truth()?;
                self.replace_top(Slot::bool(!truth));
            }
            Op::Negate => {
                let slot = self.pop()?;
                self.push(arithmetic::negate(&slot)?);
            }
            Op::Equal => {
                let (left, right) = self.two()?;
                let equal = compare::equal(&mut self.cx, &left, &right)?;
                self.push(Slot::bool(equal));
            }
            Op::EqualText(number) => {
                let equal = match (self.top()?.as_text(), self.const_at(number)) {
                    (Some(text), Value::Str(wanted)) => wanted.as_bytes() == text,
                    // Nothing but a text equals a text.
                    _ => false,
                };
                self.replace_top(Slot::bool(equal));
            }
            Op::EqualInts => self.equal_ints()?,
            Op::EqualStrs => self.equal_strs()?,
            Op::Less => self.ordered("<", |order| order == Ordering::Less)?,
            Op::LessEqual => self.ordered("<=", |order| order != Ordering::Greater)?,
            Op::Greater => self.ordered(">", |order| order == Ordering::Greater)?,
            Op::GreaterEqual => self.ordered(">=", |order| order != Ordering::Less)?,
            Op::Add => {
                let (left, right) = self.two()?;
                let sum = arithmetic::add(&mut self.cx, &left, &right)?;
                self.push(sum);
            }
            Op::Subtract => self.arithmetic(arithmetic::subtract)?,
            Op::Multiply => self.arithmetic(arithmetic::multiply)?,
            Op::Divide => self.arithmetic(arithmetic::divide)?,
            Op::Modulo => self.arithmetic(arithmetic::modulo)?,
            Op::Power => self.arithmetic(arithmetic::power)?,
            Op::In => {
                let (needle, haystack) = self.two()?;
                let found = fetch::contains(&mut self.cx, &needle, &haystack)?;
                self.push(Slot::bool(found));
            }
            Op::InSet(number) => {
                let found = match self.code.sets.get(number as usize) {
                    Some(set) => fetch::in_set(self.top()?, set)?,
                    None => false,
                };
                self.replace_top(Slot::bool(found));
            }
            Op::Matches => self.matches()?,
            Op::MatchesConst(number) => {
                let text = self.pop()?;
                let found = match self.code.patterns.get(number as usize) {
                    Some(pattern) => is_match(&mut self.cx, pattern, &text)?,
                    None => false,
                };
                self.push(Slot::bool(found));
            }
            Op::Contains => self.text_test("contains", contains)?,
            Op::StartsWith => self.text_test("startsWith", <[u8]>::starts_with)?,
            Op::EndsWith => self.text_test("endsWith", <[u8]>::ends_with)?,
            Op::Range => self.range()?,
            Op::Slice => {
                let from = self.pop()?;
                let (object, to) = self.two()?;
                self.push(fetch::slice(&object, &from, &to)?);
            }
            Op::Length => {
                let length = fetch::length(self.top()?)?;
                self.push(Slot::int(i64::try_from(length).unwrap_or(i64::MAX)));
            }
            Op::Jump(target) => self.jump(target),
            Op::JumpIfTrue(target) => {
                if self.truth()? {
                    self.jump(target);
                }
            }
            Op::JumpIfFalse(target) => {
                if !self.truth()? {
                    self.jump(target);
                }
            }
            Op::JumpIfNil(target) => {
                if self.top()?.is_nil() {
                    self.jump(target);
                }
            }
            Op::JumpIfNotNil(target) => {
                if !self.top()?.is_nil() {
                    self.jump(target);
                }
            }
            Op::PlainNil => {
                if self.top()?.is_nil() {
                    self.pop()?;
                    self.push(Slot::nil());
                }
            }
            Op::NoZone => {
                if let Slot::Value(Value::Host(host)) | Slot::Ref(Value::Host(host)) = self.top()?
                    && host.as_any().is::<Location>()
                {
                    return Err(Fault::ty(
                        "`date` takes a time zone only where it is known at load to be one",
                    ));
                }
            }
            Op::Call(count) => {
                let callee = self.pop()?;
                let args = self.take(count as usize)?;
                let result = call::value(&mut self.cx, &callee, args)?;
                self.push(result);
            }
            Op::CallMember { name, args, typed } => self.call_member(name, args, typed)?,
            Op::Builtin { function, args } => {
                let args = self.take(usize::from(args))?;
                // Looking through texts costs time, even where nothing is made of them.
                let looked = args.iter().filter_map(Value::as_str).map(|text| text.len()).sum::<usize>();
                self.cx.step(1 + (looked as u64 >> 6))?;
                let result = match function.code() {
                    Some(code) => code(&mut self.cx, &args)?,
                    None => Value::Nil,
                };
                self.push(Slot::Value(result));
            }
            Op::List(count) => self.list(count as usize)?,
            Op::Map(count) => self.map(count as usize)?,
            Op::Begin => {
                let list = self.pop()?;
                self.frames.push(Frame::new(list)?);
            }
            Op::End => {
                self.frames.pop();
            }
            Op::JumpIfEnd(target) => {
                if self.frame()?.is_over() {
                    self.jump(target);
                }
            }
            Op::Next(target) => self.step_loop(1, target)?,
            Op::Previous(target) => self.step_loop(-1, target)?,
            Op::Skip => self.frame()?.index += 1,
            Op::ToLast => {
                let frame = self.frame()?;
                frame.index = i64::try_from(frame.len).unwrap_or(i64::MAX) - 1;
            }
            Op::JumpIfStart(target) => {
                // Upstream leaves the answer on the stack, where an operator to the left can mistake it for its operand.
                let more = self.frame()?.index >= 0;
                self.push(Slot::bool(more));
                if !more {
                    self.jump(target);
                }
            }
            Op::Item => {
                let item = self.frame()?.item()?;
                self.push(item);
            }
            Op::ItemIndex => {
                let index = self.frame()?.index;
                self.push(Slot::int(index));
            }
            Op::Hit => self.frame()?.hits += 1,
            Op::Hits => {
                let hits = self.frame()?.hits;
                self.push(Slot::int(i64::from(hits)));
            }
            Op::JumpIfHits { number, target } => {
                if self.frame()?.hits >= number {
                    self.jump(target);
                }
            }
            Op::Acc => {
                let acc = self.frame()?.acc.clone();
                self.push(acc);
            }
            Op::SetAcc => {
                let acc = self.pop()?;
                self.frame()?.acc = acc;
            }
            Op::SetAccInt => self.frame()?.acc = Slot::int(0),
            Op::ListOf { hits } => {
                let frame = self.frame()?;
                let count = if hits { frame.hits as usize } else { frame.len };
                self.list(count)?;
            }
            Op::Group => {
                let key = self.pop()?;
                self.frame()?.group(&key)?;
            }
            Op::Groups => self.groups()?,
            Op::SortStart => {
                let order = self.pop()?;
                self.frame()?.sort_start(&order)?;
            }
            Op::SortAdd => {
                let key = self.pop()?;
                self.frame()?.sort_add(key)?;
            }
            Op::SortEnd => self.sorted()?,
            Op::Throw(Failure::NothingFound) => {
                return Err(Fault::new(
                    RunErrorKind::Index,
                    "no item matches, so there is no first or last one",
                ));
            }
            Op::Throw(Failure::EmptyReduce) => {
                return Err(Fault::call("`reduce` of an empty list needs an initial value"));
            }
        }
        Ok(())
    }

    fn arithmetic(
        &mut self,
        apply: fn(&Slot<'a>, &Slot<'a>) -> Result<Slot<'a>, Fault>,
    ) -> Result<(), Fault> {
        let (left, right) = self.two()?;
        self.push(apply(&left, &right)?);
        Ok(())
    }

    fn ordered(&mut self, sign: &str, holds: fn(Ordering) -> bool) -> Result<(), Fault> {
        let (left, right) = self.two()?;
        let order = compare::order(&left, &right, sign)?;
        self.push(Slot::bool(order.holds(holds)));
        Ok(())
    }

    fn equal_ints(&mut self) -> Result<(), Fault> {
        use dodona_value::IntKind;
        let (left, right) = self.two()?;
        match (left.view(), right.view()) {
            (View::Int(l, IntKind::Int), View::Int(r, IntKind::Int)) => {
                self.push(Slot::bool(l == r));
                Ok(())
            }
            _ => Err(Fault::ty(format!(
                "an integer was expected on both sides of `==`, these are {} and {}",
                left.type_name(),
                right.type_name()
            ))),
        }
    }

    fn equal_strs(&mut self) -> Result<(), Fault> {
        let (left, right) = self.two()?;
        match (left.view(), right.view()) {
            (View::Str(l), View::Str(r)) => {
                let equal = l == r;
                self.push(Slot::bool(equal));
                Ok(())
            }
            _ => Err(Fault::ty(format!(
                "a string was expected on both sides of `==`, these are {} and {}",
                left.type_name(),
                right.type_name()
            ))),
        }
    }

    /// The top `count` values, in the order in which they were pushed.
    fn take(&mut self, count: usize) -> Result<Vec<Value>, Fault> {
        let from = self.stack.len().checked_sub(count).ok_or_else(unbalanced)?;
        Ok(self.stack.drain(from..).map(Slot::into_value).collect())
    }

    fn list(&mut self, count: usize) -> Result<(), Fault> {
        self.cx.grow(count)?;
        let items = self.take(count)?;
        self.push(Slot::Value(Value::list(items)));
        Ok(())
    }

    fn map(&mut self, count: usize) -> Result<(), Fault> {
        self.cx.grow(count)?;
        let mut pairs = Vec::with_capacity(count);
        let mut items = self.take(count * 2)?.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let Value::Str(key) = key else {
                let given = Slot::Value(key).type_name();
                return Err(Fault::ty(format!("the key of a map must be a string, not a {given}")));
            };
            pairs.push((key, value));
        }
        // Upstream fills the map from the last pair to the first, so that of equal keys the first one stays.
        pairs.reverse();
        self.push(Slot::Value(Value::Map(Map::of(GoType::Any, pairs))));
        Ok(())
    }

    fn matches(&mut self) -> Result<(), Fault> {
        let (text, pattern) = self.two()?;
        let found = if text.is_nil() || pattern.is_nil() {
            false
        } else {
            let Some(source) = pattern.as_text() else {
                return Err(Fault::ty(format!("a pattern is a string, not a {}", pattern.type_name())));
            };
            let source = std::str::from_utf8(source).map_err(|_| Fault::call("a pattern must be UTF-8"))?;
            // Compiling costs far more than a step, and a loop may do it for every item.
            self.cx.step(100 + source.len() as u64)?;
            let pattern = Regex::new(source).map_err(|error| Fault::call(error.to_string()))?;
            is_match(&mut self.cx, &pattern, &text)?
        };
        self.push(Slot::bool(found));
        Ok(())
    }

    fn text_test(&mut self, name: &str, test: fn(&[u8], &[u8]) -> bool) -> Result<(), Fault> {
        let (whole, part) = self.two()?;
        let found = match (whole.as_text(), part.as_text()) {
            (Some(whole), Some(part)) => {
                self.cx.step((whole.len() as u64) >> 6)?;
                test(whole, part)
            }
            _ if whole.is_nil() || part.is_nil() => false,
            _ => {
                let (whole, part) = (whole.type_name(), part.type_name());
                return Err(Fault::ty(format!("`{name}` takes two strings, not a {whole} and a {part}")));
            }
        };
        self.push(Slot::bool(found));
        Ok(())
    }

    fn range(&mut self) -> Result<(), Fault> {
        let (from, to) = self.two()?;
        let number = |slot: &Slot<'_>| {
            arithmetic::to_int(&slot.view())
                .ok_or_else(|| Fault::ty(format!("`..` takes two integers, not a {}", slot.type_name())))
        };
        let (from, to) = (number(&from)?, number(&to)?);
        let size = usize::try_from(to.wrapping_sub(from).wrapping_add(1)).unwrap_or(0);
        self.cx.grow(size)?;
        let items =
            (0..size).map(|at| Value::int(from.wrapping_add(i64::try_from(at).unwrap_or(0)))).collect();
        self.push(Slot::Value(Value::List(List::new(GoType::INT, items))));
        Ok(())
    }

    fn call_member(&mut self, name: u32, args: u16, typed: bool) -> Result<(), Fault> {
        let Value::Str(name) = self.const_at(name) else { return Err(unbalanced()) };
        let object = self.pop()?;
        let args = self.take(usize::from(args))?;
        if object.is_nil() && !matches!(object, Slot::Value(Value::Bytes(_) | Value::List(_) | Value::Map(_)))
        {
            return Err(self.nil_object(&name.to_string_lossy()));
        }
        let result = call::member(&mut self.cx, &object, name, args, typed)?;
        self.push(result);
        Ok(())
    }

    fn step_loop(&mut self, by: i64, target: u32) -> Result<(), Fault> {
        self.cx.step(1 + (std::mem::take(&mut self.executed) >> 2))?;
        if self.stack.len() > self.charged {
            self.cx.memory(self.charged.saturating_mul(size_of::<Slot<'_>>()))?;
            self.charged = self.charged.saturating_mul(2);
        }
        self.frame()?.index += by;
        self.jump(target);
        Ok(())
    }

    fn groups(&mut self) -> Result<(), Fault> {
        let collected = std::mem::replace(&mut self.frame()?.collected, Collected::Nothing);
        let groups = match collected {
            Collected::Groups(groups) => groups,
            _ => std::collections::BTreeMap::new(),
        };
        let pairs = groups.into_iter().map(|(key, items): (Key, Vec<Value>)| (key, Value::list(items)));
        let map = Map::of_keys(GoType::Any, GoType::list(GoType::Any), pairs);
        self.push(Slot::Value(Value::Map(map)));
        Ok(())
    }

    fn sorted(&mut self) -> Result<(), Fault> {
        let frame = self.frame()?;
        let len = frame.len;
        let Collected::Sorted { descending, keys } =
            std::mem::replace(&mut frame.collected, Collected::Nothing)
        else {
            return Err(unbalanced());
        };
        let items = sort::sort(&mut self.cx, keys, descending)?;
        self.cx.grow(len)?;
        self.push(Slot::Value(Value::list(items)));
        Ok(())
    }
}

#[cold]
fn not_bool(slot: &Slot<'_>) -> Fault {
    Fault::ty(format!("true or false is needed here, not {}", slot.type_name()))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn is_match(cx: &mut Cx<'_, '_>, pattern: &Regex, text: &Slot<'_>) -> Result<bool, Fault> {
    let bytes = match text.view() {
        View::Str(text) => text,
        View::Other(Value::Bytes(Some(bytes))) => bytes,
        _ if text.is_nil() => return Ok(false),
        _ => return Err(Fault::ty(format!("`matches` takes a string, not a {}", text.type_name()))),
    };
    cx.step(1 + (bytes.len() as u64 >> 6))?;
    Ok(pattern.is_match(bytes))
}
