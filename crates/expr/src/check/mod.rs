//! The check at load: finds what must fail whatever the variables hold, exactly where upstream finds it.
//!
//! It writes the nature of every node into the tree, for the optimizer and the code generator. Parts that upstream does not look at (the arguments of a
//! function that is only known at run time, the bounds of a slice of something unknown) are not looked at here either: they fail when they run.

mod builtin;
mod loops;
mod member;
mod methods;
pub(crate) mod nature;
mod operator;

use dodona_value::Str;

use crate::builtins::Builtin;
use crate::error::{CompileError, CompileErrorKind, Span};
use crate::syntax::ast::{NodeId, NodeKind, Pointer, Tree};
use nature::{Nature, Ty};

/// What the functions of the checker give.
type Checked<T = Nature> = Result<T, CompileError>;

/// Checks the whole tree.
pub(crate) fn check(source: &str, tree: &mut Tree) -> Result<(), CompileError> {
    let known = vec![false; tree.len()];
    let root = tree.root;
    let mut checker =
        Checker { source, tree, known, inner: Vec::new(), predicates: Vec::new(), variables: Vec::new() };
    checker.visit(root).map(|_| ())
}

/// What a predicate sees.
struct Predicate {
    collection: Nature,
    /// Whether `#index` is there.
    index: bool,
    /// Whether `#acc` is there.
    acc: bool,
}

struct Checker<'a> {
    source: &'a str,
    tree: &'a mut Tree,
    /// Nodes whose nature is final. The middle of a comparison chain has two parents.
    known: Vec<bool>,
    /// What [`Nature::inner`] points to.
    inner: Vec<Nature>,
    predicates: Vec<Predicate>,
    variables: Vec<(Str, Nature)>,
}

