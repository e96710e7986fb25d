//! Computes what only depends on literals.

use dodona_value::Str;

use super::Optimizer;
use crate::syntax::ast::{BinaryOp, BuiltinCall, NodeId, NodeKind, UnaryOp};

/// A literal.
enum Literal {
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(Str),
}

fn literal(kind: &NodeKind) -> Option<Literal> {
    match kind {
        NodeKind::Int(number) => Some(Literal::Int(*number)),
        NodeKind::Float(number) => Some(Literal::Float(*number)),
        NodeKind::Bool(truth) => Some(Literal::Bool(*truth)),
        NodeKind::Str(text) => Some(Literal::Str(text.clone())),
        _ => None,
    }
}

/// Folds one node.
pub(super) fn fold(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    match optimizer.kind(id) {
        NodeKind::Unary(op, operand) => {
            let folded = match (op, optimizer.kind(*operand)) {
                (UnaryOp::Minus, NodeKind::Int(number)) => NodeKind::Int(number.wrapping_neg()),
                (UnaryOp::Minus, NodeKind::Float(number)) => NodeKind::Float(-number),
                (UnaryOp::Plus, NodeKind::Int(number)) => NodeKind::Int(*number),
                (UnaryOp::Plus, NodeKind::Float(number)) => NodeKind::Float(*number),
                (UnaryOp::Not, NodeKind::Bool(truth)) => NodeKind::Bool(!truth),
                _ => return false,
            };
            optimizer.put_literal(id, folded);
            true
        }
        NodeKind::Binary(op, left, right) => binary(optimizer, id, *op, *left, *right),
        NodeKind::Array(items) => {
            let items = items.clone();
            let all = items.iter().all(|item| literal(optimizer.kind(*item)).is_some());
            if items.is_empty() || !all {
                return false;
            }
            optimizer.put_literal(id, NodeKind::ConstList(items));
            true
        }
        NodeKind::Builtin(_) => filter_of_filter(optimizer, id),
        _ => false,
    }
}

fn binary(optimizer: &mut Optimizer<'_>, id: NodeId, op: BinaryOp, left: NodeId, right: NodeId) -> bool {
    if let BinaryOp::And | BinaryOp::Or = op {
        return logic(optimizer, id, op == BinaryOp::And, left, right);
    }
    let (Some(l), Some(r)) = (literal(optimizer.kind(left)), literal(optimizer.kind(right))) else {
        return false;
    };
    if let (BinaryOp::Modulo, Literal::Int(_), Literal::Int(0)) = (op, &l, &r) {
        optimizer.fail(id, "`%` by zero");
        return false;
    }
    let folded = match (&l, &r) {
        (Literal::Int(l), Literal::Int(r)) => of_ints(op, *l, *r),
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
        (Literal::Int(l), Literal::Float(r)) => of_floats(op, *l as f64, *r),
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
        (Literal::Float(l), Literal::Int(r)) => of_floats(op, *l, *r as f64),
        (Literal::Float(l), Literal::Float(r)) => of_floats(op, *l, *r),
        (Literal::Str(l), Literal::Str(r)) => match op {
            BinaryOp::Add => Some(NodeKind::Str(Str::from([l.as_bytes(), r.as_bytes()].concat()))),
            BinaryOp::Equal => Some(NodeKind::Bool(l == r)),
            _ => None,
        },
        (Literal::Bool(l), Literal::Bool(r)) if op == BinaryOp::Equal => Some(NodeKind::Bool(l == r)),
        _ => None,
    };
    let Some(folded) = folded else { return false };
    optimizer.put_literal(id, folded);
    true
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
fn of_ints(op: BinaryOp, l: i64, r: i64) -> Option<NodeKind> {
    Some(match op {
        BinaryOp::Add => NodeKind::Int(l.wrapping_add(r)),
        BinaryOp::Subtract => NodeKind::Int(l.wrapping_sub(r)),
        BinaryOp::Multiply => NodeKind::Int(l.wrapping_mul(r)),
        BinaryOp::Modulo => NodeKind::Int(l.wrapping_rem(r)),
        BinaryOp::Divide | BinaryOp::Power => return of_floats(op, l as f64, r as f64),
        BinaryOp::Equal => NodeKind::Bool(l == r),
        _ => return None,
    })
}

fn of_floats(op: BinaryOp, l: f64, r: f64) -> Option<NodeKind> {
    Some(NodeKind::Float(match op {
        BinaryOp::Add => l + r,
        BinaryOp::Subtract => l - r,
        BinaryOp::Multiply => l * r,
        BinaryOp::Divide => l / r,
        BinaryOp::Power => dodona_value::math::pow(l, r),
        _ => return None,
    }))
}

/// A side of `and` or `or` that decides nothing goes away; one that decides everything stays alone.
fn logic(optimizer: &mut Optimizer<'_>, id: NodeId, is_and: bool, left: NodeId, right: NodeId) -> bool {
    let truth = |node: NodeId| match optimizer.kind(node) {
        NodeKind::Bool(truth) => Some(*truth),
        _ => None,
    };
    let (l, r) = (truth(left), truth(right));
    let folded = if l == Some(is_and) {
        optimizer.kind(right).clone()
    } else if r == Some(is_and) {
        optimizer.kind(left).clone()
    } else if l.is_some() || r.is_some() {
        NodeKind::Bool(!is_and)
    } else {
        return false;
    };
    optimizer.put(id, folded);
    true
}

/// `filter(filter(xs, a), b)` becomes `filter(xs, a && b)`.
fn filter_of_filter(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let bodies = || {
        let (inner, second) = optimizer.list_and_predicate(id, "filter")?;
        let (list, first) = optimizer.list_and_predicate(inner, "filter")?;
        Some((
            list,
            optimizer.body(first)?,
            optimizer.body(second)?,
            first,
            optimizer.builtin(id, "filter")?.function,
        ))
    };
    let Some((list, first, second, predicate, function)) = bodies() else { return false };
    let span = optimizer.tree.span(predicate);
    let both = optimizer.tree.add(NodeKind::Binary(BinaryOp::And, first, second), span);
    let predicate = optimizer.tree.add(NodeKind::Predicate(both), span);
    let args = vec![list, predicate];
    optimizer.put(
        id,
        NodeKind::Builtin(BuiltinCall { function, args, throws: false, map: None, threshold: None }),
    );
    true
}
