//! `in` a list or range of constants.

use super::Optimizer;
use crate::check::nature::{Nature, Ty, TyKind};
use crate::syntax::ast::{BinaryOp, NodeId, NodeKind};

/// `x in ['a', 'b']` becomes a lookup, and so does `x in [1, 2]` where `x` is known to be an `int`.
pub(super) fn of_list(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let NodeKind::Binary(BinaryOp::In, left, right) = *optimizer.kind(id) else { return false };
    let NodeKind::Array(items) = optimizer.kind(right) else { return false };
    if items.is_empty() {
        return false;
    }
    let kinds = || items.iter().map(|item| optimizer.kind(*item));
    let ints = kinds().map(|kind| if let NodeKind::Int(number) = kind { Some(*number) } else { None });
    let strs = kinds().map(|kind| if let NodeKind::Str(text) = kind { Some(text.clone()) } else { None });
    let is_int = optimizer.tree.nature(left).ty.kind() == TyKind::Int;
    let set = match ints.collect::<Option<_>>() {
        Some(set) if is_int => NodeKind::ConstInts(set),
        _ => match strs.collect::<Option<_>>() {
            Some(set) => NodeKind::ConstStrs(set),
            None => return false,
        },
    };
    // The list node itself may have a second parent; the set is a node of its own.
    let span = optimizer.tree.span(right);
    let set = optimizer.tree.add(set, span);
    optimizer.put(id, NodeKind::Binary(BinaryOp::In, left, set));
    true
}

/// `x in 1..5` becomes two comparisons where `x` is known to be an `int`.
pub(super) fn of_range(optimizer: &mut Optimizer<'_>, id: NodeId) -> bool {
    let NodeKind::Binary(BinaryOp::In, left, right) = *optimizer.kind(id) else { return false };
    let NodeKind::Binary(BinaryOp::Range, from, to) = *optimizer.kind(right) else { return false };
    let is_int = optimizer.tree.nature(left).ty.kind() == TyKind::Int;
    if !is_int || optimizer.int(from).is_none() || optimizer.int(to).is_none() {
        return false;
    }
    let span = optimizer.tree.span(id);
    let mut side = |op, bound| {
        let node = optimizer.tree.add(NodeKind::Binary(op, left, bound), span);
        optimizer.tree[node].nature = Nature::of(Ty::Unknown);
        node
    };
    let low = side(BinaryOp::GreaterEqual, from);
    let high = side(BinaryOp::LessEqual, to);
    optimizer.put(id, NodeKind::Binary(BinaryOp::And, low, high));
    true
}
