//! Operators: which types they take and give.

use super::nature::{Nature, Ty};
use super::{Checked, Checker};
use crate::error::{CompileError, CompileErrorKind};
use crate::syntax::ast::{BinaryOp, NodeId, NodeKind, UnaryOp};

impl Checker<'_> {
    pub(super) fn unary(&mut self, id: NodeId, op: UnaryOp, operand: NodeId) -> Checked {
        let nature = self.visit(operand)?;
        match op {
            UnaryOp::Not if nature.ty == Ty::Bool || nature.ty.is_unknown() => Ok(Nature::of(Ty::Bool)),
            UnaryOp::Minus | UnaryOp::Plus if nature.ty.is_number() => Ok(nature),
            UnaryOp::Minus | UnaryOp::Plus if nature.ty.is_unknown() => Ok(Nature::UNKNOWN),
            _ => self.error(id, format!("`{}` does not take a {}", op.sign(), nature.ty.name())),
        }
    }

    pub(super) fn binary(&mut self, id: NodeId, op: BinaryOp, left: NodeId, right: NodeId) -> Checked {
        let left_nature = self.visit(left)?;
        let right_nature = self.visit(right)?;
        if op == BinaryOp::Coalesce {
            return Ok(coalesce(left_nature, right_nature));
        }
        if op == BinaryOp::Range {
            let (l, r) = (left_nature.ty, right_nature.ty);
            if l.is_integer() && r.is_integer() || l.maybe_with(r, Ty::is_integer) {
                return Ok(self.list_of(Nature::of(Ty::Int)));
            }
        }
        let (l, r) = (left_nature.ty, right_nature.ty);
        if op == BinaryOp::In && r.is_array() {
            let element = self.element(right_nature).ty;
            if !l.comparable_to(element) {
                let message = format!("a {} cannot be in a list of {}", l.name(), element.name());
                return self.error(id, message);
            }
            return Ok(Nature::of(Ty::Bool));
        }
        if op == BinaryOp::Matches {
            self.check_pattern(right)?;
        }
        match result_of(op, l, r) {
            Some(ty) => Ok(Nature::of(ty)),
            None => {
                self.error(id, format!("`{}` does not take a {} and a {}", op.sign(), l.name(), r.name()))
            }
        }
    }

    fn check_pattern(&self, pattern: NodeId) -> Checked<()> {
        let NodeKind::Str(text) = self.tree.kind(pattern) else { return Ok(()) };
        let problem = match text.to_str() {
            None => "invalid pattern: it is not UTF-8".to_owned(),
            Some(text) => match dodona_value::regex::Regex::new(text) {
                Ok(_) => return Ok(()),
                Err(error) => error.to_string(),
            },
        };
        let span = self.tree.span(pattern);
        Err(CompileError::new(CompileErrorKind::Pattern, self.source, span, problem))
    }
}

fn coalesce(left: Nature, right: Nature) -> Nature {
    match (left.ty, right.ty) {
        (Ty::Nil, _) => right,
        (_, Ty::Nil) => left,
        (l, r) if r.assignable_to(l) => left,
        _ => Nature::UNKNOWN,
    }
}

fn is_ordered(ty: Ty) -> bool {
    ty.is_number() || matches!(ty, Ty::Str | Ty::Time | Ty::Duration)
}

/// The type of a result; `None` if the operator does not take the two.
fn result_of(op: BinaryOp, l: Ty, r: Ty) -> Option<Ty> {
    use BinaryOp as B;
    let numbers = l.is_number() && r.is_number();
    let when = |holds: bool, ty: Ty| holds.then_some(ty);
    match op {
        B::Equal | B::NotEqual => when(l.comparable_to(r), Ty::Bool),
        B::Or | B::And => {
            when(l == Ty::Bool && r == Ty::Bool || l.maybe_with(r, |ty| ty == Ty::Bool), Ty::Bool)
        }
        B::Less | B::Greater | B::GreaterEqual | B::LessEqual => {
            when(numbers || l == r && is_ordered(l) || l.maybe_with(r, is_ordered), Ty::Bool)
        }
        B::Add => add(l, r),
        B::Subtract => subtract(l, r),
        B::Multiply => multiply(l, r),
        B::Divide | B::Power => when(numbers || l.maybe_with(r, Ty::is_number), Ty::Float),
        B::Modulo => when(l.is_integer() && r.is_integer() || l.maybe_with(r, Ty::is_integer), Ty::Int),
        B::In => when(is_in(l, r), Ty::Bool),
        B::Matches => when(
            matches!(l, Ty::Str | Ty::Bytes) && r == Ty::Str || l.maybe_with(r, |ty| ty == Ty::Str),
            Ty::Bool,
        ),
        B::Contains | B::StartsWith | B::EndsWith => {
            when(l == Ty::Str && r == Ty::Str || l.maybe_with(r, |ty| ty == Ty::Str), Ty::Bool)
        }
        B::Range | B::Coalesce => None,
    }
}

const fn promote(l: Ty, r: Ty) -> Ty {
    if matches!(l, Ty::Float) || matches!(r, Ty::Float) { Ty::Float } else { Ty::Int }
}

fn add(l: Ty, r: Ty) -> Option<Ty> {
    match (l, r) {
        _ if l.is_number() && r.is_number() => Some(promote(l, r)),
        (Ty::Str, Ty::Str) => Some(Ty::Str),
        (Ty::Time, Ty::Duration) | (Ty::Duration, Ty::Time) => Some(Ty::Time),
        (Ty::Duration, Ty::Duration) => Some(Ty::Duration),
        _ => l.maybe_with(r, is_ordered).then_some(Ty::Unknown),
    }
}

fn subtract(l: Ty, r: Ty) -> Option<Ty> {
    match (l, r) {
        _ if l.is_number() && r.is_number() => Some(promote(l, r)),
        (Ty::Time, Ty::Time) | (Ty::Duration, Ty::Duration) => Some(Ty::Duration),
        (Ty::Time, Ty::Duration) => Some(Ty::Time),
        _ => l.maybe_with(r, |ty| is_ordered(ty) && ty != Ty::Str).then_some(Ty::Unknown),
    }
}

fn multiply(l: Ty, r: Ty) -> Option<Ty> {
    match (l, r) {
        _ if l.is_number() && r.is_number() => Some(promote(l, r)),
        _ if l.is_number() && r == Ty::Duration || l == Ty::Duration && r.is_number() => Some(Ty::Duration),
        (Ty::Duration, Ty::Duration) => Some(Ty::Duration),
        _ => l.maybe_with(r, |ty| ty.is_number() || ty == Ty::Duration).then_some(Ty::Unknown),
    }
}

/// `in` with anything but a list of known type on the right.
fn is_in(l: Ty, r: Ty) -> bool {
    if r.is_map() {
        let key = if r == Ty::Map { Ty::Str } else { Ty::Any };
        return l.is_unknown() || l.assignable_to(key);
    }
    match r {
        Ty::Time | Ty::Location => l == Ty::Str || l.is_unknown(),
        Ty::Str => l.is_unknown(),
        _ => r.is_unknown(),
    }
}
