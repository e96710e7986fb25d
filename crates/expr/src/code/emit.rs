//! One function for each kind of node.

use dodona_value::regex::Regex;
use dodona_value::{Str, Value};

use super::describe::describe;
use super::{Code, Op, Set, Target};
use crate::builtins::Builtin;
use crate::check::nature::Ty;
use crate::error::{CompileError, CompileErrorKind, Span};
use crate::limit::MAX_CODE;
use crate::syntax::ast::{BinaryOp, NodeId, NodeKind, Pointer, Tree, UnaryOp};

/// The code of `tree`.
pub(crate) fn generate(source: &str, tree: &Tree) -> Result<Code, CompileError> {
    let mut emitter = Emitter {
        source,
        tree,
        code: Code::default(),
        span: Span::default(),
        scope: Vec::new(),
        chains: Vec::new(),
    };
    emitter.emit(tree.root)?;
    Ok(emitter.code)
}

pub(super) type Emitted = Result<(), CompileError>;

pub(super) struct Emitter<'a> {
    source: &'a str,
    pub(super) tree: &'a Tree,
    pub(super) code: Code,
    /// The place of the node at hand.
    span: Span,
    /// Declared variables that can be seen.
    pub(super) scope: Vec<(Str, u32)>,
    /// Jumps out of the chains around the place at hand.
    chains: Vec<Vec<usize>>,
}