impl Checker<'_> {
    fn error<T>(&self, node: NodeId, message: String) -> Checked<T> {
        Err(self.error_at(self.tree.span(node), message))
    }

    fn error_at(&self, span: Span, message: String) -> CompileError {
        CompileError::new(CompileErrorKind::Type, self.source, span, message)
    }

    fn visit(&mut self, id: NodeId) -> Checked {
        if self.known.get(id.index()).copied().unwrap_or(false) {
            return Ok(self.tree.nature(id));
        }
        let nature = self.nature_of(id)?;
        self.tree[id].nature = nature;
        if let Some(known) = self.known.get_mut(id.index()) {
            *known = true;
        }
        Ok(nature)
    }

    fn nature_of(&mut self, id: NodeId) -> Checked {
        // The kinds that hold only numbers of nodes are cheap to clone; texts are shared.
        match self.tree.kind(id).clone() {
            NodeKind::Nil => Ok(Nature::of(Ty::Nil)),
            NodeKind::Int(_) => Ok(Nature::of(Ty::Int)),
            NodeKind::Float(_) => Ok(Nature::of(Ty::Float)),
            NodeKind::Bool(_) => Ok(Nature::of(Ty::Bool)),
            NodeKind::Str(_) => Ok(Nature::of(Ty::Str)),
            NodeKind::Bytes(_) => Ok(Nature::of(Ty::Bytes)),
            NodeKind::Identifier(name) => Ok(self.identifier(&name)),
            NodeKind::Unary(op, operand) => self.unary(id, op, operand),
            NodeKind::Binary(op, left, right) => self.binary(id, op, left, right),
            NodeKind::Chain(inner) => self.visit(inner),
            NodeKind::Member { object, property, method, .. } => self.member(id, object, property, method),
            NodeKind::Slice { object, from, to } => self.slice(id, object, from, to),
            NodeKind::Call { callee, args } => self.call(id, callee, &args),
            NodeKind::Builtin(call) => match call.function.as_loop() {
                Some(kind) => self.looped(kind, call.function, &call.args),
                None => self.builtin(id, call.function, &call.args),
            },
            NodeKind::Predicate(body) => {
                let body = self.visit(body)?;
                Ok(Nature { ty: Ty::Predicate, inner: Some(self.keep(body)), builtin: None })
            }
            NodeKind::Pointer(pointer) => self.pointer(id, &pointer),
            NodeKind::Let { name, value, body } => self.declaration(id, name, value, body),
            NodeKind::Sequence(nodes) => {
                let mut last = Nature::UNKNOWN;
                for node in nodes {
                    last = self.visit(node)?;
                }
                Ok(last)
            }
            NodeKind::Conditional { condition, then, otherwise } => {
                self.conditional(condition, then, otherwise)
            }
            NodeKind::Array(items) | NodeKind::ConstList(items) => self.array(&items),
            NodeKind::Map(pairs) => {
                for (key, value) in pairs {
                    self.visit(key)?;
                    self.visit(value)?;
                }
                Ok(Nature::of(Ty::Map))
            }
            NodeKind::ConstInts(_) | NodeKind::ConstStrs(_) => Ok(Nature::UNKNOWN),
        }
    }

    /// Keeps a nature for [`Nature::inner`].
    fn keep(&mut self, nature: Nature) -> u32 {
        self.inner.push(nature);
        u32::try_from(self.inner.len() - 1).unwrap_or(u32::MAX)
    }

    fn kept(&self, nature: Nature) -> Option<Nature> {
        self.inner.get(nature.inner? as usize).copied()
    }

    fn list_of(&mut self, element: Nature) -> Nature {
        Nature { ty: Ty::List, inner: Some(self.keep(element)), builtin: None }
    }

    /// The nature of the elements of a list or map.
    fn element(&self, nature: Nature) -> Nature {
        match nature.ty {
            Ty::List => self.kept(nature).unwrap_or(Nature::of(Ty::Any)),
            ty => Nature::of(ty.element()),
        }
    }

    fn identifier(&self, name: &Str) -> Nature {
        if let Some((_, nature)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return *nature;
        }
        match name.to_str().and_then(Builtin::of) {
            Some(builtin) => Nature { ty: builtin.ty(), inner: None, builtin: Some(builtin) },
            None => Nature::UNKNOWN,
        }
    }

    fn pointer(&self, id: NodeId, pointer: &Pointer) -> Checked {
        let Some(predicate) = self.predicates.last() else {
            return self.error(id, "`#` stands for an item only inside a predicate".to_owned());
        };
        match pointer {
            Pointer::Item if predicate.collection.ty.is_unknown() => Ok(Nature::UNKNOWN),
            Pointer::Item => Ok(self.element(predicate.collection)),
            Pointer::Index if predicate.index => Ok(Nature::of(Ty::Int)),
            Pointer::Acc if predicate.acc => Ok(Nature::UNKNOWN),
            Pointer::Index => self.error(id, "`#index` exists in `map` and `reduce` only".to_owned()),
            Pointer::Acc => self.error(id, "`#acc` exists in `reduce` only".to_owned()),
            Pointer::Unknown(name) => {
                self.error(id, format!("unknown `#{name}`; there are `#`, `#index` and `#acc`"))
            }
        }
    }

    fn declaration(&mut self, id: NodeId, name: Str, value: NodeId, body: NodeId) -> Checked {
        if name.to_str().and_then(Builtin::of).is_some() {
            return self.error(id, format!("`{name}` is a builtin function; give the variable another name"));
        }
        if self.variables.iter().any(|(known, _)| *known == name) {
            return self.error(id, format!("variable `{name}` is declared already"));
        }
        let nature = self.visit(value)?;
        self.variables.push((name, nature));
        let body = self.visit(body)?;
        self.variables.pop();
        Ok(body)
    }

    fn conditional(&mut self, condition: NodeId, then: NodeId, otherwise: NodeId) -> Checked {
        let ty = self.visit(condition)?.ty;
        if ty != Ty::Bool && !ty.is_unknown() {
            return self
                .error(condition, format!("a condition must be true or false, this is a {}", ty.name()));
        }
        let then = self.visit(then)?;
        let otherwise = self.visit(otherwise)?;
        if then.ty == Ty::Nil {
            return Ok(otherwise);
        }
        if otherwise.ty == Ty::Nil {
            return Ok(then);
        }
        if !then.ty.assignable_to(otherwise.ty) {
            return Ok(Nature::UNKNOWN);
        }
        if then.ty.is_array() && otherwise.ty.is_array() {
            let (first, second) = (self.element(then).ty, self.element(otherwise).ty);
            if !first.assignable_to(second) || !second.assignable_to(first) {
                return Ok(Nature::of(Ty::List));
            }
        }
        Ok(then)
    }

    fn array(&mut self, items: &[NodeId]) -> Checked {
        let mut last = Nature::UNKNOWN;
        let mut same = true;
        for (position, item) in items.iter().enumerate() {
            let nature = self.visit(*item)?;
            same &= position == 0 || nature.ty.kind() == last.ty.kind();
            last = nature;
        }
        Ok(if same { self.list_of(last) } else { Nature::of(Ty::List) })
    }

    /// The call of something that is no builtin by name.
    fn call(&mut self, id: NodeId, callee: NodeId, args: &[NodeId]) -> Checked {
        if matches!(self.tree.kind(callee), NodeKind::Identifier(name) if *name == *"$env") {
            return self.error(id, "`$env` is no function".to_owned());
        }
        let nature = self.visit(callee)?;
        if nature.ty.is_unknown() {
            return Ok(Nature::UNKNOWN);
        }
        if let Some(builtin) = nature.builtin {
            return self.builtin(id, builtin, args);
        }
        if let Some((name, method)) = self.static_method(callee) {
            return self.method_call(id, &name, &method, args);
        }
        if let Ty::Func(_) = nature.ty {
            // A method that was put into a variable first.
            for arg in args {
                self.visit(*arg)?;
            }
            return Ok(Nature::UNKNOWN);
        }
        self.error(id, format!("a {} cannot be called", nature.ty.name()))
    }
}