impl Emitter<'_> {
    pub(super) fn error(&self, kind: CompileErrorKind, message: String) -> CompileError {
        CompileError::new(kind, self.source, self.span, message)
    }

    /// Adds an instruction and gives its number.
    pub(super) fn op(&mut self, op: Op) -> usize {
        self.op_at(op, self.span)
    }

    pub(super) fn op_at(&mut self, op: Op, span: Span) -> usize {
        self.code.ops.push(op);
        self.code.spans.push(span);
        self.code.ops.len() - 1
    }

    /// Where the next instruction will stand.
    pub(super) fn here(&self) -> Target {
        Target::try_from(self.code.ops.len()).unwrap_or(Target::MAX)
    }

    /// Lets the jump at `at` lead to the next instruction.
    pub(super) fn land(&mut self, at: usize) {
        let here = self.here();
        let Some(op) = self.code.ops.get_mut(at) else { return };
        match op {
            Op::Jump(target)
            | Op::JumpIfTrue(target)
            | Op::JumpIfFalse(target)
            | Op::JumpIfNil(target)
            | Op::JumpIfNotNil(target)
            | Op::JumpIfEnd(target)
            | Op::JumpIfStart(target)
            | Op::JumpIfHits { target, .. } => *target = here,
            _ => {}
        }
    }

    pub(super) fn constant(&mut self, value: Value) -> u32 {
        self.code.consts.push(value);
        u32::try_from(self.code.consts.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn root(&mut self, name: &Str) -> u32 {
        let name = name.to_string_lossy();
        let known = self.code.roots.iter().position(|root| *root == name);
        let number = known.unwrap_or_else(|| {
            self.code.roots.push(name.into_owned());
            self.code.roots.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(super) fn variable(&self, name: &Str) -> Option<u32> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, number)| *number)
    }

    /// Remembers what the object of the next instruction is called.
    fn name_object(&mut self, object: NodeId) {
        let here = self.here();
        self.code.objects.push((here, describe(self.tree, object)));
    }

    pub(super) fn emit(&mut self, id: NodeId) -> Emitted {
        if self.code.ops.len() > MAX_CODE {
            return Err(self.error(CompileErrorKind::Limit, "expression is too large".to_owned()));
        }
        let outer = std::mem::replace(&mut self.span, self.tree.span(id));
        self.node(id)?;
        self.span = outer;
        Ok(())
    }

    fn all(&mut self, ids: &[NodeId]) -> Emitted {
        ids.iter().try_for_each(|id| self.emit(*id))
    }

    fn value(&mut self, value: Value) {
        let constant = self.constant(value);
        self.op(Op::Const(constant));
    }

    #[expect(clippy::too_many_lines, reason = "the dispatch over all kinds of nodes")]
    fn node(&mut self, id: NodeId) -> Emitted {
        let tree = self.tree;
        match tree.kind(id) {
            NodeKind::Nil => {
                self.op(Op::Nil);
            }
            NodeKind::Int(number) => self.value(Value::int(*number)),
            NodeKind::Float(number) => self.value(Value::float(*number)),
            NodeKind::Bool(truth) => self.value(Value::Bool(*truth)),
            NodeKind::Str(text) => self.value(Value::Str(text.clone())),
            NodeKind::Bytes(bytes) => self.value(Value::bytes(bytes.clone())),
            NodeKind::Identifier(name) => self.identifier(name),
            NodeKind::Unary(op, operand) => {
                self.emit(*operand)?;
                match op {
                    UnaryOp::Not => self.op(Op::Not),
                    UnaryOp::Minus => self.op(Op::Negate),
                    UnaryOp::Plus => return Ok(()),
                };
            }
            NodeKind::Binary(op, left, right) => self.binary(*op, *left, *right)?,
            NodeKind::Chain(inner) => self.chain(*inner)?,
            NodeKind::Member { object, property, optional, .. } => {
                self.member(id, *object, *property, *optional)?;
            }
            NodeKind::Slice { object, from, to } => self.slice(*object, *from, *to)?,
            NodeKind::Call { callee, args } => self.call(*callee, args)?,
            NodeKind::Builtin(call) => match call.function.as_loop() {
                Some(kind) => self.looped(kind, call)?,
                None => self.builtin(call.function, &call.args)?,
            },
            NodeKind::Predicate(body) => self.emit(*body)?,
            NodeKind::Pointer(pointer) => self.pointer(pointer)?,
            NodeKind::Let { name, value, body } => {
                self.emit(*value)?;
                let number = u32::try_from(self.code.variables).unwrap_or(u32::MAX);
                self.code.variables += 1;
                self.op(Op::Store(number));
                self.scope.push((name.clone(), number));
                self.emit(*body)?;
                self.scope.pop();
            }
            NodeKind::Sequence(nodes) => {
                for (position, node) in nodes.iter().enumerate() {
                    if position > 0 {
                        self.op(Op::Pop);
                    }
                    self.emit(*node)?;
                }
            }
            NodeKind::Conditional { condition, then, otherwise } => {
                self.emit(*condition)?;
                let skip = self.op(Op::JumpIfFalse(0));
                self.op(Op::Pop);
                self.emit(*then)?;
                let end = self.op(Op::Jump(0));
                self.land(skip);
                self.op(Op::Pop);
                self.emit(*otherwise)?;
                self.land(end);
            }
            NodeKind::Array(items) => {
                self.all(items)?;
                self.op(Op::List(u32::try_from(items.len()).unwrap_or(u32::MAX)));
            }
            NodeKind::Map(pairs) => {
                for (key, value) in pairs {
                    self.emit(*key)?;
                    self.emit(*value)?;
                }
                self.op(Op::Map(u32::try_from(pairs.len()).unwrap_or(u32::MAX)));
            }
            NodeKind::ConstList(items) => {
                let values = items.iter().filter_map(|item| literal(tree.kind(*item))).collect();
                self.value(Value::list(values));
            }
            // Sets stand only on the right of `in`, which takes them from the tree.
            NodeKind::ConstInts(_) | NodeKind::ConstStrs(_) => {}
        }
        Ok(())
    }

    fn identifier(&mut self, name: &Str) {
        if let Some(number) = self.variable(name) {
            self.op(Op::Load(number));
        } else if *name == *"$env" {
            self.code.uses_env = true;
            self.op(Op::Env);
        } else {
            let root = self.root(name);
            self.op(Op::Root(root));
        }
    }

    fn pointer(&mut self, pointer: &Pointer) -> Emitted {
        match pointer {
            Pointer::Item => self.op(Op::Item),
            Pointer::Index => self.op(Op::ItemIndex),
            Pointer::Acc => self.op(Op::Acc),
            Pointer::Unknown(name) => {
                let message = format!("unknown `#{name}`; there are `#`, `#index` and `#acc`");
                return Err(self.error(CompileErrorKind::Type, message));
            }
        };
        Ok(())
    }

    fn binary(&mut self, op: BinaryOp, left: NodeId, right: NodeId) -> Emitted {
        use BinaryOp as B;
        self.emit(left)?;
        let short = match op {
            B::Or => Some(Op::JumpIfTrue(0)),
            B::And => Some(Op::JumpIfFalse(0)),
            B::Coalesce => Some(Op::JumpIfNotNil(0)),
            _ => None,
        };
        if let Some(jump) = short {
            let end = self.op(jump);
            self.op(Op::Pop);
            self.emit(right)?;
            self.land(end);
            return Ok(());
        }
        if self.constant_right(op, self.tree.nature(left).ty, right)? {
            return Ok(());
        }
        self.emit(right)?;
        let plain = match op {
            B::Equal | B::NotEqual => self.equal(left, right),
            B::Less => Op::Less,
            B::Greater => Op::Greater,
            B::GreaterEqual => Op::GreaterEqual,
            B::LessEqual => Op::LessEqual,
            B::In => Op::In,
            B::Matches => Op::Matches,
            B::Contains => Op::Contains,
            B::StartsWith => Op::StartsWith,
            B::EndsWith => Op::EndsWith,
            B::Range => Op::Range,
            B::Add => Op::Add,
            B::Subtract => Op::Subtract,
            B::Multiply => Op::Multiply,
            B::Divide => Op::Divide,
            B::Modulo => Op::Modulo,
            B::Power => Op::Power,
            B::Or | B::And | B::Coalesce => return Ok(()),
        };
        self.op(plain);
        if op == B::NotEqual {
            self.op(Op::Not);
        }
        Ok(())
    }

    /// The operators that prepare a constant right side: sets, patterns, texts. The left side, of type `left`, is on the stack already.
    fn constant_right(&mut self, op: BinaryOp, left: Ty, right: NodeId) -> Result<bool, CompileError> {
        let number = |len: usize| u32::try_from(len - 1).unwrap_or(u32::MAX);
        match (op, self.tree.kind(right)) {
            (BinaryOp::In, NodeKind::ConstInts(set)) => {
                self.code.sets.push(Set::Ints(set.iter().copied().collect()));
                self.op(Op::InSet(number(self.code.sets.len())));
            }
            (BinaryOp::In, NodeKind::ConstStrs(set)) => {
                self.code.sets.push(Set::Strs(set.iter().cloned().collect()));
                self.op(Op::InSet(number(self.code.sets.len())));
            }
            (BinaryOp::Matches, NodeKind::Str(text)) => {
                let pattern = text
                    .to_str()
                    .ok_or_else(|| "invalid pattern: it is not UTF-8".to_owned())
                    .and_then(|text| Regex::new(text).map_err(|error| error.to_string()))
                    .map_err(|message| self.error(CompileErrorKind::Pattern, message))?;
                self.code.patterns.push(pattern);
                self.op(Op::MatchesConst(number(self.code.patterns.len())));
            }
            (BinaryOp::Equal | BinaryOp::NotEqual, NodeKind::Str(text)) if left != Ty::Str => {
                let text = self.constant(Value::Str(text.clone()));
                self.op(Op::EqualText(text));
                if op == BinaryOp::NotEqual {
                    self.op(Op::Not);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn equal(&self, left: NodeId, right: NodeId) -> Op {
        match (self.tree.nature(left).ty, self.tree.nature(right).ty) {
            (Ty::Int, Ty::Int) => Op::EqualInts,
            (Ty::Str, Ty::Str) => Op::EqualStrs,
            _ => Op::Equal,
        }
    }

    fn chain(&mut self, inner: NodeId) -> Emitted {
        self.chains.push(Vec::new());
        self.emit(inner)?;
        for jump in self.chains.pop().unwrap_or_default() {
            self.land(jump);
        }
        self.op(Op::PlainNil);
        Ok(())
    }

    fn member(&mut self, id: NodeId, object: NodeId, property: NodeId, optional: bool) -> Emitted {
        if let Some(path) = self.path(id) {
            self.op(Op::Path(path));
            return Ok(());
        }
        self.emit(object)?;
        self.leave_chain_if_nil(optional);
        if let NodeKind::Str(name) = self.tree.kind(property) {
            let name = self.constant(Value::Str(name.clone()));
            self.name_object(object);
            self.op(Op::Field(name));
        } else {
            self.emit(property)?;
            self.name_object(object);
            self.op(Op::Index);
        }
        Ok(())
    }

    fn leave_chain_if_nil(&mut self, optional: bool) {
        if optional && !self.chains.is_empty() {
            let jump = self.op(Op::JumpIfNil(0));
            if let Some(chain) = self.chains.last_mut() {
                chain.push(jump);
            }
        }
    }

    fn slice(&mut self, object: NodeId, from: Option<NodeId>, to: Option<NodeId>) -> Emitted {
        self.emit(object)?;
        match to {
            Some(to) => self.emit(to)?,
            None => {
                self.op(Op::Length);
            }
        }
        match from {
            Some(from) => self.emit(from)?,
            None => self.value(Value::int(0)),
        }
        self.op(Op::Slice);
        Ok(())
    }

    /// The arguments come first, as upstream evaluates them even where `?.` then skips the call. As upstream, a skipped call leaves them on the stack, where
    /// an operator to the left can mistake them for its operand.
    fn call(&mut self, callee: NodeId, args: &[NodeId]) -> Emitted {
        self.all(args)?;
        let count = args.len();
        if let NodeKind::Member { object, property, optional, .. } = self.tree.kind(callee)
            && let NodeKind::Str(name) = self.tree.kind(*property)
            && let Ok(count) = u16::try_from(count)
        {
            if let NodeKind::Identifier(_) = self.tree.kind(*object) {
                let pushed = self.here();
                self.code.member_calls.push((pushed, name.clone()));
            }
            self.emit(*object)?;
            self.leave_chain_if_nil(*optional);
            let name = self.constant(Value::Str(name.clone()));
            self.name_object(*object);
            let typed = self.is_typed_call(callee);
            self.op(Op::CallMember { name, args: count, typed });
            return Ok(());
        }
        self.emit(callee)?;
        self.name_object(callee);
        self.op(Op::Call(u32::try_from(count).unwrap_or(u32::MAX)));
        Ok(())
    }

    /// Methods that are known at load are called directly, and then take no nil in place of an argument. Upstream has direct calls for some signatures only.
    fn is_typed_call(&self, callee: NodeId) -> bool {
        let NodeKind::Member { object, property, .. } = self.tree.kind(callee) else { return false };
        let NodeKind::Str(name) = self.tree.kind(*property) else { return false };
        matches!(self.tree.nature(*object).ty, Ty::Time | Ty::Duration)
            && !matches!(
                name.as_bytes(),
                b"AddDate" | b"In" | b"Compare" | b"AppendFormat" | b"AppendBinary" | b"AppendText"
            )
    }

    fn builtin(&mut self, function: Builtin, args: &[NodeId]) -> Emitted {
        for (position, arg) in args.iter().enumerate() {
            self.emit(*arg)?;
            // Upstream follows every pointer of which nothing is known at load, and a time zone is one.
            if position == 0 && function.is("date") && self.tree.nature(*arg).ty.is_unknown() {
                self.op(Op::NoZone);
            }
        }
        let Ok(count) = u16::try_from(args.len()) else {
            return Err(self.error(CompileErrorKind::Limit, "too many arguments".to_owned()));
        };
        self.op(Op::Builtin { function, args: count });
        Ok(())
    }
}

/// The value of a literal.
fn literal(kind: &NodeKind) -> Option<Value> {
    match kind {
        NodeKind::Int(number) => Some(Value::int(*number)),
        NodeKind::Float(number) => Some(Value::float(*number)),
        NodeKind::Bool(truth) => Some(Value::Bool(*truth)),
        NodeKind::Str(text) => Some(Value::Str(text.clone())),
        _ => None,
    }
}
